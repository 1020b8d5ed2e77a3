/** A block of images, in the one shape in which every pass meets it, and reading blocks from an image set. */
import { imageBatches } from "../data/image-batches.ts";
import type { ImageSet } from "../data/image-set.ts";
import type { Preprocessing } from "../data/preprocessing.ts";
import { selectImages } from "../data/select-images.ts";
import type { JsonRecord } from "./plan.ts";

/** Preprocessed, labelled images. Plain data that can be posted between threads. */
export interface ImageBlock {
  readonly count: number;
  /** Number of every image in its set, int32 `[count]`. */
  readonly images: Int32Array;
  /** Class of every image, int32 `[count]`. */
  readonly labels: Int32Array;
  /** The network's input for one image: `[channels, height, width]` or `[height, width, channels]`. */
  readonly imageDims: readonly number[];
  /** float32, row-major `[count, ...imageDims]`. */
  readonly data: Float32Array;
  /** Which units of each of the plan's layers are asked for; `null`, and where it is absent: all of them. */
  readonly only?: readonly UnitChoice[];
  /** Pixels of other images for each of these, once a draw, `[count, ...imageDims]`; where a pass asks for them. */
  readonly donors?: readonly Float32Array[];
}

/** Some units of a layer, ascending, or all of them. */
export type UnitChoice = Int32Array | null;

/** Labelled images that can be read a block at a time. */
export interface BlockSource {
  /** What the images are, as every key names it. */
  readonly identity: {
    /** Hash of the ordered list of images and their labels. */
    readonly images: string;
    readonly preprocessing: JsonRecord;
  };
  readonly imageCount: number;
  /** Class of every image, int32 `[imageCount]`. */
  readonly labels: Int32Array;
  /** Reads the given images. @throws {UnitscopeError} `data` for an image that cannot be read, `interrupted`. */
  read(images: Int32Array): Promise<ImageBlock>;
}

/** What of the preprocessing tells its result apart: everything, but where a mean image lies. */
export function preprocessingIdentity({ meanImage, ...rest }: Preprocessing): JsonRecord {
  return { ...rest, ...(meanImage && { meanImage: meanImage.sha256 }) };
}

/** The images of a set, preprocessed. */
export function blockSource(set: ImageSet, preprocessing: Preprocessing, signal?: AbortSignal): BlockSource {
  return {
    identity: { images: set.hash, preprocessing: preprocessingIdentity(preprocessing) },
    imageCount: set.imageCount,
    labels: set.labels,
    read: async (images) => {
      const isRun = images.every((image, at) => image === images[0] + at);
      const [from, start] = isRun ? [set, images[0] ?? 0] : [selectImages(set, images), 0];
      const options = { start, end: start + images.length, batchSize: Math.max(1, images.length), signal };
      for await (const { count, pixels, dims } of imageBatches(from, preprocessing, options)) {
        const labels = images.map((image) => set.labels[image]);
        return { count, images: images.slice(), labels, imageDims: dims.slice(1), data: pixels };
      }
      return { count: 0, images, labels: new Int32Array(0), imageDims: [], data: new Float32Array(0) };
    },
  };
}

/** Images `from` to `to - 1` of a block; a view of its memory. */
export function partOfBlock({ images, labels, imageDims, data }: ImageBlock, from: number, to: number): ImageBlock {
  const size = imageDims.reduce((a, b) => a * b, 1);
  return {
    count: to - from,
    images: images.subarray(from, to),
    labels: labels.subarray(from, to),
    imageDims,
    data: data.subarray(from * size, to * size),
  };
}
