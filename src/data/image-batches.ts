/** An image set as batches of a network's input, the next one decoded while the last is in use. */
import { throwIfInterrupted, UnitscopeError } from "../errors.ts";
import { forEachImage } from "./for-each-image.ts";
import type { ImageSet, PixelArray } from "./image-set.ts";
import { openMeanImage } from "./mean-image.ts";
import { fitImage, inputSize, luma, pixelTable, type Size, writePixels } from "./preprocess-image.ts";
import { channelCount, type Preprocessing } from "./preprocessing.ts";

/** Consecutive images of a set, ready for the network. */
export interface ImageBatch {
  /** The number of its first image in the set. */
  readonly start: number;
  readonly count: number;
  /** float32, row-major in `dims`; the reader's to keep, change or transfer. */
  readonly pixels: Float32Array<ArrayBuffer>;
  /** `[count, channels, height, width]`, or `[count, height, width, channels]` with layout `nhwc`; channels 3, 1 or 4. */
  readonly dims: readonly [number, number, number, number];
  readonly height: number;
  readonly width: number;
}

/** Which images, in batches of how many. */
export interface BatchOptions {
  readonly batchSize?: number | undefined;
  /** First image; 0 by default. */
  readonly start?: number | undefined;
  /** The image after the last; the set's end by default. */
  readonly end?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Iterates over preprocessed batches, in order. The pixels of an image do not depend on the batch it is in.
 *
 * @throws {UnitscopeError} while iterating: `data` if an image cannot be decoded or differs in size from the others
 * after preprocessing, `interrupted` if the signal fires.
 */
export async function* imageBatches(
  set: ImageSet,
  preprocessing: Preprocessing,
  { batchSize = 128, start = 0, end = set.imageCount, signal }: BatchOptions = {},
): AsyncGenerator<ImageBatch, void, undefined> {
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new UnitscopeError("value", `batch size: expected a whole number from 1, got ${batchSize}`);
  }
  if (!Number.isInteger(start) || !Number.isInteger(end) || start < 0 || start > end || end > set.imageCount) {
    throw new UnitscopeError(
      "value",
      `data "${set.name}": expected a range of images within 0..${set.imageCount}, got ${start}..${end}`,
    );
  }
  if (start === end) return;
  const size = await setInputSize(set, preprocessing, start);
  const table = pixelTable(preprocessing);
  const channels = channelCount(preprocessing);
  const plane = channels * size.height * size.width;
  const subtract = await openMeanImage(preprocessing, size);
  const arranged = isArranged(set, preprocessing) ? set.pixels : undefined;
  const load = async (first: number): Promise<ImageBatch> => {
    const count = Math.min(batchSize, end - first);
    const pixels = new Float32Array(count * plane);
    if (arranged) writeArray(arranged, first, count, preprocessing, table, pixels);
    else {
      await forEachImage(count, { signal, place: `data "${set.name}"` }, async (at) => {
        const image = fitImage(await set.read(first + at), preprocessing);
        if (image.width !== size.width || image.height !== size.height) {
          throw new UnitscopeError(
            "data",
            `${set.imageName(first + at)}: expected ${size.width}×${size.height} pixels like ${set.imageName(start)}, got ${image.width}×${image.height}; resize and crop with option "preprocess"`,
          );
        }
        writePixels(image, preprocessing, table, pixels, at * plane);
      });
    }
    if (subtract) for (let at = 0; at < count; at++) subtract(pixels.subarray(at * plane, (at + 1) * plane));
    const { height, width } = size;
    const dims =
      preprocessing.layout === "nchw"
        ? ([count, channels, height, width] as const)
        : ([count, height, width, channels] as const);
    return { start: first, count, pixels, dims, height, width };
  };
  let next: Promise<ImageBatch> | undefined = load(start);
  try {
    for (let first = start; first < end; first += batchSize) {
      throwIfInterrupted(signal, `data "${set.name}"`);
      const batch: ImageBatch = await (next ?? load(first));
      next = first + batchSize < end ? load(first + batchSize) : undefined;
      next?.catch(() => undefined); // it is awaited in the next round, unless the reader leaves before
      yield batch;
    }
  } finally {
    await next?.catch(() => undefined); // nothing goes on behind a reader that left
  }
}

/**
 * The height and width of the network's input that a set gives, from its first image (or that of `image`).
 * @throws {UnitscopeError} `data` if that image cannot be decoded.
 */
export async function setInputSize(set: ImageSet, preprocessing: Preprocessing, image: number = 0): Promise<Size> {
  if (preprocessing.crop !== null) return { width: preprocessing.crop, height: preprocessing.crop };
  return inputSize(set.pixels ?? (await set.read(image)), preprocessing);
}

/** Tells whether a set's pixels in memory are used as they are, without resizing or cropping. */
export function isArranged(set: ImageSet, preprocessing: Preprocessing): boolean {
  if (!set.pixels) return false;
  const { width, height } = set.pixels;
  const { resize, crop } = preprocessing;
  return (
    (resize === null || (typeof resize === "number" && resize === Math.min(width, height))) &&
    (crop === null || (crop === width && crop === height))
  );
}

/** Images `first` to `first + count - 1` of an array, through the table, into a batch. */
function writeArray(
  { data, channels: stored, height, width }: PixelArray,
  first: number,
  count: number,
  { channels, layout }: Preprocessing,
  table: Float32Array,
  target: Float32Array,
): void {
  const plane = height * width;
  if (channels === "gray") {
    for (let image = 0; image < count; image++) {
      const red = (first + image) * stored * plane;
      const [green, blue] = stored === 1 ? [red, red] : [red + plane, red + 2 * plane];
      for (let pixel = 0; pixel < plane; pixel++) {
        const value = luma(data[red + pixel], data[green + pixel], data[blue + pixel]);
        target[image * plane + pixel] = table[value];
      }
    }
    return;
  }
  const wanted = channelCount({ channels });
  const step = layout === "nchw" ? 1 : wanted;
  for (let image = 0; image < count; image++) {
    for (let channel = 0; channel < wanted; channel++) {
      const values = table.subarray(channel * 256, (channel + 1) * 256);
      const source = stored === 1 ? 0 : channels === "bgr" ? 2 - channel : channel;
      let from = ((first + image) * stored + source) * plane;
      let to = image * wanted * plane + (layout === "nchw" ? channel * plane : channel);
      for (let pixel = 0; pixel < plane; pixel++) {
        target[to] = values[data[from++]];
        to += step;
      }
    }
  }
}
