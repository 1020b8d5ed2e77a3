/**
 * Chunks: named typed arrays behind a JSON header in one run of bytes, little-endian. Written by Node, read by the page.
 *
 * Layout: int32 length of the header, the header in UTF-8 padded with spaces so that arrays start at a multiple of 8,
 * then the arrays, each at a multiple of 8.
 */
import { UnitscopeError } from "../errors.ts";

/** Arrays that a chunk can hold. */
export type ChunkArray = Uint8Array | Uint16Array | Int32Array | Float32Array | Float64Array;

/** A chunk: JSON beside arrays. */
export interface Chunk {
  readonly header: Readonly<Record<string, unknown>>;
  readonly arrays: Readonly<Record<string, ChunkArray>>;
}

interface Entry {
  readonly name: string;
  readonly type: string;
  readonly length: number;
}

const makers: Readonly<Record<string, (buffer: ArrayBuffer, offset: number, length: number) => ChunkArray>> = {
  Uint8Array: (buffer, offset, length) => new Uint8Array(buffer, offset, length),
  Uint16Array: (buffer, offset, length) => new Uint16Array(buffer, offset, length),
  Int32Array: (buffer, offset, length) => new Int32Array(buffer, offset, length),
  Float32Array: (buffer, offset, length) => new Float32Array(buffer, offset, length),
  Float64Array: (buffer, offset, length) => new Float64Array(buffer, offset, length),
};

/** A chunk as bytes. */
export function encodeChunk({ header, arrays }: Chunk): Uint8Array {
  const named = Object.entries(arrays);
  const entries = named.map(([name, { constructor, length }]): Entry => ({ name, type: constructor.name, length }));
  const plain = new TextEncoder().encode(JSON.stringify({ header, entries }));
  const start = aligned(4 + plain.length);
  const size = named.reduce((at, [, array]) => aligned(at + array.byteLength), start);
  const bytes = new Uint8Array(size);
  new DataView(bytes.buffer).setInt32(0, start - 4, true);
  bytes.fill(0x20, 4, start);
  bytes.set(plain, 4);
  let at = start;
  for (const [, array] of named) {
    bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), at);
    at = aligned(at + array.byteLength);
  }
  return bytes;
}

/**
 * Reads a chunk; its arrays are views of the bytes.
 * @throws {UnitscopeError} `value` if it is no chunk.
 */
export function decodeChunk(bytes: Uint8Array): Chunk {
  const buffer = bytes.slice().buffer;
  const start = 4 + (bytes.length < 4 ? -1 : new DataView(buffer).getInt32(0, true));
  if (start < 4 || start > bytes.length) throw noChunk(`${bytes.length} bytes`);
  const { header, entries } = headerOf(new Uint8Array(buffer, 4, start - 4));
  const arrays: Record<string, ChunkArray> = {};
  let at = start;
  for (const { name, type, length } of entries) {
    const make = Object.hasOwn(makers, type) ? makers[type] : undefined;
    if (!make) throw new UnitscopeError("value", `chunk: array "${name}": expected a known type, got ${type}`);
    if (!(Number.isInteger(length) && length >= 0 && at + length <= bytes.length)) throw noChunk(`length ${length}`);
    let array: ChunkArray;
    try {
      array = make(buffer, at, length);
    } catch (cause) {
      throw noChunk(`array "${name}" of ${length}`, cause);
    }
    arrays[name] = array;
    at = aligned(at + array.byteLength);
  }
  return { header, arrays };
}

function headerOf(text: Uint8Array): { header: Chunk["header"]; entries: readonly Entry[] } {
  let value: { header?: unknown; entries?: unknown } | null;
  try {
    value = JSON.parse(new TextDecoder().decode(text)) as typeof value;
  } catch (cause) {
    throw noChunk("a header that is not JSON", cause);
  }
  const { header, entries } = value ?? {};
  const isEntry = (entry: Partial<Entry> | null): boolean =>
    typeof entry?.name === "string" && typeof entry.type === "string" && typeof entry.length === "number";
  if (typeof header === "object" && header !== null && Array.isArray(entries) && entries.every(isEntry)) {
    return { header: header as Chunk["header"], entries: entries as readonly Entry[] };
  }
  throw noChunk("a header of another form");
}

function noChunk(found: string, cause?: unknown): UnitscopeError {
  return new UnitscopeError("value", `chunk: expected arrays behind a header, got ${found}`, { cause });
}

/** Counts in the smallest type that holds them. */
export function compactCounts(counts: ArrayLike<number>): Uint8Array | Uint16Array | Int32Array {
  let largest = 0;
  for (let i = 0; i < counts.length; i++) largest = Math.max(largest, counts[i]);
  if (largest < 1 << 8) return Uint8Array.from(counts);
  return largest < 1 << 16 ? Uint16Array.from(counts) : Int32Array.from(counts);
}

function aligned(at: number): number {
  return Math.ceil(at / 8) * 8;
}
