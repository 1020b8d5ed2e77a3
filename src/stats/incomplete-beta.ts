/**
 * The regularised incomplete beta function by its continued fraction (Abramowitz and Stegun 26.5.8, evaluated by Lentz's
 * method), and the logarithm of the gamma function by Stirling's series.
 */

/**
 * I_x(a, b) = P(X ≤ x) for X ~ Beta(a, b), for x and 1 − x given apart so that neither loses digits near its end.
 *
 * @param a, b larger than 0.
 * @param x in [0, 1]. @param y 1 − x.
 * @returns in [0, 1], relative error below 1e-10 in the lower tail for a and b up to 10,000; `NaN` if a parameter is not
 *   larger than 0.
 */
export function regularisedBeta(a: number, b: number, x: number, y: number = 1 - x): number {
  if (!(a > 0 && b > 0)) return Number.NaN;
  if (x <= 0) return 0;
  if (y <= 0) return 1;
  // The mirrored call must not choose again: x and y, rounded apart, may both be above their threshold.
  return x > (a + 1) / (a + b + 2) ? 1 - lowerTail(b, a, y, x) : lowerTail(a, b, x, y);
}

/** I_x(a, b) by the fraction, which converges fast for x below (a + 1) / (a + b + 2) or just above it. */
function lowerTail(a: number, b: number, x: number, y: number): number {
  const logFront = a * Math.log(x) + b * Math.log(y) - logBeta(a, b);
  return Math.min(1, (Math.exp(logFront) / a) * betaFraction(a, b, x));
}

/** ln B(a, b). */
function logBeta(a: number, b: number): number {
  return logGamma(a) + logGamma(b) - logGamma(a + b);
}

/** ln Γ(x) for x > 0. */
export function logGamma(x: number): number {
  // Γ(x) = Γ(x + n) / (x (x + 1) … (x + n − 1)), up to where Stirling's series has all digits.
  let product = 1;
  let shifted = x;
  while (shifted < 15) product *= shifted++;
  const x2 = shifted * shifted;
  const series = (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - 1 / 1188 / x2) / x2) / x2) / x2) / shifted;
  return (shifted - 0.5) * Math.log(shifted) - shifted + 0.5 * Math.log(2 * Math.PI) + series - Math.log(product);
}

/** The continued fraction of I_x(a, b), without its factor x^a (1 − x)^b / (a B(a, b)). */
function betaFraction(a: number, b: number, x: number): number {
  let c = 1;
  let d = 1 / nonZero(1 - ((a + b) * x) / (a + 1));
  let value = d;
  for (let m = 1; m < 10_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / nonZero(1 + even * d);
    c = nonZero(1 + even / c);
    value *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / nonZero(1 + odd * d);
    c = nonZero(1 + odd / c);
    const step = d * c;
    value *= step;
    if (Math.abs(step - 1) < 1e-16) break;
  }
  return value;
}

function nonZero(value: number): number {
  return Math.abs(value) < 1e-300 ? 1e-300 : value;
}
