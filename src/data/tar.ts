/** Files out of a gzipped tar archive (POSIX ustar, as npm writes them), one after the other, without unpacking to disk. */
import { createReadStream } from "node:fs";
import { createGunzip } from "node:zlib";
import { messageOf, UnitscopeError } from "../errors.ts";

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
    const text = (from: number, length: number): string =>
      header.toString("latin1", from, from + length).replace(/\0.*$/s, "");
    const size = Number.parseInt(text(124, 12), 8);
    if (!Number.isInteger(size) || size < 0 || !headerSumHolds(header)) {
      throw new UnitscopeError("file", `${path}: expected a tar archive, got a damaged header`);
    }
    const prefix = text(257, 5) === "ustar" ? text(345, 155) : "";
    const name = prefix === "" ? text(0, 100) : `${prefix}/${text(0, 100)}`;
    const padding = (BLOCK - (size % BLOCK)) % BLOCK;
    const kind = text(156, 1);
    if ((kind === "0" || kind === "") && wanted(name)) {
      const bytes = await blocks.take(size);
      await blocks.skip(padding);
      yield { path: name, bytes };
    } else {
      await blocks.skip(size + padding);
    }
  }
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
    const bytes = Buffer.allocUnsafe(count);
    let filled = 0;
    while (filled < count) {
      await this.#fill();
      const copied = this.#rest.copy(bytes, filled, 0, count - filled);
      this.#rest = this.#rest.subarray(copied);
      filled += copied;
    }
    return bytes;
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
