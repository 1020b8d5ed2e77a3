/** Writes small PNG files with exactly the samples that a test wants. */
import { crc32, deflateSync } from "node:zlib";

/** A PNG of unfiltered samples. @param type colour type: 0 gray, 2 RGB, 3 palette. */
export function encodePng(
  width: number,
  height: number,
  samples: ArrayLike<number>,
  { type = 0, depth = 8, palette }: { type?: 0 | 2 | 3; depth?: number; palette?: readonly number[] } = {},
): Buffer {
  const channels = type === 2 ? 3 : 1;
  const lines: number[] = [];
  for (let y = 0; y < height; y++) {
    lines.push(0);
    let bits = "";
    for (let i = 0; i < width * channels; i++) {
      bits += samples[y * width * channels + i].toString(2).padStart(depth, "0");
    }
    for (const byte of bits.match(/.{1,8}/g) ?? []) lines.push(Number.parseInt(byte.padEnd(8, "0"), 2));
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, type, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]),
    chunk("IHDR", header),
    ...(palette ? [chunk("PLTE", Buffer.from(palette))] : []),
    chunk("IDAT", deflateSync(Buffer.from(lines))),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** An RGB PNG that holds numbers as `R + 256 · G`. */
export function encodeNumbers(width: number, height: number, numbers: readonly number[]): Buffer {
  return encodePng(
    width,
    height,
    numbers.flatMap((number) => [number % 256, Math.floor(number / 256), 0]),
    { type: 2 },
  );
}

function chunk(name: string, content: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(name, "latin1"), content]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(content.length, 0);
  frame.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
}
