/**
 * Files that are there whole or not at all: written beside their place under a hidden name, then renamed over it.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { messageOf, UnitscopeError } from "../errors.ts";

/** A file that is being written; nothing is at its place until `commit`. */
export interface AtomicFile {
  /** Appends bytes. @throws {UnitscopeError} `file` if the disk is full or refuses; the unfinished file is gone then. */
  write(bytes: Uint8Array): void;
  /** Flushes to the disk and moves the file to its place, over what was there. */
  commit(): void;
  /** Drops what was written; does nothing after `commit`. */
  abandon(): void;
}

/** Starts a file at `path`, and its folder where that is missing. */
export function openAtomicFile(path: string): AtomicFile {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  const attempt = <T>(action: () => T): T => {
    try {
      return action();
    } catch (cause) {
      abandon();
      throw diskError(path, cause);
    }
  };
  let descriptor: number | undefined;
  const abandon = (): void => {
    if (descriptor === undefined) return;
    closeSync(descriptor);
    descriptor = undefined;
    rmSync(temporary, { force: true });
  };
  attempt(() => {
    mkdirSync(dirname(path), { recursive: true });
    descriptor = openSync(temporary, "w");
  });
  const opened = (): number => {
    if (descriptor !== undefined) return descriptor;
    throw new UnitscopeError("internal", `internal: ${path}: expected an open file, got a closed one`);
  };
  return {
    write: (bytes) => {
      const file = opened();
      attempt(() => {
        for (let start = 0; start < bytes.length; ) start += writeSync(file, bytes, start);
      });
    },
    commit: () => {
      const file = opened();
      attempt(() => {
        fsyncSync(file); // a disk that is full or over quota may say so only here
        renameSync(temporary, path);
      });
      closeSync(file);
      descriptor = undefined;
    },
    abandon,
  };
}

/** Writes a whole file at once. @throws {UnitscopeError} `file` as above. */
export function writeFileAtomic(path: string, content: Uint8Array | string): void {
  const file = openAtomicFile(path);
  file.write(typeof content === "string" ? new TextEncoder().encode(content) : content);
  file.commit();
}

/** A system's error at `path` as one line that says what to do. */
export function diskError(path: string, cause: unknown): UnitscopeError {
  if (cause instanceof UnitscopeError) return cause;
  const code = (cause as NodeJS.ErrnoException).code ?? "";
  const [expected, advice] = expectations[code] ?? ["a file that can be read and written", ""];
  return new UnitscopeError("file", `${path}: expected ${expected}, got ${code || messageOf(cause)}${advice}`, {
    cause,
  });
}

const freeRoom = "; free some room and run the same command again";
const expectations: Readonly<Record<string, readonly [expected: string, advice: string]>> = {
  ENOSPC: ["room on the disk", freeRoom],
  EDQUOT: ["room within the disk quota", freeRoom],
  EFBIG: ["room for the file", freeRoom],
  EACCES: ["permission to write here", "; choose another --out"],
  EPERM: ["permission to write here", "; choose another --out"],
  EROFS: ["a disk that can be written", "; choose another --out"],
  ENOTDIR: ["a folder above it", "; choose another --out"],
  EISDIR: ["a file", ""],
  ENOENT: ["a file", ""],
};
