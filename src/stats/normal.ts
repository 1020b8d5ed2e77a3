/** The standard normal distribution to double precision. */

/** Φ(x) = P(Z ≤ x), relative error below 1e-13 in the lower tail. */
export function normalCdf(x: number): number {
  if (Number.isNaN(x)) return Number.NaN;
  if (x > 0) return 1 - normalCdf(-x);
  const z2 = (x * x) / 2;
  if (z2 === Number.POSITIVE_INFINITY) return 0;
  if (z2 < 2) {
    // Φ(x) = ½ + φ(x) (x + x³/3 + x⁵/(3·5) + …)
    let term = x;
    let sum = x;
    for (let i = 3; Math.abs(term) > Math.abs(sum) * 1e-17; i += 2) {
      term *= (x * x) / i;
      sum += term;
    }
    return 0.5 + normalDensity(x) * sum;
  }
  // Laplace's continued fraction of the tail, Q(t) = φ(t) / (t + 1/(t + 2/(t + 3/(…)))), evaluated from far inside.
  const t = -x;
  let fraction = t;
  for (let depth = 160; depth > 0; depth--) fraction = t + depth / fraction;
  return normalDensity(t) / fraction;
}

/**
 * Φ⁻¹(p): the rational start of Hastings (Abramowitz and Stegun 26.2.23), refined by Halley's method.
 * @param p in [0, 1]; 0 and 1 give the infinities.
 */
export function normalQuantile(p: number): number {
  if (Number.isNaN(p) || p < 0 || p > 1) return Number.NaN;
  if (p === 0) return Number.NEGATIVE_INFINITY;
  if (p > 0.5) return -normalQuantile(1 - p);
  const t = Math.sqrt(-2 * Math.log(p));
  let x = (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308))) - t;
  for (let step = 0; step < 3; step++) {
    const error = (normalCdf(x) - p) / normalDensity(x);
    x -= error / (1 + (x * error) / 2);
  }
  return x;
}

function normalDensity(x: number): number {
  return Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
}
