/**
 * Plain data as bytes that any machine, Node version and byte order reads: JSON for the structure, and beside it the
 * typed arrays as they are, little endian.
 *
 * The bytes: magic and length of the JSON (uint32, little endian), the JSON, zeros up to a multiple of 8, the arrays,
 * each at a multiple of 8. In the JSON an array is `{"$array": [kind, offset, length]}`, a number that JSON lacks is
 * `{"$number": "NaN"}`, a map is `{"$map": [[key, value], …]}`.
 */
import { messageOf, UnitscopeError } from "../errors.ts";

const kinds = {
  f32: Float32Array,
  f64: Float64Array,
  i8: Int8Array,
  u8: Uint8Array,
  i16: Int16Array,
  u16: Uint16Array,
  i32: Int32Array,
  u32: Uint32Array,
  i64: BigInt64Array,
  u64: BigUint64Array,
} as const;

type Kind = keyof typeof kinds;
type PlainArray = InstanceType<(typeof kinds)[Kind]>;

const MAGIC = 0x31565055; // "UPV1"
const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/**
 * Encodes objects, lists, maps, typed arrays, numbers, strings, booleans and `null`; properties that are `undefined` are
 * left out.
 * @throws {UnitscopeError} `internal` for anything else.
 */
export function encodeValue(value: unknown): Uint8Array {
  const arrays: PlainArray[] = [];
  let size = 0;
  const spell = (item: unknown): unknown => {
    if (item === null || typeof item === "string" || typeof item === "boolean") return item;
    if (typeof item === "number") {
      return Number.isFinite(item) && !Object.is(item, -0) ? item : { $number: Object.is(item, -0) ? "-0" : `${item}` };
    }
    if (isPlainArray(item)) {
      const entry = [kindOf(item), size, item.length];
      arrays.push(item);
      size += padded(item.byteLength);
      return { $array: entry };
    }
    if (Array.isArray(item)) return item.map(spell);
    if (item instanceof Map) return { $map: [...item].map(([key, entry]) => [spell(key), spell(entry)]) };
    if (typeof item === "object" && Object.getPrototypeOf(item) === Object.prototype) {
      const entries = Object.entries(item).filter(([, entry]) => entry !== undefined);
      if (entries.every(([key]) => !key.startsWith("$"))) {
        return Object.fromEntries(entries.map(([key, entry]) => [key, spell(entry)]));
      }
    }
    throw new UnitscopeError("internal", `internal: partial result: expected plain data, got ${typeof item}`);
  };
  const json = new TextEncoder().encode(JSON.stringify(spell(value)));
  const start = padded(8 + json.length);
  const bytes = new Uint8Array(start + size);
  const header = new DataView(bytes.buffer);
  header.setUint32(0, MAGIC, true);
  header.setUint32(4, json.length, true);
  bytes.set(json, 8);
  let at = start;
  for (const array of arrays) {
    const own = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    bytes.set(own, at);
    if (!isLittleEndian) reverseElements(bytes.subarray(at, at + own.length), array.BYTES_PER_ELEMENT);
    at += padded(own.length);
  }
  return bytes;
}

/** Decodes what `encodeValue` made. @throws {UnitscopeError} `run` for other bytes. */
export function decodeValue(bytes: Uint8Array): unknown {
  const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 8 || header.getUint32(0, true) !== MAGIC) {
    throw new UnitscopeError("run", "partial result: expected the format UPV1, got other bytes");
  }
  const length = header.getUint32(4, true);
  const start = padded(8 + length);
  const arrayOf = (entry: unknown): PlainArray => {
    const [kind, offset, count] = arrayEntry(entry, bytes.length - start);
    const make = kinds[kind];
    const own = bytes.slice(start + offset, start + offset + count * make.BYTES_PER_ELEMENT);
    if (!isLittleEndian) reverseElements(own, make.BYTES_PER_ELEMENT);
    return new make(own.buffer, 0, count);
  };
  try {
    return JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)), (_, item: unknown) => {
      if (typeof item !== "object" || item === null) return item;
      if ("$array" in item) return arrayOf(item.$array);
      if ("$number" in item) return Number(item.$number);
      if ("$map" in item) return new Map(item.$map as [unknown, unknown][]);
      return item;
    });
  } catch (cause) {
    throw new UnitscopeError("run", `partial result: expected the format UPV1, got: ${messageOf(cause)}`, { cause });
  }
}

/** Where an array lies. @throws if it does not lie within so many bytes. */
function arrayEntry(entry: unknown, size: number): readonly [Kind, number, number] {
  const [kind, offset, count] = Array.isArray(entry) ? (entry as unknown[]) : [];
  const isKind = typeof kind === "string" && Object.hasOwn(kinds, kind);
  const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
  if (isKind && isCount(offset) && isCount(count)) {
    const own = kind as Kind;
    if (offset + count * kinds[own].BYTES_PER_ELEMENT <= size) return [own, offset, count];
  }
  throw new Error(`an array ${JSON.stringify(entry)} of ${size} bytes`);
}

function isPlainArray(item: unknown): item is PlainArray {
  return Object.values(kinds).some((kind) => item instanceof kind);
}

function kindOf(array: PlainArray): Kind {
  return (Object.keys(kinds) as Kind[]).find((kind) => array instanceof kinds[kind]) ?? "u8";
}

function padded(length: number): number {
  return (length + 7) & ~7;
}

function reverseElements(bytes: Uint8Array, size: number): void {
  for (let at = 0; at < bytes.length; at += size) bytes.subarray(at, at + size).reverse();
}
