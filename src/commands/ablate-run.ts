/** `unitscope ablate`: sweeps a model's layers over an image set and writes the run. */
import type { Settled } from "../ablation/flip-collector.ts";
import { type AblationMethod, runSweep, type Sweep } from "../ablation/sweep.ts";
import type { Mismatch } from "../ablation/verify.ts";
import { UnitscopeError } from "../errors.ts";
import { layerDropsFigure, layerDropsOf } from "../figures/layer-drops.ts";
import type { Json } from "../files/canonical-json.ts";
import type { Layer } from "../onnx/layers.ts";
import type { TableRewriter } from "../runs/rewrite-table.ts";
import { type RunFolder, startRun } from "../runs/run-folder.ts";
import { holdingRun } from "../runs/run-lock.ts";
import { type RunManifest, sourceOf, thisHardware } from "../runs/run-manifest.ts";
import type { Provider } from "../runtime/session.ts";
import { schemaVersion } from "../tables/schema.ts";
import { filterRows, hasValues, type Table, texts } from "../tables/table.ts";
import { version } from "../version.ts";
import { chooseLayers } from "./choose-layers.ts";
import { examineSubject } from "./examine-subject.ts";
import { imagesPerClass } from "./images-per-class.ts";
import { observingSweep } from "./observe-run.ts";
import type { OpeningEffects } from "./open-run.ts";
import { openSubject, passImages, preprocessingJson, type Subject } from "./subject.ts";
import {
  baselineAccuracy,
  baselineTable,
  layerTableNames,
  layerTables,
  mergeChecks,
  type SweepChecks,
} from "./sweep-tables.ts";

/** Options of `unitscope ablate`. */
export interface AblateRunOptions {
  /** Names of layers; by default every convolution. */
  readonly layers?: readonly string[] | undefined;
  /** Every layer but the logits, instead of `layers`. */
  readonly all?: boolean | undefined;
  /** The run folder. */
  readonly out: string;
  readonly method?: AblationMethod | undefined;
  readonly engine?: "auto" | "plain" | undefined;
  /** Also the mean changes of log-probability and margin, the default; without them certified pairs can be skipped. */
  readonly continuous?: boolean | undefined;
  /** Fraction of the pairs to repeat the plain way, in [0, 1]. */
  readonly verify?: number | undefined;
  readonly preprocess?: string | undefined;
  readonly root?: string | undefined;
  readonly limit?: number | undefined;
  /** The network's classes in the order of its outputs: a file, or `imagenet`. */
  readonly classes?: string | undefined;
  /** Leave out images that cannot be decoded. */
  readonly skipUnreadable?: boolean | undefined;
  /** The network's output that holds the classes, where it has several. */
  readonly output?: string | undefined;
  readonly seed?: number | undefined;
  readonly workers?: number | undefined;
  readonly provider?: Provider | undefined;
}

/** What a caller may watch and stop. */
export interface RunEffects extends OpeningEffects {
  /** Told before the work begins what looks wrong with model, images or preprocessing; see `examineSubject`. */
  readonly caution?: ((text: string) => void) | undefined;
  /** (unit, image) pairs done, of how many. */
  readonly progress?: ((done: number, total: number) => void) | undefined;
}

/** What an ablation found. */
export interface AblateRunResult {
  readonly run: RunFolder;
  readonly subject: Subject;
  readonly layers: readonly Layer[];
  /** Fraction of the images that the intact network gets right. */
  readonly accuracy: number;
  /** One row per unit of the swept layers. */
  readonly units: Table;
  /** One row per swept layer. */
  readonly summary: Table;
  readonly settled: readonly { readonly layer: string; readonly settled: Settled }[];
  readonly verified: number;
  readonly mismatches: readonly Mismatch[];
  readonly figure: string;
  readonly elapsedMs: number;
}

/**
 * Ablates and writes `run.json`, `units`, `drops`, `flips`, `layers` and `baseline` tables and figure 3. A run of the
 * same thing in the same folder continues; its other layers stay.
 *
 * @throws {UnitscopeError} with what does not fit; nothing is written before model, data and folder have been checked.
 */
export async function runAblate(
  modelPath: string,
  data: string,
  options: AblateRunOptions,
  effects: RunEffects = {},
): Promise<AblateRunResult> {
  const { verify = 0 } = options;
  if (!(verify >= 0 && verify <= 1)) {
    throw new UnitscopeError("usage", `option "verify": expected a fraction from 0 to 1, got ${verify}`);
  }
  const { preprocess, root, limit, classes, skipUnreadable, output } = options;
  const { fetching, signal } = effects;
  const source = { preprocess, root, limit, classes, skipUnreadable, output };
  const subject = await openSubject(modelPath, data, { ...source, progress: fetching, signal });
  const layers = chooseLayers(subject.model, options);
  const manifest = manifestOf(subject, layers, options);
  startRun(options.out, manifest);
  for (const note of subject.model.notes) effects.caution?.(note);
  if (effects.caution) for (const caution of await examineSubject(subject, { signal })) effects.caution(caution);
  return await holdingRun(options.out, "ablate", async () =>
    // Once more: another process may have begun another run meanwhile.
    sweepInto(startRun(options.out, manifest), { subject, layers }, options, effects),
  );
}

