/**
 * What class selectivity and ROC AUC would be if the labels had nothing to do with the images: the same maximum over
 * classes under shuffled labels. A maximum over many classes is positive even for noise; this says how positive.
 */
import { seededRandom } from "../numeric/random.ts";
import { classSelectivity, selectivityScalar } from "./class-selectivity.ts";
import { aucFromRankSums } from "./roc-auc.ts";

/**
 * The order of images of one shuffle. Shuffled labels are the first images of it for class 0, the next for class 1, and
 * so on. The same shuffle serves all units, so that their nulls are comparable.
 */
export function shuffledImages(imageCount: number, seed: number, shuffle: number): Int32Array {
  const order = Int32Array.from({ length: imageCount }, (_, image) => image);
  return seededRandom(seed, shuffle).shuffle(order);
}

/** Scalars of one unit under every shuffle. */
export interface LabelNulls {
  /** `[shuffleCount]`. */
  readonly selectivity: Float64Array;
  readonly auc: Float64Array;
}

/**
 * The scalars of one unit under one shuffle: selectivity of the class with the highest mean, and the largest AUC.
 *
 * @param pairs the unit's pooled response and its rank, side by side, `[imageCount, 2]`; read only.
 * @param order from `shuffledImages`; read only.
 * @param images images of each class, `[classCount]`; read only.
 * @param scratch two float64 arrays `[classCount]`, overwritten.
 */
export function shuffledScalars(
  pairs: Float64Array,
  order: Int32Array,
  images: Int32Array,
  scratch: { readonly means: Float64Array; readonly values: Float64Array; readonly rankSums: Float64Array },
): { selectivity: number; auc: number } {
  const { means, values, rankSums } = scratch;
  let at = 0;
  for (let cls = 0; cls < images.length; cls++) {
    let sum = 0;
    let ranks = 0;
    for (const end = at + images[cls]; at < end; at++) {
      const pair = 2 * order[at];
      sum += pairs[pair];
      ranks += pairs[pair + 1];
    }
    means[cls] = sum / images[cls]; // NaN for a class without images
    rankSums[cls] = ranks;
  }
  const selectivity = selectivityScalar(means, classSelectivity(means, values)).value;
  return { selectivity, auc: largest(aucFromRankSums(rankSums, images, values)) };
}

/** The largest of the entries that are not `NaN`; `NaN` if there is none. */
export function largest(values: Float64Array): number {
  let best = Number.NaN;
  for (const value of values) if (!(value <= best) && !Number.isNaN(value)) best = value;
  return best;
}

/** A null distribution beside an observed value. */
export interface NullSummary {
  readonly mean: number;
  /** The smallest value that at least 95 % of the shuffles do not exceed. */
  readonly quantile95: number;
  /** (1 + shuffles at least as large as the observed value) / (1 + shuffles). */
  readonly pValue: number;
}

/** Sums up the values under all shuffles; all `NaN` if the observed value is. */
export function summarizeNull(observed: number, shuffled: Float64Array): NullSummary {
  if (Number.isNaN(observed) || shuffled.length === 0) {
    return { mean: Number.NaN, quantile95: Number.NaN, pValue: Number.NaN };
  }
  let sum = 0;
  let reached = 0;
  for (const value of shuffled) {
    sum += value;
    if (value >= observed) reached++;
  }
  const sorted = shuffled.slice().sort();
  return {
    mean: sum / shuffled.length,
    quantile95: sorted[Math.ceil(0.95 * sorted.length) - 1],
    pValue: (1 + reached) / (1 + shuffled.length),
  };
}
