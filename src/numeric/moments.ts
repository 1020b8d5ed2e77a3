/**
 * Running moments of many series at once, in double precision, merged by the pairwise update of Chan, Golub and
 * LeVeque (1983), so that parts may be computed anywhere and joined in a fixed order.
 */
import { UnitscopeError } from "../errors.ts";

/** Count, mean and sum of squared deviations of several series that all have the same count. */
export interface Moments {
  readonly count: number;
  /** `[seriesCount]`; 0 while the count is 0. */
  readonly mean: Float64Array;
  /** Sum of squared deviations from the mean, `[seriesCount]`. */
  readonly squares: Float64Array;
}

/** Moments of nothing. */
export function emptyMoments(seriesCount: number): Moments {
  return { count: 0, mean: new Float64Array(seriesCount), squares: new Float64Array(seriesCount) };
}

/**
 * The moments of two parts together.
 * @throws {UnitscopeError} `shape` if they are of different numbers of series.
 */
export function mergeMoments(a: Moments, b: Moments): Moments {
  const seriesCount = a.mean.length;
  if (b.mean.length !== seriesCount) {
    throw new UnitscopeError("shape", `moments: expected ${seriesCount} series, got ${b.mean.length}`);
  }
  if (a.count === 0) return b;
  if (b.count === 0) return a;
  const count = a.count + b.count;
  const mean = new Float64Array(seriesCount);
  const squares = new Float64Array(seriesCount);
  const share = b.count / count;
  for (let series = 0; series < seriesCount; series++) {
    const distance = b.mean[series] - a.mean[series];
    mean[series] = a.mean[series] + distance * share;
    squares[series] = a.squares[series] + b.squares[series] + distance * distance * a.count * share;
  }
  return { count, mean, squares };
}

/** Standard deviation of a series (dividing by the count, as numpy's default); `NaN` of nothing. */
export function standardDeviation({ count, squares }: Moments, series: number): number {
  return count === 0 ? Number.NaN : Math.sqrt(squares[series] / count);
}

/** Where `summarizeMap` puts its results. */
export const mapSum = 0;
/** Sum of squared deviations from the mean of these values. */
export const mapSquares = 1;
/** Smallest value. */
export const mapMinimum = 2;
/** Largest value. */
export const mapMaximum = 3;
/** Number of values that are exactly 0 (either sign of it). */
export const mapZeros = 4;
/** Number of values below 0. */
export const mapNegatives = 5;
/** Length of the result of `summarizeMap`. */
export const mapFields = 6;

/**
 * One pass over a response: sum, squared deviations, extremes, zeros and negatives.
 *
 * Sums are of differences from the first value, so that a small spread around a large value keeps its digits.
 *
 * @param data float32; the values `start` to `end - 1` are read.
 * @param bits the same memory as int32.
 * @param out float64 `[mapFields]`, written. With a NaN or an infinity among the values, the sum is not finite.
 */
export function summarizeMap(
  data: Float32Array,
  bits: Int32Array,
  start: number,
  end: number,
  out: Float64Array,
): void {
  const shift = data[start];
  let sum = 0;
  let otherSum = 0; // two chains, since an addition waits for the one before
  let squares = 0;
  let otherSquares = 0;
  let minimum = Infinity;
  let maximum = -Infinity;
  let nonzero = 0;
  let signs = 0;
  let index = start;
  for (const last = end - 1; index < last; index += 2) {
    const a = data[index];
    const b = data[index + 1];
    const da = a - shift;
    const db = b - shift;
    sum += da;
    otherSum += db;
    squares += da * da;
    otherSquares += db * db;
    if (a > maximum) maximum = a;
    if (b > maximum) maximum = b;
    if (a < minimum) minimum = a;
    if (b < minimum) minimum = b;
    // Without a branch, since zeros come unpredictably: a float's bits below the sign are all 0 only for 0.
    const x = bits[index];
    const y = bits[index + 1];
    const u = x & 0x7fff_ffff;
    const w = y & 0x7fff_ffff;
    const isU = (u + 0x7fff_ffff) >>> 31;
    const isW = (w + 0x7fff_ffff) >>> 31;
    nonzero += isU + isW;
    signs += ((x >>> 31) & isU) + ((y >>> 31) & isW);
  }
  if (index < end) {
    const a = data[index];
    sum += a - shift;
    squares += (a - shift) * (a - shift);
    if (a > maximum) maximum = a;
    if (a < minimum) minimum = a;
    if (a !== 0) nonzero++;
    if (a < 0) signs++;
  }
  const count = end - start;
  sum += otherSum;
  out[mapSum] = sum + count * shift;
  out[mapSquares] = Math.max(0, squares + otherSquares - (sum * sum) / count);
  out[mapMinimum] = minimum;
  out[mapMaximum] = maximum;
  out[mapZeros] = count - nonzero;
  out[mapNegatives] = signs;
}
