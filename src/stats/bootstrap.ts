/** Bootstrap intervals of any statistic: Efron, "Better bootstrap confidence intervals" (1987). */
import { seededRandom } from "../numeric/random.ts";
import { normalCdf, normalQuantile } from "./normal.ts";

/** Two ends of an interval. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/**
 * A statistic of a sample, given as indices into the data, repetitions allowed. The array is reused between calls.
 */
export type Statistic = (indices: Uint32Array) => number;

/**
 * The bootstrap interval of a statistic over exchangeable rows (units, for us).
 *
 * `bca` corrects the percentile interval for bias and skewness (the default: correlations are skewed near ±1);
 * `percentile` takes the quantiles as they are. Resamples whose statistic is `NaN` (a resample without spread) are
 * left out.
 *
 * @param count rows of the data.
 * @returns both ends `NaN` if the statistic of the data is `NaN`, or if more than one in ten resamples give `NaN`.
 */
export function bootstrapInterval(
  count: number,
  statistic: Statistic,
  {
    resamples = 2_000,
    level = 0.95,
    method = "bca",
    seed = 0,
  }: { resamples?: number; level?: number; method?: "bca" | "percentile"; seed?: number } = {},
): Interval {
  const unknown = { low: Number.NaN, high: Number.NaN };
  const indices = new Uint32Array(count);
  for (let i = 0; i < count; i++) indices[i] = i;
  const estimate = statistic(indices);
  if (count < 2 || Number.isNaN(estimate)) return unknown;
  const random = seededRandom(seed);
  const drawn = new Float64Array(resamples);
  for (let resample = 0; resample < resamples; resample++) {
    for (let i = 0; i < count; i++) indices[i] = random.uniform() * count;
    drawn[resample] = statistic(indices);
  }
  const sorted = drawn.filter((value) => !Number.isNaN(value)).sort();
  if (sorted.length < resamples * 0.9) return unknown;
  const tails: [number, number] = [(1 - level) / 2, (1 + level) / 2];
  const [low, high] = method === "percentile" ? tails : correctTails(tails, sorted, estimate, count, statistic);
  return { low: quantileOfSorted(sorted, low), high: quantileOfSorted(sorted, high) };
}

/** The quantiles of the bootstrap distribution that BCa takes in place of the plain tails. */
function correctTails(
  tails: [number, number],
  sorted: Float64Array,
  estimate: number,
  count: number,
  statistic: Statistic,
): [number, number] {
  const below = sorted.filter((value) => value < estimate).length;
  const equal = sorted.filter((value) => value === estimate).length;
  const share = (below + equal / 2) / sorted.length;
  if (share === 0 || share === 1) return tails; // the estimate is outside of all resamples: nothing to correct by
  const bias = normalQuantile(share);
  const acceleration = jackknifeAcceleration(count, statistic);
  const correct = (tail: number): number => {
    const z = bias + normalQuantile(tail);
    return normalCdf(bias + z / (1 - acceleration * z));
  };
  return [correct(tails[0]), correct(tails[1])];
}

/** Skewness of the jackknife values over six; 0 where they do not spread. */
function jackknifeAcceleration(count: number, statistic: Statistic): number {
  const indices = new Uint32Array(count - 1);
  for (let i = 1; i < count; i++) indices[i - 1] = i;
  const values = new Float64Array(count);
  for (let left = 0; left < count; left++) {
    values[left] = statistic(indices);
    indices[left] = left; // the row that comes back in place of the next one
  }
  const known = values.filter((value) => !Number.isNaN(value));
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  let squares = 0;
  let cubes = 0;
  for (const value of known) {
    squares += (mean - value) ** 2;
    cubes += (mean - value) ** 3;
  }
  return squares === 0 || known.length === 0 ? 0 : cubes / (6 * squares ** 1.5);
}

/** Quantile of sorted values by linear interpolation between order statistics (the R-7 rule). */
export function quantileOfSorted(sorted: Float64Array, probability: number): number {
  if (sorted.length === 0 || Number.isNaN(probability)) return Number.NaN;
  const at = (sorted.length - 1) * Math.min(1, Math.max(0, probability));
  const lower = Math.floor(at);
  const upper = Math.min(lower + 1, sorted.length - 1);
  return sorted[lower] + (at - lower) * (sorted[upper] - sorted[lower]);
}
