/**
 * `unitscope compare RUN RUN…`: figures 8 and 9. Max class drops and concept detectors of networks that were trained in
 * different ways; runs with one label are seeds of one variant.
 */
import { join } from "node:path";
import { compareDropsFigure } from "../figures/compare-drops.ts";
import { detectorsFigure, type VariantDetectors } from "../figures/detectors.ts";
import { detectedConceptsOf, detectorCountsOf, variantDropsOf } from "../figures/from-tables.ts";
import type { DropSign } from "../figures/sign.ts";
import { writeFileAtomic } from "../results/atomic-file.ts";
import { tableCsv } from "../results/export.ts";
import { doubles, hasValues, integers, makeTable, noInteger, rowsWhere, type Table } from "../results/table.ts";
import { version } from "../version.ts";
import {
  type ComparedRun,
  cautionsOf,
  checkSameConcepts,
  commonLayers,
  labelsOf,
  openRuns,
  vectorNames,
} from "./several-runs.ts";

/** Options of `unitscope compare`. */
export interface CompareRunsOptions {
  /** Layers; all that every run has by default. */
  readonly layers?: readonly string[] | undefined;
  /** Labels by run folder; the folder's name by default. */
  readonly names?: ReadonlyMap<string, string> | undefined;
  readonly sign?: DropSign | undefined;
  /** Folder for the results. */
  readonly out?: string | undefined;
}

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

/** What `unitscope compare` found and wrote. */
export interface CompareRunsResult {
  readonly out: string;
  readonly layers: readonly string[];
  readonly runs: readonly RunSummary[];
  readonly variants: readonly VariantSummary[];
  /** What makes the runs less comparable, in words. */
  readonly cautions: readonly string[];
  readonly figures: readonly string[];
}

/**
 * Compares runs and writes figure 8 (`max-class-drops.svg`), figure 9 of every layer (`detectors-<layer>.svg`, if all
 * runs have concepts), `variants.csv`, `runs.csv` and `compare.json`.
 *
 * @throws {UnitscopeError} `usage` if the runs are too few or a label is for none; `run` or `layer` if they differ in
 *   classes, concepts or layers.
 */
export async function runComparison(
  paths: readonly string[],
  { layers: asked, names, sign = "damage", out = "runs/compare" }: CompareRunsOptions = {},
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<CompareRunsResult> {
  const opened = openRuns(paths);
  const labels = labelsOf(paths, names);
  const layers = commonLayers(opened, asked);
  const cautions = cautionsOf(opened);
  const tables: { variant: string; units: Table }[] = [];
  const summaries: RunSummary[] = [];
  for (const [at, each] of opened.entries()) {
    signal?.throwIfAborted();
    const units = await each.run.readTable("units");
    const variant = labels[at] as string;
    tables.push({ variant, units });
    summaries.push(...(await summarise(each, variant, units, layers)));
  }
  const source = sourceOf(opened);
  const figures = [join(out, "max-class-drops.svg")];
  writeFileAtomic(figures[0] as string, compareDropsFigure(variantDropsOf(tables), layers, { sign, source }));
  const lacking = opened.filter((_, at) => !hasValues((tables[at] as { units: Table }).units, "concept_iou"));
  if (lacking.length > 0) {
    const which = lacking.map(({ path }) => `"${path}"`).join(", ");
    cautions.push(
      `no figure 9: ${which} without concepts; run: unitscope attributes ${lacking[0]?.path} --concepts builtin`,
    );
  } else {
    await checkConcepts(opened, layers);
    for (const layer of layers) {
      const figure = join(out, `detectors-${layer.replaceAll(/[^\w.-]+/g, "_")}.svg`);
      writeFileAtomic(figure, detectorsFigure(variantDetectorsOf(tables, layer), { layer, source }));
      figures.push(figure);
    }
  }
  const variants = variantsOf(summaries, layers);
  writeFileAtomic(join(out, "runs.csv"), tableCsv(runsTable(summaries)));
  writeFileAtomic(join(out, "variants.csv"), tableCsv(variantsTable(variants)));
  const record = {
    unitscope: version,
    command: "compare",
    options: { layers, sign },
    networks: opened.map(({ path, manifest }, at) => ({
      run: path,
      variant: labels[at],
      model: manifest.model,
      data: manifest.data,
      ablation: manifest.ablation,
    })),
    cautions,
    finished: new Date().toISOString(),
  };
  writeFileAtomic(join(out, "compare.json"), `${JSON.stringify(record, null, 2)}\n`);
  return { out, layers, runs: summaries, variants, cautions, figures };
}

async function summarise(
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
    const count = (column: string): number =>
      own && hasValues(own, column) ? (integers(own, column)[0] as number) : noInteger;
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

function variantsOf(runs: readonly RunSummary[], layers: readonly string[]): VariantSummary[] {
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
function runsTable(runs: readonly RunSummary[]): Table {
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
function variantsTable(variants: readonly VariantSummary[]): Table {
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

function variantDetectorsOf(runs: readonly { variant: string; units: Table }[], layer: string): VariantDetectors[] {
  return [...new Set(runs.map(({ variant }) => variant))].map((variant) => ({
    variant,
    networks: runs
      .filter((run) => run.variant === variant)
      .map(({ units }) => detectorCountsOf(detectedConceptsOf(units, layer))),
  }));
}

/** Counts of detectors mean the same only if there were the same concepts to detect. */
async function checkConcepts(runs: readonly ComparedRun[], layers: readonly string[]): Promise<void> {
  const first = new Map<string, { path: string; names: string[] }>();
  for (const { path, run } of runs) {
    const vectors = await run.readTable("vectors", { columns: ["layer", "attribute", "index", "name"] });
    for (const layer of layers) {
      const own = { path, names: vectorNames(vectors, layer, "concept_iou") };
      const expected = first.get(layer) ?? own;
      first.set(layer, expected);
      checkSameConcepts(expected, own);
    }
  }
}

/** The images of the runs, for the figures' subtitle. */
function sourceOf(runs: readonly ComparedRun[]): string {
  const images = new Set(
    runs.map(({ manifest: { data } }) => `${data.name} (${data.images.toLocaleString("en")} images)`),
  );
  return [...images].join(" and ");
}

function mean(values: Iterable<number>): number {
  const known = Float64Array.from(values).filter((value) => !Number.isNaN(value));
  return known.length === 0 ? Number.NaN : known.reduce((sum, value) => sum + value, 0) / known.length;
}
