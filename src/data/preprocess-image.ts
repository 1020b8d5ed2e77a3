/**
 * Decoded pixels to a network's input: resize, centre crop, scale, as torchvision's `Resize`, `CenterCrop`, `ToTensor`
 * and `Normalize` do it.
 *
 * An 8-bit value has only 256 results per channel, so every path looks them up in one table: whatever route an image
 * takes, equal pixels give equal floats.
 */
import { resizeImage } from "../numeric/resize.ts";
import type { RgbImage } from "./image-set.ts";
import { channelCount, type Preprocessing } from "./preprocessing.ts";

/** Sides of an image, in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/**
 * What every 8-bit value becomes: `(v / 255 · (high − low) + low − mean) / std`, each step rounded to float32 as a
 * float32 tensor library does it.
 *
 * @returns float32 `[channels, 256]`, rows in the order of `channels` (so row 0 is blue for `bgr`).
 */
export function pixelTable(preprocessing: Preprocessing): Float32Array {
  const { range, mean, std } = preprocessing;
  const channels = channelCount(preprocessing);
  const table = new Float32Array(channels * 256);
  const low = Math.fround(range[0]);
  const span = Math.fround(Math.fround(range[1]) - low);
  for (let channel = 0; channel < channels; channel++) {
    for (let value = 0; value < 256; value++) {
      const scaled = Math.fround(Math.fround(Math.fround(value / 255) * span) + low);
      const centred = Math.fround(scaled - Math.fround(mean[channel]));
      table[channel * 256 + value] = centred / Math.fround(std[channel]);
    }
  }
  return table;
}

/**
 * The size of an image after resizing: with a number the shorter side becomes it, the longer is cut down to whole
 * pixels; with two, height and width become them, whatever the shape was.
 */
export function resizedSize({ width, height }: Size, { resize }: Pick<Preprocessing, "resize">): Size {
  if (resize === null) return { width, height };
  if (typeof resize !== "number") return { width: resize[1], height: resize[0] };
  if (width <= height) return { width: resize, height: Math.trunc((resize * height) / width) };
  return { width: Math.trunc((resize * width) / height), height: resize };
}

/** The size of the network's input that an image gives. */
export function inputSize(size: Size, preprocessing: Pick<Preprocessing, "resize" | "crop">): Size {
  if (preprocessing.crop !== null) return { width: preprocessing.crop, height: preprocessing.crop };
  return resizedSize(size, preprocessing);
}

/**
 * Resizes and crops. Where the image is smaller than the crop, it is padded with black on both sides.
 *
 * @returns the image at `inputSize`; the very same object if there is nothing to do.
 */
export function fitImage(image: RgbImage, preprocessing: Preprocessing): RgbImage {
  const resized = resizedSize(image, preprocessing);
  const target = inputSize(image, preprocessing);
  const columns = cropSpan(resized.width, target.width);
  const rows = cropSpan(resized.height, target.height);
  const window = { left: columns.from, width: columns.count, top: rows.from, height: rows.count };
  const isWhole = window.width === resized.width && window.height === resized.height;
  const keepsSize = resized.width === image.width && resized.height === image.height;
  if (keepsSize && isWhole && target.width === image.width && target.height === image.height) return image;
  const part = resizeImage(image, resized, keepsSize ? "nearest" : preprocessing.interpolation, window);
  if (window.width === target.width && window.height === target.height) return { ...target, data: part };
  const padded = new Uint8Array(target.width * target.height * 3);
  for (let y = 0; y < window.height; y++) {
    const row = part.subarray(y * window.width * 3, (y + 1) * window.width * 3);
    padded.set(row, ((rows.to + y) * target.width + columns.to) * 3);
  }
  return { ...target, data: padded };
}

/**
 * Along one axis, which pixels a centre crop takes (`from`, `count`) and where in the result they start (`to`).
 * Half pixels round to even, and an odd border of padding has its extra pixel at the end, as in torchvision.
 */
function cropSpan(size: number, target: number): { from: number; count: number; to: number } {
  if (size < target) return { from: 0, count: size, to: Math.floor((target - size) / 2) };
  const half = (size - target) / 2;
  const floor = Math.floor(half);
  return { from: half - floor === 0.5 ? floor + (floor % 2) : floor, count: target, to: 0 };
}

/**
 * Writes an image of the input's size into a batch.
 *
 * @param table from `pixelTable`.
 * @param target float32, `[count, channels, H, W]` or `[count, H, W, channels]`; the image's place starts at `offset`.
 */
export function writePixels(
  image: RgbImage,
  { channels, layout }: Preprocessing,
  table: Float32Array,
  target: Float32Array,
  offset: number,
): void {
  const { data } = image;
  const plane = image.width * image.height;
  if (channels === "gray") {
    for (let pixel = 0; pixel < plane; pixel++) {
      const at = 3 * pixel;
      target[offset + pixel] = table[luma(data[at], data[at + 1], data[at + 2])];
    }
    return;
  }
  const step = layout === "nchw" ? 1 : 3;
  for (let channel = 0; channel < 3; channel++) {
    const row = channel * 256;
    let from = channels === "rgb" ? channel : 2 - channel;
    let to = offset + (layout === "nchw" ? channel * plane : channel);
    for (let pixel = 0; pixel < plane; pixel++) {
      target[to] = table[row + data[from]];
      from += 3;
      to += step;
    }
  }
}

/** The gray value of a pixel, 0..255, as Pillow's mode `L` has it; equal colours keep their value. */
export function luma(red: number, green: number, blue: number): number {
  return (19_595 * red + 38_470 * green + 7_471 * blue + 0x8000) >> 16;
}
