/**
 * The folder of fetched data sets: where it is, files that appear whole or not at all, and a lock between processes.
 *
 * Every file is written beside its place and renamed, so whatever happens a reader sees all of it or nothing. The lock
 * only saves double downloads; nothing depends on it for being right.
 */
import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { messageOf, UnitscopeError } from "../errors.ts";

/** What a long piece of work on data tells: its title, how much is done, of how much, counted in what. */
export type DataProgress = (step: { title: string; done: number; total: number | undefined; unit: string }) => void;

/** The user's cache folder: `UNITSCOPE_CACHE`, else `unitscope` in `XDG_CACHE_HOME`, else `~/.cache/unitscope`. */
export function cacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  if (environment["UNITSCOPE_CACHE"]) return resolve(environment["UNITSCOPE_CACHE"]);
  return join(environment["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "unitscope");
}

/**
 * Writes a file so that it appears whole or not at all; replaces an older one.
 * @throws {UnitscopeError} `file` if the folder cannot be written, the disk is full among the reasons.
 */
export async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const draft = `${path}.${process.pid}-${randomBytes(4).toString("hex")}.part`;
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(draft, "wx");
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (cause) {
    await rm(draft, { force: true }).catch(() => undefined); // the reason is what went wrong before
    throw fileError(path, "a file that can be written", cause);
  }
}

/** A system error as one line; `ENOSPC` and the usual others in words. */
export function fileError(place: string, rule: string, cause: unknown): UnitscopeError {
  if (cause instanceof UnitscopeError) return cause;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : undefined;
  const words: Record<string, string> = {
    ENOENT: "none there",
    EACCES: "permission denied",
    EPERM: "permission denied",
    EROFS: "a read-only file system",
    ENOSPC: "no space left on the disk; free some, or set UNITSCOPE_CACHE to another folder",
    EDQUOT: "the disk quota used up; free some space, or set UNITSCOPE_CACHE to another folder",
    ENOTDIR: "a file where a folder should be",
    EISDIR: "a folder",
  };
  const got = (code && words[code]) ?? messageOf(cause);
  return new UnitscopeError("file", `${place}: expected ${rule}, got ${got}`, {
    cause,
    details: { path: place, code },
  });
}

/** SHA-256 of bytes, hex. */
export function sha256(...parts: readonly (Uint8Array | string)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

/** Digest of a file's content, read as a stream. */
export async function digestFile(
  path: string,
  algorithm: "md5" | "sha256" | "sha512",
  encoding: "hex" | "base64" = "hex",
): Promise<string> {
  const hash = createHash(algorithm);
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Uint8Array);
  return hash.digest(encoding);
}

/** Runs `work` with a new empty folder inside `parent`, and removes the folder whatever happens. */
export async function withTemporaryFolder<T>(parent: string, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = join(parent, `.part-${process.pid}-${randomBytes(4).toString("hex")}`);
  try {
    await mkdir(folder, { recursive: true });
  } catch (cause) {
    throw fileError(parent, "a folder that can be written", cause);
  }
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

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
      if (!(cause instanceof Error && "code" in cause && cause.code === "EEXIST")) {
        throw fileError(dirname(path), "a folder that can be written", cause);
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

/** Removes drafts that a killed process left in a folder more than a day ago. */
export async function sweepDrafts(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    if (!name.startsWith(".part-") && !name.endsWith(".part")) continue;
    const found = await stat(join(folder, name)).catch(() => undefined);
    if (found && Date.now() - found.mtimeMs > 86_400_000)
      await rm(join(folder, name), { recursive: true, force: true });
  }
}

/** @throws {UnitscopeError} `interrupted` if the signal has fired. */
export function throwIfInterrupted(signal: AbortSignal | undefined, place: string): void {
  if (signal?.aborted) throw new UnitscopeError("interrupted", `${place}: expected to finish, got an interruption`);
}
