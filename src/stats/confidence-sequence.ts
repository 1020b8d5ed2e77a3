/**
 * Limits of a drop that hold at every moment at once, while the images of a finite set are measured in random order.
 *
 * Betting against every value that the drop could have, without replacement (Waudby-Smith and Ramdas, "Estimating means
 * of bounded random variables by betting", 2024, section 5; 2020 for sampling without replacement): the capital of a bet
 * against the true value cannot be expected to grow, so by Ville's inequality it ever reaches 2/α with a probability of at
 * most α/2. Values whose opponents never got there remain. The stakes are a fixed mixture, from bold ones that settle
 * effects of nearly no image to small ones for hundreds of thousands of images.
 *
 * Classes are sampled side by side, each without replacement. In one step an image changes by x (1 lost, −1 gained, else
 * 0), y = (1 + x) / 2, and is weighted by u = (images left of its class / drawn of it) / (images left / drawn), so that the
 * expected mean of u·y over the step's images is μ = (1 + mean x of all images left) / 2, which the overall drop alone
 * decides. The factor 1 − b + b·u·y/μ of every image is at least 1 − b ≥ 0; draws are negatively associated within a class
 * (Joag-Dev and Proschan 1983) and independent between classes, and a product of numbers with mean 1 is at most 1, so the
 * step's factors together have an expectation of at most 1.
 */
import { UnitscopeError } from "../errors.ts";

/** Stakes of the bets, of which each starts with the same capital. */
const stakes = [0.01, 0.03, 0.08, 0.2, 0.45, 0.95];

/** Images of one step that weigh the same. */
interface Cell {
  /** The classes that they are of. */
  readonly classes: Int32Array;
  readonly images: number;
  readonly weight: number;
}

/** How a set of images is measured, step by step. */
export interface Sampling {
  /** Images of the whole set. */
  readonly total: number;
  readonly steps: readonly {
    /** Images that were not measured before the step. */
    readonly left: number;
    readonly cells: readonly Cell[];
  }[];
}

/**
 * Describes a sampling.
 * @param sizes images of every class in the whole set, `[classCount]`.
 * @param drawn how many of every class each step measures, `[stepCount][classCount]`.
 * @throws {UnitscopeError} `value` if a step passes over a class that has images left, or draws more than there are.
 */
export function describeSampling(sizes: Int32Array, drawn: readonly Int32Array[]): Sampling {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const left = sizes.slice();
  let allLeft = total;
  const steps = drawn.map((draws, step) => {
    const count = draws.reduce((sum, draw) => sum + draw, 0);
    const cells = new Map<string, { classes: number[]; weight: number; images: number }>();
    draws.forEach((draw, cls) => {
      if (draw > left[cls] || (draw === 0 && left[cls] > 0)) {
        throw new UnitscopeError(
          "value",
          `sampling: step ${step}: expected 1 to ${left[cls]} images of class ${cls}, got ${draw}`,
        );
      }
      if (draw === 0) return;
      const key = `${left[cls]}/${draw}`;
      const weight = (left[cls] * count) / (draw * allLeft);
      const cell = cells.get(key) ?? { classes: [], weight, images: 0 };
      cell.classes.push(cls);
      cell.images += draw;
      cells.set(key, cell);
      left[cls] -= draw;
    });
    const found = {
      left: allLeft,
      cells: Array.from(cells.values(), ({ classes, ...cell }) => ({ ...cell, classes: Int32Array.from(classes) })),
    };
    allLeft -= count;
    return found;
  });
  return { total, steps };
}

/** What was counted in every cell of a sampling, step after step, `[cellCount]`. */
export interface SampledChanges {
  readonly lost: ArrayLike<number>;
  readonly gained: ArrayLike<number>;
}

/** Limits of a drop over the whole set, as fractions of its images; damage is positive. */
export interface DropLimits {
  readonly lower: number;
  readonly upper: number;
}

