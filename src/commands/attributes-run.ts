/**
 * `unitscope attributes`: describes every unit of a run. Observes the responses if the sweep did not, computes every
 * attribute with its null, chooses the images of the cards, and relates the attributes to the drops.
 */
import type { LayerFlips } from "../ablation/flips.ts";
import { relateAttributes } from "../analysis/relations.ts";
import { countHalves } from "../analysis/split-half.ts";
import { activationStatistics } from "../attributes/activation-statistics.ts";
import { describeLayer, openDescriber } from "../attributes/describe-layer.ts";
import type { UnitDescriptions } from "../attributes/describe-units.ts";
import { openFetcher, type ResponseFetcher } from "../attributes/fetch-responses.ts";
import { l1Norms } from "../attributes/l1-norm.ts";
import { UnitscopeError } from "../errors.ts";
import type { Layer } from "../onnx/layers.ts";
import { openPassFolder } from "../passes/pass-runner.ts";
import { chooseThreads, chooseWorkers } from "../passes/thread-choice.ts";
import { defaultTailFraction, defaultTopImages, type ObservedLayer } from "../responses/observed.ts";
import type { RunFolder } from "../runs/run-folder.ts";
import type { Provider } from "../runtime/session.ts";
import { concatTables, doubles, integers, rowsWhere, type Table, texts } from "../tables/table.ts";
import { unitTable, vectorAttributes, vectorTable } from "./attribute-tables.ts";
import { type ObservedUnits, observeUnits } from "./observe-units.ts";
import { type LeftOutLayer, type OpenedRun, type OpeningEffects, workOnRun } from "./open-run.ts";
import type { Pooling, ResponseStore } from "./response-store.ts";
import type { Subject } from "./subject.ts";
import { formatSpriteIndex, type Intact, runTileSize, writeUnitImages } from "./unit-images.ts";

/** Options of `unitscope attributes`. */
export interface AttributesRunOptions {
  /** Pooling of a response over positions, for everything that is compared between images. */
  readonly pool?: Pooling | undefined;
  /** Names of layers; by default all of the run's whose responses can be read. */
  readonly layers?: readonly string[] | undefined;
  /** Shuffles behind every null; 0 for none. */
  readonly shuffles?: number | undefined;
  /** Bootstrap resamples of units, and shuffles, behind the intervals and p-values of relations; 2,000 by default. */
  readonly resamples?: number | undefined;
  /** Strongest and most hurt images per unit. */
  readonly topImages?: number | undefined;
  readonly seed?: number | undefined;
  readonly workers?: number | undefined;
  readonly provider?: Provider | undefined;
}

/** What a caller may watch and stop. */
export interface AttributesEffects extends OpeningEffects {
  /** How far a step is. */
  readonly progress?: ((step: AttributesStep) => void) | undefined;
}

/** A step of the work and how much of it is done. */
export interface AttributesStep {
  readonly title: "observing responses" | "describing units" | "cutting out images" | "relating to drops";
  readonly done: number;
  readonly total: number;
  readonly unit: "images" | "units" | "layers";
}

/** What was found. */
export interface AttributesRunResult {
  readonly run: RunFolder;
  readonly layers: readonly Layer[];
  /** Layers of the run whose responses cannot be read. */
  readonly leftOut: readonly LeftOutLayer[];
  /** Keys and attribute columns of every unit. */
  readonly units: Table;
  readonly relations: Table | undefined;
  /** Whether the responses had been observed before. */
  readonly reused: boolean;
  readonly timings: Readonly<Record<"observe" | "describe" | "images" | "relate" | "total", number>>;
}

/**
 * Describes the units of a run: attribute columns of `units`, `vectors`, `images` with sprite sheets, `relations`.
 *
 * @throws {UnitscopeError} `run` if the model or the data is not the run's, or the run holds no units.
 */
