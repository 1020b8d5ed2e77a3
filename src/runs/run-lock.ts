/**
 * One writer a run folder: a file names the process that is at work in it, so that a second one is refused instead of
 * mixing its tables with the first's.
 *
 * A lock is stale when its process is gone; from another machine that cannot be seen, so the holder touches the file
 * while it works, and one that was not touched for two minutes is stale.
 */
import { readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { UnitscopeError } from "../errors.ts";
import { diskError, systemCode } from "../files/disk-error.ts";

/** A held lock. */
export interface RunLock {
  /** Gives the folder free, unless other work of this process goes on in it. */
  release(): void;
}

/** Works in a folder that no other process works in meanwhile. @throws {UnitscopeError} as `lockRun`. */
export async function holdingRun<T>(path: string, command: string, work: () => Promise<T>): Promise<T> {
  const lock = lockRun(path, command);
  try {
    return await work();
  } finally {
    lock.release();
  }
}

/** Who holds a lock, as the file says. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  /** What it does: `ablate`. */
  readonly command: string;
  /** When it began, ISO 8601. */
  readonly since: string;
  /** When its process began, to tell it from a later one with the same number; `null` where the system does not say. */
  readonly process: string | null;
}

const TOUCH_MS = 15_000;
const STALE_MS = 120_000;

/** Locks of this process: how many works share each, and its touching. */
const held = new Map<string, { count: number; readonly touching: NodeJS.Timeout }>();
let isExitWatched = false;

/**
 * Takes a folder for this process.
 * @param command what is done, for the message that another process gets.
 * @throws {UnitscopeError} `run` if another process is at work in the folder, `file` if the disk refuses.
 */
export function lockRun(path: string, command: string): RunLock {
  const file = join(path, ".lock");
  const own = held.get(file);
  if (own) own.count++;
  else {
    take(path, file, command);
    const touching = setInterval(() => touch(file), TOUCH_MS);
    touching.unref();
    if (!isExitWatched) process.once("exit", releaseAll);
    isExitWatched = true;
    held.set(file, { count: 1, touching });
  }
  let isReleased = false;
  return {
    release: () => {
      const lock = held.get(file);
      if (isReleased || !lock) return;
      isReleased = true;
      if (--lock.count === 0) drop(file);
    },
  };
}

/** Whether an error says that another process is at work in a folder. */
export function isLockedError(error: unknown): boolean {
  return error instanceof UnitscopeError && error.code === "run" && error.details["holder"] !== undefined;
}

function take(path: string, file: string, command: string): void {
  const holder: Holder = {
    pid: process.pid,
    host: hostname(),
    command,
    since: new Date().toISOString(),
    process: processStart(process.pid),
  };
  for (let attempt = 0; ; attempt++) {
    try {
      writeFileSync(file, JSON.stringify(holder), { flag: "wx" });
      return;
    } catch (cause) {
      if (systemCode(cause) !== "EEXIST" || attempt > 9) throw diskError(file, cause);
    }
    const text = readLock(file);
    if (text === undefined) continue; // given free meanwhile
    const other = parse(text);
    if (other && !isStale(other, file)) {
      throw new UnitscopeError(
        "run",
        `run folder "${path}": expected no other process at work in it, got unitscope ${other.command} (process ${other.pid} on ${other.host}, since ${other.since}); wait for it, or use another folder`,
        { details: { holder: other } },
      );
    }
    removeStale(file, text);
  }
}

/** Removes a stale lock, but not one that another process has put in its place meanwhile. */
function removeStale(file: string, text: string): void {
  const aside = `${file}.${process.pid}`;
  try {
    renameSync(file, aside);
    if (readLock(aside) === text) rmSync(aside);
    else renameSync(aside, file);
  } catch (cause) {
    if (systemCode(cause) !== "ENOENT") throw diskError(file, cause);
  }
}

function isStale(holder: Holder, file: string): boolean {
  if (holder.host !== hostname()) {
    try {
      return Date.now() - statSync(file).mtimeMs > STALE_MS;
    } catch {
      return true; // gone
    }
  }
  try {
    process.kill(holder.pid, 0);
  } catch (cause) {
    if (systemCode(cause) === "ESRCH") return true;
  }
  const start = processStart(holder.pid);
  return start !== null && holder.process !== null && start !== holder.process;
}

/** When a process of this machine began, in the system's own counting; `null` where that is not known. */
function processStart(pid: number): string | null {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ");
    return fields?.[19] ?? null;
  } catch {
    return null;
  }
}

function readLock(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

/** The holder that a lock names; `undefined` for a file that was cut short. */
function parse(text: string): Holder | undefined {
  try {
    return JSON.parse(text) as Holder;
  } catch {
    return undefined;
  }
}

function touch(file: string): void {
  try {
    utimesSync(file, new Date(), new Date());
  } catch {
    // The folder was removed; the work's next file will say so.
  }
}

function drop(file: string): void {
  clearInterval(held.get(file)?.touching);
  held.delete(file);
  rmSync(file, { force: true });
}

function releaseAll(): void {
  for (const file of [...held.keys()]) drop(file);
}
