/**
 * False discoveries among exact McNemar tests. With few discordant images a test cannot reach small p-values at all, and
 * counting it as if it could makes Benjamini and Hochberg's procedure needlessly strict. Heyse, "A false discovery rate
 * procedure for categorical data" (2011), counts a test at a bar t by its chance F(t) of getting there, which its number
 * of discordant images fixes; Döhler, Durand and Roquain, "New FDR bounds for discrete and heterogeneous tests" (2018),
 * divide by 1 − F at the highest bar, and prove that the rate then holds for independent tests.
 */
import { exactMcNemar } from "./mcnemar.ts";

/** Rates up to this one are proven to hold: the highest bar is the one of this rate. */
const highestRate = 0.1;

/** The q-values of many exact McNemar tests, and the bar that one more would have had to pass. */
export interface DiscreteDiscoveries {
  /**
   * The smallest false-discovery rate at which each test would be called a discovery; float64, in [0, 1], monotone in the
   * p-value; `NaN` for tests that were not made. Above 0.1 they give the order only.
   */
  readonly qValues: Float64Array;
  /** The largest p-value with which one further test could have been a discovery at `rate`; `NaN` without tests. */
  readonly bar: number;
}

/**
 * Step-up q-values of exact McNemar tests. Never larger than Benjamini and Hochberg's divided by 1 − the highest bar.
 *
 * @param lost, gained counts of every test, int32.
 * @param options.isTested whether a test was made; all by default.
 */
export function discreteDiscoveries(
  lost: Int32Array,
  gained: Int32Array,
  { rate = 0.05, isTested = () => true }: { rate?: number; isTested?: (test: number) => boolean } = {},
): DiscreteDiscoveries {
  const pValues = Float64Array.from(lost, (count, test) =>
    isTested(test) ? exactMcNemar(count, gained[test]) : Number.NaN,
  );
  const testsOf = new Map<number, number>();
  pValues.forEach((p, test) => {
    if (Number.isNaN(p)) return;
    const flips = lost[test] + gained[test];
    testsOf.set(flips, (testsOf.get(flips) ?? 0) + 1);
  });
  const sorted = pValues.filter((p) => !Number.isNaN(p)).sort();
  const tests = sorted.length;
  if (tests === 0) return { qValues: pValues, bar: Number.NaN };
  const expected = expectedBelow(testsOf, tests);
  const qOf = new Map<number, number>();
  let lowest = 1;
  for (let rank = tests; rank > 0; ) {
    const p = sorted[rank - 1];
    const q = expected.at(p) / rank;
    lowest = Math.min(lowest, p > expected.highest ? Math.max(q, highestRate * (1 + 1e-9)) : q);
    qOf.set(p, lowest);
    while (rank > 0 && sorted[rank - 1] === p) rank--;
  }
  const qValues = pValues.map((p) => qOf.get(p) ?? Number.NaN);
  const discoveries = qValues.filter((q) => q <= rate).length;
  return { qValues, bar: expected.largestWithin(rate * Math.min(tests, discoveries + 1)) };
}

/** A bound of how many of the tests would have a p-value of at most t if nothing were real, as a step function of t. */
interface ExpectedBelow {
  /** The highest bar of proven rates. */
  readonly highest: number;
  at(p: number): number;
  /** The largest attainable p-value that at most so many would fall below. */
  largestWithin(count: number): number;
}

/** Below this, F(t) is taken for its bound t, so that the far tails of many images need no steps. */
const farTail = 1e-18;

function expectedBelow(testsOf: ReadonlyMap<number, number>, tests: number): ExpectedBelow {
  const { p, flips, mass } = attainable(testsOf);
  const { highest, chance } = highestBar({ p, flips }, testsOf, tests);
  const sums = new Float64Array(p.length);
  let sum = 0;
  for (let step = 0; step < p.length; step++) {
    const below = p[step] <= highest ? (chance.get(flips[step]) ?? 0) : Math.min(p[step], 1 - 1e-12);
    sum += mass[step] / (1 - below);
    sums[step] = sum;
  }
  const at = (bar: number): number => {
    if (bar < farTail) return (tests * bar) / (1 - highest);
    let [low, high] = [0, p.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (p[middle] <= bar) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? 0 : sums[low - 1];
  };
  return {
    highest,
    at,
    largestWithin: (count) => {
      let found = Math.min(farTail, (count * (1 - highest)) / tests);
      for (let step = 0; step < p.length && sums[step] <= count; step++) found = Math.max(found, p[step]);
      // Steps that share a p-value count together.
      return at(found) <= count ? found : (p.findLast((bar) => bar < found) ?? 0);
    },
  };
}

/** Every p-value that the tests can have, rising, with the flips of its tests and what it adds to Σ F. */
function attainable(testsOf: ReadonlyMap<number, number>): {
  p: Float64Array;
  flips: Int32Array;
  mass: Float64Array;
} {
  const steps: [p: number, flips: number, mass: number][] = [];
  for (const [flips, tests] of testsOf) {
    let before = 0;
    // Five standard deviations out, beyond which p-values are below the far tail (Hoeffding's bound).
    for (let fewer = Math.max(0, Math.floor(flips / 2 - 5 * Math.sqrt(flips))); 2 * fewer <= flips; fewer++) {
      const p = exactMcNemar(flips - fewer, fewer);
      steps.push([p, flips, tests * (p - before)]);
      before = p;
    }
  }
  steps.sort((a, b) => a[0] - b[0]);
  return {
    p: Float64Array.from(steps, ([p]) => p),
    flips: Int32Array.from(steps, ([, flips]) => flips),
    mass: Float64Array.from(steps, ([, , mass]) => mass),
  };
}

/** The largest t with Σ F(t) / (1 − F(t)) within the highest rate, and F there by the number of flips. */
function highestBar(
  { p, flips }: { p: Float64Array; flips: Int32Array },
  testsOf: ReadonlyMap<number, number>,
  tests: number,
): { highest: number; chance: Map<number, number> } {
  const chance = new Map<number, number>();
  let odds = 0;
  let highest = 0;
  for (let step = 0; step < p.length && p[step] < 1; ) {
    const bar = p[step];
    const before = new Map<number, number>();
    for (; step < p.length && p[step] === bar; step++) {
      const own = flips[step];
      const was = chance.get(own) ?? 0;
      before.set(own, was);
      chance.set(own, bar);
      odds += (testsOf.get(own) ?? 0) * (bar / (1 - bar) - was / (1 - was));
    }
    if (odds > highestRate * tests) {
      for (const [own, was] of before) chance.set(own, was);
      break;
    }
    highest = bar;
  }
  return { highest, chance };
}
