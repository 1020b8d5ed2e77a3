/** Measured sequences of removed units as rows of the table `sets`, and their summary. */
import { quantile } from "../figures/curves.ts";
import { areaUnderCurve } from "../figures/merge-class-curves.ts";
import type { SetCurve } from "../sets/plan-curves.ts";
import type { SetsResult } from "../sets/run-sets.ts";
import { makeTable, noInteger, type Table } from "../tables/table.ts";

/** One row per (sequence, measured class, step). Sequences for no class are measured on every given class. */
export function setsTable(
  result: Pick<SetsResult, "curves" | "images" | "baseline" | "choosingImages">,
  {
    layer,
    classes,
    classNames,
    rankSplit,
  }: { layer: string; classes: readonly number[]; classNames: readonly string[]; rankSplit: number | null },
): Table {
  const rows = result.curves.flatMap((curve) =>
    (curve.cls >= 0 ? [curve.cls] : classes).flatMap((cls) => curveRows(curve, cls, result)),
  );
  const integers = (pick: (row: SetRow) => number): Int32Array => Int32Array.from(rows, pick);
  const doubles = (pick: (row: SetRow) => number): Float64Array => Float64Array.from(rows, pick);
  return makeTable({
    layer: rows.map(() => layer),
    strategy: rows.map(({ curve }) => curve.strategy),
    class: integers(({ cls }) => cls),
    class_name: rows.map(({ cls }) => classNames[cls] ?? ""),
    seed: integers(({ curve }) => curve.index),
    step: integers(({ step }) => step),
    unit: integers(({ unit }) => unit),
    images: integers(({ images }) => images),
    correct: integers(({ correct }) => correct),
    accuracy: doubles(({ correct, images }) => correct / images),
    called: integers(({ called }) => called),
    precision: doubles(precisionOf),
    false_alarms: doubles(falseAlarmsOf),
    drop: doubles(({ drop }) => drop),
    others_drop: doubles(({ othersDrop }) => othersDrop),
    rank_accuracy: doubles(({ rankAccuracy }) => rankAccuracy),
    rank_split: doubles(() => rankSplit ?? 0),
    saw_measured: integers(({ curve }) => Number(curve.sawImages)),
  });
}

/** What each step of a class's greedy sequence does to every class; those that it leaves as they were are left out. */
export function setClassesTable(
  { curves, images, baseline }: Pick<SetsResult, "curves" | "images" | "baseline">,
  { layer, classNames }: { layer: string; classNames: readonly string[] },
): Table {
  const rows = curves.flatMap(({ strategy, cls, right, taken, sequence: { units } }) =>
    strategy !== "greedy"
      ? []
      : Array.from({ length: units.length + 1 }, (_, step) =>
          Array.from(images.keys(), (other) => {
            const at = step * images.length + other;
            return { cls, step, other, correct: right[at], taken: taken[at] };
          }).filter(({ other, correct, taken: own }) => own > 0 || correct !== baseline[other]),
        ).flat(),
  );
  const integers = (pick: (row: (typeof rows)[number]) => number): Int32Array => Int32Array.from(rows, pick);
  return makeTable({
    layer: rows.map(() => layer),
    class: integers(({ cls }) => cls),
    step: integers(({ step }) => step),
    other: integers(({ other }) => other),
    other_name: rows.map(({ other }) => classNames[other] ?? ""),
    images: integers(({ other }) => images[other]),
    correct: integers(({ other }) => baseline[other]),
    correct_ablated: integers(({ correct }) => correct),
    taken: integers(({ taken }) => taken),
  });
}

interface SetRow {
  readonly curve: SetCurve;
  readonly cls: number;
  readonly step: number;
  readonly unit: number;
  readonly images: number;
  readonly correct: number;
  readonly called: number;
  readonly otherImages: number;
  readonly drop: number;
  readonly othersDrop: number;
  readonly rankAccuracy: number;
}

