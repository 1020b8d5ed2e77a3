/** Wilson's score interval of a proportion: "Probable inference, the law of succession, …" (1927). */
import type { Interval } from "./bootstrap.ts";
import { normalQuantile } from "./normal.ts";

/**
 * The interval of a proportion; sensible at 0 and at 1 too.
 * @param successes 0..trials.
 * @returns both ends in [0, 1]; `NaN` without trials.
 */
export function wilsonInterval(successes: number, trials: number, { level = 0.95 }: { level?: number } = {}): Interval {
  const z = normalQuantile((1 + level) / 2);
  const share = successes / trials;
  const shrink = 1 + (z * z) / trials;
  const center = (share + (z * z) / (2 * trials)) / shrink;
  const half = (z / shrink) * Math.sqrt((share * (1 - share)) / trials + (z * z) / (4 * trials * trials));
  return {
    low: successes === 0 && trials > 0 ? 0 : center - half,
    high: successes === trials && trials > 0 ? 1 : center + half,
  };
}
