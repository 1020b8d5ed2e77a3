/**
 * Signs of life between processes that may be on different machines: a file that is touched while a process works. Only
 * the clock of the file system that holds the file is asked, never that of a machine: theirs differ, and may jump.
 */

import { randomBytes } from "node:crypto";
import {
  closeSync,
  fstatSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";

const TOUCH_MS = 15_000;
const STALE_MS = 120_000;

/** How often a file is touched, and how long one that is not is taken for alive. */
export interface Beat {
  readonly touchMs?: number | undefined;
  readonly staleMs?: number | undefined;
}

/** Touches a file now and then, as long as it is there and this process lives. @returns what ends it. */
export function keepTouched(file: string, { touchMs = TOUCH_MS }: Beat = {}): () => void {
  const touching = setInterval(() => touch(file), touchMs);
  touching.unref();
  return () => clearInterval(touching);
}

/** Writes a file's last byte again, which the file system dates by its own clock. */
function touch(file: string): void {
  try {
    const opened = openSync(file, "r+");
    try {
      const { size } = fstatSync(opened);
      const last = new Uint8Array(1);
      if (size > 0 && readSync(opened, last, 0, 1, size - 1) === 1) writeSync(opened, last, 0, 1, size - 1);
    } finally {
      closeSync(opened);
    }
  } catch {
    try {
      utimesSync(file, new Date(), new Date()); // a full disk may refuse even what changes nothing
    } catch {
      // The folder is gone or read-only; the work's next file will say so.
    }
  }
}

/**
 * Whether a file was touched lately. One that is dated in the future was touched before its file system's clock was set
 * back: it counts as touched, since nothing says how long ago that was.
 *
 * @returns `undefined` for a file that is not there.
 */
export function isTouched(file: string, { staleMs = STALE_MS }: Beat = {}): boolean | undefined {
  const touched = dateOf(file);
  return touched === undefined ? undefined : now(file) - touched < staleMs;
}

/**
 * Whether nobody touches a file any more: it is old, and stays as it is for longer than a living process would leave it.
 * A clock that has jumped ahead makes every file look old at once.
 */
export async function isAbandoned(file: string, { touchMs = TOUCH_MS, staleMs }: Beat = {}): Promise<boolean> {
  const before = dateOf(file);
  if (before === undefined) return true;
  if (isTouched(file, { staleMs }) !== false) return false;
  await new Promise((wake) => setTimeout(wake, 1.5 * touchMs));
  const after = dateOf(file);
  return after === undefined || after === before;
}

function dateOf(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs;
}

/** What the clock of a file's file system says: the date of a file that was made just now. */
function now(file: string): number {
  const probe = join(dirname(file), `.now-${randomBytes(6).toString("hex")}`);
  try {
    writeFileSync(probe, "", { flag: "wx" });
    return dateOf(probe) ?? Date.now();
  } catch {
    return Date.now(); // a folder that cannot be written, where only what is shown depends on it
  } finally {
    rmSync(probe, { force: true });
  }
}
