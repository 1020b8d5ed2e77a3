/**
 * PNG files as what they store, not as what they look like: the palette index, the gray level or the three bytes of
 * every pixel. General decoders turn palette indices into colours, and a label map's indices are its labels.
 *
 * PNG (Portable Network Graphics) Specification, W3C, second edition; interlaced files are refused.
 */
import { crc32, inflateSync } from "node:zlib";
import { messageOf, UnitscopeError } from "../errors.ts";
import { diskError } from "../files/disk-error.ts";
import { readRegular } from "../files/read-regular.ts";
import { isLabelSize } from "./concept-set.ts";

/** The stored samples of a PNG. Alpha is dropped. */
export interface PngSamples {
  readonly width: number;
  readonly height: number;
  /** 1: a palette index or gray level; 3: red, green, blue. */
  readonly channels: 1 | 3;
  /** Row-major `[height, width, channels]`. */
  readonly data: Uint8Array | Uint16Array;
  /** The palette's colours, 3 bytes each, if the samples are indices into one. */
  readonly palette?: Uint8Array;
}

/** Bytes behind the last line that do no harm: some writers leave a few. */
const SURPLUS = 1 << 16;
const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
/** Channels by colour type: gray, RGB, palette, gray and alpha, RGB and alpha. */
const channelsOf: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/**
 * Decodes a PNG.
 *
 * @param place what to call it in messages.
 * @throws {UnitscopeError} `data` if it is not a PNG, is damaged, or is interlaced.
 */
export function decodePng(bytes: Uint8Array, place: string): PngSamples {
  const refuse = (got: string, cause?: unknown): UnitscopeError =>
    new UnitscopeError("data", `${place}: expected a PNG of labels, got ${got}`, { cause });
  if (bytes.length < 33 || SIGNATURE.some((byte, i) => bytes[i] !== byte)) {
    throw refuse(`${bytes.length} bytes that are not PNG`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const width = view.getUint32(16);
  const height = view.getUint32(20);
  const [depth, type, , , interlace] = bytes.subarray(24, 29) as unknown as [number, number, number, number, number];
  const channels = channelsOf[type];
  if (!channels || ![1, 2, 4, 8, 16].includes(depth)) throw refuse(`colour type ${type} with ${depth} bits`);
  if (!isLabelSize(height, width)) throw refuse(`${width}×${height} pixels`);
  if (interlace !== 0) throw refuse("an interlaced one; save it without interlacing");
  const parts: Uint8Array[] = [];
  let palette: Uint8Array | undefined;
  let ended = false;
  for (let at = 8; at + 12 <= bytes.length && !ended; ) {
    const length = view.getUint32(at);
    const name = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const content = bytes.subarray(at + 8, at + 8 + length);
    if (content.length < length || at + 12 + length > bytes.length) throw refuse("a truncated file");
    if (crc32(bytes.subarray(at + 4, at + 8 + length)) !== view.getUint32(at + 8 + length)) {
      throw refuse(`a damaged chunk ${JSON.stringify(name)}`);
    }
    if (name === "IDAT") parts.push(content);
    if (name === "PLTE") palette = content;
    ended = name === "IEND";
    at += 12 + length;
  }
  if (!ended) throw refuse("a truncated file");
  const lineBytes = Math.ceil((width * channels * depth) / 8);
  const needed = height * (lineBytes + 1);
  let lines: Uint8Array;
  try {
    const maxOutputLength = needed + SURPLUS;
    lines = inflateSync(parts.length === 1 ? parts[0] : Buffer.concat(parts), { maxOutputLength });
  } catch (cause) {
    throw refuse(`damaged data: ${messageOf(cause)}`, cause);
  }
  if (lines.length < needed) throw refuse(`${lines.length} bytes of pixels for ${height}×${width}`);
  if (!unfilter(lines, height, lineBytes, Math.max(1, (channels * depth) >> 3))) throw refuse("an unknown filter");
  const data = samplesOf(lines, { width, height, channels, depth, lineBytes });
  return { width, height, channels: channels >= 3 ? 3 : 1, data, ...(type === 3 && palette && { palette }) };
}

/**
 * Reads and decodes a PNG file.
 * @throws {UnitscopeError} `file` if it cannot be read, `data` if it cannot be decoded.
 */
export async function readPng(path: string, place: string = path): Promise<PngSamples> {
  let bytes: Uint8Array;
  try {
    bytes = await readRegular(path);
  } catch (cause) {
    throw diskError(place, cause, { rule: "a PNG of labels" });
  }
  return decodePng(bytes, place);
}

/** Undoes the filters of all lines in place; each line keeps its filter byte in front. */
function unfilter(lines: Uint8Array, height: number, lineBytes: number, step: number): boolean {
  for (let y = 0; y < height; y++) {
    const start = y * (lineBytes + 1) + 1;
    const above = start - lineBytes - 1;
    const filter = lines[start - 1];
    if (filter > 4) return false;
    if (filter === 0) continue;
    for (let i = 0; i < lineBytes; i++) {
      const left = i >= step ? lines[start + i - step] : 0;
      const up = y > 0 ? lines[above + i] : 0;
      let guess: number;
      if (filter === 1) guess = left;
      else if (filter === 2) guess = up;
      else if (filter === 3) guess = (left + up) >> 1;
      else guess = paeth(left, up, y > 0 && i >= step ? lines[above + i - step] : 0);
      lines[start + i] = lines[start + i] + guess;
    }
  }
  return true;
}

function paeth(left: number, up: number, corner: number): number {
  const toLeft = Math.abs(up - corner);
  const toUp = Math.abs(left - corner);
  const toCorner = Math.abs(left + up - 2 * corner);
  if (toLeft <= toUp && toLeft <= toCorner) return left;
  return toUp <= toCorner ? up : corner;
}

/** Takes the samples out of unfiltered lines: unpacks bits, joins 16-bit pairs, drops alpha. */
function samplesOf(
  lines: Uint8Array,
  {
    width,
    height,
    channels,
    depth,
    lineBytes,
  }: { width: number; height: number; channels: number; depth: number; lineBytes: number },
): Uint8Array | Uint16Array {
  const kept = channels >= 3 ? 3 : 1;
  const samples = depth === 16 ? new Uint16Array(height * width * kept) : new Uint8Array(height * width * kept);
  const mask = (1 << depth) - 1;
  let written = 0;
  for (let y = 0; y < height; y++) {
    const start = y * (lineBytes + 1) + 1;
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < kept; channel++) {
        const sample = x * channels + channel;
        if (depth === 8) samples[written++] = lines[start + sample];
        else if (depth === 16) {
          samples[written++] = (lines[start + 2 * sample] << 8) | lines[start + 2 * sample + 1];
        } else {
          const bit = sample * depth;
          samples[written++] = (lines[start + (bit >> 3)] >> (8 - depth - (bit & 7))) & mask;
        }
      }
    }
  }
  return samples;
}

/**
 * The numbers that a label PNG holds: the sample itself of an indexed or gray one, `R + 256 · G` of an RGB one.
 * @returns uint16, row-major `[height, width]`.
 */
export function labelNumbers({ width, height, channels, data }: PngSamples): Uint16Array {
  if (channels === 1) return Uint16Array.from(data);
  const numbers = new Uint16Array(width * height);
  for (let pixel = 0; pixel < numbers.length; pixel++) {
    numbers[pixel] = data[3 * pixel] + 256 * data[3 * pixel + 1];
  }
  return numbers;
}
