/** How far two lists of units agree in what removing them does: drops, and the class that each matters most for. */
import { seededRandom } from "../numeric/random.ts";
import { pearson, spearman } from "../stats/correlation.ts";
import { correlationPValue } from "../stats/permutation-test.ts";

/** What removing units does, one entry a unit; pairs stand at the same place in two lists. */
export interface UnitEffects {
  readonly overallDrop: Float64Array;
  readonly maxClassDrop: Float64Array;
  /** The class of the largest drop, chosen without luck where that is known; -1 for none. */
  readonly targetClass: Int32Array;
}

/** Agreement over pairs. */
export interface Agreement {
  readonly pairs: number;
  readonly maxClassPearson: number;
  readonly maxClassSpearman: number;
  readonly overallSpearman: number;
  /** Permutation p-value of the Pearson correlation of max class drops. */
  readonly pValue: number;
  /** Share of pairs with one target class; what shuffled pairs share on average; and P(shuffled pairs share as much). */
  readonly sameClass: number;
  readonly sameClassByChance: number;
  readonly sameClassPValue: number;
}

/** Compares two lists of the same length. */
export function agreementOf(
  first: UnitEffects,
  second: UnitEffects,
  { draws = 2_000, seed = 0 }: { draws?: number; seed?: number } = {},
): Agreement {
  const [own, other] = [first.targetClass, second.targetClass];
  const pairs = own.length;
  const same = (order: (at: number) => number): number => {
    let count = 0;
    for (let at = 0; at < pairs; at++) if (own[at] >= 0 && own[at] === other[order(at)]) count++;
    return count;
  };
  const found = same((at) => at);
  const random = seededRandom(seed, 0x5a3e);
  const order = Int32Array.from(own.keys());
  let [reached, sum] = [0, 0];
  for (let draw = 0; draw < draws; draw++) {
    random.shuffle(order);
    const count = same((at) => order[at]);
    sum += count;
    if (count >= found) reached++;
  }
  return {
    pairs,
    maxClassPearson: pearson(first.maxClassDrop, second.maxClassDrop),
    maxClassSpearman: spearman(first.maxClassDrop, second.maxClassDrop),
    overallSpearman: spearman(first.overallDrop, second.overallDrop),
    pValue: correlationPValue(first.maxClassDrop, second.maxClassDrop, { draws, seed }),
    sameClass: found / pairs,
    sameClassByChance: sum / draws / pairs,
    sameClassPValue: (1 + reached) / (1 + draws),
  };
}

/** A unit's effect on a class, by several methods of removing it. */
export interface SurvivingEffect {
  readonly unit: number;
  readonly cls: number;
  /** Drop by each method. */
  readonly drops: readonly number[];
}

/** Effects of one layer: entries of the same place are of one (unit, class). */
export interface LayerEffects {
  readonly unit: Int32Array;
  readonly cls: Int32Array;
  readonly drop: Float64Array;
  readonly qValue: Float64Array;
}

/** Effects that every method finds, with the same sign, at q ≤ 0.05. Each method's list holds the same (unit, class) pairs. */
export function survivingEffects(methods: readonly LayerEffects[]): SurvivingEffect[] {
  const [first] = methods;
  if (!first) return [];
  const key = (of: LayerEffects, at: number): string => `${of.unit[at]} ${of.cls[at]}`;
  const places = methods.map((of) => new Map(Array.from(of.unit, (_, at) => [key(of, at), at])));
  return Array.from(first.unit.keys()).flatMap((at): SurvivingEffect[] => {
    const rows = places.map((place) => place.get(key(first, at)) ?? -1);
    const drops = methods.map(({ drop }, method) => drop[rows[method]] ?? Number.NaN);
    const isReal = methods.every(({ qValue }, method) => (qValue[rows[method]] ?? 1) <= 0.05);
    const sign = Math.sign(drops[0]);
    return isReal && drops.every((drop) => Math.sign(drop) === sign)
      ? [{ unit: first.unit[at], cls: first.cls[at], drops }]
      : [];
  });
}
