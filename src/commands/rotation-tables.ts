/** What removing directions does, as rows of the tables `rotation` and `directions`. */
import type { BaselineTable } from "../ablation/flips.ts";
import { type DirectionTest, testDirections } from "../analysis/direction-tests.ts";
import { analyseLayer } from "../analysis/drops.ts";
import type { Layer } from "../onnx/layers.ts";
import type { BasisChoice, BasisResult, RotationResult } from "../rotation/run-rotation.ts";
import { doubles, integers, makeTable, rowsWhere, type Table } from "../tables/table.ts";
import type { Subject } from "./subject.ts";

/** One basis in short. */
export interface BasisSummary extends BasisChoice {
  readonly maxClassDrop: number;
  readonly overallDrop: number;
  /** (direction, class) effects that survive false-discovery control at 5 %, of how many. */
  readonly significantEffects: number;
  readonly effects: number;
}

/** The comparison of units with one kind of basis. */
export interface Comparison extends DirectionTest {
  readonly basis: string;
  readonly t: number;
  readonly measure: string;
  readonly seeds: number;
}

/** The rows of one basis. */
export function basisRows(
  { basis, t, seed, flips, explained }: Pick<BasisResult, "basis" | "t" | "seed" | "flips" | "explained">,
  { predictions }: RotationResult,
  { images, model }: Subject,
  { layer, replacedBy }: { layer: Layer; replacedBy: string },
): Table {
  const baseline: BaselineTable = { labels: images.labels, predictions, classCount: model.classCount };
  const { units } = analyseLayer(baseline, flips, { classNames: images.classNames });
  const column = (name: string): Float64Array => doubles(units, name);
  const count = units.rows;
  return makeTable({
    layer: Array.from({ length: count }, () => layer.name),
    basis: Array.from({ length: count }, () => basis),
    t: new Float64Array(count).fill(t),
    seed: new Int32Array(count).fill(seed),
    direction: integers(units, "unit"),
    replaced_by: Array.from({ length: count }, () => replacedBy),
    overall_drop: column("overall_drop"),
    max_class_drop: column("max_class_drop"),
    max_class: integers(units, "max_class"),
    min_class_drop: column("min_class_drop"),
    min_class: integers(units, "min_class"),
    split_half_drop: column("split_half_drop"),
    split_half_class: integers(units, "split_half_class"),
    split_half_agreement: column("split_half_agreement"),
    lost: integers(units, "lost"),
    gained: integers(units, "gained"),
    significant_classes: integers(units, "significant_classes"),
    explained_variance: explained ?? new Float64Array(count).fill(Number.NaN),
  });
}

/** The bases of a layer themselves, but for that of the units: rows of the table `bases`. */
export function basesTable({ name, units }: Layer, all: readonly BasisResult[]): Table {
  const bases = all.filter(({ basis }) => basis !== "units");
  const rows = bases.length * units * units;
  const each = (row: number): BasisResult => bases[Math.floor(row / (units * units))];
  const numbers = (pick: (row: number) => number): Float64Array =>
    Float64Array.from({ length: rows }, (_, at) => pick(at));
  const whole = (pick: (row: number) => number): Int32Array => Int32Array.from({ length: rows }, (_, at) => pick(at));
  return makeTable({
    layer: Array.from({ length: rows }, () => name),
    basis: Array.from({ length: rows }, (_, row) => each(row).basis),
    t: numbers((row) => each(row).t),
    seed: whole((row) => each(row).seed),
    direction: whole((row) => Math.floor(row / units) % units),
    unit: whole((row) => row % units),
    weight: numbers((row) => each(row).matrix[row % (units * units)]),
  });
}

/** What is compared, from the rows of some directions. */
const measures: Readonly<Record<string, (rows: Table) => Float64Array>> = {
  max_class_drop: (rows) => doubles(rows, "max_class_drop"),
  split_half_drop: (rows) => doubles(rows, "split_half_drop"),
  overall_drop: (rows) => doubles(rows, "overall_drop"),
  class_specific_drop: (rows) => {
    const overall = doubles(rows, "overall_drop");
    return doubles(rows, "max_class_drop").map((drop, row) => drop - overall[row]);
  },
  significant_classes: (rows) => Float64Array.from(integers(rows, "significant_classes")),
};

/** The units of a layer against every kind of basis. */
export function compare(table: Table): Comparison[] {
  const units = rowsWhere(table, "basis", "units");
  return ["random", "pca"].flatMap((basis) => {
    const rows = rowsWhere(table, "basis", basis);
    const [t, seed] = [doubles(rows, "t"), integers(rows, "seed")];
    return [...new Set(t)].flatMap((angle) => {
      const seeds = [...new Set(seed)];
      return Object.entries(measures).map(([measure, of]): Comparison => {
        const values = of(rows);
        const directions = seeds.map((each) => values.filter((_, row) => t[row] === angle && seed[row] === each));
        return { basis, t: angle, measure, seeds: seeds.length, ...testDirections(of(units), directions) };
      });
    });
  });
}

/** Comparisons as rows of the table `directions`. */
export function comparisonTable(layer: Layer, comparisons: readonly Comparison[]): Table {
  const numbers = (pick: (each: Comparison) => number): Float64Array => Float64Array.from(comparisons, pick);
  return makeTable({
    layer: comparisons.map(() => layer.name),
    basis: comparisons.map(({ basis }) => basis),
    t: numbers(({ t }) => t),
    measure: comparisons.map(({ measure }) => measure),
    units: Int32Array.from(comparisons, () => layer.units),
    seeds: Int32Array.from(comparisons, ({ seeds }) => seeds),
    units_mean: numbers(({ unitMean }) => unitMean),
    directions_mean: numbers(({ directionMean }) => directionMean),
    superiority: numbers(({ superiority }) => superiority),
    p_value: numbers(({ pValue }) => pValue),
    rank_p_value: numbers(({ rankPValue }) => rankPValue),
    seeds_below: Int32Array.from(comparisons, ({ seedsBelow }) => seedsBelow),
  });
}

/** One basis in short, from the rows of a layer. */
export function summarise({ basis, t, seed }: BasisChoice, table: Table, { images }: Subject): BasisSummary {
  const [angles, seeds] = [doubles(table, "t"), integers(table, "seed")];
  const bases = table.columns["basis"] as readonly string[];
  const own = Array.from(angles.keys()).filter(
    (row) => bases[row] === basis && angles[row] === t && seeds[row] === seed,
  );
  const mean = (name: string): number => own.reduce((sum, row) => sum + doubles(table, name)[row], 0) / own.length;
  const significant = integers(table, "significant_classes");
  return {
    basis,
    t,
    seed,
    maxClassDrop: mean("max_class_drop"),
    overallDrop: mean("overall_drop"),
    significantEffects: own.reduce((sum, row) => sum + significant[row], 0),
    effects: own.length * new Set(images.labels).size,
  };
}
