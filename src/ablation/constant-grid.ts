/**
 * Where the best constant of a unit is looked for: over the whole observed range of its responses, in steps of their
 * standard deviation around the mean, then between the neighbours of the best place, then by a parabola.
 */

/** What a unit's responses are like. */
export interface UnitRange {
  readonly mean: number;
  readonly deviation: number;
  /** Smallest and largest. */
  readonly lowest: number;
  readonly highest: number;
}

/** A constant and what it costs. */
export interface TriedConstant {
  readonly constant: number;
  readonly loss: number;
}

/** Steps of the first grid, in standard deviations; beyond the last they grow by half. */
const STEPS = [0.5, 1, 1.5, 2, 3, 4, 6, 8];
/** Places of the second grid, as parts of the way from the best of the first to its neighbours. */
const PARTS = [0.25, 0.5, 0.75];

/** The first grid: ascending, different, from the smallest response to the largest. */
export function coarseConstants({ mean, deviation, lowest, highest }: UnitRange): number[] {
  const places = [lowest, highest, mean];
  for (const side of [-1, 1]) {
    const isInside = (step: number): boolean => {
      const place = mean + side * step * deviation;
      return deviation > 0 && place > lowest && place < highest;
    };
    for (let at = 0, step = STEPS[0]; isInside(step); at++, step = STEPS[at] ?? step * 1.5) {
      places.push(mean + side * step * deviation);
    }
  }
  return ascending(places.map((place) => Math.min(Math.max(place, lowest), highest)));
}

/** The second grid: from neighbour to neighbour of the best place of the first. @param tried the first, ascending, at least one. */
export function fineConstants(tried: readonly TriedConstant[]): number[] {
  const at = bestOf(tried);
  const { constant } = tried[at];
  const neighbours = [tried[at - 1], tried[at + 1]].flatMap((each) => each ?? []);
  const between = neighbours.flatMap(({ constant: other }) =>
    PARTS.map((part) => constant + part * (other - constant)),
  );
  return ascending([constant, ...neighbours.map(({ constant: other }) => other), ...between]);
}

/** The lowest point, within the range, of the parabola through the best place and its neighbours. */
export function refinedConstant(tried: readonly TriedConstant[]): number {
  const sorted = tried.toSorted((a, b) => a.constant - b.constant);
  const at = bestOf(sorted);
  const { constant } = sorted[at];
  // At an end the parabola is that of the last three.
  const middle = Math.min(Math.max(at, 1), sorted.length - 2);
  const [before, between, after] = [sorted[middle - 1], sorted[middle], sorted[middle + 1]];
  if (!before || !between || !after) return constant;
  const [back, ahead] = [between.constant - before.constant, between.constant - after.constant];
  const left = back * (between.loss - after.loss);
  const right = ahead * (between.loss - before.loss);
  if (!(left - right < 0)) return constant;
  const lowest = between.constant - (left * back - right * ahead) / (2 * (left - right));
  return Math.fround(Math.min(Math.max(lowest, before.constant), after.constant));
}

/** The place of least loss; the first of equals. */
function bestOf(tried: readonly TriedConstant[]): number {
  return tried.reduce((best, { loss }, at) => (loss < tried[best].loss ? at : best), 0);
}

function ascending(places: readonly number[]): number[] {
  return [...new Set(places.map(Math.fround))].sort((a, b) => a - b);
}
