/**
 * The largest class drop without the bias of choosing: the class is chosen on one half of the images and its drop is
 * measured on the other. The same halves tell how reliable a drop is, and so how high any correlation with it can be.
 */
import { type BaselineTable, type Counts, countFlips, type LayerFlips } from "../ablation/flips.ts";
import { stratifiedFolds } from "../stats/stratified-folds.ts";

/** Counts of the two halves of a stratified split of the images. */
export type HalfCounts = readonly [Counts, Counts];

/**
 * Counts of a layer on random stratified halves of the images.
 *
 * @param options.splits how many different splits; each uses all images.
 * @returns one pair of counts per split; the two add up to the counts of all images.
 */
export function countHalves(
  baseline: BaselineTable,
  flips: LayerFlips,
  { splits = 10, seed = 0 }: { splits?: number; seed?: number } = {},
): HalfCounts[] {
  return Array.from({ length: splits }, (_, split) => {
    const second = stratifiedFolds(baseline.labels, 2, { seed: seed * splits + split });
    const first = second.map((half) => 1 - half);
    return [countFlips(baseline, flips, { include: first }), countFlips(baseline, flips, { include: second })] as const;
  });
}

/** The split-half value of every unit. */
export interface SplitHalfDrops {
  /** Drop of the chosen class on the half that did not choose it, mean over both directions and all splits. */
  readonly drop: Float64Array;
  /** The class that was chosen most often, the lowest index of a tie; −1 if none could be. */
  readonly chosenClass: Int32Array;
  /** Share of the splits whose two halves choose the same class; `NaN` if none could choose. */
  readonly agreement: Float64Array;
}

/**
 * Split-half max class drops. A direction is left out for a unit if the chosen class has no image in the other half;
 * `NaN` if all are. A tie between classes goes to the lowest index.
 */
export function splitHalfDrops(halves: readonly HalfCounts[]): SplitHalfDrops {
  const unitCount = halves[0]?.[0].unitCount ?? 0;
  const classCount = halves[0]?.[0].classCount ?? 0;
  const sums = new Float64Array(unitCount);
  const directions = new Int32Array(unitCount);
  const votes = new Int32Array(unitCount * classCount);
  const agreement = agreementOfHalves(halves, unitCount);
  for (const [first, second] of halves) {
    for (const [choosing, measuring] of [
      [first, second],
      [second, first],
    ] as const) {
      for (let unit = 0; unit < unitCount; unit++) {
        const { cls } = largestDrop(choosing, unit);
        if (cls < 0) continue;
        votes[unit * classCount + cls]++;
        if (measuring.images[cls] === 0) continue;
        const at = unit * classCount + cls;
        sums[unit] += (measuring.lost[at] - measuring.gained[at]) / measuring.images[cls];
        directions[unit]++;
      }
    }
  }
  const chosenClass = new Int32Array(unitCount).fill(-1);
  for (let unit = 0; unit < unitCount; unit++) {
    let most = 0;
    for (let cls = 0; cls < classCount; cls++) {
      if (votes[unit * classCount + cls] <= most) continue;
      most = votes[unit * classCount + cls];
      chosenClass[unit] = cls;
    }
  }
  return { drop: sums.map((sum, unit) => sum / directions[unit]), chosenClass, agreement };
}

/** How often the class of a unit's largest drop is the same on two halves of the images. */
function agreementOfHalves(halves: readonly HalfCounts[], unitCount: number): Float64Array {
  return Float64Array.from({ length: unitCount }, (_, unit) => {
    const chosen = halves.map((pair) => pair.map((counts) => largestDrop(counts, unit).cls));
    const made = chosen.filter((classes) => classes.every((cls) => cls >= 0));
    return made.filter(([first, second]) => first === second).length / made.length;
  });
}

/** Largest class drop of a unit and its class, fractions compared exactly, ties to the lowest index; −1 without images. */
export function largestDrop(
  { classCount, images, lost, gained }: Counts,
  unit: number,
  { sign = 1 }: { sign?: 1 | -1 } = {},
): { drop: number; cls: number } {
  let cls = -1;
  let best = 0;
  for (let candidate = 0; candidate < classCount; candidate++) {
    if (images[candidate] === 0) continue;
    const at = unit * classCount + candidate;
    const net = sign * (lost[at] - gained[at]);
    if (cls >= 0 && net * images[cls] <= best * images[candidate]) continue;
    cls = candidate;
    best = net;
  }
  // "+ 0" keeps a drop of 0 from being −0.
  return { drop: cls < 0 ? Number.NaN : (sign * best) / images[cls] + 0, cls };
}

/** Overall drop of a unit; `NaN` without images. */
export function overallDrop({ classCount, images, lost, gained }: Counts, unit: number): number {
  let net = 0;
  let count = 0;
  for (let cls = 0; cls < classCount; cls++) {
    net += lost[unit * classCount + cls] - gained[unit * classCount + cls];
    count += images[cls];
  }
  return net / count;
}
