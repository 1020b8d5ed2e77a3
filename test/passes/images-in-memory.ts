/** Images that are in memory, as blocks and as the source of blocks. */
import type { BlockSource, ImageBlock } from "../../src/passes/image-block.ts";

/** One block of consecutive images. @param data `[count, ...imageDims]`. */
export function blockOf(
  data: Float32Array,
  imageDims: readonly number[],
  labels: Int32Array = new Int32Array(data.length / size(imageDims)),
): ImageBlock {
  return { count: labels.length, images: labels.map((_, image) => image), labels, imageDims, data };
}

/** A source over pixels, and the blocks that it was asked for, as first image and count. */
export function sourceOf(
  data: Float32Array,
  imageDims: readonly number[],
  labels: Int32Array,
): BlockSource & { readonly asked: (readonly [number, number])[] } {
  const each = size(imageDims);
  const asked: (readonly [number, number])[] = [];
  return {
    identity: { images: "in memory", preprocessing: {} },
    asked,
    imageCount: labels.length,
    labels,
    read: async (images) => {
      asked.push([images[0], images.length]);
      const own = new Float32Array(images.length * each);
      images.forEach((image, row) => own.set(data.subarray(image * each, (image + 1) * each), row * each));
      return {
        count: images.length,
        images: images.slice(),
        labels: images.map((image) => labels[image]),
        imageDims,
        data: own,
      };
    },
  };
}

function size(dims: readonly number[]): number {
  return dims.reduce((a, b) => a * b, 1);
}
