/** `unitscope sets`: which units each class depends on, and what removing them does, for one layer of a run at a time. */
import { findReplacement } from "../ablation/replacement.ts";
import { UnitscopeError } from "../errors.ts";
import type { Json } from "../files/canonical-json.ts";
import type { Layer } from "../onnx/layers.ts";
import { forEachItem, openPassFolder, type PassRunner } from "../passes/pass-runner.ts";
import type { RunFolder } from "../runs/run-folder.ts";
import type { Provider } from "../runtime/session.ts";
import { type RunSetsOptions, runSets, type SetsResult } from "../sets/run-sets.ts";
import { type SetStrategy, setStrategies } from "../sets/set-strategies.ts";
import { doubles, filterRows, type Table, texts } from "../tables/table.ts";
import { givenRankings } from "./given-rankings.ts";
import { chooseDeepLayers, type OpenedRun, type OpeningEffects, workOnRun } from "./open-run.ts";
import { drawSetCurves } from "./set-figures.ts";
import { type StrategySummary, setClassesTable, setsTable, summariseSets } from "./sets-table.ts";
import type { Subject } from "./subject.ts";

/** Options of `unitscope sets`. */
export interface SetsRunOptions {
  /** Names of layers; by default the run's deepest convolution. */
  readonly layers?: readonly string[] | undefined;
  /** Names or indices of classes; by default all that have images. */
  readonly classes?: readonly string[] | undefined;
  /** Units per sequence; 20, or all where a layer has fewer. */
  readonly size?: number | undefined;
  /** All of them by default. */
  readonly strategies?: readonly SetStrategy[] | undefined;
  /** Share of every class that chooses the units, or `none`: chosen and measured on the same images. */
  readonly rankSplit?: number | "none" | undefined;
  /** Number of random sequences. */
  readonly randomSequences?: number | undefined;
  readonly seed?: number | undefined;
  /** Fraction of the decided (set, image) pairs to repeat the plain way, in [0, 1]. */
  readonly verify?: number | undefined;
  readonly engine?: "auto" | "plain" | undefined;
  readonly workers?: number | undefined;
  readonly provider?: Provider | undefined;
}

/** What a caller may watch and stop. */
export interface SetsEffects extends OpeningEffects {
  /** Told where every set has to be measured the plain way, and why. */
  readonly caution?: ((text: string) => void) | undefined;
  readonly progress?: ((done: number, total: number, note: string) => void) | undefined;
}

/** What was found about one layer. */
export interface LayerSets {
  readonly layer: Layer;
  readonly classes: readonly number[];
  readonly result: SetsResult;
  readonly summaries: readonly StrategySummary[];
  /** Path of figure 4. */
  readonly figure: string;
}

/** What was found. */
export interface SetsRunResult {
  readonly run: RunFolder;
  readonly subject: Subject;
  readonly layers: readonly LayerSets[];
  readonly rankSplit: number | null;
  readonly size: number;
  readonly elapsedMs: number;
}

/**
 * Searches and measures unit sets of a run's layers; writes `sets.parquet` and figure 4.
 * @throws {UnitscopeError} `run` if model or data are not the run's; `usage` for options that do not fit.
 */
export async function measureSets(
  path: string,
  options: SetsRunOptions = {},
  effects: SetsEffects = {},
): Promise<SetsRunResult> {
  checkSets(options);
  return await workOnRun(path, { command: "sets", layers: options.layers }, effects, async (opened) => {
    const passes = openPassFolder(path);
    const found = await searchSets(opened, options, { ...effects, runner: passes });
    const result = await writeSets(opened, found, options);
    passes.forget();
    return result;
  });
}

/** What was searched and measured. */
export interface FoundSets {
  readonly layers: readonly { readonly layer: Layer; readonly result: SetsResult }[];
  readonly classes: readonly number[];
  readonly rankSplit: number | null;
  /** When it began, as `performance.now()` tells. */
  readonly began: number;
}

/** Searches and measures; what `unitscope sets` computes. */
export async function searchSets(
  opened: OpenedRun,
  options: SetsRunOptions,
  { runner, caution, progress, signal }: SetsEffects & { readonly runner: PassRunner },
): Promise<FoundSets> {
  const began = performance.now();
  const { size = 20, seed = 1, verify, engine = "auto", randomSequences = 100, workers, provider } = options;
  const strategies = new Set<SetStrategy>(options.strategies ?? setStrategies);
  const rankSplit = options.rankSplit === "none" ? null : (options.rankSplit ?? 0.5);
  const { run, subject, method } = opened;
  const { model, images } = subject;
  const classes = chooseClasses(subject, options.classes, rankSplit);
  const layers = await forEachItem(chooseDeepLayers(opened, options.layers), async (layer) => {
    const layerSize = Math.min(size, layer.units);
    const replacement = await findReplacement(model, { images: opened.images, layer, method, workers, runner, signal });
    const settings: RunSetsOptions = {
      classes,
      size: layerSize,
      rankSplit,
      greedy: strategies.has("greedy"),
      single: strategies.has("single"),
      keep: strategies.has("keep"),
      random: strategies.has("random") ? randomSequences : 0,
      rankings: strategies.has("attributes") ? await rankingsOf(run, layer) : [],
      engine,
      verify,
      seed,
      runner,
      caution,
      progress,
      signal,
      workers,
      provider,
    };
    const result = await runSets(
      model,
      {
        images: opened.images,
        classNames: images.classNames,
        layer: layer.name,
        units: layer.units,
        method,
        replacement,
      },
      settings,
    );
    return { layer, result };
  });
  return { layers, classes, rankSplit, began };
}

