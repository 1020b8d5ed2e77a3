/**
 * `unitscope predict RUN RUN… --train N`: table 1 and figure 6. A regression from the attribute vectors of units to the
 * class that each matters most for, learnt from some networks and tested on others.
 */

import { join } from "node:path";
import { predictClasses } from "../analysis/class-prediction.ts";
import { predictionWork } from "../analysis/prediction-worker.ts";
import { classesOfUnits, type NetworkUnits, vectorFeatures } from "../analysis/unit-vectors.ts";
import { UnitscopeError } from "../errors.ts";
import { predictionAccuraciesOf } from "../figures/from-tables.ts";
import { predictionFigure } from "../figures/prediction.ts";
import { writeFileAtomic } from "../files/atomic-file.ts";
import { chooseWorkers } from "../passes/thread-choice.ts";
import { tableCsv } from "../runs/export.ts";
import { writeParquetTable } from "../runs/write-table.ts";
import { openPool } from "../runtime/worker-pool.ts";
import {
  concatTables,
  doubles,
  filterRows,
  integers,
  rowsWhere,
  type Table,
  takeRows,
  texts,
} from "../tables/table.ts";
import { version } from "../version.ts";
import {
  type ComparedRun,
  cautionsOf,
  checkSameConcepts,
  commonLayers,
  openRuns,
  vectorNames,
} from "./several-runs.ts";

/** The attributes of table 1; their average is the ensemble. */
export const predictingAttributes = ["class_correlation", "class_selectivity", "concept_iou"] as const;

/** Options of `unitscope predict`. */
export interface PredictRunsOptions {
  /** Networks to train on; the others are tested on, for all ways to choose them. */
  readonly train: number;
  /** Layers, each predicted for itself; all that every run has by default. */
  readonly layers?: readonly string[] | undefined;
  /** `harmful`: units that hurt some class; `significant`: only those whose max class drop has q ≤ 0.05. */
  readonly units?: "harmful" | "significant" | undefined;
  readonly seed?: number | undefined;
  readonly workers?: number | undefined;
  /** Folder for the results. */
  readonly out?: string | undefined;
}

/** What `unitscope predict` found and wrote. */
export interface PredictRunsResult {
  readonly out: string;
  /** Models of the runs, in the order that `split` numbers them. */
  readonly networks: readonly { readonly run: string; readonly model: string }[];
  readonly classCount: number;
  readonly layers: readonly string[];
  /** The table `predictions`. */
  readonly predictions: Table;
  /** What makes the runs less comparable, in words. */
  readonly cautions: readonly string[];
  readonly figure: string;
}

/**
 * Predicts the classes of units across runs and writes `predictions.parquet`, `predictions.csv`, `predict.json` and
 * figure 6.
 *
 * @throws {UnitscopeError} `usage` if the runs are too few; `run` or `layer` if one lacks vectors, or they differ in
 *   classes, layers or concepts, or two are of the same network, whose units would be trained on and tested on.
 */
export async function runPrediction(
  paths: readonly string[],
  options: PredictRunsOptions,
  effects: PredictEffects = {},
): Promise<PredictRunsResult> {
  const { train, units: which = "harmful", seed = 0, out = "runs/predict" } = options;
  const { runs, layers, classCount, predictions } = await predictAcross(paths, options, effects);
  const cautions = cautionsOf(runs);
  const named = runs.map(({ path, manifest }) => ({ run: path, model: manifest.model.name }));
  writeParquetTable(join(out, "predictions.parquet"), "predictions", predictions);
  writeFileAtomic(join(out, "predictions.csv"), tableCsv(predictions));
  const figure = join(out, "prediction.svg");
  writeFileAtomic(figure, drawPrediction(predictions, { classCount, train, runCount: runs.length }));
  const record = {
    unitscope: version,
    command: "predict",
    options: { train, layers, units: which, seed },
    networks: runs.map(({ path, manifest }) => ({ run: path, model: manifest.model, data: manifest.data })),
    cautions,
    finished: new Date().toISOString(),
  };
  writeFileAtomic(join(out, "predict.json"), `${JSON.stringify(record, null, 2)}\n`);
  return { out, networks: named, classCount, layers, predictions, cautions, figure };
}

