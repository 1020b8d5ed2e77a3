/**
 * One writer a run folder: a file names the process that is at work in it, so that a second one is refused instead of
 * mixing its tables with the first's.
 *
 * A lock is stale when its process is gone; from another machine that cannot be seen, so the holder touches the file
 * while it works (`files/sign-of-life.ts`), and one that nobody touches any more is stale.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { UnitscopeError } from "../errors.ts";
import { diskError, systemCode } from "../files/disk-error.ts";
import { type Beat, isAbandoned, keepTouched } from "../files/sign-of-life.ts";
import * as z from "../files/zod.ts";

/** A held lock. */
export interface RunLock {
  /**
   * Gives the folder free, unless other work of this process goes on in it.
   * @throws {UnitscopeError} `run` if another process has taken the folder over meanwhile: this one was held up for long.
   */
  release(): void;
}

/** Works in a folder that no other process works in meanwhile. @throws {UnitscopeError} as `lockRun`. */
export async function holdingRun<T>(path: string, command: string, work: () => Promise<T>): Promise<T> {
  const lock = await lockRun(path, command);
  let result: T;
  try {
    result = await work();
  } catch (error) {
    try {
      lock.release();
    } catch {
      // what went wrong first is said
    }
    throw error;
  }
  lock.release();
  return result;
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

const holderSchema: z.ZodType<Holder> = z.object({
  pid: z.int().min(1),
  host: z.string(),
  command: z.string(),
  since: z.string(),
  process: z.string().nullable(),
});

/** A lock of this process. */
interface Held {
  /** Works that share it. */
  count: number;
  /** What its file holds. */
  readonly text: string;
  /** Ends the touching. */
  readonly stop: () => void;
}

const held = new Map<string, Held>();
/** Locks that are being taken. */
const taking = new Map<string, Promise<void>>();
let isExitWatched = false;

/**
 * Takes a folder for this process.
 * @param command what is done, for the message that another process gets.
 * @throws {UnitscopeError} `run` if another process is at work in the folder, `file` if the disk refuses.
 */
export async function lockRun(path: string, command: string, beat: Beat = {}): Promise<RunLock> {
  const file = join(path, ".lock");
  while (taking.has(file)) await taking.get(file);
  const own = held.get(file);
  if (own) own.count++;
  else {
    const taken = take(path, file, command, beat).then((text) => {
      held.set(file, { count: 1, text, stop: keepTouched(file, beat) });
    });
    const settled = taken.catch(() => undefined).then(() => void taking.delete(file));
    taking.set(file, settled);
    await taken;
    await settled;
    if (!isExitWatched) process.once("exit", releaseAll);
    isExitWatched = true;
  }
  let isReleased = false;
  return {
    release: () => {
      const lock = held.get(file);
      if (isReleased || !lock) return;
      isReleased = true;
      if (--lock.count > 0 || drop(file)) return;
      throw new UnitscopeError(
        "run",
        `run folder "${path}": expected to be alone in it, got another process that took it over while this one was held up; run the same command again`,
      );
    },
  };
}

/** Whether an error says that another process is at work in a folder. */
export function isLockedError(error: unknown): boolean {
  return error instanceof UnitscopeError && error.code === "run" && error.details["holder"] !== undefined;
}

/** @returns what the lock's file holds. */
async function take(path: string, file: string, command: string, beat: Beat): Promise<string> {
  const holder: Holder = {
    pid: process.pid,
    host: hostname(),
    command,
    since: new Date().toISOString(),
    process: processStart(process.pid),
  };
  const own = JSON.stringify(holder);
  for (let attempt = 0; ; attempt++) {
    try {
      writeFileSync(file, own, { flag: "wx" });
      return own;
    } catch (cause) {
      if (systemCode(cause) !== "EEXIST" || attempt > 9) throw diskError(file, cause);
    }
    const text = readLock(file);
    if (text === undefined) continue; // given free meanwhile
    const other = parse(text);
    if (other && !(await isStale(other, file, beat))) {
      const isElsewhere = other.host !== hostname();
      throw new UnitscopeError(
        "run",
        `run folder "${path}": expected no other process at work in it, got unitscope ${other.command} (process ${other.pid} on ${other.host}, since ${other.since}); wait for it, or use another folder${isElsewhere ? "; if it has ended, remove .lock there" : ""}`,
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

async function isStale(holder: Holder, file: string, beat: Beat): Promise<boolean> {
  if (holder.host !== hostname()) return await isAbandoned(file, beat);
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
    return holderSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Ends a lock. @returns whether it was still this process's; one whose folder has gone is nobody else's. */
function drop(file: string): boolean {
  const lock = held.get(file);
  lock?.stop();
  held.delete(file);
  const found = readLock(file);
  if (found !== undefined && found !== lock?.text) return false;
  rmSync(file, { force: true });
  return true;
}

function releaseAll(): void {
  for (const file of [...held.keys()]) {
    try {
      drop(file);
    } catch {
      // a lock whose process is gone holds nothing
    }
  }
}