/** Writes what was searched and measured: `sets.parquet` and figure 4. */
export async function writeSets(
  { run, subject }: OpenedRun,
  { layers, classes, rankSplit, began }: FoundSets,
  options: SetsRunOptions,
): Promise<SetsRunResult> {
  const { size = 20, seed = 1 } = options;
  const { classNames } = subject.images;
  const found: LayerSets[] = [];
  for (const { layer, result } of layers) {
    const table = setsTable(result, { layer: layer.name, classes, classNames, rankSplit });
    const perClass = setClassesTable(result, { layer: layer.name, classNames });
    await writeTables(run, { sets: table, perClass }, layer.name, rankSplit ?? 0);
    const figure = drawSetCurves(run, await run.readTable("sets"), layer.name);
    found.push({ layer, classes, result, summaries: summariseSets(result, classes), figure });
  }
  const elapsedMs = performance.now() - began;
  run.addStep({
    command: "sets",
    options: JSON.parse(
      JSON.stringify({ ...options, layers: layers.map(({ layer }) => layer.name), size, seed }),
    ) as Record<string, Json>,
    finished: new Date().toISOString(),
    timings: {
      search: found.reduce((sum, { result }) => sum + result.timings.searchMs, 0),
      measure: found.reduce((sum, { result }) => sum + result.timings.measureMs, 0),
      total: elapsedMs,
    },
  });
  return { run, subject, layers: found, rankSplit, size, elapsedMs };
}

/** @throws {UnitscopeError} `usage` for numbers that are out of range. */
export function checkSets({ size = 20, verify = 0, randomSequences = 100 }: SetsRunOptions): void {
  if (!Number.isInteger(size) || size < 1) {
    throw new UnitscopeError("usage", `option "size": expected a whole number of units from 1, got ${size}`);
  }
  if (!(verify >= 0 && verify <= 1)) {
    throw new UnitscopeError("usage", `option "verify": expected a fraction from 0 to 1, got ${verify}`);
  }
  if (!Number.isInteger(randomSequences) || randomSequences < 1) {
    throw new UnitscopeError(
      "usage",
      `option "randomSequences": expected a whole number from 1, got ${randomSequences}`,
    );
  }
}

/** Indices of the named classes; all with enough images by default. */
function chooseClasses({ images }: Subject, names: readonly string[] | undefined, rankSplit: number | null): number[] {
  const counts = new Int32Array(images.classNames.length);
  for (const label of images.labels) counts[label]++;
  const needed = rankSplit === null ? 1 : 2;
  if (!names || names.length === 0) return Array.from(counts.keys()).filter((cls) => counts[cls] >= needed);
  const chosen = names.map((name) => {
    const named = images.classNames.indexOf(name.normalize("NFC"));
    const cls = named >= 0 ? named : /^\d+$/.test(name) ? Number(name) : -1;
    if (cls >= 0 && cls < counts.length && counts[cls] >= needed) return cls;
    const problem = cls >= 0 && cls < counts.length ? `${counts[cls]} images of it` : "no such class";
    throw new UnitscopeError(
      "usage",
      `option "classes": expected names or indices of classes with at least ${needed} images, got "${name}" (${problem})`,
    );
  });
  return [...new Set(chosen)];
}

async function rankingsOf(run: RunFolder, layer: Layer): Promise<RunSetsOptions["rankings"] & object> {
  const units = run.hasTable("units") ? await run.readTable("units", { layer: layer.name }) : undefined;
  const vectors = run.hasTable("vectors") ? await run.readTable("vectors", { layer: layer.name }) : undefined;
  return givenRankings(layer.name, { units, vectors }, layer.units);
}

/** New rows replace those of the same strategy and class; all of the layer's where those were split otherwise. */
async function writeTables(
  run: RunFolder,
  { sets, perClass }: { sets: Table; perClass: Table },
  layer: string,
  rankSplit: number,
): Promise<void> {
  if (run.hasTable("sets")) {
    const held = await run.readTable("sets");
    const [layers, splits] = [texts(held, "layer"), doubles(held, "rank_split")];
    if (layers.some((name, row) => name === layer && splits[row] !== rankSplit)) {
      await dropLayer(run, "sets", layer);
      if (run.hasTable("set_classes")) await dropLayer(run, "set_classes", layer);
    }
  }
  await run.replaceRows("sets", sets, ["layer", "strategy", "class"]);
  if (perClass.rows > 0) await run.replaceRows("set_classes", perClass, ["layer", "class"]);
}

async function dropLayer(run: RunFolder, table: "sets" | "set_classes", layer: string): Promise<void> {
  const held = await run.readTable(table);
  const layers = texts(held, "layer");
  run.writeTable(
    table,
    filterRows(held, (row) => layers[row] !== layer),
  );
}
