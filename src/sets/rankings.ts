/** Which units a sequence removes, and in which order: ranked once, kept, or drawn at random. */
import { seededRandom } from "../numeric/random.ts";
import type { Sequence } from "./measure-sequences.ts";

/** Units by falling score; ties and missing scores (NaN, which come last) by rising number. */
export function rankUnits(scores: ArrayLike<number>): number[] {
  const value = (unit: number): number => {
    const score = scores[unit];
    return Number.isNaN(score) ? -Infinity : score;
  };
  return Array.from({ length: scores.length }, (_, unit) => unit).sort((a, b) => {
    const difference = value(b) - value(a);
    return difference > 0 ? 1 : difference < 0 ? -1 : a - b;
  });
}

/** Removes the first `size` units of a ranking. */
export function rankedSequence(ranking: readonly number[], size: number): Sequence {
  return { initial: [], units: ranking.slice(0, size) };
}

/**
 * Keeps the first `size` units of a ranking, then ever fewer: after step `j` the first `size − j` are kept, after the
 * last step none.
 */
export function keepSequence(ranking: readonly number[], size: number): Sequence {
  return { initial: ranking.slice(size), units: ranking.slice(0, size).reverse() };
}

/** `size` units drawn without replacement; sequence `index` of a seed does not depend on how many are drawn. */
export function randomSequence(
  units: number,
  size: number,
  { seed, index }: { seed: number; index: number },
): Sequence {
  const drawn = seededRandom(seed, index).shuffle(Int32Array.from({ length: units }, (_, unit) => unit));
  return { initial: [], units: Array.from(drawn.subarray(0, size)) };
}
