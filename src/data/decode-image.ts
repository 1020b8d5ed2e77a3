/**
 * An image file's bytes to 8-bit RGB, with the values that Pillow's `Image.open(f).convert("RGB")` gives, since
 * published networks were measured with those: embedded colour profiles and EXIF orientation are not applied (this one on request), alpha is
 * dropped, gray is repeated, CMYK is multiplied out. The one difference: of 16-bit gray the high byte is kept, where
 * Pillow clips at 255.
 */
import type { OutputInfo } from "sharp";
import { messageOf, UnitscopeError } from "../errors.ts";
import { diskError } from "../files/disk-error.ts";
import { readRegular } from "../files/read-regular.ts";
import type { RgbImage } from "./image-set.ts";
import { isEncodedImage } from "./raw-image.ts";

/**
 * File name endings of images that are looked for in folders. BMP and PNM are among them though they cannot be decoded:
 * an error that names the file is better than a set that lacks it.
 */
export const imageExtensions: readonly string[] = [
  ".jpg",
  ".jpeg",
  ".png",
  ".webp",
  ".gif",
  ".tif",
  ".tiff",
  ".avif",
  ".jfif",
  ".bmp",
  ".ppm",
  ".pgm",
];

/** Images of more pixels than this are refused: a small file can claim any size. */
export const MAX_PIXELS: number = 1 << 27;

/** How images are decoded. */
export interface DecodeOptions {
  /** Turn images as their EXIF orientation says; torchvision does not. */
  readonly orient?: boolean | undefined;
}

/**
 * Decodes an encoded image (JPEG, PNG, WebP, GIF's first frame, TIFF, AVIF) at its own size.
 *
 * @param place what to call it in messages.
 * @throws {UnitscopeError} `data` if it is truncated, damaged or no image.
 */
export async function decodeImage(
  bytes: Uint8Array,
  place: string,
  { orient = false }: DecodeOptions = {},
): Promise<RgbImage> {
  if (bytes.length === 0) throw new UnitscopeError("data", `${place}: expected an image, got an empty file`);
  // Among what the decoder knows are formats that are programs: SVG names other files.
  if (!isEncodedImage(bytes)) {
    throw new UnitscopeError(
      "data",
      `${place}: expected an image that can be decoded (JPEG, PNG, WebP, GIF, TIFF, AVIF), got ${bytes.length} other bytes`,
    );
  }
  const { default: sharp } = await import("sharp");
  try {
    // Libjpeg's warnings (stray bytes between segments) are no reason to refuse: a few files of ImageNet have them.
    const image = sharp(bytes, { ignoreIcc: true, failOn: "error", limitInputPixels: MAX_PIXELS });
    const { space, orientation } = await image.metadata();
    if (orient) image.autoOrient();
    const turned = orientation !== undefined && orientation > 1 && { orientation };
    if (space === "cmyk") {
      const cmyk = fromCmyk(
        await image
          .pipelineColourspace("cmyk")
          .toColourspace("cmyk")
          .removeAlpha()
          .raw()
          .toBuffer({ resolveWithObject: true }),
      );
      return { ...cmyk, ...turned };
    }
    const { data, info } = await image.removeAlpha().toColourspace("srgb").raw().toBuffer({ resolveWithObject: true });
    const rgb = info.channels === 1 ? repeatGray(data) : plain(data);
    return { width: info.width, height: info.height, data: rgb, ...turned };
  } catch (cause) {
    // The decoder says some things once for every attempt.
    const reason = [...new Set(messageOf(cause).split(/\s*\n\s*/))].join("; ");
    throw new UnitscopeError("data", `${place}: expected an image that can be decoded, got: ${reason}`, { cause });
  }
}

/**
 * Reads and decodes an image file.
 * @throws {UnitscopeError} `file` if it cannot be read, `data` if it cannot be decoded.
 */
export async function decodeImageFile(path: string, options: DecodeOptions = {}): Promise<RgbImage> {
  let bytes: Uint8Array;
  try {
    bytes = await readRegular(path);
  } catch (cause) {
    throw diskError(path, cause, { rule: "an image file" });
  }
  return decodeImage(bytes, path, options);
}

/** Ink to light: `(255 − ink)(255 − black) / 255`, rounded. */
function fromCmyk({ data, info }: { data: Uint8Array; info: OutputInfo }): RgbImage {
  const pixelCount = info.width * info.height;
  const rgb = new Uint8Array(pixelCount * 3);
  for (let pixel = 0; pixel < pixelCount; pixel++) {
    const light = 255 - data[4 * pixel + 3];
    for (let channel = 0; channel < 3; channel++) {
      rgb[3 * pixel + channel] = light - Math.round((data[4 * pixel + channel] * light) / 255);
    }
  }
  return { width: info.width, height: info.height, data: rgb };
}

/** The same bytes without `Buffer`'s methods, some of which differ from `Uint8Array`'s. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function repeatGray(gray: Uint8Array): Uint8Array {
  const rgb = new Uint8Array(gray.length * 3);
  gray.forEach((value, pixel) => rgb.fill(value, 3 * pixel, 3 * pixel + 3));
  return rgb;
}
