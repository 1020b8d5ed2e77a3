/** Images on their way into a batch: cropped and flipped at random to train on, centred to test on. */

import type { ImageSet, PixelArray, RgbImage } from "../data/image-set.ts";
import { fitImage, pixelTable } from "../data/preprocess-image.ts";
import type { Preprocessing } from "../data/preprocessing.ts";
import { UnitscopeError } from "../errors.ts";
import type { Random } from "../numeric/random.ts";

/** How a training image is varied. */
export interface Augmentation {
  /** Mirror every second image, on average. */
  readonly flip: boolean;
  /** Widest shift in pixels; what comes in from outside is the mean colour. */
  readonly shift: number;
  /** Side of a square that is overwritten with the mean colour (DeVries and Taylor 2017), in pixels; 0: none. */
  readonly cutout: number;
}

/** Where an image is taken from and what is done to it; drawn for every image anew. */
export interface Variation {
  readonly flip: boolean;
  /** Where the crop starts, as shares of all its places. */
  readonly x: number;
  readonly y: number;
  /** Centre of the cut-out square as shares of the side. */
  readonly cutX: number;
  readonly cutY: number;
}

/** Draws one variation; always the same count of random numbers. */
export function drawVariation(random: Random): Variation {
  const flip = random.uniform() < 0.5;
  return { flip, x: random.uniform(), y: random.uniform(), cutX: random.uniform(), cutY: random.uniform() };
}

/** Writes images into batches of float32 `[count, 3, size, size]`. */
export interface TrainingImages {
  readonly set: ImageSet;
  /**
   * Writes one image.
   * @param variation `undefined`: centred and unchanged.
   */
  write(image: number, variation: Variation | undefined, target: Float32Array, place: number): Promise<void>;
}

/**
 * Prepares an image set.
 *
 * @param size side of the network's input. Images in memory that have it are taken as they are; others are resized so
 *   that their shorter side is `preprocessing.resize`, and then cropped.
 * @throws {UnitscopeError} `usage` for a preprocessing with another order of channels; `data`, when an image is
 *   written, if it is smaller than the input.
 */
export function trainingImages(
  set: ImageSet,
  { size, preprocessing, augmentation }: { size: number; preprocessing: Preprocessing; augmentation: Augmentation },
): TrainingImages {
  const table = pixelTable(preprocessing);
  const whole = { ...preprocessing, crop: null };
  const fits = set.pixels && set.pixels.height === size && set.pixels.width === size;
  const pixels = fits ? set.pixels : undefined;
  if (preprocessing.channels !== "rgb" || preprocessing.layout !== "nchw") {
    throw new UnitscopeError(
      "usage",
      `preprocessing: expected rgb and nchw to train, got ${preprocessing.channels} and ${preprocessing.layout}`,
    );
  }
  const plane = size * size;
  return {
    set,
    async write(image, variation, target, place) {
      const offset = place * 3 * plane;
      const source = pixels ? slicePlanes(pixels, image) : planesOf(fitImage(await set.read(image), whole));
      if (source.width < size || source.height < size) {
        throw new UnitscopeError(
          "data",
          `image "${set.imageName(image)}": expected at least ${size}×${size} pixels, got ${source.width}×${source.height}; resize it with option "preprocess"`,
        );
      }
      const corner = (share: number, length: number): number => {
        const reach = augmentation.shift;
        return Math.floor(share * (length - size + 2 * reach + 1)) - reach;
      };
      const left = variation ? corner(variation.x, source.width) : Math.floor((source.width - size) / 2);
      const top = variation ? corner(variation.y, source.height) : Math.floor((source.height - size) / 2);
      copyWindow(source, { left, top, size, table, target, offset });
      if (variation?.flip && augmentation.flip) mirror(target.subarray(offset, offset + 3 * plane), size);
      if (variation && augmentation.cutout > 0)
        cutOut(target.subarray(offset, offset + 3 * plane), size, variation, augmentation);
    },
  };
}

/** One image as planes, red first, or a single gray one. */
interface Planes {
  readonly planes: Uint8Array;
  readonly width: number;
  readonly height: number;
}

function slicePlanes({ data, channels, width, height }: PixelArray, image: number): Planes {
  const length = channels * width * height;
  return { planes: data.subarray(image * length, (image + 1) * length), width, height };
}

function planesOf({ data, width, height }: RgbImage): Planes {
  const area = width * height;
  const planes = new Uint8Array(3 * area);
  for (let channel = 0; channel < 3; channel++) {
    for (let at = 0; at < area; at++) planes[channel * area + at] = data[3 * at + channel];
  }
  return { planes, width, height };
}

/** Copies a square window through the table; outside the image is 0, the mean colour after normalisation. */
function copyWindow(
  { planes, width, height }: Planes,
  {
    left,
    top,
    size,
    table,
    target,
    offset,
  }: { left: number; top: number; size: number; table: Float32Array; target: Float32Array; offset: number },
): void {
  const area = width * height;
  const gray = planes.length === area;
  for (let channel = 0; channel < 3; channel++) {
    const source = gray ? 0 : channel * area;
    for (let y = 0; y < size; y++) {
      let to = offset + (channel * size + y) * size;
      const row = top + y;
      if (row < 0 || row >= height) {
        target.fill(0, to, to + size);
        continue;
      }
      for (let x = 0; x < size; x++, to++) {
        const column = left + x;
        const inside = column >= 0 && column < width;
        target[to] = inside ? table[channel * 256 + planes[source + row * width + column]] : 0;
      }
    }
  }
}

function mirror(image: Float32Array, size: number): void {
  for (let row = 0; row < image.length; row += size) image.subarray(row, row + size).reverse();
}

function cutOut(image: Float32Array, size: number, { cutX, cutY }: Variation, { cutout }: Augmentation): void {
  const left = Math.round(cutX * size - cutout / 2);
  const top = Math.round(cutY * size - cutout / 2);
  const from = Math.max(0, left);
  const to = Math.min(size, left + cutout);
  for (let channel = 0; channel < 3; channel++) {
    for (let y = Math.max(0, top); y < Math.min(size, top + cutout); y++) {
      image.fill(0, (channel * size + y) * size + from, (channel * size + y) * size + to);
    }
  }
}
