/** Activation statistics of every unit, over all images and positions, from what the observer kept. */
import { standardDeviation } from "../numeric/moments.ts";
import { totalMoments } from "../responses/block-moments.ts";
import type { ObservedLayer } from "../responses/observed.ts";
import { tailThreshold } from "../responses/tail-counts.ts";

/** Columns of the units table, each `[units]`. */
export interface ActivationStatistics {
  readonly mean: Float64Array;
  /** Exactly 0 for a constant response. */
  readonly std: Float64Array;
  readonly min: Float64Array;
  readonly max: Float64Array;
  /** Fraction of (image, position) pairs whose response is exactly 0. */
  readonly sparsity: Float64Array;
  /** Fraction of images on which every position is 0. */
  readonly silent_fraction: Float64Array;
  /** Fraction of (image, position) pairs below 0. Above 0, selectivity is not confined to [0, 1]. */
  readonly negative_fraction: Float64Array;
  /** T with P(response > T) ≤ fraction. */
  readonly top_threshold: Float64Array;
}

/** The statistics of a layer over all images. */
export function activationStatistics(layer: ObservedLayer, tailFraction: number): ActivationStatistics {
  const { minimum, maximum, zeros, negatives, silent, tail } = layer;
  const moments = totalMoments(layer.moments);
  const each = (value: (unit: number) => number): Float64Array =>
    Float64Array.from({ length: minimum.length }, (_, unit) => value(unit));
  return {
    mean: each((unit) => (minimum[unit] === maximum[unit] ? minimum[unit] : moments.mean[unit])),
    std: each((unit) => (minimum[unit] === maximum[unit] ? 0 : standardDeviation(moments, unit))),
    min: minimum,
    max: maximum,
    sparsity: each((unit) => zeros[unit] / moments.count),
    silent_fraction: each((unit) => silent[unit] / layer.images.length),
    negative_fraction: each((unit) => negatives[unit] / moments.count),
    top_threshold: each((unit) => tailThreshold(tail, unit, moments.count, tailFraction, maximum[unit])),
  };
}
