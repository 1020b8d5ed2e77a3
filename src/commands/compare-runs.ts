/**
 * `unitscope compare RUN RUN…`: figures 8 and 9. Max class drops and concept detectors of networks that were trained in
 * different ways; runs with one label are seeds of one variant.
 */
import { join } from "node:path";
import { UnitscopeError } from "../errors.ts";
import { compareDropsFigure } from "../figures/compare-drops.ts";
import { detectorsFigure, type VariantDetectors } from "../figures/detectors.ts";
import { detectedConceptsOf, detectorCountsOf, variantDropsOf } from "../figures/from-tables.ts";
import type { DropSign } from "../figures/sign.ts";
import { writeFileAtomic } from "../files/atomic-file.ts";
import { layerSlugs } from "../files/layer-slugs.ts";
import { withCommas } from "../numeric/with-commas.ts";
import { tableCsv } from "../runs/export.ts";
import { dataTitle } from "../runs/run-manifest.ts";
import { hasValues, type Table } from "../tables/table.ts";
import { version } from "../version.ts";
import { imagesPerClassOf } from "./images-per-class.ts";
import { type MatchSummary, matchesTable, matchRuns } from "./match-runs.ts";
import { compareMethods, type MethodAgreement, methodPairsTable } from "./method-agreement.ts";
import type { OpeningEffects } from "./open-run.ts";
import {
  type ComparedRun,
  cautionsOf,
  checkSameConcepts,
  commonLayers,
  labelsOf,
  openRuns,
  vectorNames,
} from "./several-runs.ts";
import {
  type RunSummary,
  runsTable,
  summariseRun,
  summariseVariants,
  type VariantSummary,
  variantsTable,
} from "./variant-summaries.ts";

/** Options of `unitscope compare`. */
export interface CompareRunsOptions {
  /** Layers; all that every run has by default. */
  readonly layers?: readonly string[] | undefined;
  /** Labels by run folder; the folder's name by default. */
  readonly names?: ReadonlyMap<string, string> | undefined;
  readonly sign?: DropSign | undefined;
  /** Whether to look for the first run's units in the other networks, by their responses. */
  readonly match?: boolean | undefined;
  /** Folder for the results. */
  readonly out?: string | undefined;
}

/** What `unitscope compare` found and wrote. */
export interface CompareRunsResult {
  readonly out: string;
  readonly layers: readonly string[];
  readonly runs: readonly RunSummary[];
  readonly variants: readonly VariantSummary[];
  /** Of runs of one network that replace units by different things; `null` without such runs. */
  readonly methods: Omit<MethodAgreement, "surviving"> | null;
  /** Units of the first run in the other networks, if asked for. */
  readonly matches: readonly MatchSummary[] | null;
  /** What makes the runs less comparable, in words. */
  readonly cautions: readonly string[];
  readonly figures: readonly string[];
}

/**
 * Compares runs and writes figure 8 (`max-class-drops.svg`), figure 9 of every layer (`detectors-<layer>.svg`, if all
 * runs have concepts), `variants.csv`, `runs.csv` and `compare.json`.
 *
 * @throws {UnitscopeError} `usage` if the runs are too few or a label is for none; `run` or `layer` if they differ in
 *   classes, concepts or layers, or a variant has the same network twice.
 */
export async function runComparison(
  paths: readonly string[],
  { layers: asked, names, sign = "damage", match = false, out = "runs/compare" }: CompareRunsOptions = {},
  { fetching, signal }: OpeningEffects = {},
): Promise<CompareRunsResult> {
  const opened = openRuns(paths);
  const labels = labelsOf(paths, names);
  refuseRepeatedSeeds(opened, labels);
  const layers = commonLayers(opened, asked);
  const cautions = cautionsOf(opened);
  const tables: { variant: string; units: Table }[] = [];
  const summaries: RunSummary[] = [];
  for (const [at, each] of opened.entries()) {
    signal?.throwIfAborted();
    const units = await each.run.readTable("units");
    const variant = labels[at];
    tables.push({ variant, units });
    summaries.push(...(await summariseRun(each, variant, units, layers)));
  }
  const source = sourceOf(opened);
  const mostImages = Math.max(...(await Promise.all(opened.map(({ run }) => imagesPerClassOf(run)))));
  const figures = [join(out, "max-class-drops.svg")];
  writeFileAtomic(
    figures[0],
    compareDropsFigure(variantDropsOf(tables), layers, { sign, source, imagesPerClass: mostImages }),
  );
  const lacking = opened.filter((_, at) => !hasValues((tables[at] as { units: Table }).units, "concept_iou"));
  if (lacking.length > 0) {
    const which = lacking.map(({ path }) => `"${path}"`).join(", ");
    cautions.push(
      `no figure 9: ${which} without concepts; run: unitscope attributes ${lacking[0]?.path} --concepts builtin`,
    );
  } else {
    await checkConcepts(opened, layers);
    const slugs = layerSlugs(layers);
    for (const layer of layers) {
      const figure = join(out, `detectors-${slugs[layer]}.svg`);
      writeFileAtomic(figure, detectorsFigure(variantDetectorsOf(tables, layer), { layer }));
      figures.push(figure);
    }
  }
  const variants = summariseVariants(summaries, layers);
  writeFileAtomic(join(out, "runs.csv"), tableCsv(runsTable(summaries)));
  writeFileAtomic(join(out, "variants.csv"), tableCsv(variantsTable(variants)));
  const methods = await compareMethods(opened, layers);
  if (methods) {
    writeFileAtomic(join(out, "methods.csv"), tableCsv(methodPairsTable(methods.pairs)));
    writeFileAtomic(join(out, "surviving-effects.csv"), tableCsv(methods.surviving));
  }
  const matches = match ? await matchRuns(opened, layers, { fetching, signal }) : null;
  if (matches) {
    writeFileAtomic(join(out, "matches.csv"), tableCsv(matchesTable(matches.summaries)));
    writeFileAtomic(join(out, "matched-units.csv"), tableCsv(matches.pairs));
  }
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
    methods: methods && { pairs: methods.pairs, layers: methods.layers },
    matches: matches && matches.summaries,
    finished: new Date().toISOString(),
  };
  writeFileAtomic(join(out, "compare.json"), `${JSON.stringify(record, null, 2)}\n`);
  return {
    out,
    layers,
    runs: summaries,
    variants,
    methods: methods && { pairs: methods.pairs, layers: methods.layers },
    matches: matches && matches.summaries,
    cautions,
    figures,
  };
}

/** A network that counts twice would make the spread over seeds look smaller than it is. */
function refuseRepeatedSeeds(runs: readonly ComparedRun[], labels: readonly string[]): void {
  const seen = new Map<string, string>();
  for (const [at, { path, manifest }] of runs.entries()) {
    const key = `${labels[at]}\u0000${manifest.model.sha256}`;
    const earlier = seen.get(key);
    if (earlier !== undefined) {
      throw new UnitscopeError(
        "run",
        `run folder "${path}": expected another network of variant ${labels[at]} than that of "${earlier}", got the same ${manifest.model.name}; leave one out`,
      );
    }
    seen.set(key, path);
  }
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
    runs.map(({ manifest: { data } }) => `${dataTitle(data.name)} (${withCommas(data.images)} images)`),
  );
  return [...images].join(" and ");
}
