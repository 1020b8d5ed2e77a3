/**
 * A lock between processes: a folder that only one can make. It saves double work; what is written is right without it.
 */
import { randomBytes } from "node:crypto";
import { mkdir, rename, rm, stat, utimes } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { throwIfInterrupted } from "../errors.ts";
import { diskError, systemCode } from "./disk-error.ts";

const BEAT_MS = 5_000;
const STALE_MS = 60_000;
const WAIT_MS = 500;

/**
 * Runs `work` while no other process runs it for the same `path`. The holder touches the lock every few seconds; a lock
 * untouched for a minute belonged to a process that died, and is taken over.
 *
 * @param options.waiting called once if another process holds the lock.
 * @throws {UnitscopeError} `interrupted` if the signal fires while waiting.
 */
export async function withLock<T>(
  path: string,
  work: () => Promise<T>,
  { signal, waiting }: { signal?: AbortSignal | undefined; waiting?: () => void } = {},
): Promise<T> {
  const lock = `${path}.lock`;
  let told = false;
  for (;;) {
    throwIfInterrupted(signal, basename(path));
    try {
      await mkdir(dirname(path), { recursive: true });
      await mkdir(lock);
      break;
    } catch (cause) {
      if (systemCode(cause) !== "EEXIST") {
        throw diskError(dirname(path), cause, { rule: "a folder that can be written" });
      }
    }
    const touched = await stat(lock).catch(() => undefined);
    if (touched && Date.now() - touched.mtimeMs > STALE_MS) {
      const taken = `${lock}.${randomBytes(4).toString("hex")}`; // only one of several that see it stale renames it
      await rename(lock, taken).then(
        () => rm(taken, { recursive: true, force: true }),
        () => undefined,
      );
      continue;
    }
    if (!told) waiting?.();
    told = true;
    await new Promise((wake) => setTimeout(wake, WAIT_MS));
  }
  const beat = setInterval(() => void utimes(lock, new Date(), new Date()).catch(() => undefined), BEAT_MS);
  beat.unref();
  try {
    return await work();
  } finally {
    clearInterval(beat);
    await rm(lock, { recursive: true, force: true });
  }
}
