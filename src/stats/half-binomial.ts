/**
 * The binomial distribution with p = ½, exact in its tails: the null of every lost/gained count here.
 *
 * Saddle-point form of Loader, "Fast and accurate computation of binomial probabilities" (2000): no large logarithms
 * are subtracted, so that probabilities keep a relative error below 1e-12 for n up to 50,000, in the far tails too.
 */

/**
 * P(X = k) for X ~ Bin(n, ½).
 * @param k integer; 0 outside 0..n.
 * @param n integer, at least 0.
 */
export function halfBinomialPmf(k: number, n: number): number {
  if (k < 0 || k > n) return 0;
  if (k === 0 || k === n) return 2 ** -n;
  const exponent =
    stirlingError(n) -
    stirlingError(k) -
    stirlingError(n - k) -
    n * (deviance((2 * k) / n - 1) + deviance(1 - (2 * k) / n)) * 0.5;
  return Math.exp(exponent) * Math.sqrt(n / (2 * Math.PI * k * (n - k)));
}

/** Up to here binomial coefficients, and what they are made of, are whole numbers below 2⁵³: sums of them are exact. */
const largestExact = 50;

/**
 * P(X ≤ k) for X ~ Bin(n, ½), exact up to n = 50, so that equal probabilities of different n are equal numbers; beyond,
 * relative error below 1e-12 in the lower tail. Underflows to 0 below 5e-324, that is,
 * when n − log₂(number of outcomes) exceeds about 1,074.
 * @param k integer; 0 below 0, 1 from n on.
 */
export function halfBinomialCdf(k: number, n: number): number {
  if (k < 0) return 0;
  if (k >= n) return 1;
  if (n <= largestExact) return exactWays(k, n) * 2 ** -n;
  if (2 * k >= n) return 1 - halfBinomialCdf(n - k - 1, n);
  let term = halfBinomialPmf(k, n);
  let sum = term;
  for (let i = k; i > 0; i--) {
    term *= i / (n - i + 1);
    sum += term;
    if (term < sum * 1e-17) break;
  }
  return sum;
}

/** How many of 2ⁿ outcomes have at most k successes. */
function exactWays(k: number, n: number): number {
  let ways = 1;
  let sum = 1;
  for (let i = 1; i <= k; i++) {
    ways = (ways * (n - i + 1)) / i;
    sum += ways;
  }
  return sum;
}

/** (1 + e) ln(1 + e) − e, without cancellation for small e in (−1, 1]. */
function deviance(e: number): number {
  if (Math.abs(e) > 0.1) return (1 + e) * Math.log1p(e) - e;
  // The series Σ (−1)^j e^j / (j (j − 1)), j ≥ 2.
  let sum = 0;
  let power = e;
  for (let j = 2; j < 40; j++) {
    power *= -e;
    const term = -power / (j * (j - 1));
    sum += term;
    if (Math.abs(term) < 1e-18) break;
  }
  return sum;
}

/** ln n! − [(n + ½) ln n − n + ½ ln 2π], n ≥ 1. */
function stirlingError(n: number): number {
  if (n < stirlingTable.length) return stirlingTable[n];
  const n2 = n * n;
  return (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - 1 / 1188 / n2) / n2) / n2) / n2) / n;
}

/** Exact below 24, where the series is short of digits: ln n! from products that a double holds exactly enough. */
const stirlingTable: Float64Array = Float64Array.from({ length: 24 }, (_, n) => {
  if (n === 0) return 0;
  // ln(n! / (n^n e^-n)) as a sum of n logarithms of ratios near e, which keeps the absolute error at rounding level.
  let logRatio = 0;
  for (let i = 1; i <= n; i++) logRatio += Math.log(i / n) + 1;
  return logRatio - 0.5 * Math.log(2 * Math.PI * n);
});
