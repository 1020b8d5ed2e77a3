/** Which sequences of units are measured: what was searched, ranked, given, and drawn at random. */
import type { GreedySequence } from "./greedy.ts";
import type { Sequence } from "./measure-sequences.ts";
import { keepSequence, randomSequence, rankedSequence, rankUnits } from "./rankings.ts";

/** A ranking that is given from outside: by an attribute. */
export interface GivenRanking {
  /** Name of the strategy: the attribute's column. */
  readonly name: string;
  /** Scores of the units, `[units]`, for every class that is asked for, or one for all classes. */
  readonly scores: ReadonlyMap<number, ArrayLike<number>> | ArrayLike<number>;
  /** Whether the scores saw the images that measure. */
  readonly sawImages: boolean;
}

/** A measured sequence. */
export interface SetCurve {
  /** `greedy`, `single`, `keep`, `random`, or the name of a given ranking. */
  readonly strategy: string;
  /** The class that it is for; −1 where it is for no class. */
  readonly cls: number;
  /** Number of the random sequence; 0 for the others. */
  readonly index: number;
  readonly sequence: Sequence;
  /** Images right, int32, row-major `[steps + 1, classCount]`, over the measuring images. */
  readonly right: Int32Array;
  /** Images of any class that are called each class, of the same shape. */
  readonly called: Int32Array;
  /** Greedy: images of the class by what they are taken for, of the same shape; empty for the others. */
  readonly taken: Int32Array;
  /** Greedy: images of the class right in the choosing part, `[steps + 1]`. */
  readonly chosenRight: Int32Array | null;
  /** Whether the images that measure had a say in the choice of the units. */
  readonly sawImages: boolean;
}

/** Which strategies, for whom. */
export interface CurveChoice {
  /** Classes to search sequences for. */
  readonly classes: readonly number[];
  /** Units per sequence. */
  readonly size: number;
  /** Share of every class that chooses; `null`: all images choose and measure. */
  readonly rankSplit: number | null;
  readonly greedy: boolean;
  readonly single: boolean;
  readonly keep: boolean;
  /** Number of random sequences. */
  readonly random: number;
  readonly rankings?: readonly GivenRanking[];
  readonly seed?: number;
}

/** The sequences to measure, from what was found and given. */
export function planCurves(
  found: readonly GreedySequence[],
  units: number,
  { classes, size, rankSplit, greedy, single, keep, random, rankings = [], seed = 1 }: CurveChoice,
): Omit<SetCurve, "right" | "called" | "taken">[] {
  const sawImages = rankSplit === null;
  const curves: Omit<SetCurve, "right" | "called" | "taken">[] = [];
  const add = (strategy: string, cls: number, sequence: Sequence, more: Partial<SetCurve> = {}): void => {
    curves.push({ strategy, cls, index: 0, sequence, chosenRight: null, sawImages, ...more });
  };
  if (greedy) {
    for (const { cls, units: removed, right } of found) {
      add("greedy", cls, { initial: [], units: Array.from(removed), of: cls }, { chosenRight: right });
    }
  }
  for (const { cls, singleRight } of found) {
    const ranking = rankUnits(singleRight.map((right) => -right));
    if (single) add("single", cls, rankedSequence(ranking, size));
    if (keep) add("keep", cls, keepSequence(ranking, size));
  }
  for (const { name, scores, sawImages } of rankings) {
    if (!(scores instanceof Map)) {
      add(name, -1, rankedSequence(rankUnits(scores as ArrayLike<number>), size), { sawImages });
      continue;
    }
    for (const cls of classes) {
      const own = scores.get(cls) as ArrayLike<number> | undefined;
      if (own) add(name, cls, rankedSequence(rankUnits(own), size), { sawImages });
    }
  }
  for (let index = 0; index < random; index++) {
    add("random", -1, randomSequence(units, size, { seed, index }), { index, sawImages: false });
  }
  return curves;
}
