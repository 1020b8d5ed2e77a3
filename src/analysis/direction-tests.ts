/**
 * Are units more class-specific than directions? Compares what removing each unit does with what removing each direction
 * of rotated bases of the same layer does.
 *
 * The permutation tests shuffle which values are called units'. They treat the directions of one basis as independent
 * of each other, which they nearly are; `seedsBelow` needs no such assumption.
 */
import type { Random } from "../numeric/random.ts";
import { permutationPValue } from "../stats/permutation-test.ts";
import { averageRanks } from "../stats/ranks.ts";

/** The comparison of one measure. */
export interface DirectionTest {
  readonly unitMean: number;
  readonly directionMean: number;
  /** P(a unit's value > a direction's), ties count half: ½ where nothing tells them apart. */
  readonly superiority: number;
  /** Permutation p-value of the difference of means, two-sided. */
  readonly pValue: number;
  /** Permutation p-value of the rank sum (Wilcoxon, Mann and Whitney), two-sided. */
  readonly rankPValue: number;
  /** Rotations whose directions have a smaller mean than the units. */
  readonly seedsBelow: number;
}

/**
 * Compares units with directions.
 * @param directions one array per rotation; missing values (NaN) are left out on both sides.
 * @returns all `NaN` where a side has no value.
 */
export function testDirections(
  units: ArrayLike<number>,
  directions: readonly ArrayLike<number>[],
  { draws = 10_000, seed = 0 }: { draws?: number; seed?: number } = {},
): DirectionTest {
  const own = Array.from(units).filter((value) => !Number.isNaN(value));
  const seeds = directions.map((each) => Array.from(each).filter((value) => !Number.isNaN(value)));
  const others = seeds.flat();
  const unitMean = mean(own);
  const directionMean = mean(others);
  const seedsBelow = seeds.filter((each) => mean(each) < unitMean).length;
  if (own.length === 0 || others.length === 0) {
    return { unitMean, directionMean, superiority: Number.NaN, pValue: Number.NaN, rankPValue: Number.NaN, seedsBelow };
  }
  const values = Float64Array.from([...own, ...others]);
  const ranks = averageRanks(values);
  const rankSum = sumOfFirst(ranks, own.length);
  const superiority = (rankSum - (own.length * (own.length + 1)) / 2) / (own.length * others.length);
  const options = { draws, seed };
  return {
    unitMean,
    directionMean,
    superiority,
    pValue: labelPValue(values, own.length, options),
    rankPValue: labelPValue(ranks, own.length, options),
    seedsBelow,
  };
}

/** P(|mean of `count` values drawn − mean of all| ≥ that of the first `count`). */
function labelPValue(values: Float64Array, count: number, options: { draws: number; seed: number }): number {
  const center = (count * sumOfFirst(values, values.length)) / values.length;
  const shuffled = values.slice();
  const draw = (random: Random): number => {
    // The first `count` of a Fisher–Yates shuffle are a random draw.
    for (let i = 0; i < count; i++) {
      const pick = i + random.integer(shuffled.length - i);
      const kept = shuffled[i];
      shuffled[i] = shuffled[pick];
      shuffled[pick] = kept;
    }
    return Math.abs(sumOfFirst(shuffled, count) - center);
  };
  return permutationPValue(Math.abs(sumOfFirst(values, count) - center), draw, options);
}

function sumOfFirst(values: Float64Array, count: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += values[i];
  return sum;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
