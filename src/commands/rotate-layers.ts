/** `unitscope rotate`: are single units special directions? Removes the directions of rotated bases of a run's layers. */
import type { LayerFlips } from "../ablation/flips.ts";
import { findReplacement } from "../ablation/replacement.ts";
import type { AblationMethod } from "../ablation/sweep.ts";
import { UnitscopeError } from "../errors.ts";
import type { Json } from "../files/canonical-json.ts";
import type { Layer } from "../onnx/layers.ts";
import { forEachItem, openPassFolder, type PassRunner } from "../passes/pass-runner.ts";
import { type BasisChoice, type BasisResult, type RotationResult, runRotation } from "../rotation/run-rotation.ts";
import type { SelfTest } from "../rotation/sweep-directions.ts";
import type { RunFolder } from "../runs/run-folder.ts";
import type { Provider } from "../runtime/session.ts";
import { concatTables, integers } from "../tables/table.ts";
import { imagesPerClass } from "./images-per-class.ts";
import { chooseDeepLayers, type OpenedRun, type OpeningEffects, workOnRun } from "./open-run.ts";
import { drawRotation } from "./rotation-figure.ts";
import {
  type BasisSummary,
  basesTable,
  basisRows,
  type Comparison,
  compare,
  comparisonTable,
  summarise,
} from "./rotation-tables.ts";
import type { Subject } from "./subject.ts";

/** Options of `unitscope rotate`. */
export interface RotationRunOptions {
  /** Names of layers; by default the run's deepest convolution. */
  readonly layers?: readonly string[] | undefined;
  /** Random rotations. */
  readonly seeds?: number | undefined;
  /** How far each is rotated: 1 the whole rotation, 0.5 half of every angle. */
  readonly fractions?: readonly number[] | undefined;
  /**
   * Whether removed coordinates, those of units too, are replaced by their means: a rotation about the mean response. By
   * default they are replaced by what the run's sweep put in the place of units.
   */
  readonly center?: boolean | undefined;
  /** Whether to write the bases themselves (table `bases`). */
  readonly exportBases?: boolean | undefined;
  /** Whether to remove principal axes too. */
  readonly pca?: boolean | undefined;
  /** Seed of the first rotation; the others count on from it. */
  readonly seed?: number | undefined;
  /** Fraction of the (direction, image) pairs to repeat the plain way, in [0, 1]. */
  readonly verify?: number | undefined;
  readonly engine?: "auto" | "plain" | undefined;
  readonly workers?: number | undefined;
  readonly provider?: Provider | undefined;
}

/** What a caller may watch and stop. */
export interface RotationEffects extends OpeningEffects {
  /** Told where every direction has to be removed the plain way, and why. */
  readonly caution?: ((text: string) => void) | undefined;
  /** Images done, of how many. */
  readonly progress?: ((done: number, total: number) => void) | undefined;
}

/** What was found about one layer. */
export interface LayerRotation {
  readonly layer: Layer;
  readonly bases: readonly BasisSummary[];
  readonly comparisons: readonly Comparison[];
  /** Over all bases. */
  readonly selfTest: SelfTest;
  readonly result: RotationResult;
}

/** What was found. */
export interface RotationRunResult {
  readonly run: RunFolder;
  readonly subject: Subject;
  readonly layers: readonly LayerRotation[];
  /** Path of figure 7. */
  readonly figure: string;
  readonly elapsedMs: number;
}

/**
 * Rotates a run's layers; writes `rotation.parquet`, `directions.parquet` and figure 7.
 * @throws {UnitscopeError} `run` if model or data are not the run's; `usage` for options that do not fit.
 */
export async function rotateLayers(
  path: string,
  options: RotationRunOptions = {},
  effects: RotationEffects = {},
): Promise<RotationRunResult> {
  checkRotation(options);
  return await workOnRun(path, { command: "rotate", layers: options.layers }, effects, async (opened) => {
    const passes = openPassFolder(path);
    const rotated = await sweepBases(opened, options, { ...effects, runner: passes });
    const result = await writeRotation(opened, rotated, options);
    passes.forget();
    return result;
  });
}

/** What was swept. */
export interface SweptBases {
  readonly layers: readonly {
    readonly layer: Layer;
    /** The units themselves, where the run swept the layer. */
    readonly units: HeldUnits | undefined;
    readonly result: RotationResult;
  }[];
  /** When it began, as `performance.now()` tells. */
  readonly began: number;
}

