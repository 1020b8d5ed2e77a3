/**
 * `unitscope attributes RUN --concepts …`: aligns the units of a run with the concepts of segmented image sets and
 * joins what it finds to the run.
 */
import { alignConcepts, type ConceptAlignment } from "../concepts/align-concepts.ts";
import { type CategoryDetectors, detectorsByCategory } from "../concepts/alignment-tables.ts";
import type { ConceptSplit } from "../concepts/broden.ts";
import { conceptInputSize, conceptLayer } from "../concepts/concept-layer.ts";
import type { ConceptSet } from "../concepts/concept-set.ts";
import type { AlignmentStage } from "../concepts/concept-walk.ts";
import { receptiveField } from "../concepts/receptive-field.ts";
import { UnitscopeError } from "../errors.ts";
import type { Layer } from "../onnx/layers.ts";
import { forEachItem, inMemory, type PassRunner } from "../passes/pass-runner.ts";
import { decodeValue, encodeValue } from "../passes/value-codec.ts";
import type { RunFolder } from "../runs/run-folder.ts";
import type { Provider } from "../runtime/session.ts";
import { type DrawnSets, openSets } from "./concept-sets.ts";
import { conceptCategoryTable, conceptUnitTable, conceptVectorTable } from "./concept-tables.ts";
import { drawDetectors } from "./detector-figures.ts";
import { chooseReadLayers, type OpenedRun, type OpeningEffects, openPieces, workOnRun } from "./open-run.ts";
import type { Subject } from "./subject.ts";

/** Changes whenever what is kept of an alignment changes its meaning. */
const formatVersion = 3;

/** How responses are laid over label maps. */
export type Upsampling = "half-pixel" | "receptive-field";

/** Options of concept alignment. */
export interface ConceptsRunOptions {
  /**
   * Folders, `builtin` or `builtin:N` (rendered, of N images), or `colors` (those of the run's own images); several are
   * joined.
   */
  readonly concepts: readonly string[];
  readonly split?: ConceptSplit | undefined;
  readonly upsampling?: Upsampling | undefined;
  /** Shuffled masks behind the null, at most (a unit that ten of them reach needs no more); 0 for none. */
  readonly shuffles?: number | undefined;
  /** Random units behind the null; 0 for none. */
  readonly randomUnits?: number | undefined;
  /** Whether to measure how well a unit tells its best concept's pixels; true by default. */
  readonly auroc?: boolean | undefined;
  readonly layers?: readonly string[] | undefined;
  readonly seed?: number | undefined;
  readonly workers?: number | undefined;
  readonly provider?: Provider | undefined;
}

/** What a caller may watch and stop, and what serves several runs. */
export interface ConceptsEffects extends OpeningEffects {
  readonly drawn?: DrawnSets | undefined;
  readonly progress?: ((step: { title: string; done: number; total: number; unit: "images" }) => void) | undefined;
}

/** What changes the numbers. */
function settingsOf(options: ConceptsRunOptions) {
  const {
    split = "all",
    upsampling = "half-pixel",
    shuffles = 499,
    randomUnits = 256,
    auroc = true,
    seed = 1,
  } = options;
  return { split, upsampling, shuffles, randomUnits, auroc, seed };
}

/** One layer's result. */
export interface LayerConcepts {
  readonly layer: Layer;
  readonly alignment: ConceptAlignment;
  readonly detectors: readonly CategoryDetectors[];
}

/** What was found. */
export interface ConceptsRunResult {
  readonly run: RunFolder;
  readonly set: Pick<ConceptSet, "name" | "format" | "hash" | "imageCount" | "concepts">;
  readonly layers: readonly LayerConcepts[];
  readonly elapsedMs: number;
}

const stageTitles: Readonly<Record<AlignmentStage, string>> = {
  thresholds: "finding thresholds",
  overlaps: "counting overlaps",
  auroc: "measuring AUROC",
  shuffles: "counting overlaps",
};

/**
 * Aligns the units of a run: concept columns of `units`, rows of `vectors` and of `concepts`.
 *
 * @throws {UnitscopeError} `run` if the model or the data is not the run's; `data` if a set does not hold together.
 */
export async function runConcepts(
  path: string,
  options: ConceptsRunOptions,
  effects: ConceptsEffects = {},
): Promise<ConceptsRunResult> {
  checkConcepts(options);
  return await workOnRun(
    path,
    { command: "attributes --concepts", layers: options.layers },
    effects,
    async (opened) => {
      const aligned = await alignLayers(opened, options, { ...effects, runner: inMemory });
      return await writeAlignments(opened, aligned, options);
    },
  );
}