async function sweepInto(
  run: RunFolder,
  { subject, layers }: { subject: Subject; layers: readonly Layer[] },
  options: AblateRunOptions,
  { progress, signal }: RunEffects,
): Promise<AblateRunResult> {
  const began = performance.now();
  const { method = "zero", engine = "auto", continuous = true, verify = 0, seed = 1 } = options;
  const missing = await missingLayers(run, layers, options);
  let sweep: Sweep | undefined;
  let checks: SweepChecks | undefined;
  if (missing.length > 0) {
    const settings = { method, engine, continuous, verify, seed };
    sweep = await runSweep(subject.model, {
      images: passImages(subject, signal),
      layers: missing,
      options: {
        observe: observingSweep(run, subject, missing),
        ...settings,
        workers: options.workers,
        provider: options.provider,
        folder: run.path,
        progress,
        signal,
      },
    });
    checks = await writeSweep(run, sweep, subject);
    sweep.forget();
  }
  const figure = layerDropsFigure(layerDropsOf(await run.readTable("units")), {
    source: sourceOf(run.manifest()),
    imagesPerClass: imagesPerClass(subject.images.labels),
  });
  run.writeFile(["figures", "layer-drops.svg"], figure);
  const elapsedMs = performance.now() - began;
  if (sweep) {
    const { prepareMs, openMs, sweepMs } = sweep.timings;
    run.updateManifest({
      finished: new Date().toISOString(),
      layers: mergeLayers(run.manifest(), missing),
      timings: { ...run.manifest().timings, prepare: prepareMs, open: openMs, sweep: sweepMs, total: elapsedMs },
    });
  }
  const names = new Set(layers.map((layer) => layer.name));
  const chosen = async (table: "units" | "layers"): Promise<Table> => {
    const rows = await run.readTable(table);
    const layer = texts(rows, "layer");
    return filterRows(rows, (row) => names.has(layer[row]));
  };
  return {
    run,
    subject,
    layers,
    accuracy: await accuracyOf(run),
    units: await chosen("units"),
    summary: await chosen("layers"),
    settled: checks?.settled ?? [],
    verified: checks?.verified ?? 0,
    mismatches: checks?.mismatches ?? [],
    figure: run.file("figures", "layer-drops.svg"),
    elapsedMs,
  };
}

/** Layers of which the run does not hold yet what is asked for. */
async function missingLayers(
  run: RunFolder,
  layers: readonly Layer[],
  options: AblateRunOptions,
): Promise<readonly Layer[]> {
  const { finished, layers: held, engine } = run.manifest();
  if (finished === null || (options.verify ?? 0) > 0 || engine !== (options.engine ?? "auto")) return layers;
  const isHeld = async ({ name }: Layer): Promise<boolean> => {
    if (!held.some((layer) => layer.name === name)) return false;
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

function manifestOf(subject: Subject, layers: readonly Layer[], options: AblateRunOptions): RunManifest {
  const { model, modelPath, images, preprocessing, dataPath, dataOptions } = subject;
  return {
    schemaVersion,
    unitscope: version,
    command: "ablate",
    options: JSON.parse(JSON.stringify({ ...options, ...dataOptions })) as Record<string, Json>,
    started: new Date().toISOString(),
    finished: null,
    model: { name: model.name, path: modelPath, sha256: model.sha256 },
    data: { name: images.name, hash: images.hash, images: images.imageCount, path: dataPath },
    classNames: images.classNames,
    preprocessing: preprocessingJson(preprocessing),
    layers: layers.map(manifestLayer),
    ablation: { method: options.method ?? "zero" },
    engine: options.engine ?? "auto",
    seed: options.seed ?? 1,
    hardware: thisHardware(),
    timings: {},
    steps: [],
  };
}

function manifestLayer({ name, kind, tap, units, height, width }: Layer): RunManifest["layers"][number] {
  return { name, kind, tap, units, height, width };
}

/** Layers that the run already had stay, those of this sweep come after. */
function mergeLayers(manifest: RunManifest, layers: readonly Layer[]): RunManifest["layers"] {
  const others = manifest.layers.filter(({ name }) => !layers.some((layer) => layer.name === name));
  return [...others, ...layers.map(manifestLayer)];
}

/** Writes a sweep's tables layer by layer, in place of what the run held of these layers; its other layers stay. */
async function writeSweep(run: RunFolder, sweep: Sweep, subject: Subject): Promise<SweepChecks> {
  run.writeTable("baseline", baselineTable(sweep, subject));
  const names = sweep.layers.map(({ name }) => name);
  const writers: (readonly [(typeof layerTableNames)[number], TableRewriter])[] = [];
  try {
    for (const name of layerTableNames) writers.push([name, await run.rewriteLayers(name, names)]);
    const checks: SweepChecks[] = [];
    for (const at of names.keys()) {
      const part = layerTables(sweep, at, subject);
      for (const [name, writer] of writers) await writer.append(part.tables[name]);
      checks.push(part.checks);
    }
    for (const [, writer] of writers) writer.commit();
    return mergeChecks(checks);
  } finally {
    for (const [, writer] of writers) writer.abandon();
  }
}

async function accuracyOf(run: RunFolder): Promise<number> {
  return baselineAccuracy(await run.readTable("baseline", { columns: ["label", "prediction"] }));
}
