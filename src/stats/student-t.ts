/**
 * Tails of Student's t distribution, as the incomplete beta function I_x(df/2, ½) by its continued fraction
 * (Abramowitz and Stegun 26.7.1 and 26.5.8, evaluated by Lentz's method).
 */

/**
 * P(|T| ≥ |t|) for T with `df` degrees of freedom; relative error below 1e-11, in the far tails too.
 * @returns in [0, 1]; `NaN` if `t` is `NaN` or `df` is not positive.
 */
export function studentTwoSided(t: number, df: number): number {
  if (Number.isNaN(t) || !(df > 0)) return Number.NaN;
  const t2 = t * t;
  if (t2 === 0) return 1;
  if (t2 === Number.POSITIVE_INFINITY) return 0;
  const a = df / 2;
  const x = df / (df + t2);
  const y = t2 / (df + t2);
  const logX = -Math.log1p(t2 / df);
  // x^a y^½ / B(a, ½)
  const front = (Math.exp(a * logX) * Math.sqrt(y) * halfStepGammaRatio(a)) / Math.sqrt(Math.PI);
  if (x < (a + 1) / (a + 2.5)) return (front / a) * betaFraction(a, 0.5, x);
  return 1 - 2 * front * betaFraction(0.5, a, y);
}

/** The continued fraction of I_x(a, b), without its factor x^a (1 − x)^b / (a B(a, b)). */
function betaFraction(a: number, b: number, x: number): number {
  const tiny = 1e-300;
  let c = 1;
  let d = 1 / nonZero(1 - ((a + b) * x) / (a + 1), tiny);
  let value = d;
  for (let m = 1; m < 10_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / nonZero(1 + even * d, tiny);
    c = nonZero(1 + even / c, tiny);
    value *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / nonZero(1 + odd * d, tiny);
    c = nonZero(1 + odd / c, tiny);
    const step = d * c;
    value *= step;
    if (Math.abs(step - 1) < 1e-16) break;
  }
  return value;
}

function nonZero(value: number, tiny: number): number {
  return Math.abs(value) < tiny ? tiny : value;
}

/** Γ(a + ½) / Γ(a), by Stirling's series for large `a` and downward recurrence for small. */
function halfStepGammaRatio(a: number): number {
  let factor = 1;
  let shifted = a;
  while (shifted < 20) {
    factor *= shifted / (shifted + 0.5);
    shifted++;
  }
  const b = shifted + 0.5;
  // ln Γ(b) − ln Γ(b − ½), with the large terms cancelled by hand.
  const log = (shifted - 0.5) * Math.log1p(0.5 / shifted) + 0.5 * Math.log(b) - 0.5 + series(b) - series(shifted);
  return factor * Math.exp(log);
}

function series(x: number): number {
  const x2 = x * x;
  return (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - 1 / 1188 / x2) / x2) / x2) / x2) / x;
}
