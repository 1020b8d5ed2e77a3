/** Formats with checksums and lengths, taken apart and put together again so that damage reaches what reads their inside. */
import { crc32, deflateSync, inflateSync } from "node:zlib";
import { sha256 } from "../../src/files/hash.ts";
import type { Random } from "../../src/numeric/random.ts";
import { damageBytes, hostileNumber, pick } from "./mutate.ts";

/** A chunk of a PNG. */
interface Chunk {
  readonly name: string;
  readonly content: Uint8Array;
}

/** The chunks of a sound PNG. */
export function chunksOf(png: Uint8Array): Chunk[] {
  const bytes = Buffer.from(png);
  const chunks: Chunk[] = [];
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    chunks.push({ name: bytes.toString("latin1", at + 4, at + 8), content: bytes.subarray(at + 8, at + 8 + length) });
    at += 12 + length;
  }
  return chunks;
}

/** A PNG of chunks, with right checksums. */
export function pngOf(chunks: readonly Chunk[]): Buffer {
  const parts = chunks.flatMap(({ name, content }) => {
    const body = Buffer.concat([Buffer.from(name, "latin1"), content]);
    const frame = Buffer.alloc(8);
    frame.writeUInt32BE(content.length, 0);
    frame.writeUInt32BE(crc32(body), 4);
    return [frame.subarray(0, 4), body, frame.subarray(4)];
  });
  return Buffer.concat([Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]), ...parts]);
}

/** A PNG with a chunk damaged, its pixels too, and its checksums right. */
export function damagePng(random: Random, png: Uint8Array): Buffer {
  const chunks = chunksOf(png);
  const at = random.integer(chunks.length);
  const { name, content } = chunks[at];
  switch (random.integer(6)) {
    case 0:
      return pngOf(chunks.toSpliced(at, 1));
    case 1:
      return pngOf(chunks.toSpliced(random.integer(chunks.length), 0, chunks[at]));
    case 2: {
      const header = Buffer.from(chunks[0].content);
      header.writeUInt32BE(Math.min(2 ** 32 - 1, Math.max(0, Math.trunc(hostileNumber(random)))), pick(random, [0, 4]));
      return pngOf(chunks.with(0, { name: chunks[0].name, content: header }));
    }
    case 3: {
      const header = Buffer.from(chunks[0].content);
      header[8 + random.integer(5)] = pick(random, [0, 1, 2, 3, 4, 6, 8, 16, 255]);
      return pngOf(chunks.with(0, { name: chunks[0].name, content: header }));
    }
    case 4: {
      const data = chunks.findIndex((chunk) => chunk.name === "IDAT");
      if (data < 0) return pngOf(chunks);
      const lines = damageBytes(random, inflateSync(chunks[data].content));
      const bomb = random.integer(8) === 0 ? Buffer.alloc(50 << 20) : lines;
      return pngOf(chunks.with(data, { name: "IDAT", content: deflateSync(bomb) }));
    }
    default:
      return pngOf(chunks.with(at, { name, content: damageBytes(random, content) }));
  }
}

/** A Parquet file with its footer or its pages damaged; the footer's length stays right. */
export function damageParquet(random: Random, file: Uint8Array): Buffer {
  const bytes = Buffer.from(file);
  const footer = bytes.readUInt32LE(bytes.length - 8);
  const start = bytes.length - 8 - footer;
  if (random.integer(4) === 0) return damageBytes(random, bytes);
  if (random.integer(3) === 0)
    return Buffer.concat([damageBytes(random, bytes.subarray(0, start)), bytes.subarray(start)]);
  const own = damageBytes(random, bytes.subarray(start, start + footer));
  const end = Buffer.alloc(8);
  end.writeUInt32LE(own.length, 0);
  end.write("PAR1", 4);
  return Buffer.concat([bytes.subarray(0, start), own, end]);
}

/** A tar with a header's fields damaged and its sum right. */
export function damageTar(random: Random, tar: Uint8Array): Buffer {
  const bytes = Buffer.from(tar);
  const headers: number[] = [];
  for (let at = 0; at + 512 <= bytes.length && bytes[at] !== 0; ) {
    headers.push(at);
    at += 512 + Math.ceil(Number.parseInt(bytes.toString("latin1", at + 124, at + 135), 8) / 512) * 512;
  }
  const at = pick(random, headers);
  const [from, width] = pick(random, [
    [0, 100],
    [124, 12],
    [156, 1],
    [257, 6],
    [345, 155],
  ] as const);
  if (from === 124)
    bytes.write(
      pick(random, [
        "77777777777\0",
        "00000000000\0",
        "-0000000001\0",
        "\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff",
        "00000001000\0",
      ]),
      at + from,
      "latin1",
    );
  else if (from === 156)
    bytes.write(pick(random, ["0", "1", "2", "3", "5", "6", "L", "x", "K", "g", "\0", "z"]), at + from, "latin1");
  else if (from === 257) bytes.write(pick(random, ["ustar\0", "ustar ", "\0\0\0\0\0\0"]), at + from, "latin1");
  else {
    bytes.fill(0, at + from, at + from + width);
    bytes.write(
      pick(random, ["../../outside.png", "/etc/passwd", "a/../b.png", "x.cls", "", "\xff\xfe.png", "1.png", "1.json"]),
      at + from,
      "latin1",
    );
  }
  bytes.write("        ", at + 148);
  const sum = bytes.subarray(at, at + 512).reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, at + 148);
  return bytes;
}

/** A `.npy` with its header's text changed and its length right. */
export function withNpyHeader(npy: Uint8Array, change: (header: string) => string): Buffer {
  const bytes = Buffer.from(npy);
  const length = bytes.readUInt16LE(8);
  const header = Buffer.from(change(bytes.toString("latin1", 10, 10 + length)), "latin1");
  const start = Buffer.from(bytes.subarray(0, 10));
  start.writeUInt16LE(header.length & 0xffff, 8);
  return Buffer.concat([start, header, bytes.subarray(10 + length)]);
}

/** A piece with its payload changed and its digest right; see `passes/piece-store.ts`. */
export function withPayload(piece: Uint8Array, change: (payload: Buffer) => Uint8Array): Buffer {
  const bytes = Buffer.from(piece);
  const start = 16 + bytes.readUInt32LE(4) + bytes.readUInt32LE(8);
  const payload = change(Buffer.from(bytes.subarray(start, start + bytes.readUInt32LE(12))));
  const header = Buffer.from(bytes.subarray(0, start));
  header.writeUInt32LE(payload.length, 12);
  return signed(Buffer.concat([header, payload]));
}

/** Bytes with their SHA-256 behind. */
export function signed(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.from(sha256(bytes), "hex")]);
}
