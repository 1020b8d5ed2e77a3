/** The paired t test from sums, so that differences of any number of images need not be kept. */
import { studentTwoSided } from "./student-t.ts";

/** Mean difference of paired values and the test of whether it is 0. */
export interface PairedTest {
  /** Mean difference; `NaN` without pairs. */
  readonly mean: number;
  /** Standard deviation of the differences (n − 1); `NaN` with fewer than two pairs. */
  readonly std: number;
  /** Two-sided p-value. 1 if every difference is 0; `NaN` with fewer than two pairs or equal non-zero differences. */
  readonly pValue: number;
}

/**
 * Two-sided paired t test (Student 1908).
 *
 * @param sum sum of the differences.
 * @param squares sum of their squares.
 * @param count number of pairs, integer ≥ 0.
 */
export function pairedT(sum: number, squares: number, count: number): PairedTest {
  const mean = sum / count;
  if (count < 2) return { mean, std: Number.NaN, pValue: Number.NaN };
  if (squares === 0) return { mean: 0, std: 0, pValue: 1 };
  const deviations = squares - sum * mean;
  // What is left of a cancellation is rounding, not spread: equal differences give no t.
  if (deviations <= squares * count * 2 ** -52) return { mean, std: 0, pValue: Number.NaN };
  const std = Math.sqrt(deviations / (count - 1));
  return { mean, std, pValue: studentTwoSided((mean / std) * Math.sqrt(count), count - 1) };
}
