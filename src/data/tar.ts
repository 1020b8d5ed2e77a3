/**
 * Files out of tar archives without unpacking to disk: gzipped ones as npm writes them (POSIX ustar) one after the
 * other, plain ones (also with GNU's and pax's long names) in any order.
 */
import { createReadStream } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { createGunzip } from "node:zlib";
import { messageOf, UnitscopeError } from "../errors.ts";
import { type FileArchive, readAt, readingFrom } from "./file-archive.ts";

const BLOCK = 512;

/** A file in an archive. */
export interface TarFile {
  /** Its path in the archive: `package/test_batch.png`. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

/**
 * Yields the wanted regular files in the archive's order; at most one of them is in memory at a time.
 *
 * @param wanted tells by its path whether a file is read or passed over.
 * @throws {UnitscopeError} `file` if the archive is truncated or not a gzipped tar.
 */
export async function* readTar(path: string, wanted: (path: string) => boolean): AsyncGenerator<TarFile> {
  const blocks = new ByteReader(createReadStream(path).pipe(createGunzip()), path);
  for (;;) {
    const header = await blocks.take(BLOCK);
    if (header.every((byte) => byte === 0)) return; // two empty blocks end an archive; the first is enough
    const { name, size, kind } = readHeader(header, path);
    const padding = (BLOCK - (size % BLOCK)) % BLOCK;
    if (kind === "file" && wanted(name)) {
      const bytes = await blocks.take(size);
      await blocks.skip(padding);
      yield { path: name, bytes };
    } else {
      await blocks.skip(size + padding);
    }
  }
}

/**
 * Opens a tar that is not compressed: its headers are read once, then any file. An image set keeps its archives as long as
 * it lives, and there is nothing that closes it, so the file is open only while something is read.
 *
 * @throws {UnitscopeError} `file` if it cannot be read, `data` if it is truncated or no tar.
 */
export async function openTar(path: string): Promise<FileArchive> {
  const places = await readingFrom(path, (file) => readHeaders(file, path));
  return {
    names: [...places.keys()],
    async read(name) {
      const place = places.get(name);
      if (!place) throw new UnitscopeError("data", `${path}: expected a file "${name}" inside, got none`);
      return readingFrom(path, (file) => readAt(file, path, place.at, place.size));
    },
    close: () => Promise.resolve(),
  };
}

/** Where every file of a tar begins, and how long it is. */
async function readHeaders(file: FileHandle, path: string): Promise<Map<string, { at: number; size: number }>> {
  const places = new Map<string, { at: number; size: number }>();
  const { size: end } = await file.stat();
  let longName: string | undefined;
  for (let at = 0; ; ) {
    const header = await readAt(file, path, at, BLOCK);
    if (header.every((byte) => byte === 0)) return places;
    const { name, size, kind } = readHeader(header, path);
    at += BLOCK;
    if (at + size > end)
      throw new UnitscopeError("data", `${path}: expected a whole archive, got a truncated one at "${name}"`);
    if (kind === "gnu-name") longName = (await readAt(file, path, at, size)).toString("utf8").replace(/\0.*$/s, "");
    else if (kind === "pax") longName = paxPath(await readAt(file, path, at, size));
    else {
      if (kind === "file") places.set(longName ?? name, { at, size });
      longName = undefined;
    }
    at += Math.ceil(size / BLOCK) * BLOCK;
  }
}

/** The path in a pax header: lines `<length> path=<path>`. */
function paxPath(content: Buffer): string | undefined {
  return /(?:^|\n)\d+ path=([^\n]*)\n/.exec(content.toString("utf8"))?.[1];
}

/** A header's name, size and what follows it. */
function readHeader(
  header: Buffer,
  place: string,
): { name: string; size: number; kind: "file" | "gnu-name" | "pax" | "other" } {
  const text = (from: number, length: number): string =>
    header.toString("utf8", from, from + length).replace(/\0.*$/s, "");
  const size = Number.parseInt(text(124, 12), 8);
  if (!Number.isInteger(size) || size < 0 || !headerSumHolds(header)) {
    throw new UnitscopeError("file", `${place}: expected a tar archive, got a damaged header`);
  }
  const prefix = text(257, 6) === "ustar" ? text(345, 155) : ""; // GNU's own format has other fields there
  const kinds = { "0": "file", "": "file", L: "gnu-name", x: "pax" } as const;
  const type = text(156, 1);
  return {
    name: (prefix === "" ? text(0, 100) : `${prefix}/${text(0, 100)}`).replace(/^\.\//, ""),
    size,
    kind: type in kinds ? kinds[type as keyof typeof kinds] : "other",
  };
}

/** The header's checksum: the sum of its bytes with the checksum's own eight taken as spaces. */
function headerSumHolds(header: Uint8Array): boolean {
  let sum = 0;
  for (let i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? 32 : header[i];
  return sum === Number.parseInt(Buffer.from(header.subarray(148, 156)).toString("latin1"), 8);
}

/** Exact numbers of bytes from a stream of chunks of any size. */
class ByteReader {
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #place: string;
  #rest: Buffer = Buffer.alloc(0);

  constructor(stream: AsyncIterable<Buffer>, place: string) {
    this.#chunks = stream[Symbol.asyncIterator]();
    this.#place = place;
  }

  async take(count: number): Promise<Buffer> {
    const parts: Buffer[] = []; // what a header claims may not be there
    for (let left = count; left > 0; ) {
      await this.#fill();
      const part = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(part.length);
      parts.push(part);
      left -= part.length;
    }
    return parts.length === 1 ? parts[0] : Buffer.concat(parts);
  }

  async skip(count: number): Promise<void> {
    for (let left = count; left > 0; ) {
      await this.#fill();
      const passed = Math.min(left, this.#rest.length);
      this.#rest = this.#rest.subarray(passed);
      left -= passed;
    }
  }

  async #fill(): Promise<void> {
    while (this.#rest.length === 0) {
      let next: IteratorResult<Buffer>;
      try {
        next = await this.#chunks.next();
      } catch (cause) {
        throw new UnitscopeError("file", `${this.#place}: expected a gzipped archive, got: ${messageOf(cause)}`, {
          cause,
        });
      }
      if (next.done) throw new UnitscopeError("file", `${this.#place}: expected a whole archive, got a truncated one`);
      this.#rest = next.value;
    }
  }
}
