/**
 * An interval for the difference of two paired proportions: Bonett and Price, "Adjusted Wald confidence interval for a
 * difference of binomial proportions based on paired data" (2012).
 */
import type { Interval } from "./bootstrap.ts";
import { normalQuantile } from "./normal.ts";

/**
 * The interval of accuracy before minus after.
 * @param lost images that were right before only.
 * @param gained images that were right after only.
 * @param images all images.
 * @returns both ends in [-1, 1]; `NaN` without images.
 */
export function pairedDifferenceInterval(
  lost: number,
  gained: number,
  images: number,
  { level = 0.95 }: { level?: number } = {},
): Interval {
  if (images === 0) return { low: Number.NaN, high: Number.NaN };
  const z = normalQuantile((1 + level) / 2);
  const total = images + 2;
  const [before, after] = [(lost + 1) / total, (gained + 1) / total];
  const half = z * Math.sqrt((before + after - (before - after) ** 2) / total);
  return { low: Math.max(-1, before - after - half), high: Math.min(1, before - after + half) };
}
