/**
 * The tables of a layer that was not measured on all images, or some of whose units were not: counts and drops on the
 * images so far, with limits of what all images can give. Tests and nulls are for sweeps that are whole: their p-values
 * hold for a number of images that was fixed beforehand.
 */
import type { Change } from "../ablation/drop-limits.ts";
import { countFlips, type LayerFlips } from "../ablation/flips.ts";
import type { Reached } from "../ablation/reached.ts";
import { makeTable, type Table } from "../tables/table.ts";

/** What is known of a layer so far. Tables have the columns of `tables/schema.ts`. */
export interface PartialStatistics {
  /** One row per (unit, class), in that order; images are those that the unit was measured on. */
  readonly drops: Table;
  readonly units: Table;
  readonly summary: Table;
}

/**
 * Describes a layer.
 * @param baseline predictions of the images that were reached.
 * @param flips of the images that each unit was measured on.
 */
export function describePartialLayer(
  { labels, predictions }: { labels: Int32Array; predictions: Int32Array },
  flips: LayerFlips,
  {
    reached: { blockOf, limits },
    reach,
    classNames,
  }: { reached: Pick<Reached, "blockOf" | "limits">; reach: Int32Array; classNames: readonly string[] },
): PartialStatistics {
  const { layer, unitCount } = flips;
  const classCount = classNames.length;
  const columns = emptyColumns(unitCount * classCount);
  const units = emptyUnitColumns(unitCount);
  const changes = changesOf(flips, { labels, predictions, blockOf });
  const flipped = new Int32Array(unitCount);
  for (const unit of flips.unit) flipped[unit]++;
  for (const to of new Set(reach)) {
    const include = Uint8Array.from(blockOf, (block) => Number(block < to));
    // Images beyond `to` are left out of the counts, so that any prediction will do for them.
    const known = { labels, predictions: predictions.map((each, image) => (include[image] ? each : -1)), classCount };
    const own = Array.from(flips.unit.keys()).filter((flip) => reach[flips.unit[flip]] === to);
    const pick = (values: Int32Array): Int32Array => Int32Array.from(own, (flip) => values[flip]);
    const some = {
      layer,
      unitCount,
      unit: pick(flips.unit),
      image: pick(flips.image),
      prediction: pick(flips.prediction),
    };
    const { images, correct, lost, gained } = countFlips(known, some, { include });
    for (let unit = 0; unit < unitCount; unit++) {
      if (reach[unit] !== to) continue;
      let overall = 0;
      let weight = 0;
      let [best, worst] = [-1, -1];
      for (let cls = 0; cls < classCount; cls++) {
        const row = unit * classCount + cls;
        columns.images[row] = images[cls];
        columns.correct[row] = correct[cls];
        columns.lost[row] = lost[row];
        columns.gained[row] = gained[row];
        units.images[unit] += images[cls];
        units.correct[unit] += correct[cls];
        units.lost[unit] += lost[row];
        units.gained[unit] += gained[row];
        if (limits.sizes[cls] === 0) continue;
        const { lower, upper } = limits.ofClass(cls, changes[unit].get(cls) ?? [], to);
        columns.lower[row] = lower;
        columns.upper[row] = upper;
        if (images[cls] === 0) continue;
        const drop = (lost[row] - gained[row]) / images[cls] + 0;
        columns.drop[row] = drop;
        overall += limits.sizes[cls] * drop;
        weight += limits.sizes[cls];
        if (best < 0 || drop > columns.drop[unit * classCount + best]) best = cls;
        if (worst < 0 || drop < columns.drop[unit * classCount + worst]) worst = cls;
      }
      const { lower, upper } = limits.overall([...changes[unit].values()].flat(), to);
      units.overall[unit] = overall / weight;
      units.lower[unit] = lower;
      units.upper[unit] = upper;
      [units.best[unit], units.worst[unit]] = [best, worst];
    }
  }
  const inClass =
    (values: Float64Array) =>
    (cls: number, unit: number): number =>
      cls < 0 ? Number.NaN : values[unit * classCount + cls];
  const largest = Float64Array.from(units.best, inClass(columns.drop));
  const after = ({ correct, lost, gained }: Counted): Int32Array =>
    correct.map((count, row) => count - lost[row] + gained[row]);
  return {
    drops: makeTable({
      layer: Array.from(columns.drop, () => layer),
      unit: Int32Array.from(columns.drop, (_, row) => Math.floor(row / classCount)),
      class: Int32Array.from(columns.drop, (_, row) => row % classCount),
      class_name: Array.from(columns.drop, (_, row) => classNames[row % classCount]),
      images: columns.images,
      correct: columns.correct,
      correct_ablated: after(columns),
      lost: columns.lost,
      gained: columns.gained,
      drop: columns.drop,
      lower: columns.lower,
      upper: columns.upper,
    }),
    units: makeTable({
      layer: Array.from(flipped, () => layer),
      unit: Int32Array.from(flipped.keys()),
      overall_drop: units.overall,
      overall_lower: units.lower,
      overall_upper: units.upper,
      max_class_drop: largest,
      max_class: units.best,
      max_class_lower: Float64Array.from(units.best, inClass(columns.lower)),
      max_class_upper: Float64Array.from(units.best, inClass(columns.upper)),
      min_class_drop: Float64Array.from(units.worst, inClass(columns.drop)),
      min_class: units.worst,
      images: units.images,
      correct: units.correct,
      correct_ablated: after(units),
      lost: units.lost,
      gained: units.gained,
      flipped,
    }),
    summary: makeTable({
      layer: [layer],
      overall_drop_mean: Float64Array.of(mean(units.overall)),
      max_class_drop_mean: Float64Array.of(mean(largest)),
    }),
  };
}

