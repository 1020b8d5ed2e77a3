/** The area under the ROC curve by ranks: P(a positive scores above a negative), ties counting half (Mann–Whitney). */
import { UnitscopeError } from "../errors.ts";
import { averageRanks } from "./ranks.ts";

/**
 * AUC of telling each class from all others by one score, for all classes by one sort.
 *
 * @param scores one an image, `[imageCount]`; float32 sorts fastest.
 * @param labels class of each image, `[imageCount]`.
 * @returns float64 `[classCount]`, in [0, 1]; 0.5 for a constant score; `NaN` for a class without images or with all
 *   of them, and everywhere if a score is `NaN`.
 * @throws {UnitscopeError} `shape` if the lengths differ.
 */
export function rocAucPerClass(
  scores: Float32Array | Float64Array,
  labels: Int32Array,
  classCount: number,
): Float64Array {
  if (scores.length !== labels.length) {
    throw new UnitscopeError("shape", `roc auc: expected ${labels.length} scores, one a label, got ${scores.length}`);
  }
  const areas = new Float64Array(classCount).fill(Number.NaN);
  if (scores.some(Number.isNaN)) return areas;
  const ranks = averageRanks(scores);
  const rankSums = new Float64Array(classCount);
  const counts = new Int32Array(classCount);
  for (let image = 0; image < labels.length; image++) {
    rankSums[labels[image]] += ranks[image];
    counts[labels[image]]++;
  }
  for (let cls = 0; cls < classCount; cls++) {
    const positives = counts[cls];
    const negatives = labels.length - positives;
    if (positives === 0 || negatives === 0) continue;
    areas[cls] = (rankSums[cls] - (positives * (positives + 1)) / 2) / (positives * negatives);
  }
  return areas;
}

/** AUC of telling positives (entry not 0) from the rest by a score. `NaN` as `rocAucPerClass`. */
export function rocAuc(scores: Float32Array | Float64Array, positive: ArrayLike<number>): number {
  return rocAucPerClass(
    scores,
    Int32Array.from(positive, (entry) => (entry === 0 ? 0 : 1)),
    2,
  )[1];
}
