/**
 * Files that are there whole or not at all: written beside their place under a hidden name, then renamed over it.
 */
import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { threadId } from "node:worker_threads";
import { UnitscopeError } from "../errors.ts";
import { diskError } from "./disk-error.ts";

/** A file that is being written; nothing is at its place until `commit`. */
export interface AtomicFile {
  /** Appends bytes. @throws {UnitscopeError} `file` if the disk is full or refuses; the unfinished file is gone then. */
  write(bytes: Uint8Array): void;
  /** Flushes to the disk and moves the file to its place, over what was there. */
  commit(): void;
  /** Drops what was written; does nothing after `commit`. */
  abandon(): void;
}

const draftEnd = ".draft";

/** Whether a file of this name is one that was never finished. */
export function isDraft(name: string): boolean {
  return name.startsWith(".") && name.endsWith(draftEnd);
}

/** Drafts that are being written by this thread. */
const drafts = new Set<string>();

/** Tells this process from those of other machines and containers that share the folder, and the process number. */
const own = randomBytes(6).toString("hex");

/** A name beside `path` that no other process, thread or draft of this one has. */
function draftOf(path: string): string {
  for (let count = 0; ; count++) {
    const mark = `${process.pid}-${own}-${threadId}-${count}`;
    const draft = resolve(dirname(path), `.${basename(path)}.${mark}${draftEnd}`);
    if (!drafts.has(draft)) return draft;
  }
}

/**
 * Starts a file at `path`, and its folder where that is missing.
 * @param options.elsewhere what a user can do to write somewhere else.
 */
export function openAtomicFile(
  path: string,
  { elsewhere = "choose another folder" }: { elsewhere?: string } = {},
): AtomicFile {
  const temporary = draftOf(path);
  const attempt = <T>(action: () => T): T => {
    try {
      return action();
    } catch (cause) {
      abandon();
      throw diskError(path, cause, { rule: "a file that can be written", elsewhere });
    }
  };
  let descriptor: number | undefined;
  const abandon = (): void => {
    if (descriptor === undefined) return;
    closeSync(descriptor);
    descriptor = undefined;
    drafts.delete(temporary);
    rmSync(temporary, { force: true });
  };
  attempt(() => {
    mkdirSync(dirname(path), { recursive: true });
    descriptor = openSync(temporary, "w");
    drafts.add(temporary);
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
      drafts.delete(temporary);
    },
    abandon,
  };
}

/** Writes a whole file at once. @throws {UnitscopeError} `file` as above. */
export function writeFileAtomic(
  path: string,
  content: Uint8Array | string,
  options: { elsewhere?: string } = {},
): void {
  const file = openAtomicFile(path, options);
  file.write(typeof content === "string" ? new TextEncoder().encode(content) : content);
  file.commit();
}
