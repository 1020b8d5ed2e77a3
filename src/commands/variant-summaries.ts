/** The comparison of runs in numbers: each run's layers, and means over the runs of one variant. */
import { detectedConceptsOf } from "../figures/from-tables.ts";
import { doubles, hasValues, integers, makeTable, noInteger, rowsWhere, type Table } from "../tables/table.ts";
import type { ComparedRun } from "./several-runs.ts";

/** One layer of one run in numbers; drops are fractions, positive means damage. */
export interface RunSummary {
  readonly variant: string;
  readonly run: string;
  readonly layer: string;
  readonly units: number;
  /** Fraction of the images that the whole network has right. */
  readonly accuracy: number;
  /** Means over units. */
  readonly maxClassDrop: number;
  /** What chance alone would make of `maxClassDrop`; `NaN` if the run does not say. */
  readonly maxClassNull: number;
  /** Free of the bias of choosing the class; `NaN` if the run does not say. */
  readonly splitHalfDrop: number;
  readonly overallDrop: number;
  /** (unit, class) pairs with q ≤ 0.05, of `effects` tested; −1 if the run does not say. */
  readonly significantEffects: number;
  readonly effects: number;
  /** Units that detect a concept, and different concepts; −1 without concepts. */
  readonly detectors: number;
  readonly concepts: number;
}

/** One layer of one variant: means over its runs, and the smallest and largest max class drop among them. */
export interface VariantSummary extends Omit<RunSummary, "run"> {
  readonly networks: number;
  readonly maxClassDropLow: number;
  readonly maxClassDropHigh: number;
}

/** Summarises layers of one run. */
export async function summariseRun(
  { path, run }: ComparedRun,
  variant: string,
  units: Table,
  layers: readonly string[],
): Promise<RunSummary[]> {
  const baseline = await run.readTable("baseline", { columns: ["label", "prediction"] });
  const [label, prediction] = [integers(baseline, "label"), integers(baseline, "prediction")];
  const accuracy = label.filter((cls, image) => cls === prediction[image]).length / label.length;
  const described = run.hasTable("layers") ? await run.readTable("layers") : undefined;
  return layers.map((layer) => {
    const rows = rowsWhere(units, "layer", layer);
    const own = described && rowsWhere(described, "layer", layer);
    const count = (column: string): number => (own && hasValues(own, column) ? integers(own, column)[0] : noInteger);
    const average = (column: string): number => (hasValues(rows, column) ? mean(doubles(rows, column)) : Number.NaN);
    const detected = hasValues(rows, "concept_iou") ? detectedConceptsOf(units, layer) : undefined;
    return {
      variant,
      run: path,
      layer,
      units: rows.rows,
      accuracy,
      maxClassDrop: average("max_class_drop"),
      maxClassNull: average("max_class_null"),
      splitHalfDrop: average("split_half_drop"),
      overallDrop: average("overall_drop"),
      significantEffects: count("significant_effects"),
      effects: count("effects"),
      detectors: detected ? detected.reduce((sum, concept) => sum + concept.units, 0) : noInteger,
      concepts: detected ? detected.length : noInteger,
    };
  });
}

/** Means over the runs of each variant, layer after layer, variants in order of first appearance. */
export function summariseVariants(runs: readonly RunSummary[], layers: readonly string[]): VariantSummary[] {
  const variants = [...new Set(runs.map(({ variant }) => variant))];
  return layers.flatMap((layer) =>
    variants.map((variant): VariantSummary => {
      const own = runs.filter((run) => run.variant === variant && run.layer === layer);
      const average = (value: (run: RunSummary) => number): number => mean(own.map(value));
      // A count that one run lacks has no mean.
      const counted = (value: (run: RunSummary) => number): number =>
        own.some((run) => value(run) === noInteger) ? noInteger : average(value);
      return {
        variant,
        layer,
        networks: own.length,
        units: average(({ units }) => units),
        accuracy: average(({ accuracy }) => accuracy),
        maxClassDrop: average(({ maxClassDrop }) => maxClassDrop),
        maxClassDropLow: Math.min(...own.map(({ maxClassDrop }) => maxClassDrop)),
        maxClassDropHigh: Math.max(...own.map(({ maxClassDrop }) => maxClassDrop)),
        maxClassNull: average(({ maxClassNull }) => maxClassNull),
        splitHalfDrop: average(({ splitHalfDrop }) => splitHalfDrop),
        overallDrop: average(({ overallDrop }) => overallDrop),
        significantEffects: counted(({ significantEffects }) => significantEffects),
        effects: counted(({ effects }) => effects),
        detectors: counted(({ detectors }) => detectors),
        concepts: counted(({ concepts }) => concepts),
      };
    }),
  );
}

/** `runs.csv`. */
export function runsTable(runs: readonly RunSummary[]): Table {
  const whole = (value: (run: RunSummary) => number): Int32Array => Int32Array.from(runs, value);
  return makeTable({
    variant: runs.map(({ variant }) => variant),
    run: runs.map(({ run }) => run),
    layer: runs.map(({ layer }) => layer),
    units: whole(({ units }) => units),
    ...dropColumns(runs),
    significant_effects: whole(({ significantEffects }) => significantEffects),
    effects: whole(({ effects }) => effects),
    detectors: whole(({ detectors }) => detectors),
    concepts: whole(({ concepts }) => concepts),
  });
}

/** `variants.csv`; counts are means over networks, so that they need not be whole. */
export function variantsTable(variants: readonly VariantSummary[]): Table {
  const column = (value: (row: VariantSummary) => number): Float64Array => Float64Array.from(variants, value);
  const counted = (value: (row: VariantSummary) => number): Float64Array =>
    column((row) => (value(row) === noInteger ? Number.NaN : value(row)));
  return makeTable({
    variant: variants.map(({ variant }) => variant),
    layer: variants.map(({ layer }) => layer),
    networks: Int32Array.from(variants, ({ networks }) => networks),
    units: column(({ units }) => units),
    ...dropColumns(variants),
    max_class_drop_low: column(({ maxClassDropLow }) => maxClassDropLow),
    max_class_drop_high: column(({ maxClassDropHigh }) => maxClassDropHigh),
    significant_effects: counted(({ significantEffects }) => significantEffects),
    effects: counted(({ effects }) => effects),
    detectors: counted(({ detectors }) => detectors),
    concepts: counted(({ concepts }) => concepts),
  });
}

function dropColumns(rows: readonly Omit<RunSummary, "run">[]): Record<string, Float64Array> {
  return {
    accuracy: Float64Array.from(rows, ({ accuracy }) => accuracy),
    max_class_drop: Float64Array.from(rows, ({ maxClassDrop }) => maxClassDrop),
    max_class_null: Float64Array.from(rows, ({ maxClassNull }) => maxClassNull),
    split_half_drop: Float64Array.from(rows, ({ splitHalfDrop }) => splitHalfDrop),
    overall_drop: Float64Array.from(rows, ({ overallDrop }) => overallDrop),
  };
}

function mean(values: Iterable<number>): number {
  const known = Float64Array.from(values).filter((value) => !Number.isNaN(value));
  return known.length === 0 ? Number.NaN : known.reduce((sum, value) => sum + value, 0) / known.length;
}