interface Counted {
  readonly images: Int32Array;
  readonly correct: Int32Array;
  readonly lost: Int32Array;
  readonly gained: Int32Array;
  readonly lower: Float64Array;
  readonly upper: Float64Array;
}

function emptyCounts(length: number): Counted {
  const counts = (): Int32Array => new Int32Array(length);
  const missing = (): Float64Array => new Float64Array(length).fill(Number.NaN);
  return {
    images: counts(),
    correct: counts(),
    lost: counts(),
    gained: counts(),
    lower: missing(),
    upper: missing(),
  };
}

function emptyColumns(length: number): Counted & { readonly drop: Float64Array } {
  return { ...emptyCounts(length), drop: new Float64Array(length).fill(Number.NaN) };
}

function emptyUnitColumns(
  length: number,
): Counted & { readonly overall: Float64Array; readonly best: Int32Array; readonly worst: Int32Array } {
  const none = (): Int32Array => new Int32Array(length).fill(-1);
  return { ...emptyCounts(length), overall: new Float64Array(length), best: none(), worst: none() };
}

/** Of every unit, the images that change sides, by class. */
function changesOf(
  { unitCount, unit, image, prediction }: LayerFlips,
  { labels, predictions, blockOf }: { labels: Int32Array; predictions: Int32Array; blockOf: Int32Array },
): Map<number, Change[]>[] {
  const changes = Array.from({ length: unitCount }, () => new Map<number, Change[]>());
  for (const [flip, own] of unit.entries()) {
    const cls = labels[image[flip]];
    const isLoss = predictions[image[flip]] === cls;
    if (!isLoss && prediction[flip] !== cls) continue;
    const list = changes[own].get(cls) ?? [];
    list.push({ block: blockOf[image[flip]], cls, isGain: !isLoss });
    changes[own].set(cls, list);
  }
  return changes;
}

function mean(values: Float64Array): number {
  const known = values.filter((value) => !Number.isNaN(value));
  return known.reduce((sum, value) => sum + value, 0) / known.length;
}
