/**
 * From flipped predictions to drops and what can be believed of them: the tables `drops` and `units` of a layer and its
 * row of `layers`. `docs/statistics.md` says what each number means and why it is there.
 */
import type { CompanionChanges } from "../ablation/class-sums.ts";
import { type BaselineTable, type Counts, countFlips, type LayerFlips } from "../ablation/flips.ts";
import { UnitscopeError } from "../errors.ts";
import { detectableDrop } from "../stats/detectable-drop.ts";
import { discreteDiscoveries } from "../stats/discrete-false-discovery.ts";
import { benjaminiHochberg } from "../stats/false-discovery.ts";
import { maxDropNull } from "../stats/max-drop-null.ts";
import { exactMcNemar } from "../stats/mcnemar.ts";
import { specificityNull } from "../stats/specificity-null.ts";
import { doubles, integers, makeTable, type Table } from "../tables/table.ts";
import { continuousDropColumns, continuousUnitColumns } from "./continuous-drops.ts";
import { dropIntervals } from "./image-intervals.ts";
import { countHalves, type HalfCounts, largestDrop, overallDrop, splitHalfDrops } from "./split-half.ts";
import { summariseLayer } from "./summarise-layer.ts";

/** What a layer's ablation shows. Tables have the columns of `tables/schema.ts`. */
export interface LayerStatistics {
  readonly counts: Counts;
  /** Counts of the stratified halves that the split-half values come from; noise ceilings need them too. */
  readonly halves: readonly HalfCounts[];
  /** One row per (unit, class), in that order. */
  readonly drops: Table;
  /** One row per unit: drops and their statistics, no attributes. */
  readonly units: Table;
  /** One row: the layer's summary columns of `layers`, with `layer`. */
  readonly summary: Table;
}

/**
 * Analyses the ablation of a layer's units.
 *
 * @param options.classNames one a class.
 * @param options.rate false-discovery rate at which effects count as significant.
 * @param options.splits number of stratified splits behind the split-half values.
 * @param options.continuous what the continuous companions change by, as a sweep gives it.
 * @throws {UnitscopeError} `shape` or `value` if the parts do not fit each other.
 */
export function analyseLayer(
  baseline: BaselineTable,
  flips: LayerFlips,
  {
    classNames,
    rate = 0.05,
    splits = 10,
    seed = 0,
    continuous,
  }: {
    classNames: readonly string[];
    rate?: number;
    splits?: number;
    seed?: number;
    continuous?: CompanionChanges | null | undefined;
  },
): LayerStatistics {
  const { layer } = flips;
  if (classNames.length !== baseline.classCount) {
    throw new UnitscopeError(
      "shape",
      `layer "${layer}": expected ${baseline.classCount} class names, got ${classNames.length}`,
    );
  }
  const counts = countFlips(baseline, flips);
  const halves = countHalves(baseline, flips, { splits, seed });
  const { drops, bar } = describeDrops(layer, counts, { classNames, rate, continuous });
  const units = describeUnits(flips, counts, halves, drops, { rate, continuous });
  const intervals = dropIntervals(baseline, flips, { counts, classes: integers(units, "max_class"), seed });
  return { counts, halves, drops, units, summary: summariseLayer(counts, units, { layer, rate, bar, intervals }) };
}

function describeDrops(
  layer: string,
  counts: Counts,
  {
    classNames,
    rate,
    continuous,
  }: { classNames: readonly string[]; rate: number; continuous: CompanionChanges | null | undefined },
): { drops: Table; bar: number } {
  const { unitCount, classCount, images, correct, lost, gained } = counts;
  const pairs = unitCount * classCount;
  const perClass = (values: Int32Array): Int32Array => Int32Array.from(lost, (_, pair) => values[pair % classCount]);
  const pValues = new Float64Array(pairs).fill(Number.NaN);
  const drop = new Float64Array(pairs).fill(Number.NaN);
  for (let pair = 0; pair < pairs; pair++) {
    const imageCount = images[pair % classCount];
    if (imageCount === 0) continue;
    pValues[pair] = exactMcNemar(lost[pair], gained[pair]);
    drop[pair] = (lost[pair] - gained[pair]) / imageCount;
  }
  const { qValues, bar } = discreteDiscoveries(lost, gained, {
    rate,
    isTested: (pair) => images[pair % classCount] > 0,
  });
  const detectable = Float64Array.from(images, (count, cls) => {
    let gains = 0;
    for (let unit = 0; unit < unitCount; unit++) gains += gained[unit * classCount + cls] / unitCount;
    return detectableDrop({ images: count, correct: correct[cls], gains }, { bar });
  });
  const drops = makeTable({
    layer: Array.from({ length: pairs }, () => layer),
    unit: Int32Array.from(lost, (_, pair) => Math.floor(pair / classCount)),
    class: Int32Array.from(lost, (_, pair) => pair % classCount),
    class_name: Array.from(lost, (_, pair) => classNames[pair % classCount] ?? ""),
    images: perClass(images),
    correct: perClass(correct),
    correct_ablated: Int32Array.from(lost, (count, pair) => correct[pair % classCount] - count + gained[pair]),
    lost: lost.slice(),
    gained: gained.slice(),
    drop,
    p_value: pValues,
    q_value: qValues,
    smallest_detectable_drop: Float64Array.from(lost, (_, pair) => detectable[pair % classCount]),
    ...(continuous && continuousDropColumns(counts, continuous)),
  });
  return { drops, bar };
}