export async function runAttributes(
  path: string,
  options: AttributesRunOptions = {},
  effects: AttributesEffects = {},
): Promise<AttributesRunResult> {
  checkAttributes(options);
  return await workOnRun(path, { command: "attributes", layers: options.layers }, effects, async (opened) => {
    const observed = await observeUnits(opened, options, { ...effects, runner: openPassFolder(path) });
    return await describeUnits(opened, observed, options, effects);
  });
}

/** @throws {UnitscopeError} `usage` for counts that are none. */
export function checkAttributes({
  shuffles = 0,
  resamples = 2_000,
  topImages = 1,
  workers = 1,
}: AttributesRunOptions): void {
  checkCounts({
    shuffles: [shuffles, 0],
    resamples: [resamples, 100],
    topImages: [topImages, 1],
    workers: [workers, 1],
  });
}

/** Describes the units by what was observed, and writes it. */
export async function describeUnits(
  opened: OpenedRun,
  { layers, leftOut, observed: responses, began }: ObservedUnits,
  options: AttributesRunOptions,
  effects: AttributesEffects,
): Promise<AttributesRunResult> {
  const { pool = "mean", shuffles = 200, resamples = 2_000, topImages = defaultTopImages, seed = 1 } = options;
  const { workers, provider } = options;
  const { signal, progress } = effects;
  const clock = stopwatch();
  const observeMs = performance.now() - began;
  const { run, subject } = opened;
  const store = responses.store();
  const choice = chooseThreads(subject.model, { workers, provider });
  const fetcher = await openFetcher(subject.model, opened.images, layers, { ...choice, provider, signal });
  try {
    const observed = layers.map((_, at) => store.summary(at));
    const statistics = observed.map((layer) => activationStatistics(layer, defaultTailFraction));
    const descriptions = await describeAll(
      store,
      subject,
      layers,
      { pool, shuffles, seed, workers: chooseWorkers(workers) },
      effects,
    );
    const { classNames } = subject.images;
    const tables = layers.map((layer, at) =>
      unitTable(layer, l1Norms(subject.model.graph, layer), statistics[at], descriptions[at]),
    );
    const units = concatTables(tables);
    await run.addColumns("units", units);
    const vectors = await run.rewriteLayers(
      "vectors",
      layers.map(({ name }) => name),
      { attribute: vectorAttributes },
    );
    for (const [at, layer] of layers.entries()) {
      await vectors.append(vectorTable(layer, classNames, descriptions[at]));
    }
    vectors.commit();
    const describeMs = clock();
    await pictureAll(
      run,
      subject,
      fetcher,
      store,
      { layers, observed, thresholds: statistics.map((each) => each.top_threshold), topImages },
      progress,
    );
    const imagesMs = clock();
    const relations = await relateAll(run, subject, opened.layers, { seed, resamples, progress });
    const timings = {
      observe: observeMs,
      describe: describeMs,
      images: imagesMs,
      relate: clock(),
      total: performance.now() - began,
    };
    run.addStep({
      command: "attributes",
      options: { pool, shuffles, resamples, topImages, seed, layers: layers.map(({ name }) => name) },
      finished: new Date().toISOString(),
      timings,
    });
    return { run, layers, leftOut, units, relations, reused: responses.isReused, timings };
  } finally {
    await fetcher.close();
  }
}

async function describeAll(
  store: ResponseStore,
  { images: { labels }, model: { classCount } }: Subject,
  layers: readonly Layer[],
  { pool, shuffles, seed, workers }: { pool: Pooling; shuffles: number; seed: number; workers: number },
  { progress, signal }: AttributesEffects,
): Promise<UnitDescriptions[]> {
  const describer = await openDescriber(store.probabilities(), labels, { classCount, shuffles, seed, workers, signal });
  const total = layers.reduce((sum, { units }) => sum + units, 0);
  let done = 0;
  try {
    const found: UnitDescriptions[] = [];
    for (const [at, { units }] of layers.entries()) {
      const pooled = (from: number, to: number): Float64Array => store.pooled(at, pool, from, to);
      const described = await describeLayer(describer, units, pooled, (count) => {
        done += count;
        progress?.({ title: "describing units", done, total, unit: "units" });
      });
      found.push(described);
    }
    return found;
  } finally {
    await describer.close();
  }
}

