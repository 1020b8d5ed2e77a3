/**
 * Area under the ROC curve for telling each class from all others by a unit's pooled response: the probability that an
 * image of the class drives the unit more than another image, ties counting half (Mann and Whitney).
 */

/**
 * Ranks from 1; equal values share the mean of their ranks.
 * @param out written, `[values.length]`.
 */
export function midRanks(values: Float64Array, out: Float64Array = new Float64Array(values.length)): Float64Array {
  const sorted = values.slice().sort();
  const different = new Float64Array(sorted.length);
  const ranks = new Float64Array(sorted.length);
  let count = 0;
  for (let start = 0; start < sorted.length; ) {
    let end = start + 1;
    while (end < sorted.length && sorted[end] === sorted[start]) end++;
    different[count] = sorted[start];
    ranks[count++] = (start + 1 + end) / 2;
    start = end;
  }
  for (let at = 0; at < values.length; at++) {
    let low = 0;
    let high = count - 1;
    const value = values[at];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (different[middle] < value) low = middle + 1;
      else high = middle;
    }
    out[at] = ranks[low];
  }
  return out;
}

/**
 * The areas of all classes from the sums of ranks.
 *
 * @param rankSums sum of the ranks of each class's images, `[classCount]`; read only.
 * @param images images of each class, `[classCount]`; read only.
 * @param out written, `[classCount]`: in [0, 1], 0.5 for a silent unit; `NaN` for a class with no image or all images.
 */
export function aucFromRankSums(
  rankSums: ArrayLike<number>,
  images: Int32Array,
  out: Float64Array = new Float64Array(images.length),
): Float64Array {
  let imageCount = 0;
  for (const count of images) imageCount += count;
  for (let cls = 0; cls < images.length; cls++) {
    const inside = images[cls];
    const pairs = inside * (imageCount - inside);
    out[cls] = pairs === 0 ? Number.NaN : (rankSums[cls] - (inside * (inside + 1)) / 2) / pairs;
  }
  return out;
}
