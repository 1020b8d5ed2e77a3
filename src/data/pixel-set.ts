/** Image sets whose pixels are all in memory at one size (CIFAR-10, MNIST, arrays), and any set's subsets. */
import { UnitscopeError } from "../errors.ts";
import { sha256 } from "./cache.ts";
import type { ImageSet, PixelArray, RgbImage } from "./image-set.ts";

/**
 * An image set over pixels in memory.
 *
 * @param hash what identifies pixels and labels together; by default their SHA-256.
 * @throws {UnitscopeError} `shape` if pixels and labels disagree, `value` if a label is not a class index.
 */
export function pixelSet({
  name,
  pixels,
  labels,
  classNames,
  hash = sha256(pixels.data, bytesOf(labels)),
  imageName = (image) => `${name.split(":")[1] ?? name}/${image}`,
}: {
  name: string;
  pixels: PixelArray;
  labels: Int32Array;
  classNames: readonly string[];
  hash?: string;
  imageName?: (image: number) => string;
}): ImageSet {
  const { data, channels, height, width } = pixels;
  const plane = height * width;
  const size = channels * plane;
  if (data.length !== labels.length * size) {
    throw new UnitscopeError(
      "shape",
      `data "${name}": expected ${labels.length} images of ${channels}×${height}×${width} for as many labels, got ${data.length} bytes of pixels`,
    );
  }
  checkLabels(name, labels, classNames.length);
  return {
    name,
    imageCount: labels.length,
    labels,
    classNames,
    hash,
    pixels,
    imageName,
    async read(image): Promise<RgbImage> {
      checkImage(name, image, labels.length);
      const rgb = new Uint8Array(3 * plane);
      for (let channel = 0; channel < 3; channel++) {
        const from = image * size + (channels === 1 ? 0 : channel * plane);
        for (let at = 0; at < plane; at++) rgb[3 * at + channel] = data[from + at] as number;
      }
      return { width, height, data: rgb };
    },
  };
}

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
  const labels = chosen.map((image) => set.labels[image] as number);
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
    imageName: (image) => set.imageName(chosen[image] as number),
    read: async (image) => {
      checkImage(set.name, image, chosen.length);
      return set.read(chosen[image] as number);
    },
  };
}

/** The first `limit` images of every class, in the set's order. A set sorted by class keeps all its classes. */
export function limitPerClass(set: ImageSet, limit: number): ImageSet {
  if (!Number.isInteger(limit) || limit < 1) {
    throw new UnitscopeError("usage", `--limit: expected a whole number of images per class from 1, got ${limit}`);
  }
  const taken = new Int32Array(set.classNames.length);
  const images: number[] = [];
  set.labels.forEach((label, image) => {
    if ((taken[label] as number) >= limit) return;
    taken[label]++;
    images.push(image);
  });
  return selectImages(set, images);
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

function checkLabels(name: string, labels: Int32Array, classCount: number): void {
  labels.forEach((label, image) => {
    if (label >= 0 && label < classCount) return;
    throw new UnitscopeError(
      "value",
      `data "${name}": image ${image}: expected a label in 0..${classCount - 1}, got ${label}`,
    );
  });
}

function checkImage(name: string, image: number, imageCount: number): void {
  if (Number.isInteger(image) && image >= 0 && image < imageCount) return;
  throw new UnitscopeError("value", `data "${name}": expected an image in 0..${imageCount - 1}, got ${image}`);
}
