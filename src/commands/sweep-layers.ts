/** What `unitscope ablate` computes: the sweep of the layers that the run does not hold yet. */
import type { GrowthOptions } from "../ablation/growth.ts";
import { type AblationMethod, runSweep, type Sweep } from "../ablation/sweep.ts";
import { listAllowed, UnitscopeError } from "../errors.ts";
import type { Layer } from "../onnx/layers.ts";
import { whyUnread } from "../onnx/response-views.ts";
import type { PassRunner } from "../passes/pass-runner.ts";
import { commandFor } from "../runs/make-again.ts";
import type { RunFolder } from "../runs/run-folder.ts";
import type { Model } from "../runtime/model.ts";
import type { Provider } from "../runtime/session.ts";
import type { TableName } from "../tables/schema.ts";
import { hasValues } from "../tables/table.ts";
import { chooseLayers, eachOnce } from "./choose-layers.ts";
import { observingSweep } from "./observe-run.ts";
import type { OpenedRun } from "./open-run.ts";

/** What is swept, and how. */
export interface SweepLayersOptions {
  /** Names of layers; by default every convolution. */
  readonly layers?: readonly string[] | undefined;
  /** Every layer but the logits, instead of `layers`. */
  readonly all?: boolean | undefined;
  readonly method?: AblationMethod | undefined;
  /** Of method `resample`: other images whose responses take the place of an image's own. */
  readonly draws?: number | undefined;
  readonly engine?: "auto" | "plain" | undefined;
  /** Also the mean changes of log-probability and margin, the default; without them certified pairs can be skipped. */
  readonly continuous?: boolean | undefined;
  /** Fraction of the pairs to repeat the plain way, in [0, 1]; by default a small sample of every layer. */
  readonly verify?: number | undefined;
  readonly seed?: number | undefined;
  readonly workers?: number | undefined;
  readonly provider?: Provider | undefined;
}

/** Who carries it out, and who watches. */
export interface SweepLayersEffects {
  readonly runner: PassRunner;
  /** Told where every prediction has to be made the plain way, and why. */
  readonly caution?: ((text: string) => void) | undefined;
  /** (unit, image) pairs done, of how many. */
  readonly progress?: ((done: number, total: number) => void) | undefined;
  /** Makes it a sweep that is of use before it is whole. */
  readonly growth?: GrowthOptions | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What was swept. */
export interface SweptLayers {
  /** The layers that were asked for. */
  readonly layers: readonly Layer[];
  /** Of those that the run did not hold; `undefined` where it holds all. */
  readonly sweep: Sweep | undefined;
  /** Tables that the run had lost: of `kept` layers no other is written. */
  readonly lost: readonly TableName[];
  readonly kept: ReadonlySet<string>;
  /** When it began, as `performance.now()` tells. */
  readonly began: number;
}

/**
 * Sweeps the layers that a run does not hold yet, and all of it where one of its tables is missing or damaged.
 * @throws {UnitscopeError} as `runSweep`; `run` where tables are to be made again from some of the images.
 */
export async function sweepLayers(
  { run, subject, images }: OpenedRun,
  options: SweepLayersOptions,
  { runner, caution, progress, growth, signal }: SweepLayersEffects,
): Promise<SweptLayers> {
  const began = performance.now();
  const { method, draws, engine, continuous, verify, seed, workers, provider } = options;
  const layers = chooseLayers(subject.model, options);
  const lost = await run.lostTables();
  const needed = await missingLayers(run, layers, { ...options, lost });
  const held = lost.length === 0 ? [] : heldLayers(run, subject.model);
  const whole = run.wholeLayers();
  const kept = new Set(
    held
      .filter(({ name }) => whole.includes(name) && !needed.some((layer) => layer.name === name))
      .map(({ name }) => name),
  );
  const missing = eachOnce([...needed, ...held]);
  if (missing.length === 0) return { layers, sweep: undefined, lost, kept, began };
  if (lost.length > 0) {
    if (growth?.until !== undefined || growth?.budget !== undefined) throw notInPart(run, lost);
    caution?.(mendingText(run, lost, missing));
  }
  // What is observed beside the ablation spares a later command that; of windows or merged batches nothing can be.
  const readable = missing.filter((layer) => whyUnread(layer) === undefined);
  const sweep = await runSweep(subject.model, {
    images,
    layers: missing,
    options: {
      ...{ method, draws, engine, continuous, verify, seed, workers, provider },
      observe: readable.length > 0 ? observingSweep(run, subject, readable, provider) : undefined,
      ...{ runner, caution, progress, growth: lost.length === 0 ? growth : undefined, signal },
    },
  });
  return { layers, sweep, lost, kept, began };
}

/** Layers of which the run does not hold yet what is asked for. */
export async function missingLayers(
  run: RunFolder,
  layers: readonly Layer[],
  options: SweepLayersOptions & { readonly lost?: readonly TableName[] },
): Promise<readonly Layer[]> {
  const { finished, layers: held, engine } = run.manifest();
  if (finished === null || (options.verify ?? 0) > 0 || engine !== (options.engine ?? "auto")) return layers;
  const isHeld = async ({ name }: Layer): Promise<boolean> => {
    if (!held.some((layer) => layer.name === name && layer.images === undefined)) return false;
    return options.continuous === false || (await hasContinuous(run, name, options.lost));
  };
  const missing: Layer[] = [];
  for (const layer of layers) if (!(await isHeld(layer))) missing.push(layer);
  return missing;
}

/** As a table says that is not lost; where all are, whatever is asked for is written. */
async function hasContinuous(run: RunFolder, layer: string, lost: readonly TableName[] = []): Promise<boolean> {
  const column = "logprob_drop";
  const table = (["drops", "units"] as const).find((name) => !lost.includes(name));
  if (!table) return true;
  if (!(await run.openTable(table)).columnNames.includes(column)) return false;
  return hasValues(await run.readTable(table, { layer, columns: [column] }), column);
}

/** Layers of the model that a run has measured, on all images or on some. */
function heldLayers(run: RunFolder, model: Model): Layer[] {
  const names = run.manifest().layers.map(({ name }) => name);
  return names.length === 0 ? [] : chooseLayers(model, { layers: names });
}

/** What is done about lost tables, and what has to follow. */
function mendingText(run: RunFolder, lost: readonly TableName[], layers: readonly Layer[]): string {
  const manifest = run.manifest();
  const again = `${listAllowed(layers.map(({ name }) => name))} ${layers.length === 1 ? "is" : "are"} measured again`;
  const isDescribed = lost.includes("units") && manifest.steps.some(({ command }) => command === "attributes");
  const after = isDescribed ? `; afterwards repeat: ${commandFor("vectors", run.path, manifest)}` : "";
  return `run folder "${run.path}": ${fileNames(lost)} missing or damaged: ${again}${after}`;
}

function notInPart(run: RunFolder, lost: readonly TableName[]): UnitscopeError {
  return new UnitscopeError(
    "run",
    `run folder "${run.path}": expected whole tables to add to, got ${fileNames(lost)} missing or damaged; repeat without option "until" and option "budget"`,
  );
}

function fileNames(tables: readonly TableName[]): string {
  return tables.map((name) => `${name}.parquet`).join(", ");
}