/** Removes the directions of every basis; what `unitscope rotate` computes. */
export async function sweepBases(
  opened: OpenedRun,
  options: RotationRunOptions,
  { runner, caution, progress, signal }: RotationEffects & { readonly runner: PassRunner },
): Promise<SweptBases> {
  const began = performance.now();
  const { seeds = 5, fractions = [1], pca = true, seed = 1, verify, engine = "auto", workers, provider } = options;
  const { run, subject, images } = opened;
  const { model } = subject;
  const method = methodOf(opened, options);
  const layers = await forEachItem(chooseDeepLayers(opened, options.layers), async (layer) => {
    const units = method === opened.method ? await heldUnits(run, subject, layer) : undefined;
    const bases: BasisChoice[] = [
      ...(units ? [] : [{ basis: "units", t: 0, seed: 0 } as const]),
      ...[...new Set(fractions)].flatMap((t) =>
        Array.from({ length: seeds }, (_, i): BasisChoice => ({ basis: "random", t, seed: seed + i })),
      ),
      ...(pca ? [{ basis: "pca", t: 1, seed: 0 } as const] : []),
    ];
    const replacement = await findReplacement(model, { images, layer, method, workers, runner, signal });
    const result = await runRotation(
      model,
      images,
      { layer: layer.name, units: layer.units, method, replacement },
      { bases, engine, verify, seed, runner, caution, progress, signal, workers, provider },
    );
    return { layer, units, result };
  });
  return { layers, began };
}

/** Writes what was swept: `rotation.parquet`, `directions.parquet` and figure 7. */
export async function writeRotation(
  opened: OpenedRun,
  { layers, began }: SweptBases,
  options: RotationRunOptions,
): Promise<RotationRunResult> {
  const { run, subject } = opened;
  const { seeds = 5, fractions = [1], pca = true, seed = 1 } = options;
  const replacedBy = methodOf(opened, options);
  const found: LayerRotation[] = [];
  for (const { layer, units, result } of layers) {
    const all = units ? [units, ...result.bases] : result.bases;
    const table = concatTables(all.map((basis) => basisRows(basis, result, subject, { layer, replacedBy })));
    const comparisons = compare(table);
    await run.replaceRows("rotation", table, ["layer"]);
    await run.replaceRows("directions", comparisonTable(layer, comparisons), ["layer"]);
    if (options.exportBases) await run.replaceRows("bases", basesTable(layer, result.bases), ["layer"]);
    found.push({
      layer,
      bases: all.map((basis) => summarise(basis, table, subject)),
      comparisons,
      selfTest: addSelfTests(result.bases),
      result,
    });
  }
  const figure = drawRotation(run, await run.readTable("rotation"), {
    imagesPerClass: imagesPerClass(subject.images.labels),
  });
  const elapsedMs = performance.now() - began;
  run.addStep({
    command: "rotate",
    options: JSON.parse(
      JSON.stringify({ ...options, layers: layers.map(({ layer }) => layer.name), seeds, fractions, pca, seed }),
    ) as Record<string, Json>,
    finished: new Date().toISOString(),
    timings: {
      axes: found.reduce((sum, { result }) => sum + result.timings.axesMs, 0),
      sweep: found.reduce((sum, { result }) => sum + result.timings.sweepMs, 0),
      total: elapsedMs,
    },
  });
  return { run, subject, layers: found, figure, elapsedMs };
}

/** What replaces a removed coordinate. */
function methodOf({ method }: OpenedRun, { center = false }: RotationRunOptions): AblationMethod {
  return center ? "mean" : method;
}

/** @throws {UnitscopeError} `usage` for numbers that are out of range. */
export function checkRotation({ seeds = 5, fractions = [1], verify = 0 }: RotationRunOptions): void {
  if (!Number.isInteger(seeds) || seeds < 1) {
    throw new UnitscopeError("usage", `option "seeds": expected a whole number of rotations from 1, got ${seeds}`);
  }
  if (!(verify >= 0 && verify <= 1)) {
    throw new UnitscopeError("usage", `option "verify": expected a fraction from 0 to 1, got ${verify}`);
  }
  const wrong = fractions.find((t) => !(t > 0 && t <= 1));
  if (wrong !== undefined || fractions.length === 0) {
    throw new UnitscopeError(
      "usage",
      `option "fractions": expected numbers above 0 and at most 1, got ${wrong ?? "none"}`,
    );
  }
}

/** The units themselves as a basis. */
type HeldUnits = BasisChoice & { readonly flips: LayerFlips; readonly explained: null };

/** The units' own flips, where the run swept the layer. */
async function heldUnits(run: RunFolder, { images }: Subject, layer: Layer): Promise<HeldUnits | undefined> {
  const { layers, finished } = run.manifest();
  if (finished === null || !layers.some(({ name }) => name === layer.name) || !run.hasTable("flips")) return undefined;
  const rows = await run.readTable("flips", { layer: layer.name });
  const flips: LayerFlips = {
    layer: layer.name,
    unitCount: layer.units,
    unit: integers(rows, "unit"),
    image: integers(rows, "image"),
    prediction: integers(rows, "prediction"),
  };
  const baseline = await run.readTable("baseline", { columns: ["label"] });
  if (baseline.rows !== images.imageCount) return undefined;
  return { basis: "units", t: 0, seed: 0, flips, explained: null };
}

function addSelfTests(bases: readonly BasisResult[]): SelfTest {
  const total = { images: 0, changed: 0, close: 0 };
  for (const { selfTest } of bases) {
    total.images += selfTest.images;
    total.changed += selfTest.changed;
    total.close += selfTest.close;
  }
  return total;
}
