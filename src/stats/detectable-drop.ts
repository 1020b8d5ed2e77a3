/** The smallest class drop that an image set finds with good odds: what a table without findings could have found. */
import { exactMcNemar } from "./mcnemar.ts";

/**
 * The smallest class drop whose exact McNemar test reaches `bar` with the given power when the images that are gained all
 * the same are as many as usual. Losses and gains are taken for Poisson numbers.
 *
 * @param images images of the class.
 * @param correct of these, predicted right by the intact network: no more can be lost.
 * @param gains images gained on average, ≥ 0: over the layer's units, say.
 * @param bar the p-value to reach, in (0, 1].
 * @param power in (0, 1).
 * @returns in (0, 1]; `NaN` if not even losing all correct images would reach it.
 */
export function detectableDrop(
  { images, correct, gains }: { images: number; correct: number; gains: number },
  { bar, power = 0.8 }: { bar: number; power?: number },
): number {
  if (Number.isNaN(bar) || images === 0) return Number.NaN;
  const gainChances = poissonChances(gains);
  const needed = Int32Array.from(gainChances, (_, gained) => lossesFor(bar, gained));
  const powerOf = (losses: number): number =>
    gainChances.reduce((sum, chance, gained) => sum + chance * poissonReaches(losses, needed[gained]), 0);
  if (powerOf(correct) < power) return Number.NaN;
  let [low, high] = [0, correct];
  while (high - low > 0.01) {
    const middle = (low + high) / 2;
    if (powerOf(middle) < power) low = middle;
    else high = middle;
  }
  return (high - gains) / images;
}

/** The fewest losses whose exact McNemar p-value beside so many gains is at most `bar`, in (0, 1]. */
export function lossesFor(bar: number, gained: number): number {
  let lost = gained + 1;
  for (let step = 1; exactMcNemar(lost, gained) > bar; step *= 2) lost += step;
  let [low, high] = [gained, lost];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (exactMcNemar(middle, gained) > bar) low = middle;
    else high = middle;
  }
  return high;
}

/** P(X = 0), P(X = 1), … for a Poisson number, as far as they matter. */
function poissonChances(mean: number): number[] {
  const reach = Math.ceil(mean + 8 * Math.sqrt(mean) + 10);
  const chances: number[] = [];
  for (let count = 0, log = -mean; count <= reach; count++) {
    chances.push(Math.exp(log));
    log += Math.log(mean) - Math.log(count + 1);
    if (mean === 0) break;
  }
  return chances;
}

/** P(X ≥ needed) for a Poisson number with this mean. */
function poissonReaches(mean: number, needed: number): number {
  if (needed <= 0) return 1;
  if (mean === 0) return 0;
  let below = 0;
  for (let count = 0, log = -mean; count < needed; count++) {
    below += Math.exp(log);
    log += Math.log(mean) - Math.log(count + 1);
  }
  return Math.max(0, 1 - below);
}
