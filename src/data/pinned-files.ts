/** Files of a fetched data set, each pinned by its SHA-256: read when they are there and right, else fetched again. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { UnitscopeError } from "../errors.ts";
import { writeFileAtomic } from "../files/atomic-file.ts";
import { diskError, systemCode } from "../files/disk-error.ts";
import { sha256 } from "../files/hash.ts";
import { withLock } from "../files/lock.ts";
import { sweepDrafts } from "../files/temporary-folder.ts";
import { cacheElsewhere, type DataProgress } from "./cache.ts";

/** Where fetched data sets live and how the work reports and stops. */
export interface CacheOptions {
  /** The folder of this data set. */
  readonly folder: string;
  readonly progress?: DataProgress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A file by name and content. */
export interface PinnedFile {
  readonly name: string;
  /** Hex. */
  readonly sha256: string;
}

/**
 * Reads files from the cache, after fetching the data set if one of them is missing or damaged.
 *
 * @param pull writes every file of the data set into `folder`; run by one process at a time.
 * @returns the content of every file, in the order of `files`.
 * @throws {UnitscopeError} `download` if fetching fails, `file` if the folder cannot be used.
 */
export async function readPinned(
  files: readonly PinnedFile[],
  pull: (options: CacheOptions) => Promise<void>,
  options: CacheOptions,
): Promise<Uint8Array[]> {
  const present = await readAll(files, options.folder);
  if (present) return present;
  return withLock(
    options.folder,
    async () => {
      const since = await readAll(files, options.folder); // another process may have fetched it while we waited
      if (since) return since;
      await sweepDrafts(options.folder);
      await pull(options);
      const fetched = await readAll(files, options.folder);
      if (fetched) return fetched;
      throw new UnitscopeError(
        "file",
        `${options.folder}: expected the files just written, got others; is the disk sound?`,
      );
    },
    {
      signal: options.signal,
      waiting: () =>
        options.progress?.({ title: "waiting for another process to fetch", done: 0, total: undefined, unit: "bytes" }),
    },
  );
}

/** Tells which of the files are in the folder with the right content. */
export async function presentFiles(files: readonly PinnedFile[], folder: string): Promise<boolean[]> {
  const present: boolean[] = [];
  for (const file of files) present.push((await readOne(file, folder)) !== undefined);
  return present;
}

/**
 * Writes a file of a data set, if its content is what was published.
 * @throws {UnitscopeError} `download` if it is not.
 */
export async function writePinned(file: PinnedFile, bytes: Uint8Array, folder: string): Promise<void> {
  const got = sha256(bytes);
  if (got !== file.sha256) {
    throw new UnitscopeError("download", `${file.name}: expected content with SHA-256 ${file.sha256}, got ${got}`);
  }
  writeFileAtomic(join(folder, file.name), bytes, { elsewhere: cacheElsewhere });
}

async function readAll(files: readonly PinnedFile[], folder: string): Promise<Uint8Array[] | undefined> {
  const contents: Uint8Array[] = [];
  for (const file of files) {
    const bytes = await readOne(file, folder);
    if (!bytes) return undefined;
    contents.push(bytes);
  }
  return contents;
}

async function readOne(file: PinnedFile, folder: string): Promise<Uint8Array | undefined> {
  const path = join(folder, file.name);
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    if (systemCode(cause) === "ENOENT") return undefined;
    throw diskError(path, cause, { rule: "a file that can be read" });
  }
  return sha256(bytes) === file.sha256 ? bytes : undefined;
}
