/**
 * What class selectivity and ROC AUC would be if the labels had nothing to do with the images: the same maximum over
 * classes under shuffled labels. A maximum over many classes is positive even for noise; this says how positive.
 */
import { seededRandom } from "../numeric/random.ts";
import { classSelectivity, selectivityScalar } from "./class-selectivity.ts";
import { aucFromRankSums } from "./roc-auc.ts";

/**
 * One shuffle of the images: image `i` takes the label, or the probabilities, of image `order[i]`. The same shuffle
 * serves all units, so that their nulls are comparable.
 */
export function shuffledImages(imageCount: number, seed: number, shuffle: number): Int32Array {
  const order = Int32Array.from({ length: imageCount }, (_, image) => image);
  return seededRandom(seed, shuffle).shuffle(order);
}

/** Shuffles may take so much memory in each worker before they are drawn anew for every group of units. */
const keptBytes = 64 << 20;

/** The shuffles 0 to `shuffleCount - 1`, kept after the first use where they fit. */
export function shuffler(imageCount: number, seed: number, shuffleCount: number): (shuffle: number) => Int32Array {
  if (4 * imageCount * shuffleCount > keptBytes) return (shuffle) => shuffledImages(imageCount, seed, shuffle);
  const kept: Int32Array[] = [];
  return (shuffle) => {
    kept[shuffle] ??= shuffledImages(imageCount, seed, shuffle);
    return kept[shuffle];
  };
}

/** Scalars of one unit under one shuffle. */
export interface ShuffledScalars {
  readonly selectivity: number;
  readonly auc: number;
}

/**
 * Prepares the scalars of units under shuffled labels: selectivity of the class with the highest mean, and largest AUC.
 *
 * @param images images of each class, `[classCount]`; read only.
 * @returns a function of a unit's pooled responses and their ranks, side by side, float64 `[imageCount, 2]`, and of the
 *   shuffled class of every image, `[imageCount]`.
 */
export function shuffledScalars(images: Int32Array): (pairs: Float64Array, labels: Int32Array) => ShuffledScalars {
  const classCount = images.length;
  const sums = new Float64Array(2 * classCount);
  const means = new Float64Array(classCount);
  const rankSums = new Float64Array(classCount);
  const values = new Float64Array(classCount);
  return (pairs, labels) => {
    sums.fill(0);
    for (let image = 0, at = 0; image < labels.length; image++, at += 2) {
      const target = 2 * labels[image];
      sums[target] += pairs[at];
      sums[target + 1] += pairs[at + 1];
    }
    for (let cls = 0; cls < classCount; cls++) {
      means[cls] = sums[2 * cls] / images[cls]; // NaN for a class without images
      rankSums[cls] = sums[2 * cls + 1];
    }
    const selectivity = selectivityScalar(means, classSelectivity(means, values)).value;
    return { selectivity, auc: largest(aucFromRankSums(rankSums, images, values)) };
  };
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