/** What a caller may watch and stop. */
export interface PredictEffects {
  readonly progress?: ((done: number, total: number, note: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The same without writing anything. @throws {UnitscopeError} as `runPrediction`. */
export async function predictAcross(
  paths: readonly string[],
  { train, layers: asked, units: which = "harmful", seed = 0, workers: wanted }: Omit<PredictRunsOptions, "out">,
  { progress, signal }: PredictEffects = {},
): Promise<{ runs: ComparedRun[]; layers: string[]; classCount: number; predictions: Table }> {
  const runs = openRuns(paths);
  if (!Number.isInteger(train) || train < 1 || train >= runs.length) {
    throw new UnitscopeError(
      "usage",
      `option "train": expected 1..${runs.length - 1} of ${runs.length} runs, got ${train}`,
    );
  }
  const workers = chooseWorkers(wanted);
  refuseSameNetwork(runs);
  const layers = commonLayers(runs, asked);
  const classCount = runs[0].manifest.classNames.length;
  const networks = await readNetworks(runs, layers, which);
  const tables: Table[] = [];
  for (const [at, layer] of layers.entries()) {
    const units = networks.get(layer) ?? [];
    const pool = await openPool(predictionWork, units, { workers, signal });
    try {
      const { table } = await predictClasses(units, {
        layer,
        classCount,
        trainCount: train,
        seed,
        progress: (done, total) => progress?.(at * total + done, layers.length * total, layer),
        fit: (_, which, settings) => pool.run([which, settings]),
      });
      tables.push(table);
    } finally {
      await pool.close();
    }
  }
  return { runs, layers, classCount, predictions: concatTables(tables) };
}

/** The rows of `predictions` that stand for all splits together. */
export function averagesOf(predictions: Table): Table {
  const split = texts(predictions, "split");
  return filterRows(predictions, (row) => split[row] === "all");
}

function drawPrediction(
  predictions: Table,
  { classCount, train, runCount }: { classCount: number; train: number; runCount: number },
): string {
  const averages = averagesOf(predictions);
  const [layer, majority] = [texts(averages, "layer"), doubles(averages, "majority")];
  const byLayer = new Map(layer.map((name, row) => [name, majority[row]]));
  const percent = (value: number): string => `${(100 * value).toFixed(1)}\u00a0%`;
  const trained = `Trained on ${train} of ${runCount} networks, tested on the rest, mean over all choices`;
  if (byLayer.size === 1) {
    const [only = 0] = byLayer.values();
    return predictionFigure(predictionAccuraciesOf(predictions), {
      chance: 1 / classCount,
      majority: only,
      source: trained,
    });
  }
  // One line cannot stand for the majorities of several layers.
  const each = [...byLayer].map(([name, value]) => `${percent(value)} at ${name}`).join(", ");
  return predictionFigure(predictionAccuraciesOf(predictions), {
    chance: 1 / classCount,
    source: `${trained}. Always naming the most frequent class: ${each}`,
  });
}

async function readNetworks(
  runs: readonly ComparedRun[],
  layers: readonly string[],
  which: "harmful" | "significant",
): Promise<Map<string, NetworkUnits[]>> {
  const networks = new Map(layers.map((layer): [string, NetworkUnits[]] => [layer, []]));
  const firstNames = new Map<string, string[]>();
  for (const { path, run } of runs) {
    const advice = `run: unitscope attributes ${path} --concepts builtin`;
    const missing = (what: string, got: string): UnitscopeError =>
      new UnitscopeError("run", `run folder "${path}": expected ${what}, got ${got}; ${advice}`);
    if (!run.hasTable("vectors")) throw missing("vectors.parquet", "none");
    const [units, vectors] = [await run.readTable("units"), await run.readTable("vectors")];
    for (const layer of layers) {
      const rows = inUnitOrder(rowsWhere(units, "layer", layer), path, layer);
      for (const attribute of predictingAttributes) {
        const names = vectorNames(vectors, layer, attribute);
        if (names.length === 0) throw missing(`vectors of ${attribute} of layer "${layer}"`, "none");
        if (attribute !== "concept_iou") continue;
        const first = firstNames.get(layer) ?? names;
        firstNames.set(layer, first);
        checkSameConcepts({ path: runs[0].path, names: first }, { path, names });
      }
      const features = predictingAttributes.map((attribute) => [
        attribute,
        vectorFeatures(vectors, layer, attribute, rows.rows),
      ]);
      networks.get(layer)?.push({
        name: `run folder "${path}"`,
        target: classesOfUnits(rows, { units: which }),
        vectors: Object.fromEntries(features),
      });
    }
  }
  return networks;
}

/** A layer's rows of `units` by unit, which is how features are laid out. */
function inUnitOrder(units: Table, path: string, layer: string): Table {
  const unit = integers(units, "unit", "units");
  const order = Array.from(unit.keys()).sort((a, b) => unit[a] - unit[b]);
  const gap = order.findIndex((row, at) => unit[row] !== at);
  if (gap < 0 && order.length > 0) return takeRows(units, order);
  throw new UnitscopeError(
    "run",
    `run folder "${path}": expected every unit of layer "${layer}" in units.parquet, got ${gap < 0 ? "none" : `none numbered ${gap}`}; finish the run first`,
  );
}

function refuseSameNetwork(runs: readonly ComparedRun[]): void {
  const seen = new Map<string, string>();
  for (const { path, manifest } of runs) {
    const earlier = seen.get(manifest.model.sha256);
    if (earlier !== undefined) {
      throw new UnitscopeError(
        "run",
        `run folder "${path}": expected another network than that of "${earlier}", got the same ${manifest.model.name}; units that are trained on must not be tested on`,
      );
    }
    seen.set(manifest.model.sha256, path);
  }
}
