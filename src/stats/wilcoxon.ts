/** The signed-rank test of paired differences: Wilcoxon, "Individual comparisons by ranking methods" (1945). */
import { normalCdf } from "./normal.ts";
import { averageRanks } from "./ranks.ts";

/** Up to this many non-zero differences the null is counted out; beyond it is normal with a tie correction. */
const exactLimit = 100;

/**
 * Two-sided Wilcoxon signed-rank test that differences are symmetric about 0. Zeros are left out (Wilcoxon's rule);
 * ties share their average rank, and the exact null is that of the ranks as they are.
 *
 * @param differences `NaN` makes the result `NaN`.
 * @returns p-value in (0, 1]; 1 if every difference is 0; `NaN` if there is none.
 */
export function wilcoxonSignedRank(differences: ArrayLike<number>): number {
  const values = Float64Array.from(differences);
  if (values.length === 0 || values.some(Number.isNaN)) return Number.NaN;
  const nonZero = values.filter((value) => value !== 0);
  const count = nonZero.length;
  if (count === 0) return 1;
  const ranks = averageRanks(nonZero.map(Math.abs));
  let positive = 0;
  let squares = 0;
  for (let i = 0; i < count; i++) {
    if (nonZero[i] > 0) positive += ranks[i];
    squares += ranks[i] * ranks[i];
  }
  const center = (count * (count + 1)) / 4;
  const smaller = Math.min(positive, 2 * center - positive);
  if (count > exactLimit) return Math.min(1, 2 * normalCdf((smaller - center) / Math.sqrt(squares / 4)));

  // P(sum of the ranks that a coin picks = s), by adding one rank after the other; doubled ranks are whole numbers.
  const top = Math.round(2 * smaller);
  let chances = new Float64Array(top + 1);
  chances[0] = 1;
  for (const rank of ranks) {
    const step = Math.round(2 * rank);
    const next = new Float64Array(top + 1);
    for (let s = 0; s <= top; s++) next[s] = (chances[s] + (s >= step ? chances[s - step] : 0)) / 2;
    chances = next;
  }
  return Math.min(1, 2 * chances.reduce((sum, chance) => sum + chance, 0));
}