/** @throws {UnitscopeError} `usage` for counts that are none. */
export function checkConcepts({ shuffles = 0, randomUnits = 0 }: ConceptsRunOptions): void {
  for (const [name, value] of Object.entries({ shuffles, randomUnits })) {
    if (Number.isInteger(value) && value >= 0) continue;
    throw new UnitscopeError("usage", `option "${name}": expected a whole number from 0, got ${value}`);
  }
}

/** What was aligned. */
export interface AlignedLayers {
  readonly set: ConceptSet;
  readonly layers: readonly { readonly layer: Layer; readonly alignment: ConceptAlignment }[];
  /** When it began, as `performance.now()` tells. */
  readonly began: number;
}

/** Aligns units with concepts, a layer after the other; what `unitscope attributes --concepts` computes. */
export async function alignLayers(
  opened: OpenedRun,
  options: ConceptsRunOptions,
  { runner, progress, drawn, signal }: ConceptsEffects & { readonly runner: PassRunner },
): Promise<AlignedLayers> {
  const { split, upsampling, shuffles, randomUnits, auroc, seed } = settingsOf(options);
  const { workers, provider } = options;
  const began = performance.now();
  const { subject } = opened;
  const set = await openSets(options.concepts, subject, { split, seed, drawn });
  const layers = await forEachItem(chooseReadLayers(opened, options.layers).layers, async (layer) => {
    const { name, tap } = layer;
    const pieces = openPieces(opened, {
      alignment: {
        formatVersion,
        layer: name,
        tap,
        concepts: set.hash,
        upsampling,
        shuffles,
        randomUnits,
        auroc,
        seed,
        ...(provider && provider !== "cpu" && { provider }),
      },
    });
    const kept = pieces.get("alignment");
    const alignment = kept
      ? (decodeValue(kept) as ConceptAlignment)
      : await alignLayer(
          subject,
          layer,
          set,
          { upsampling, shuffles, randomUnits, auroc, seed, workers, provider },
          { runner, progress, signal },
        );
    if (!kept) pieces.put("alignment", encodeValue(alignment));
    return { layer, alignment };
  });
  return { set, layers, began };
}

/** Writes what was aligned: concept columns of `units`, rows of `vectors` and of `concepts`, figures. */
export async function writeAlignments(
  { run }: OpenedRun,
  { set, layers, began }: AlignedLayers,
  options: ConceptsRunOptions,
): Promise<ConceptsRunResult> {
  const settings = settingsOf(options);
  const found: LayerConcepts[] = [];
  for (const { layer, alignment } of layers) {
    await storeLayer(run, layer, alignment);
    found.push({ layer, alignment, detectors: detectorsByCategory(alignment) });
  }
  await drawDetectors(run);
  const elapsedMs = performance.now() - began;
  run.addStep({
    command: "attributes --concepts",
    options: {
      concepts: [...options.concepts],
      ...settings,
      layers: layers.map(({ layer }) => layer.name),
      hash: set.hash,
    },
    finished: new Date().toISOString(),
    timings: { total: elapsedMs },
  });
  const { name, format, hash, imageCount, concepts } = set;
  return { run, set: { name, format, hash, imageCount, concepts }, layers: found, elapsedMs };
}

/** Aligns one layer, with workers of its own. */
async function alignLayer(
  subject: Subject,
  layer: Layer,
  set: ConceptSet,
  {
    upsampling,
    workers,
    provider,
    ...options
  }: {
    upsampling: Upsampling;
    shuffles: number;
    randomUnits: number;
    auroc: boolean;
    seed: number;
    workers: number | undefined;
    provider: Provider | undefined;
  },
  { runner, progress, signal }: ConceptsEffects & { readonly runner: PassRunner },
): Promise<ConceptAlignment> {
  return await alignConcepts(
    set,
    conceptLayer(subject.model, layer, set, subject.preprocessing, { workers, provider }),
    {
      ...options,
      field: upsampling === "half-pixel" ? undefined : fieldOf(subject, layer),
      ...{ runner, signal },
      progress: (stage, done, total) =>
        progress?.({ title: `${layer.name}: ${stageTitles[stage]}`, done, total, unit: "images" }),
    },
  );
}

function fieldOf({ model, preprocessing }: Subject, { tap }: Layer): ReturnType<typeof receptiveField> {
  const spatialAxes = model.input.layout === "nchw" ? ([2, 3] as const) : ([1, 2] as const);
  return receptiveField(model.graph, tap, conceptInputSize(model, preprocessing), { spatialAxes });
}

async function storeLayer(run: RunFolder, { name }: Layer, alignment: ConceptAlignment): Promise<void> {
  await run.addColumns("units", conceptUnitTable(name, alignment));
  await run.replaceRows("vectors", conceptVectorTable(name, alignment), ["layer", "attribute"]);
  await run.replaceRows("concepts", conceptCategoryTable(name, alignment), ["layer"]);
}