/** The rows of one sequence and class, steps rising. */
function curveRows(
  curve: SetCurve,
  cls: number,
  { images, baseline, choosingImages }: Pick<SetsResult, "images" | "baseline" | "choosingImages">,
): SetRow[] {
  const classCount = images.length;
  const { units } = curve.sequence;
  const others = (counts: ArrayLike<number>, start: number): number => {
    let sum = 0;
    for (let other = 0; other < classCount; other++) if (other !== cls) sum += counts[start + other];
    return sum;
  };
  const own = images[cls];
  const otherImages = others(images, 0);
  const isKeep = curve.strategy === "keep";
  return Array.from({ length: units.length + 1 }, (_, step): SetRow => {
    const at = isKeep ? units.length - step : step; // a keep-only sequence was measured from its largest set down
    const start = at * classCount;
    const correct = curve.right[start + cls];
    const unit = step === 0 ? noInteger : units[isKeep ? at : step - 1];
    return {
      curve,
      cls,
      step,
      unit,
      images: own,
      correct,
      called: curve.called[start + cls],
      otherImages,
      drop: (baseline[cls] - correct) / own,
      othersDrop: (others(baseline, 0) - others(curve.right, start)) / otherImages,
      rankAccuracy: curve.chosenRight ? curve.chosenRight[at] / choosingImages[cls] : Number.NaN,
    };
  });
}

/** Share of the images that are called a class and are of it; `NaN` where none is called it. */
function precisionOf({ correct, called }: SetRow): number {
  return correct / called;
}

/** Share of the images of other classes that are called the class. */
function falseAlarmsOf({ correct, called, otherImages }: SetRow): number {
  return (called - correct) / otherImages;
}

/** What one strategy does, averaged over classes (and over sequences, where there are several). */
export interface StrategySummary {
  readonly strategy: string;
  readonly sequences: number;
  /** Mean accuracy of the measured class after each step. */
  readonly accuracy: readonly number[];
  /** Mean precision of the class after each step (over classes that some image is called); `null` where none is. */
  readonly precision: readonly (number | null)[];
  /** Mean share of the other classes' images that are called the class, after each step. */
  readonly falseAlarms: readonly number[];
  /** Mean drop over all other classes after the last step (keep-only: with as many units kept). */
  readonly othersDrop: number;
  /** Area under the mean curve: its mean height. */
  readonly auc: number;
  /** Central 95 % of the areas of the random sequences. */
  readonly aucLow: number | null;
  readonly aucHigh: number | null;
  /** Whether the measured images had a say in the choice. */
  readonly sawMeasured: boolean;
}

/** Summaries in the order in which the strategies were measured. */
export function summariseSets(
  result: Pick<SetsResult, "curves" | "images" | "baseline" | "choosingImages">,
  classes: readonly number[],
): StrategySummary[] {
  const strategies = [...new Set(result.curves.map(({ strategy }) => strategy))];
  return strategies.map((strategy) => {
    const curves = result.curves.filter((curve) => curve.strategy === strategy);
    const rows = curves.flatMap((curve) =>
      (curve.cls >= 0 ? [curve.cls] : classes).map((cls) => curveRows(curve, cls, result)),
    );
    const steps = rows[0]?.length ?? 0;
    const meanOf = (some: readonly SetRow[][], step: number, measure: (row: SetRow) => number): number =>
      mean(some.flatMap((each) => each.slice(step, step + 1).map(measure)).filter((value) => !Number.isNaN(value)));
    const meanAt = (some: readonly SetRow[][], step: number): number =>
      meanOf(some, step, ({ correct, images }) => correct / images);
    const along = (measure: (step: number) => number): number[] =>
      Array.from({ length: steps }, (_, step) => measure(step));
    const accuracy = along((step) => meanAt(rows, step));
    const indices = [...new Set(curves.map(({ index }) => index))];
    const areas = indices
      .map((index) => rows.filter((each) => each[0]?.curve.index === index))
      .map((some) => areaUnderCurve(Array.from({ length: steps }, (_, step) => meanAt(some, step))))
      .sort((a, b) => a - b);
    const sorted = Float64Array.from(areas);
    const isBand = areas.length > 1;
    return {
      strategy,
      sequences: curves.length,
      accuracy,
      precision: along((step) => meanOf(rows, step, precisionOf)).map((value) => (Number.isNaN(value) ? null : value)),
      falseAlarms: along((step) => meanOf(rows, step, falseAlarmsOf)),
      othersDrop: mean(rows.map((each) => each[steps - 1]?.othersDrop ?? Number.NaN)),
      auc: areaUnderCurve(accuracy),
      aucLow: isBand ? quantile(sorted, 0.025) : null,
      aucHigh: isBand ? quantile(sorted, 0.975) : null,
      sawMeasured: curves.some(({ sawImages }) => sawImages),
    };
  });
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
