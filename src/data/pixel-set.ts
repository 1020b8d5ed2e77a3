/** Image sets whose pixels are all in memory at one size: CIFAR-10, MNIST, arrays. */
import { UnitscopeError } from "../errors.ts";
import { sha256 } from "../files/hash.ts";
import type { ImageSet, PixelArray, RgbImage } from "./image-set.ts";
import { bytesOf, checkImage } from "./select-images.ts";

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
  hash = sha256(`${pixels.channels}×${pixels.height}×${pixels.width}\n`, pixels.data, bytesOf(labels)),
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
  if (!(height >= 1 && width >= 1)) {
    throw new UnitscopeError("shape", `data "${name}": expected images with pixels, got ${width}×${height}`);
  }
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
        for (let at = 0; at < plane; at++) rgb[3 * at + channel] = data[from + at];
      }
      return { width, height, data: rgb };
    },
  };
}

/**
 * Checks that every label is a class index.
 * @throws {UnitscopeError} `value` if one is not; the message names the image.
 */
export function checkLabels(name: string, labels: Int32Array, classCount: number): void {
  labels.forEach((label, image) => {
    if (label >= 0 && label < classCount) return;
    throw new UnitscopeError(
      "value",
      `data "${name}": image ${image}: expected a label in 0..${classCount - 1}, got ${label}`,
    );
  });
}
