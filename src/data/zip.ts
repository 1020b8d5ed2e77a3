/** Files out of a ZIP archive (`.npz` is one): stored or deflated, checksums verified, with ZIP64 sizes where needed. */
import type { FileHandle } from "node:fs/promises";
import { crc32, inflateRawSync } from "node:zlib";
import { messageOf, UnitscopeError } from "../errors.ts";
import { type FileArchive, openToRead, readAt } from "./file-archive.ts";

/** A file in an archive. */
interface ZipEntry {
  readonly name: string;
  readonly method: number;
  readonly checksum: number;
  readonly packedBytes: number;
  readonly sizeBytes: number;
  readonly headerAt: number;
}

const MAX_64 = 0xffff_ffff;

/**
 * Opens an archive.
 * @throws {UnitscopeError} `file` if it cannot be read, `data` if it is no ZIP archive or truncated.
 */
export async function openZip(path: string): Promise<FileArchive> {
  const file = await openToRead(path);
  try {
    const entries = new Map((await readDirectory(file, path)).map((entry) => [entry.name, entry]));
    return {
      names: [...entries.keys()],
      async read(name) {
        const entry = entries.get(name);
        if (!entry) throw new UnitscopeError("data", `${path}: expected a file "${name}" inside, got none`);
        return readEntry(file, path, entry);
      },
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function readDirectory(file: FileHandle, path: string): Promise<ZipEntry[]> {
  const { size } = await file.stat();
  const tail = await readAt(file, path, Math.max(0, size - 65_557), Math.min(size, 65_557));
  const end = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6])); // "PK", end of central directory
  if (end < 0 || end + 22 > tail.length) {
    throw new UnitscopeError("data", `${path}: expected a ZIP archive, got ${size} bytes that are truncated or none`);
  }
  let count = tail.readUInt16LE(end + 10);
  let directoryBytes = tail.readUInt32LE(end + 12);
  let directoryAt = tail.readUInt32LE(end + 16);
  const locator = end - 20;
  if (locator >= 0 && tail.readUInt32LE(locator) === 0x07064b50) {
    const end64 = await readAt(file, path, Number(tail.readBigUInt64LE(locator + 8)), 56);
    count = Number(end64.readBigUInt64LE(32));
    directoryBytes = Number(end64.readBigUInt64LE(40));
    directoryAt = Number(end64.readBigUInt64LE(48));
  }
  const directory = await readAt(file, path, directoryAt, directoryBytes);
  const entries: ZipEntry[] = [];
  let at = 0;
  for (let index = 0; index < count; index++) {
    if (at + 46 > directory.length || directory.readUInt32LE(at) !== 0x02014b50) {
      throw new UnitscopeError("data", `${path}: expected a ZIP archive, got a damaged directory`);
    }
    const nameBytes = directory.readUInt16LE(at + 28);
    const extraBytes = directory.readUInt16LE(at + 30);
    const extra = directory.subarray(at + 46 + nameBytes, at + 46 + nameBytes + extraBytes);
    const wide = wideSizes(extra);
    const size32 = directory.readUInt32LE(at + 24);
    const packed32 = directory.readUInt32LE(at + 20);
    const header32 = directory.readUInt32LE(at + 42);
    entries.push({
      name: directory.toString("utf8", at + 46, at + 46 + nameBytes),
      method: directory.readUInt16LE(at + 10),
      checksum: directory.readUInt32LE(at + 16),
      sizeBytes: size32 === MAX_64 ? (wide.shift() ?? size32) : size32,
      packedBytes: packed32 === MAX_64 ? (wide.shift() ?? packed32) : packed32,
      headerAt: header32 === MAX_64 ? (wide.shift() ?? header32) : header32,
    });
    at += 46 + nameBytes + extraBytes + directory.readUInt16LE(at + 32);
  }
  return entries;
}

/** The 64-bit numbers of a directory entry's ZIP64 field, in the fixed order in which those that are needed appear. */
function wideSizes(extra: Buffer): number[] {
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== 1) continue;
    const count = Math.floor(Math.min(extra.readUInt16LE(at + 2), extra.length - at - 4) / 8);
    return Array.from({ length: count }, (_, index) => Number(extra.readBigUInt64LE(at + 4 + 8 * index)));
  }
  return [];
}

async function readEntry(file: FileHandle, path: string, entry: ZipEntry): Promise<Uint8Array> {
  const place = `${path}: "${entry.name}"`;
  const header = await readAt(file, path, entry.headerAt, 30);
  const dataAt = entry.headerAt + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
  const packed = await readAt(file, path, dataAt, entry.packedBytes);
  let content: Uint8Array;
  try {
    if (entry.method === 0) content = packed;
    else if (entry.method === 8) content = inflateRawSync(packed, { maxOutputLength: Math.max(1, entry.sizeBytes) });
    else throw new Error(`packing method ${entry.method}`);
  } catch (cause) {
    throw new UnitscopeError("data", `${place}: expected a stored or deflated file, got: ${messageOf(cause)}`, {
      cause,
    });
  }
  if (content.length !== entry.sizeBytes || crc32(content) !== entry.checksum) {
    throw new UnitscopeError("data", `${place}: expected ${entry.sizeBytes} sound bytes, got damaged ones`);
  }
  return content;
}
