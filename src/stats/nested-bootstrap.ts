/**
 * Bootstrap intervals for units inside networks: networks are drawn first, then units within each drawn network, since
 * units of one network are more alike than those of two (Davison and Hinkley, "Bootstrap Methods and their
 * Application", 1997, section 3.8).
 */
import { type Random, seededRandom } from "../numeric/random.ts";
import { type Interval, quantileOfSorted } from "./bootstrap.ts";

/** A mean with the ends of its interval. */
export interface Estimate extends Interval {
  readonly value: number;
}

/** Values of the units of each network of one group, `[network][unit]`; `NaN` where there is none. */
export type NetworkValues = readonly ArrayLike<number>[];

/**
 * The mean of one group over networks, or the difference of two (`group` − `against`), with a percentile interval. Each
 * network counts the same, however many units it has. A group of a single network has its units drawn alone: the
 * interval then speaks of that network, not of its like.
 */
export function nestedBootstrap(
  group: NetworkValues,
  against?: NetworkValues,
  { resamples = 2_000, level = 0.95, seed = 0 }: { resamples?: number; level?: number; seed?: number } = {},
): Estimate {
  const known = [group, ...(against ? [against] : [])].map(withoutMissing);
  const value = difference(known.map((networks) => mean(networks.map(mean))));
  if (Number.isNaN(value)) return { value, low: Number.NaN, high: Number.NaN };
  const random = seededRandom(seed);
  const drawn = Float64Array.from({ length: resamples }, () =>
    difference(known.map((networks) => mean(networks.map(() => drawMean(pick(networks, random), random))))),
  ).sort();
  const tail = (1 - level) / 2;
  return { value, low: quantileOfSorted(drawn, tail), high: quantileOfSorted(drawn, 1 - tail) };
}

function withoutMissing(networks: NetworkValues): Float64Array[] {
  return networks
    .map((values) => Float64Array.from(values).filter((value) => !Number.isNaN(value)))
    .filter(({ length }) => length > 0);
}

function difference([first = Number.NaN, second = 0]: readonly number[]): number {
  return first - second;
}

function drawMean(values: Float64Array, random: Random): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[Math.floor(random.uniform() * values.length)];
  return sum / values.length;
}

function pick(networks: readonly Float64Array[], random: Random): Float64Array {
  return networks[Math.floor(random.uniform() * networks.length)];
}

function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i];
  return values.length === 0 ? Number.NaN : sum / values.length;
}
