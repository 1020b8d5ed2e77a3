/** The images whose pixels go into the page, so that units can be removed from the network while looking at them. */
import type { RgbImage } from "../data/image-set.ts";
import type { Chunk } from "./chunk.ts";

/** Bytes of pixels that a page may hold for a run. */
export const pixelBudget: number = 3 << 20;

/**
 * Chooses images: of every class in turn, those that the most units flip first, then in their order.
 *
 * @param flips how many (unit, image) removals change the image's prediction, `[images]`.
 * @param limit how many to choose.
 */
export function chooseImages(labels: ArrayLike<number>, flips: ArrayLike<number>, limit: number): number[] {
  const ofClass = new Map<number, number[]>();
  for (let image = 0; image < labels.length; image++) {
    const own = ofClass.get(labels[image]);
    if (own) own.push(image);
    else ofClass.set(labels[image], [image]);
  }
  const queues = [...ofClass]
    .sort(([a], [b]) => a - b)
    .map(([, own]) => own.sort((a, b) => flips[b] - flips[a] || a - b));
  const chosen: number[] = [];
  for (let rank = 0; chosen.length < Math.min(limit, labels.length); rank++) {
    for (const queue of queues) if (rank < queue.length && chosen.length < limit) chosen.push(queue[rank]);
  }
  return chosen;
}

/** How many images of a size the budget allows, at least one of each of up to ten classes. */
export function imageLimit({ width, height }: { width: number; height: number }, classCount: number): number {
  return Math.max(Math.min(10, classCount), Math.floor(pixelBudget / (3 * width * height)));
}

/** Images of one size as a chunk; see `PixelsChunk`. */
export function pixelsChunk(images: readonly RgbImage[]): Chunk {
  const size = images[0]?.data.length ?? 0;
  const pixels = new Uint8Array(images.length * size);
  images.forEach(({ data, width }, image) => {
    const stride = 3 * width;
    for (let at = 0; at < size; at++) {
      const left = at % stride < 3 ? 0 : data[at - 3];
      pixels[image * size + at] = data[at] - left;
    }
  });
  return { header: {}, arrays: { pixels } };
}

/** The pixels of one image of such a chunk: uint8, `[height, width, 3]`. */
export function unpackPixels(
  pixels: Uint8Array,
  image: number,
  { width, height }: { width: number; height: number },
): Uint8Array {
  const size = 3 * width * height;
  const stride = 3 * width;
  const data = pixels.slice(image * size, (image + 1) * size);
  for (let at = 0; at < size; at++) if (at % stride >= 3) data[at] = data[at] + data[at - 3];
  return data;
}
