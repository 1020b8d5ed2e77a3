/**
 * What was observed of a network's responses over a block of consecutive images, as plain data, and how two blocks
 * become one.
 */
import { UnitscopeError } from "../errors.ts";
import { type Moments, mergeMoments } from "../numeric/moments.ts";
import { mergeTopK, type TopK } from "../numeric/top-k.ts";
import { mergeTails, type TailCounts } from "./tail-counts.ts";

/** One layer over a block of images. Plain data. */
export interface ObservedLayer {
  /** Of the responses at all positions, per unit. */
  readonly moments: Moments;
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
  readonly tail: TailCounts;
  /** Mean over positions, row-major `[count, units]`; of length 0 once it has been stored elsewhere. */
  readonly pooledMean: Float64Array;
  /** Maximum over positions, likewise. */
  readonly pooledMax: Float32Array;
}

/** A block of consecutive images. Plain data that can be posted between threads and stored. */
export interface Observed {
  readonly start: number;
  readonly count: number;
  /** Values of each unit that the tails keep. */
  readonly tailKeeps: readonly number[];
  readonly layers: readonly ObservedLayer[];
  /** Row-major `[count, classCount]`; of length 0 once it has been stored elsewhere. */
  readonly probabilities: Float32Array;
}

/** Strongest images that are kept per unit by default. */
export const defaultTopImages = 9;
/** Fraction of a unit's responses above its threshold (Bau et al. 2017). */
export const defaultTailFraction = 0.005;

/**
 * Two blocks together, the second following the first.
 * @throws {UnitscopeError} `internal` if they are not consecutive.
 */
export function mergeObserved(a: Observed, b: Observed): Observed {
  if (b.start !== a.start + a.count || a.layers.length !== b.layers.length) {
    throw new UnitscopeError(
      "internal",
      `internal: observations: expected ${a.layers.length} layers from image ${a.start + a.count} on, got ${b.layers.length} from ${b.start}`,
    );
  }
  return {
    start: a.start,
    count: a.count + b.count,
    tailKeeps: a.tailKeeps,
    probabilities: joinArrays([a.probabilities, b.probabilities], Float32Array),
    layers: a.layers.map((layer, at) => mergeLayers(layer, b.layers[at], a.tailKeeps[at])),
  };
}

/** Without what grows with the number of images, for blocks whose pooled responses are stored. */
export function withoutPooled(observed: Observed): Observed {
  return {
    ...observed,
    probabilities: new Float32Array(0),
    layers: observed.layers.map((layer) => ({
      ...layer,
      pooledMean: new Float64Array(0),
      pooledMax: new Float32Array(0),
    })),
  };
}

/** The buffers of a block, to be moved instead of copied between threads. */
export function observedBuffers(observed: Observed): ArrayBuffer[] {
  return [
    observed.probabilities.buffer as ArrayBuffer,
    ...observed.layers.flatMap(({ pooledMean, pooledMax, tail }) =>
      [pooledMean, pooledMax, tail.starts, tail.keys, tail.counts].map((each) => each.buffer as ArrayBuffer),
    ),
  ];
}

function mergeLayers(a: ObservedLayer, b: ObservedLayer, tailKeep: number): ObservedLayer {
  return {
    moments: mergeMoments(a.moments, b.moments),
    minimum: a.minimum.map((value, unit) => Math.min(value, b.minimum[unit])),
    maximum: a.maximum.map((value, unit) => Math.max(value, b.maximum[unit])),
    zeros: a.zeros.map((value, unit) => value + b.zeros[unit]),
    negatives: a.negatives.map((value, unit) => value + b.negatives[unit]),
    silent: a.silent.map((value, unit) => value + b.silent[unit]),
    top: mergeTopK(a.top, b.top),
    tail: mergeTails(a.tail, b.tail, tailKeep),
    pooledMean: joinArrays([a.pooledMean, b.pooledMean], Float64Array),
    pooledMax: joinArrays([a.pooledMax, b.pooledMax], Float32Array),
  };
}

/** Parts one after the other. */
export function joinArrays<T extends Float32Array | Float64Array>(
  parts: readonly T[],
  kind: new (length: number) => T,
): T {
  if (parts.length === 1) return parts[0];
  const joined = new kind(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
