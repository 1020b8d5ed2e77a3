/** What `unitscope ablate` computes: the sweep of the layers that the run does not hold yet. */
import type { GrowthOptions } from "../ablation/growth.ts";
import { type AblationMethod, runSweep, type Sweep } from "../ablation/sweep.ts";
import type { Layer } from "../onnx/layers.ts";
import type { PassRunner } from "../passes/pass-runner.ts";
import type { RunFolder } from "../runs/run-folder.ts";
import type { Provider } from "../runtime/session.ts";
import { hasValues } from "../tables/table.ts";
import { chooseLayers } from "./choose-layers.ts";
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
  /** When it began, as `performance.now()` tells. */
  readonly began: number;
}

/** Sweeps the layers that a run does not hold yet. @throws {UnitscopeError} as `runSweep`. */
export async function sweepLayers(
  { run, subject, images }: OpenedRun,
  options: SweepLayersOptions,
  { runner, caution, progress, growth, signal }: SweepLayersEffects,
): Promise<SweptLayers> {
  const began = performance.now();
  const { method, draws, engine, continuous, verify, seed, workers, provider } = options;
  const layers = chooseLayers(subject.model, options);
  const missing = await missingLayers(run, layers, options);
  if (missing.length === 0) return { layers, sweep: undefined, began };
  const sweep = await runSweep(subject.model, {
    images,
    layers: missing,
    options: {
      ...{ method, draws, engine, continuous, verify, seed, workers, provider },
      observe: observingSweep(run, subject, missing, provider),
      ...{ runner, caution, progress, growth, signal },
    },
  });
  return { layers, sweep, began };
}

/** Layers of which the run does not hold yet what is asked for. */
export async function missingLayers(
  run: RunFolder,
  layers: readonly Layer[],
  options: SweepLayersOptions,
): Promise<readonly Layer[]> {
  const { finished, layers: held, engine } = run.manifest();
  if (finished === null || (options.verify ?? 0) > 0 || engine !== (options.engine ?? "auto")) return layers;
  const isHeld = async ({ name }: Layer): Promise<boolean> => {
    if (!held.some((layer) => layer.name === name && layer.images === undefined)) return false;
    return options.continuous === false || (await hasContinuous(run, name));
  };
  const missing: Layer[] = [];
  for (const layer of layers) if (!(await isHeld(layer))) missing.push(layer);
  return missing;
}

async function hasContinuous(run: RunFolder, layer: string): Promise<boolean> {
  const column = "logprob_drop";
  if (!(await run.openTable("drops")).columnNames.includes(column)) return false;
  return hasValues(await run.readTable("drops", { layer, columns: [column] }), column);
}
