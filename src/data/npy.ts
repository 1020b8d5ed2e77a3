/** NumPy's `.npy` format: a header that is a Python dict, then the elements. */
import { UnitscopeError } from "../errors.ts";

/** An array as it is stored. */
export interface NpyArray {
  /** NumPy's name of the element type: `|u1`, `<i8`, `<U12`. */
  readonly type: string;
  readonly shape: readonly number[];
  /** The elements' bytes, row-major. */
  readonly bytes: Uint8Array;
}

/**
 * Reads an array; its bytes are a view on `bytes`.
 * @throws {UnitscopeError} `data` if it is no `.npy`, truncated, column-major, or holds Python objects.
 */
export function readNpy(bytes: Uint8Array, place: string): NpyArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = (from: number, to: number): string => Buffer.from(bytes.subarray(from, to)).toString("latin1");
  if (bytes.length < 12 || text(0, 6) !== "\x93NUMPY") {
    throw new UnitscopeError("data", `${place}: expected a NumPy array, got ${bytes.length} other bytes`);
  }
  const isShort = bytes[6] === 1;
  const headerAt = isShort ? 10 : 12;
  const headerBytes = isShort ? view.getUint16(8, true) : view.getUint32(8, true);
  const header = text(headerAt, headerAt + headerBytes);
  const type = /'descr':\s*'([^']*)'/.exec(header)?.[1];
  const shapeText = /'shape':\s*\(([^)]*)\)/.exec(header)?.[1];
  if (type === undefined || shapeText === undefined) {
    throw new UnitscopeError(
      "data",
      `${place}: expected an array of numbers or text, got ${header.trim().slice(0, 100)}`,
    );
  }
  if (type.includes("O")) {
    throw new UnitscopeError("data", `${place}: expected an array of numbers or text, got one of Python objects`);
  }
  if (/'fortran_order':\s*True/.test(header)) {
    throw new UnitscopeError(
      "data",
      `${place}: expected a row-major array, got a column-major one; save numpy.ascontiguousarray(…)`,
    );
  }
  const shape = shapeText
    .split(",")
    .filter((dim) => dim.trim() !== "")
    .map(Number);
  if (!shape.every((dim) => Number.isSafeInteger(dim) && dim >= 0)) {
    throw new UnitscopeError("data", `${place}: expected sizes from 0, got (${shapeText.slice(0, 100)})`);
  }
  const elementBytes = Number(/\d+$/.exec(type)?.[0] ?? Number.NaN) * (type[1] === "U" ? 4 : 1);
  const data = bytes.subarray(headerAt + headerBytes);
  const expected = shape.reduce((product, dim) => product * dim, elementBytes);
  if (data.length !== expected) {
    throw new UnitscopeError(
      "data",
      `${place}: expected ${expected} bytes for ${type} [${shape.join(", ")}], got ${data.length}`,
    );
  }
  return { type, shape, bytes: data };
}

/**
 * An array's elements as whole numbers.
 * @throws {UnitscopeError} `data` if it holds anything else, or one that 32 bits do not hold.
 */
export function npyIntegers({ type, bytes }: NpyArray, place: string): Int32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const readers: Record<string, (at: number) => number> = {
    "|b1": (at) => view.getUint8(at),
    "|u1": (at) => view.getUint8(at),
    "|i1": (at) => view.getInt8(at),
    "<u2": (at) => view.getUint16(at, true),
    "<i2": (at) => view.getInt16(at, true),
    "<u4": (at) => view.getUint32(at, true),
    "<i4": (at) => view.getInt32(at, true),
    "<u8": (at) => Number(view.getBigUint64(at, true)),
    "<i8": (at) => Number(view.getBigInt64(at, true)),
  };
  const read = readers[type];
  if (!read) {
    throw new UnitscopeError(
      "data",
      `${place}: expected whole numbers (${Object.keys(readers).join(" ")}), got ${type}`,
    );
  }
  const step = Number(type[2]);
  return Int32Array.from({ length: bytes.length / step }, (_, at) => {
    const value = read(at * step);
    if (value === (value | 0)) return value;
    throw new UnitscopeError("data", `${place}: expected whole numbers of 32 bits, got ${value} at ${at}`);
  });
}

/**
 * An array's elements as text.
 * @throws {UnitscopeError} `data` if it holds anything but text (`<U…` or `|S…`).
 */
export function npyTexts({ type, bytes }: NpyArray, place: string): string[] {
  const width = Number(type.slice(2));
  if (type.startsWith("|S")) {
    return Array.from({ length: width === 0 ? 0 : bytes.length / width }, (_, at) =>
      Buffer.from(bytes.subarray(at * width, (at + 1) * width))
        .toString("utf8")
        .replace(/\0+$/, ""),
    );
  }
  if (!type.startsWith("<U")) throw new UnitscopeError("data", `${place}: expected text, got ${type}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: width === 0 ? 0 : bytes.length / (4 * width) }, (_, at) => {
    let name = "";
    for (let letter = 0; letter < width; letter++) {
      const code = view.getUint32(4 * (at * width + letter), true);
      if (code > 0x10_ffff) throw new UnitscopeError("data", `${place}: expected text, got a letter of number ${code}`);
      if (code !== 0) name += String.fromCodePoint(code);
    }
    return name;
  });
}
