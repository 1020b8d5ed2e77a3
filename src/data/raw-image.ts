/** Pixels without a file format around them. */
import { UnitscopeError } from "../errors.ts";
import type { RgbImage } from "./image-set.ts";
import type { Size } from "./preprocess-image.ts";

/** The first bytes of the formats that are decoded; `undefined` stands for any byte. */
const signatures: readonly (readonly (number | undefined)[])[] = [
  [0xff, 0xd8, 0xff], // JPEG
  [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a], // PNG
  [0x47, 0x49, 0x46, 0x38], // GIF
  [0x52, 0x49, 0x46, 0x46, undefined, undefined, undefined, undefined, 0x57, 0x45, 0x42, 0x50], // WebP
  [0x49, 0x49, 0x2a, 0x00], // TIFF, little-endian
  [0x4d, 0x4d, 0x00, 0x2a], // TIFF, big-endian
  [undefined, undefined, undefined, undefined, 0x66, 0x74, 0x79, 0x70], // AVIF
];

/** Tells an encoded image file from raw pixels by its first bytes. */
export function isEncodedImage(bytes: Uint8Array): boolean {
  return signatures.some((signature) => signature.every((byte, at) => byte === undefined || bytes[at] === byte));
}

/**
 * Raw pixels as an image: uint8, row-major `[height, width, 3]` or gray `[height, width]`. Without a size the image is
 * a square, which its length settles: no number is both a square and three times a square.
 *
 * @throws {UnitscopeError} `data` if the length fits no such image.
 */
export function rawImage(bytes: Uint8Array, size: Size | undefined, place: string): RgbImage {
  const side = [3, 1].map((channels) => Math.sqrt(bytes.length / channels)).find(Number.isInteger) ?? 0;
  const { width, height } = size ?? { width: side, height: side };
  if (bytes.length > 0 && bytes.length === width * height * 3) return { width, height, data: bytes };
  if (bytes.length > 0 && bytes.length === width * height) {
    const data = new Uint8Array(3 * bytes.length);
    bytes.forEach((value, pixel) => data.fill(value, 3 * pixel, 3 * pixel + 3));
    return { width, height, data };
  }
  const expected = size ? `of ${width}×${height} pixels` : "file, or the raw pixels of a square one";
  throw new UnitscopeError("data", `${place}: expected an image ${expected}, got ${bytes.length} bytes`);
}
