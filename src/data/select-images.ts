/** Subsets of image sets, and counts of their classes. */
import { UnitscopeError } from "../errors.ts";
import { sha256 } from "../files/hash.ts";
import type { ImageSet, PixelArray } from "./image-set.ts";
import { labelsOfImages } from "./several-labels.ts";

/**
 * The set of some images of a set, in the order given. All of them in their own order give the set itself, so a limit
 * that cuts nothing changes no hash.
 *
 * @throws {UnitscopeError} `value` if an image is not in the set.
 */
export function selectImages(set: ImageSet, images: ArrayLike<number>): ImageSet {
  const chosen = Int32Array.from(images);
  for (const image of chosen) checkImage(set.name, image, set.imageCount);
  if (chosen.length === set.imageCount && chosen.every((image, at) => image === at)) return set;
  const labels = chosen.map((image) => set.labels[image]);
  const { pixels } = set;
  let selected: PixelArray | undefined;
  if (pixels) {
    const size = pixels.channels * pixels.height * pixels.width;
    const data = new Uint8Array(chosen.length * size);
    chosen.forEach((image, at) => data.set(pixels.data.subarray(image * size, (image + 1) * size), at * size));
    selected = { ...pixels, data };
  }
  return {
    name: set.name,
    imageCount: chosen.length,
    labels,
    classNames: set.classNames,
    hash: sha256(set.hash, bytesOf(chosen)),
    ...(selected && { pixels: selected }),
    ...(set.severalLabels && { severalLabels: labelsOfImages(set.severalLabels, chosen) }),
    imageName: (image) => set.imageName(chosen[image]),
    read: async (image) => {
      checkImage(set.name, image, chosen.length);
      return set.read(chosen[image]);
    },
  };
}

/** The first `limit` images of every class, in the set's order. A set sorted by class keeps all its classes. */
export function limitPerClass(set: ImageSet, limit: number): ImageSet {
  return selectImages(set, firstPerClass(set.labels, limit));
}

/**
 * Positions of the first `limit` labels of every class, ascending.
 * @throws {UnitscopeError} `usage` if the limit is not a whole number from 1.
 */
export function firstPerClass(labels: Int32Array, limit: number): Int32Array {
  if (!Number.isInteger(limit) || limit < 1) {
    throw new UnitscopeError(
      "usage",
      `option "limit": expected a whole number of images per class from 1, got ${limit}`,
    );
  }
  const taken = new Map<number, number>();
  const images: number[] = [];
  labels.forEach((label, image) => {
    const count = taken.get(label) ?? 0;
    if (count >= limit) return;
    taken.set(label, count + 1);
    images.push(image);
  });
  return Int32Array.from(images);
}

/** Number of images of every class, `[classCount]`. */
export function imagesPerClass(set: ImageSet): Int32Array {
  const counts = new Int32Array(set.classNames.length);
  for (const label of set.labels) counts[label]++;
  return counts;
}

/** The bytes of an integer array in this machine's order (little-endian on every platform that Node runs on but s390x). */
export function bytesOf(values: Int32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** @throws {UnitscopeError} `value` if there is no such image. */
export function checkImage(name: string, image: number, imageCount: number): void {
  if (Number.isInteger(image) && image >= 0 && image < imageCount) return;
  throw new UnitscopeError("value", `data "${name}": expected an image in 0..${imageCount - 1}, got ${image}`);
}
