/** The smallest class drop that an image set can show: what a table without findings could not have found. */

/**
 * The smallest class drop whose exact McNemar p-value reaches `bar` when no image is gained: k / images with the
 * smallest k that has 2 · 2^−k ≤ bar. Any gained image makes the drop that is needed larger.
 *
 * @param images images of the class.
 * @param correct of these, predicted right by the intact network: no more can be lost.
 * @param bar the p-value to reach, in (0, 1]: 0.05 for one test alone, 0.05 / tests for one that survives whatever
 *   the others show.
 * @returns in (0, 1]; `NaN` if not even losing all correct images would reach the bar.
 */
export function detectableDrop(images: number, correct: number, bar: number): number {
  const lost = detectableLosses(bar);
  return lost <= correct ? lost / images : Number.NaN;
}

/** The fewest losses without a gain whose exact McNemar p-value is at most `bar`, in (0, 1]; `NaN` if it is `NaN`. */
export function detectableLosses(bar: number): number {
  if (Number.isNaN(bar)) return Number.NaN;
  let lost = 1;
  while (2 ** (1 - lost) > bar) lost++;
  return lost;
}
