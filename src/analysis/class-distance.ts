/**
 * Are the classes that one unit hurts alike? Distances of classes in WordNet, and what they would be if a unit's classes
 * were any of those that the layer's units hurt.
 */
import { seededRandom } from "../numeric/random.ts";

/** What each synset is a kind of. */
export type Hypernyms = ReadonlyMap<string, readonly string[]>;

/** Reads lines of a synset and its hypernyms; lines that begin with # say something else. */
export function parseHypernyms(text: string): Hypernyms {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => line.split(" ")).map(([synset, ...above]) => [synset, above]));
}

/**
 * Steps from one synset to another on the shortest way over a common hypernym (Rada et al. 1989, "Development and
 * application of a metric on semantic nets").
 * @returns 0 for the same synset, `NaN` where nothing is above both.
 */
export function synsetDistance(hypernyms: Hypernyms, one: string, other: string): number {
  const [up, down] = [stepsUp(hypernyms, one), stepsUp(hypernyms, other)];
  let shortest = Number.NaN;
  for (const [synset, steps] of up) {
    const more = down.get(synset);
    if (more !== undefined && !(steps + more >= shortest)) shortest = steps + more;
  }
  return shortest;
}

/** Fewest steps from a synset up to each of those above it. */
function stepsUp(hypernyms: Hypernyms, start: string): Map<string, number> {
  const steps = new Map([[start, 0]]);
  for (const [synset, count] of steps) {
    for (const above of hypernyms.get(synset) ?? []) if (!steps.has(above)) steps.set(above, count + 1);
  }
  return steps;
}

/** Mean distances between the classes of a unit. */
export interface ClassSpread {
  /** Between the classes that the unit hurts; one number for every unit that hurts at least two. */
  readonly observed: Float64Array;
  /** Between as many classes, drawn as often as the layer's other units hurt them; of the same units. */
  readonly expected: Float64Array;
}

/**
 * Compares the classes that each unit hurts with classes drawn at random, each as likely as it is hurt by other units: a
 * class that every unit hurts makes no unit special.
 *
 * @param hurt classes of every unit, those that it hurts.
 * @param distance between two different classes.
 */
export function classSpread(
  hurt: readonly (readonly number[])[],
  distance: (one: number, other: number) => number,
  { draws = 500, seed = 0 }: { draws?: number; seed?: number } = {},
): ClassSpread {
  const counts = new Map<number, number>();
  for (const classes of hurt) for (const cls of classes) counts.set(cls, (counts.get(cls) ?? 0) + 1);
  const several = hurt.filter(({ length }) => length > 1);
  const random = seededRandom(seed);
  const expected = several.map((classes) => {
    const own = new Set(classes);
    const pool = [...counts].map(([cls, count]) => ({ cls, weight: count - Number(own.has(cls)) }));
    const drawable = pool.filter(({ weight }) => weight > 0);
    if (drawable.length < classes.length) return Number.NaN;
    let sum = 0;
    for (let draw = 0; draw < draws; draw++) {
      // Efraimidis and Spirakis (2006): the largest of u^(1/weight) are a weighted sample without replacement.
      const keyed = drawable.map(({ cls, weight }) => ({ cls, key: Math.log(1 - random.uniform()) / weight }));
      keyed.sort((first, second) => second.key - first.key);
      sum += meanDistance(
        keyed.slice(0, classes.length).map(({ cls }) => cls),
        distance,
      );
    }
    return sum / draws;
  });
  const known = expected.map((value) => !Number.isNaN(value));
  return {
    observed: Float64Array.from(
      several.filter((_, at) => known[at]),
      (classes) => meanDistance(classes, distance),
    ),
    expected: Float64Array.from(expected.filter((_, at) => known[at])),
  };
}

function meanDistance(classes: readonly number[], distance: (one: number, other: number) => number): number {
  let sum = 0;
  let pairs = 0;
  for (const [at, one] of classes.entries()) {
    for (const other of classes.slice(at + 1)) {
      sum += distance(one, other);
      pairs++;
    }
  }
  return sum / pairs;
}
