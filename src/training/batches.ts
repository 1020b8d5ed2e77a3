/** Batches to train on: which images, varied how, mixed with what, and the masks of dropout; all from seeded streams. */

import type { ImageSet } from "../data/image-set.ts";
import { type Random, resumeRandom, seededRandom } from "../numeric/random.ts";
import { floatValue, type Value } from "../runtime/session.ts";
import type { Mask } from "./architectures/network.ts";
import { drawVariation, type TrainingImages } from "./training-images.ts";

/** The random streams of a training; their states go into checkpoints. */
export interface Streams {
  /** Order of the images. */
  readonly order: Random;
  /** Crops, flips, cut-outs, mixing. */
  readonly variation: Random;
  /** Dropout. */
  readonly masks: Random;
}

/** States of `Streams`, by name. */
export type StreamStates = Readonly<Record<keyof Streams, [number, number, number, number]>>;

/** The streams of a seed. */
export function openStreams(seed: number): Streams {
  return { order: seededRandom(seed, 1), variation: seededRandom(seed, 2), masks: seededRandom(seed, 3) };
}

/** Streams that continue from a checkpoint. */
export function resumeStreams(states: StreamStates): Streams {
  return {
    order: resumeRandom(states.order),
    variation: resumeRandom(states.variation),
    masks: resumeRandom(states.masks),
  };
}

/** Where streams stand. */
export function streamStates({ order, variation, masks }: Streams): StreamStates {
  return { order: order.state(), variation: variation.state(), masks: masks.state() };
}

/** A new order of all images. */
export function shuffledImages(set: ImageSet, streams: Streams): Int32Array {
  return streams.order.shuffle(Int32Array.from({ length: set.imageCount }, (_, image) => image));
}

/**
 * The inputs of one step, without learning rate and parameters.
 *
 * @param chosen images of the batch; its length is the batch size.
 * @param options.mixup strength of mixing pairs of images (Zhang et al. 2018: λ from Beta(α, α)); 0: none.
 */
export async function trainingBatch(
  images: TrainingImages,
  chosen: Int32Array,
  { size, masks, mixup, streams }: { size: number; masks: readonly Mask[]; mixup: number; streams: Streams },
): Promise<Record<string, Value>> {
  const count = chosen.length;
  const pixels = new Float32Array(count * 3 * size * size);
  // Drawn before anything is awaited, so that the order of draws never depends on timing.
  const variations = Array.from({ length: count }, () => drawVariation(streams.variation));
  const share = mixup > 0 ? betaShare(mixup, streams.variation) : 1;
  const feeds: Record<string, Value> = {};
  for (const { name, shape, probability } of masks) {
    const values = new Float32Array(count * shape.reduce((product, dim) => product * dim, 1));
    const kept = 1 / (1 - probability);
    for (let i = 0; i < values.length; i++) values[i] = streams.masks.uniform() < probability ? 0 : kept;
    feeds[name] = floatValue([count, ...shape], values);
  }
  for (let place = 0; place < count; place++) {
    await images.write(chosen[place], variations[place], pixels, place);
  }
  // Every image is mixed with the one at the mirrored place of the (shuffled) batch.
  if (share < 1) mixPairs(pixels, count, share);
  const labels = BigInt64Array.from(chosen, (image) => BigInt(images.set.labels[image]));
  feeds.input = floatValue([count, 3, size, size], pixels);
  feeds.labels = { type: "int64", dims: [count], data: labels };
  feeds.other_labels = { type: "int64", dims: [count], data: labels.toReversed() };
  feeds.label_share = floatValue([], Float32Array.of(share));
  return feeds;
}

function mixPairs(pixels: Float32Array, count: number, share: number): void {
  const length = pixels.length / count;
  for (let place = 0; 2 * place < count; place++) {
    const one = pixels.subarray(place * length, (place + 1) * length);
    const other = pixels.subarray((count - 1 - place) * length, (count - place) * length);
    for (let i = 0; i < length; i++) {
      const a = one[i];
      const b = other[i];
      one[i] = share * a + (1 - share) * b;
      other[i] = share * b + (1 - share) * a;
    }
  }
}

/** A draw from Beta(α, α) by Jöhnk's method: u^(1/α) / (u^(1/α) + v^(1/α)), accepted if the sum is at most 1. */
function betaShare(alpha: number, random: Random): number {
  for (;;) {
    const u = random.uniform() ** (1 / alpha);
    const v = random.uniform() ** (1 / alpha);
    if (u + v > 0 && u + v <= 1) return u / (u + v);
  }
}
