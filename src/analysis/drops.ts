/**
 * From flipped predictions to drops and what can be believed of them: the tables `drops` and `units` of a layer and its
 * row of `layers`. `docs/statistics.md` says what each number means and why it is there.
 */
import { type BaselineTable, type Counts, countFlips, type LayerFlips } from "../ablation/flips.ts";
import { UnitscopeError } from "../errors.ts";
import { detectableDrop } from "../stats/detectable-drop.ts";
import { benjaminiHochberg, discoveryBar } from "../stats/false-discovery.ts";
import { maxDropNull } from "../stats/max-drop-null.ts";
import { exactMcNemar } from "../stats/mcnemar.ts";
import { doubles, makeTable, type Table } from "../tables/table.ts";
import { continuousDropColumns, continuousUnitColumns } from "./continuous-drops.ts";
import { countHalves, type HalfCounts, largestDrop, overallDrop, splitHalfDrops } from "./split-half.ts";

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
 * @param options.continuous sums of the continuous companions as a sweep gives them, `[unitCount, classCount, 4]`.
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
    continuous?: Float64Array | null | undefined;
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
  const drops = describeDrops(layer, counts, { classNames, rate, continuous });
  const { units, significant } = describeUnits(flips, counts, halves, drops, { rate, continuous });
  return {
    counts,
    halves,
    drops,
    units,
    summary: summarise(layer, counts, units, significant, discoveryBar(doubles(drops, "p_value"), rate)),
  };
}

/** The p-value that a (unit, class) effect needs to be significant whatever the layer's other effects are. */
export function layerBar({ unitCount, images }: Counts, rate: number): number {
  return rate / (unitCount * images.filter((count) => count > 0).length);
}

function describeDrops(
  layer: string,
  counts: Counts,
  {
    classNames,
    rate,
    continuous,
  }: { classNames: readonly string[]; rate: number; continuous: Float64Array | null | undefined },
): Table {
  const { unitCount, classCount, images, correct, lost, gained } = counts;
  const pairs = unitCount * classCount;
  const bar = layerBar(counts, rate);
  const detectable = Float64Array.from(images, (count, cls) => detectableDrop(count, correct[cls], bar));
  const perClass = (values: Int32Array): Int32Array => Int32Array.from(lost, (_, pair) => values[pair % classCount]);
  const pValues = new Float64Array(pairs).fill(Number.NaN);
  const drop = new Float64Array(pairs).fill(Number.NaN);
  for (let pair = 0; pair < pairs; pair++) {
    const imageCount = images[pair % classCount];
    if (imageCount === 0) continue;
    pValues[pair] = exactMcNemar(lost[pair], gained[pair]);
    drop[pair] = (lost[pair] - gained[pair]) / imageCount;
  }
  return makeTable({
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
    q_value: benjaminiHochberg(pValues),
    smallest_detectable_drop: Float64Array.from(lost, (_, pair) => detectable[pair % classCount]),
    ...(continuous && continuousDropColumns(counts, continuous)),
  });
}

function describeUnits(
  flips: LayerFlips,
  counts: Counts,
  halves: readonly HalfCounts[],
  drops: Table,
  { rate, continuous }: { rate: number; continuous: Float64Array | null | undefined },
): { units: Table; significant: Int32Array } {
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
  const split = splitHalfDrops(halves);
  const flipped = new Int32Array(unitCount);
  for (const unit of flips.unit) flipped[unit]++;
  const significant = new Int32Array(unitCount);
  for (let pair = 0; pair < unitCount * classCount; pair++) {
    if (qValues[pair] <= rate) significant[Math.floor(pair / classCount)]++;
  }
  const units = makeTable({
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
    split_half_class: split.chosenClass,
    split_half_drop: split.drop,
    smallest_detectable_drop: Float64Array.from(largest, ({ maxClass }, unit) =>
      maxClass < 0 ? Number.NaN : detectable[unit * classCount + maxClass],
    ),
    significant_classes: significant,
    ...(continuous && continuousUnitColumns(counts, continuous)),
  });
  return { units, significant };
}

function summarise(layer: string, counts: Counts, units: Table, significant: Int32Array, bar: number): Table {
  const mean = (name: string): Float64Array => {
    const values = doubles(units, name);
    return Float64Array.of(values.reduce((sum, value) => sum + value, 0) / values.length);
  };
  return makeTable({
    layer: [layer],
    overall_drop_mean: mean("overall_drop"),
    max_class_drop_mean: mean("max_class_drop"),
    significant_effects: Int32Array.of(significant.reduce((sum, count) => sum + count, 0)),
    significant_units: Int32Array.of(significant.filter((count) => count > 0).length),
    effects: Int32Array.of(counts.unitCount * counts.images.filter((images) => images > 0).length),
    significance_bar: Float64Array.of(bar),
  });
}