function describeUnits(
  flips: LayerFlips,
  counts: Counts,
  halves: readonly HalfCounts[],
  drops: Table,
  { rate, continuous }: { rate: number; continuous: CompanionChanges | null | undefined },
): Table {
  const { unitCount, classCount, images, correct, lost, gained } = counts;
  const qValues = doubles(drops, "q_value");
  const detectable = doubles(drops, "smallest_detectable_drop");
  const sum = (values: Int32Array): number => values.reduce((total, value) => total + value, 0);
  const row = (values: Int32Array, unit: number): Int32Array =>
    values.subarray(unit * classCount, (unit + 1) * classCount);
  const ofUnits = Array.from({ length: unitCount }, (_, unit) => unit);
  const largest = ofUnits.map((unit) => maxDropNull(row(lost, unit), row(gained, unit), images));
  const smallest = ofUnits.map((unit) => largestDrop(counts, unit, { sign: -1 }));
  const lostAll = Int32Array.from(ofUnits, (unit) => sum(row(lost, unit)));
  const gainedAll = Int32Array.from(ofUnits, (unit) => sum(row(gained, unit)));
  const [imageCount, correctAll] = [sum(images), sum(correct)];
  const overallP = Float64Array.from(ofUnits, (unit) =>
    imageCount === 0 ? Number.NaN : exactMcNemar(lostAll[unit], gainedAll[unit]),
  );
  const maxP = Float64Array.from(largest, ({ pValue }) => pValue);
  const specific = specificityNull(counts);
  const split = splitHalfDrops(halves);
  const flipped = new Int32Array(unitCount);
  for (const unit of flips.unit) flipped[unit]++;
  const significant = new Int32Array(unitCount);
  const hurt = new Int32Array(unitCount);
  for (let pair = 0; pair < unitCount * classCount; pair++) {
    if (!(qValues[pair] <= rate)) continue;
    significant[Math.floor(pair / classCount)]++;
    if (lost[pair] > gained[pair]) hurt[Math.floor(pair / classCount)]++;
  }
  return makeTable({
    layer: ofUnits.map(() => flips.layer),
    unit: Int32Array.from(ofUnits),
    overall_drop: Float64Array.from(ofUnits, (unit) => overallDrop(counts, unit)),
    max_class_drop: Float64Array.from(largest, ({ maxDrop }) => maxDrop),
    max_class: Int32Array.from(largest, ({ maxClass }) => maxClass),
    min_class_drop: Float64Array.from(smallest, ({ drop }) => drop),
    min_class: Int32Array.from(smallest, ({ cls }) => cls),
    images: new Int32Array(unitCount).fill(imageCount),
    correct: new Int32Array(unitCount).fill(correctAll),
    correct_ablated: lostAll.map((count, unit) => correctAll - count + gainedAll[unit]),
    lost: lostAll,
    gained: gainedAll,
    flipped,
    overall_p_value: overallP,
    overall_q_value: benjaminiHochberg(overallP),
    max_class_p_value: maxP,
    max_class_q_value: benjaminiHochberg(maxP),
    max_class_null: Float64Array.from(largest, ({ underNull }) => underNull.mean),
    max_class_null_95: Float64Array.from(largest, ({ underNull }) => underNull.quantile95),
    specificity_p_value: specific.pValues,
    specificity_q_value: benjaminiHochberg(specific.pValues),
    specificity_null: specific.means,
    specificity_null_95: specific.quantiles95,
    split_half_class: split.chosenClass,
    split_half_agreement: split.agreement,
    split_half_drop: split.drop,
    smallest_detectable_drop: Float64Array.from(largest, ({ maxClass }, unit) =>
      maxClass < 0 ? Number.NaN : detectable[unit * classCount + maxClass],
    ),
    significant_classes: significant,
    hurt_classes: hurt,
    ...(continuous && continuousUnitColumns(counts, continuous)),
  });
}