/**
 * Limits of (lost − gained) / images over the whole set. With probability `level` at least they hold after every step,
 * whenever one stops and for whatever reason; they never widen, and after the last image they meet.
 */
export function dropLimits(
  sampling: Sampling,
  { lost, gained }: SampledChanges,
  { level = 0.95 }: { level?: number } = {},
): DropLimits {
  const { total } = sampling;
  if (total === 0) return { lower: Number.NaN, upper: Number.NaN };
  const bar = barOf(level);
  const lower = lowerLimit(sampling, { lost, gained }, bar);
  const upper = -lowerLimit(sampling, { lost: gained, gained: lost }, bar);
  // "+ 0" keeps a limit of 0 from being −0.
  return { lower: lower / total + 0, upper: upper / total + 0 };
}

/**
 * Whether the limits lie within `low` and `high`, both included: what `dropLimits` would say, for less work.
 */
export function areLimitsWithin(
  sampling: Sampling,
  { lost, gained }: SampledChanges,
  { low, high, level = 0.95 }: { low: number; high: number; level?: number },
): boolean {
  const { total } = sampling;
  const bar = barOf(level);
  const isAbove = (limit: number, changes: SampledChanges): boolean => {
    const { sum, left } = seenOf(sampling, changes);
    const candidate = Math.ceil(limit * total - 1e-9) - 1;
    return candidate < sum - left || (candidate < sum + left && isRefuted(candidate, sampling, changes, bar));
  };
  return isAbove(low, { lost, gained }) && isAbove(-high, { lost: gained, gained: lost });
}

function barOf(level: number): number {
  return Math.log((2 * stakes.length) / (1 - level));
}

/** The sum of changes so far, and the images that are left. */
function seenOf(sampling: Sampling, { lost, gained }: SampledChanges): { sum: number; left: number } {
  let sum = 0;
  for (let cell = 0; cell < lost.length; cell++) sum += lost[cell] - gained[cell];
  let left = sampling.total;
  for (const { cells } of sampling.steps) for (const { images } of cells) left -= images;
  return { sum, left };
}

/** The smallest sum of changes over the whole set that no bet on a larger one refutes. */
function lowerLimit(sampling: Sampling, changes: SampledChanges, bar: number): number {
  const { sum, left } = seenOf(sampling, changes);
  // A larger sum is refuted only if all smaller ones are.
  let low = sum - left;
  let high = sum + left;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (isRefuted(middle, sampling, changes, bar)) low = middle + 1;
    else high = middle;
  }
  return low;
}

const capitals = new Float64Array(stakes.length);

/** Whether bets that the sum is larger than `candidate` ever won enough. */
function isRefuted(candidate: number, sampling: Sampling, { lost, gained }: SampledChanges, bar: number): boolean {
  capitals.fill(0);
  let seen = 0;
  let at = 0;
  for (const { left, cells } of sampling.steps) {
    const mean = (1 + (candidate - seen) / left) / 2;
    for (const { images, weight } of cells) {
      const [up, down] = [lost[at], gained[at]];
      const still = images - up - down;
      at++;
      seen += up - down;
      for (let stake = 0; stake < stakes.length; stake++) {
        const kept = 1 - stakes[stake];
        const won = (stakes[stake] * weight) / mean;
        let gain = 0;
        if (up > 0) gain += up * Math.log(kept + won);
        if (still > 0) gain += still * Math.log(kept + won / 2);
        if (down > 0) gain += down * Math.log(kept);
        capitals[stake] += gain;
      }
    }
    if (logSum(capitals) >= bar) return true;
  }
  return false;
}

/** log Σ exp. */
function logSum(values: Float64Array): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (const value of values) largest = Math.max(largest, value);
  if (!Number.isFinite(largest)) return largest;
  let sum = 0;
  for (const value of values) sum += Math.exp(value - largest);
  return largest + Math.log(sum);
}
