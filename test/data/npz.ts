/** Writing of `.npz` archives, for tests that need many images: stored arrays, no compression. */
import { crc32 } from "node:zlib";

/** One array of unsigned bytes or of 32-bit integers. */
export interface NpzArray {
  readonly dims: readonly number[];
  readonly data: Uint8Array | Int32Array;
}

/** The bytes of an archive with the given arrays. */
export function npz(arrays: Readonly<Record<string, NpzArray>>): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, array] of Object.entries(arrays)) {
    const path = Buffer.from(`${name}.npy`);
    const content = npy(array);
    const fields = Buffer.alloc(26); // what the local header and the directory share
    fields.writeUInt16LE(20, 0);
    fields.writeUInt32LE(crc32(content), 10);
    fields.writeUInt32LE(content.length, 14);
    fields.writeUInt32LE(content.length, 18);
    fields.writeUInt16LE(path.length, 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), fields, path, content]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([Buffer.from("PK\x01\x02\x14\x00"), fields, tail, path]));
    parts.push(local);
    offset += local.length;
  }
  const entries = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06");
  end.writeUInt16LE(directory.length, 8);
  end.writeUInt16LE(directory.length, 10);
  end.writeUInt32LE(entries.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, entries, end]);
}

function npy({ dims, data }: NpzArray): Buffer {
  const type = data instanceof Uint8Array ? "|u1" : "<i4";
  const header = `{'descr': '${type}', 'fortran_order': False, 'shape': (${dims.join(", ")},), }`;
  const padded = header.padEnd(Math.ceil((10 + header.length + 1) / 64) * 64 - 11) + "\n";
  const start = Buffer.from(`\x93NUMPY\x01\x00..${padded}`, "latin1");
  start.writeUInt16LE(padded.length, 8);
  return Buffer.concat([start, Buffer.from(data.buffer, data.byteOffset, data.byteLength)]);
}