async function pictureAll(
  run: RunFolder,
  subject: Subject,
  fetcher: ResponseFetcher,
  store: ResponseStore,
  {
    layers,
    observed,
    thresholds,
    topImages,
  }: {
    layers: readonly Layer[];
    observed: readonly ObservedLayer[];
    thresholds: readonly Float64Array[];
    topImages: number;
  },
  progress: AttributesEffects["progress"],
): Promise<void> {
  const baseline = await run.readTable("baseline", { columns: ["prediction", "margin"] });
  const intact: Intact = { predictions: integers(baseline, "prediction"), margins: doubles(baseline, "margin") };
  const size = await runTileSize(subject);
  const folders = run.layerSlugs();
  for (const [at, layer] of layers.entries()) {
    const table = await writeUnitImages(
      run,
      subject,
      fetcher,
      store,
      {
        at,
        layer,
        observed: observed[at],
        thresholds: thresholds[at],
        flips: run.hasTable("flips") ? await layerFlips(run, layer) : undefined,
      },
      intact,
      { folder: folders[layer.name], size, columns: topImages },
    );
    await run.replaceRows("images", table, ["layer"]);
    progress?.({ title: "cutting out images", done: at + 1, total: layers.length, unit: "layers" });
  }
  run.writeFile(["sprites", "index.json"], formatSpriteIndex(size, topImages, folders));
}

async function layerFlips(run: RunFolder, { name, units }: Layer): Promise<LayerFlips> {
  const own = await run.readTable("flips", { layer: name });
  return {
    layer: name,
    unitCount: units,
    unit: integers(own, "unit"),
    image: integers(own, "image"),
    prediction: integers(own, "prediction"),
  };
}

/** Relations over all layers of the run that have attributes; `undefined` without flips, which the drops' noise needs. */
async function relateAll(
  run: RunFolder,
  { images: { labels }, model: { classCount } }: Subject,
  layers: readonly Layer[],
  { seed, resamples, progress }: { seed: number; resamples: number; progress: AttributesEffects["progress"] },
): Promise<Table | undefined> {
  if (!run.hasTable("flips")) return undefined;
  const units = await run.readTable("units", { isWholeOnly: true });
  const baseline = await run.readTable("baseline", { columns: ["prediction"] });
  const present = new Set(texts(units, "layer"));
  const total = layers.length;
  progress?.({ title: "relating to drops", done: 0, total, unit: "layers" });
  const intact = { labels, predictions: integers(baseline, "prediction"), classCount };
  const parts: Parameters<typeof relateAttributes>[0][number][] = [];
  for (const layer of layers) {
    if (!present.has(layer.name)) continue;
    const halves = countHalves(intact, await layerFlips(run, layer), { seed });
    parts.push({ layer: layer.name, units: rowsWhere(units, "layer", layer.name), halves });
  }
  const relations = relateAttributes(parts, { resamples, draws: resamples, seed });
  if (relations.rows > 0) run.writeTable("relations", relations);
  progress?.({ title: "relating to drops", done: total, total, unit: "layers" });
  return relations;
}

function checkCounts(counts: Readonly<Record<string, readonly [value: number, least: number]>>): void {
  for (const [name, [value, least]] of Object.entries(counts)) {
    if (Number.isInteger(value) && value >= least) continue;
    throw new UnitscopeError("usage", `option "${name}": expected a whole number from ${least}, got ${value}`);
  }
}

/** Milliseconds since the last call. */
function stopwatch(): () => number {
  let last = performance.now();
  return () => {
    const now = performance.now();
    const elapsed = now - last;
    last = now;
    return elapsed;
  };
}
