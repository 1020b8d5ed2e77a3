/** Files by name, wherever they are: in a ZIP, in tars, in a folder. */
import { type FileHandle, open, readdir, readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { UnitscopeError } from "../errors.ts";
import { diskError } from "../files/disk-error.ts";

/** Named files that are read one by one, in any order. */
export interface FileArchive {
  /** Paths with `/`, in the archive's order. */
  readonly names: readonly string[];
  /**
   * The content of a file.
   * @throws {UnitscopeError} `data` or `file` if it is not there, damaged or cannot be read.
   */
  read(name: string): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** The files under a folder, its subfolders included; sorted. */
export async function openFolderArchive(folder: string): Promise<FileArchive> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const paths = entries.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
    const names = paths.map((path) => relative(folder, path).split(sep).join("/")).sort();
    return {
      names,
      read: (name) =>
        readFile(join(folder, name)).catch((cause: unknown) => {
          throw diskError(join(folder, name), cause, { rule: "a file that can be read" });
        }),
      close: () => Promise.resolve(),
    };
  } catch (cause) {
    throw diskError(folder, cause, { rule: "a folder that can be read" });
  }
}

/**
 * Reads exactly `length` bytes from a place in a file.
 * @param path what to call the file in messages.
 * @throws {UnitscopeError} `data` if the file ends before.
 */
export async function readAt(file: FileHandle, path: string, position: number, length: number): Promise<Buffer> {
  const { size } = await file.stat();
  if (!(position >= 0 && length >= 0 && position + length <= size)) {
    throw new UnitscopeError("data", `${path}: expected a whole archive, got a truncated one`);
  }
  const bytes = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, Math.min(length - filled, 1 << 30), position + filled);
    if (bytesRead === 0) throw new UnitscopeError("data", `${path}: expected a whole archive, got a truncated one`);
    filled += bytesRead;
  }
  return bytes;
}

/** Reads parts of a file, which is open only as long as that takes. */
export async function readingFrom<T>(path: string, read: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await openToRead(path);
  try {
    return await read(file);
  } finally {
    await file.close();
  }
}

/** Opens a file to read parts of it. */
export async function openToRead(path: string): Promise<FileHandle> {
  try {
    return await open(path);
  } catch (cause) {
    throw diskError(path, cause, { rule: "an archive that can be read" });
  }
}
