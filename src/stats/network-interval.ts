/**
 * The interval of a mean over networks that were measured on the same images, or of the difference of two such means.
 * Few networks say little about further ones: Student's t over networks says how little (Welch 1947 for a difference).
 * The images, which all networks share, add a reach of their own: the two are squared and added, so that images never make
 * the interval narrower than the networks alone do (one common number of degrees of freedom would, with few networks).
 */
import type { Estimate } from "./nested-bootstrap.ts";
import { studentTwoSided } from "./student-t.ts";

/**
 * @param group one value per network. A single network is held fixed: the interval then speaks of it alone.
 * @param options.against the other group, in a difference.
 * @param options.imageVariance variance that the choice of images gives the mean (or difference); 0 to hold them fixed.
 * @returns ends `NaN` where nothing is known of the variance: a single network without images, or networks without any
 *   difference, which is no certainty.
 */
export function networkInterval(
  group: readonly number[],
  {
    against,
    imageVariance = 0,
    level = 0.95,
  }: { against?: readonly number[] | undefined; imageVariance?: number; level?: number } = {},
): Estimate {
  const groups = [group, ...(against ? [against] : [])];
  const [own = Number.NaN, other = 0] = groups.map(mean);
  const value = own - other;
  const parts = groups
    .filter(({ length }) => length > 1)
    .map((values) => ({ variance: squaredError(values), freedom: values.length - 1 }));
  const variance = parts.reduce((sum, part) => sum + part.variance, 0);
  if (!(variance + imageVariance > 0) || Number.isNaN(value)) {
    return { value, low: Number.NaN, high: Number.NaN };
  }
  const shares = parts.reduce((sum, part) => sum + part.variance ** 2 / part.freedom, 0);
  const overNetworks = variance === 0 ? 0 : Math.sqrt(variance) * studentQuantile(variance ** 2 / shares, 1 - level);
  const reach = Math.hypot(overNetworks, Math.sqrt(imageVariance) * studentQuantile(1e6, 1 - level));
  return { value, low: value - reach, high: value + reach };
}

/**
 * Variance that the choice of images gives a sum over images: images of each class are drawn independently, as many as
 * there are.
 * @param parts what each image adds. @param labels its class.
 */
export function imageVariance(parts: Float64Array, labels: Int32Array): number {
  const classes = new Map<number, { count: number; sum: number; squares: number }>();
  labels.forEach((cls, image) => {
    const found = classes.get(cls) ?? { count: 0, sum: 0, squares: 0 };
    found.count++;
    found.sum += parts[image];
    found.squares += parts[image] ** 2;
    classes.set(cls, found);
  });
  let variance = 0;
  for (const { count, sum, squares } of classes.values()) {
    if (count > 1) variance += (count * Math.max(0, squares - sum ** 2 / count)) / (count - 1);
  }
  return variance;
}

/** t with P(|T| ≥ t) = `tail`. */
function studentQuantile(freedom: number, tail: number): number {
  let [low, high] = [0, 2];
  while (studentTwoSided(high, freedom) > tail) high *= 2;
  while (high - low > 1e-9 * high) {
    const middle = (low + high) / 2;
    if (studentTwoSided(middle, freedom) > tail) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Squared standard error of the mean. */
function squaredError(values: readonly number[]): number {
  const centre = mean(values);
  return values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1) / values.length;
}
