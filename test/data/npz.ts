/** Writing of `.npz` archives, for tests that need many images: stored arrays, no compression. */
import { zip } from "./archives.ts";

/** One array of unsigned bytes or of 32-bit integers. */
export interface NpzArray {
  readonly dims: readonly number[];
  readonly data: Uint8Array | Int32Array;
}

/** The bytes of an archive with the given arrays. */
export function npz(arrays: Readonly<Record<string, NpzArray>>): Buffer {
  return zip(Object.fromEntries(Object.entries(arrays).map(([name, array]) => [`${name}.npy`, npy(array)])));
}

function npy({ dims, data }: NpzArray): Buffer {
  const type = data instanceof Uint8Array ? "|u1" : "<i4";
  const header = `{'descr': '${type}', 'fortran_order': False, 'shape': (${dims.join(", ")},), }`;
  const padded = header.padEnd(Math.ceil((10 + header.length + 1) / 64) * 64 - 11) + "\n";
  const start = Buffer.from(`\x93NUMPY\x01\x00..${padded}`, "latin1");
  start.writeUInt16LE(padded.length, 8);
  return Buffer.concat([start, Buffer.from(data.buffer, data.byteOffset, data.byteLength)]);
}
