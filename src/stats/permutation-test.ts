/** Permutation tests: how often would a shuffled pairing do as well? */
import { type Random, seededRandom } from "../numeric/random.ts";

/**
 * P(a shuffled statistic ≥ the observed one). The observed pairing counts as one of the draws, so that the estimate is
 * never 0 (Phipson and Smyth 2010): (1 + draws that reach it) / (1 + draws).
 *
 * @param observed larger is stronger; `NaN` gives `NaN`.
 * @param draw the statistic of a fresh shuffle made with the given stream.
 */
export function permutationPValue(
  observed: number,
  draw: (random: Random) => number,
  { draws = 2_000, seed = 0 }: { draws?: number; seed?: number } = {},
): number {
  if (Number.isNaN(observed)) return Number.NaN;
  const random = seededRandom(seed);
  const bar = observed - Math.abs(observed) * 1e-12; // equal statistics may differ in the last bits
  let reached = 0;
  for (let i = 0; i < draws; i++) if (draw(random) >= bar) reached++;
  return (1 + reached) / (1 + draws);
}

/**
 * Two-sided permutation p-value of a Pearson correlation (of Spearman's, if given ranks).
 * @returns `NaN` if the correlation is `NaN`.
 */
export function correlationPValue(
  x: Float64Array,
  y: Float64Array,
  options: { draws?: number; seed?: number } = {},
): number {
  const count = x.length;
  const [dx, dy] = [standardised(x), standardised(y)];
  const shuffled = Uint32Array.from(x, (_, i) => i);
  const product = (): number => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += dx[i] * dy[shuffled[i]];
    return Math.abs(sum);
  };
  return permutationPValue(
    product(),
    (random) => {
      random.shuffle(shuffled);
      return product();
    },
    options,
  );
}

/** Deviations from the mean over their length; all `NaN` for constant values. */
function standardised(values: Float64Array): Float64Array {
  if (values.every((value) => value === values[0])) return values.map(() => Number.NaN);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const deviations = values.map((value) => value - mean);
  const length = Math.sqrt(deviations.reduce((sum, value) => sum + value * value, 0));
  return deviations.map((value) => value / length);
}
