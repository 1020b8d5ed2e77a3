/** What was observed of a network's responses to some images, as plain data, and how parts become one. */
import { mergeTopK, type TopK } from "../numeric/top-k.ts";
import type { Merge, PartialResult } from "../passes/pass.ts";
import { type BlockMoments, mergeBlockMoments } from "./block-moments.ts";
import { mergeTails, type TailCounts } from "./tail-counts.ts";

/** One layer's responses to some images. */
export interface ObservedLayer {
  /** Numbers of the images, ascending, int32 `[count]`. */
  readonly images: Int32Array;
  /** Of the responses at all positions, per unit. */
  readonly moments: BlockMoments;
  /** Smallest and largest response, `[units]`. */
  readonly minimum: Float64Array;
  readonly maximum: Float64Array;
  /** Positions whose response is exactly 0, and below 0, `[units]`. */
  readonly zeros: Float64Array;
  readonly negatives: Float64Array;
  /** Images on which the response is 0 at every position, `[units]`. */
  readonly silent: Int32Array;
  /** Images with the largest responses; those on which the unit is silent are left out. */
  readonly top: TopK;
  /**
   * The largest values of each unit. A worker leaves out those that its own earlier blocks already put below the
   * threshold, so a tail is right once all blocks of the plan are merged.
   */
  readonly tail: TailCounts;
  /** Values of each unit that the tail keeps. */
  readonly tailKeep: number;
  /** Mean over positions, row-major `[count, units]`; of length 0 where it is left out. */
  readonly pooledMean: Float64Array;
  /** Maximum over positions, likewise. */
  readonly pooledMax: Float32Array;
}

/** What all layers share. */
export interface ObservedOutputs {
  /** Numbers of the images, ascending, int32 `[count]`. */
  readonly images: Int32Array;
  /** Probabilities of the classes, row-major `[count, classCount]`. */
  readonly probabilities: Float32Array;
}

/** A block of images. */
export type Observed = PartialResult<ObservedOutputs, ObservedLayer>;

/** Strongest images that are kept per unit by default. */
export const defaultTopImages = 9;
/** Fraction of a unit's responses above its threshold (Bau et al. 2017). */
export const defaultTailFraction = 0.005;

/** Joins what was observed of disjoint images. */
export const mergeObserved: Merge<ObservedOutputs, ObservedLayer> = {
  shared: (parts) => ({
    images: joinImages(parts),
    probabilities: joinRows(parts, ({ probabilities }) => probabilities, Float32Array),
  }),
  layer: (parts) => {
    const [first, ...others] = parts;
    const add = (pick: (part: ObservedLayer) => Float64Array): Float64Array =>
      pick(first).map((_, unit) => parts.reduce((sum, part) => sum + pick(part)[unit], 0));
    return {
      images: joinImages(parts),
      moments: mergeBlockMoments(parts.map(({ moments }) => moments)),
      minimum: first.minimum.map((_, unit) => Math.min(...parts.map(({ minimum }) => minimum[unit]))),
      maximum: first.maximum.map((_, unit) => Math.max(...parts.map(({ maximum }) => maximum[unit]))),
      zeros: add(({ zeros }) => zeros),
      negatives: add(({ negatives }) => negatives),
      silent: first.silent.map((_, unit) => parts.reduce((sum, { silent }) => sum + silent[unit], 0)),
      top: others.reduce((top, part) => mergeTopK(top, part.top), first.top),
      tail: others.reduce((tail, part) => mergeTails(tail, part.tail, first.tailKeep), first.tail),
      tailKeep: first.tailKeep,
      pooledMean: joinRows(parts, ({ pooledMean }) => pooledMean, Float64Array),
      pooledMax: joinRows(parts, ({ pooledMax }) => pooledMax, Float32Array),
    };
  },
};

/** Without what grows by a row of units with every image. */
export function withoutPooled(layer: ObservedLayer): ObservedLayer {
  return { ...layer, pooledMean: new Float64Array(0), pooledMax: new Float32Array(0) };
}

/** The buffers of a block, to be moved instead of copied between threads. */
export function observedBuffers({ shared, layers }: Observed): ArrayBuffer[] {
  const large = layers.flatMap(({ pooledMean, pooledMax, tail }) => [
    pooledMean,
    pooledMax,
    tail.starts,
    tail.keys,
    tail.counts,
  ]);
  return [shared.probabilities, ...large].map(({ buffer }) => buffer as ArrayBuffer);
}

function joinImages(parts: readonly { readonly images: Int32Array }[]): Int32Array {
  return Int32Array.from(parts.flatMap(({ images }) => Array.from(images))).sort();
}

/** Rows of all parts in the order of their images. */
function joinRows<Part extends { readonly images: Int32Array }, T extends Float32Array | Float64Array>(
  parts: readonly Part[],
  pick: (part: Part) => T,
  kind: new (length: number) => T,
): T {
  if (parts.length === 1) return pick(parts[0]);
  const joined = new kind(parts.reduce((sum, part) => sum + pick(part).length, 0));
  const place = new Map(Array.from(joinImages(parts), (image, row) => [image, row]));
  for (const part of parts) {
    const rows = pick(part);
    const size = rows.length / part.images.length;
    part.images.forEach((image, row) => {
      joined.set(rows.subarray(row * size, (row + 1) * size), (place.get(image) ?? 0) * size);
    });
  }
  return joined;
}
