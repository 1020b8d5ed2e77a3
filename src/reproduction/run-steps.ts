/** Runs the steps of a plan, leaving out those that an earlier call finished with the same networks and options. */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { runAblate } from "../commands/ablate-run.ts";
import { runAttributes } from "../commands/attributes-run.ts";
import { runComparison } from "../commands/compare-runs.ts";
import { runConcepts } from "../commands/concepts-run.ts";
import { runFigures } from "../commands/figures-run.ts";
import { measureSets } from "../commands/measure-sets.ts";
import { runPrediction } from "../commands/predict-runs.ts";
import { rotateLayers } from "../commands/rotate-layers.ts";
import type { FetchProgress } from "../commands/subject.ts";
import { UnitscopeError } from "../errors.ts";
import { writeFileAtomic } from "../files/atomic-file.ts";
import { canonicalJson, type Json, sha256 } from "../files/canonical-json.ts";
import { openRun } from "../runs/run-folder.ts";
import { schemaVersion, type TableName } from "../tables/schema.ts";
import { version } from "../version.ts";
import { comparedLayers } from "./networks.ts";
import type { Step } from "./plan.ts";

/** The images that everything is measured on. */
export const testImages = "cifar10:test";

/** Where a reproduction reads and writes. */
export interface Workplace {
  /** Folder of the trained networks. */
  readonly models: string;
  /** Folder of the runs; it also holds the record of finished steps. */
  readonly work: string;
  readonly workers?: number | undefined;
}

/** What a caller may watch and stop. */
export interface ReproductionEffects {
  /** A step begins, or turns out to be finished. */
  readonly step?: ((step: { title: string; at: number; of: number; isDone: boolean }) => void) | undefined;
  /** How far the present step is; a step with several parts titles each of them. */
  readonly progress?: ((part: { title: string; done: number; total: number; unit: string }) => void) | undefined;
  readonly fetching?: FetchProgress;
  readonly signal?: AbortSignal | undefined;
}

/** A finished step. */
export interface StepRecord {
  /** Hash of everything that its result depends on; empty while the step is not finished. */
  readonly key: string;
  /** What it took, calls that were interrupted included. */
  readonly elapsedMs: number;
}

/** Path of a run folder, or of what several runs gave together (`compare`, `predict`). */
export function runPath({ work }: Workplace, name: string): string {
  return join(work, name);
}

/**
 * Runs the steps in order.
 * @returns every step's record, by title.
 * @throws {UnitscopeError} whatever an experiment refuses.
 */
export async function runSteps(
  steps: readonly Step[],
  place: Workplace,
  effects: ReproductionEffects = {},
): Promise<ReadonlyMap<string, StepRecord>> {
  const recordPath = join(place.work, "reproduce.json");
  const held = readRecords(recordPath);
  const records = new Map<string, StepRecord>();
  const hashes = new Map<string, string>();
  const changed = new Set<string>(); // runs with new drops or attributes: what was made from them is made again
  const keep = (title: string, record: StepRecord): void => {
    held.set(title, record);
    writeFileAtomic(recordPath, `${JSON.stringify({ steps: Object.fromEntries(held) }, null, 2)}\n`);
  };
  for (const [at, step] of steps.entries()) {
    effects.signal?.throwIfAborted();
    const key = keyOf(step, place, hashes);
    const done = held.get(step.title);
    const isDone =
      done?.key === key && key !== "" && hasResult(step, place) && !runsOf(step).some((run) => changed.has(run));
    effects.step?.({ title: step.title, at, of: steps.length, isDone });
    if (done && isDone) {
      if (step.kind === "ablate") followModel(step, place);
      records.set(step.title, done);
      continue;
    }
    const began = performance.now();
    const before = done?.key === "" ? done.elapsedMs : 0;
    const elapsed = (): number => before + Math.round(performance.now() - began);
    try {
      await perform(step, place, effects);
    } catch (error) {
      keep(step.title, { key: "", elapsedMs: elapsed() });
      throw error;
    }
    if (step.kind === "ablate" || step.kind === "attributes") changed.add(step.run);
    const record = { key: keyOf(step, place, hashes), elapsedMs: elapsed() };
    records.set(step.title, record);
    keep(step.title, record);
  }
  return records;
}

/** The runs that a step reads; all but `compare` and `predict` write into theirs. */
function runsOf(step: Step): string[] {
  if (!("runs" in step)) return [step.run];
  return step.runs.map((each) => (typeof each === "string" ? each : each.run));
}

/** A models folder may have moved since: later steps open the network where the run says that it is. */
function followModel({ run, network }: Extract<Step, { kind: "ablate" }>, place: Workplace): void {
  const folder = openRun(runPath(place, run));
  const { model } = folder.manifest();
  const path = resolve(modelPath(place, network));
  if (model.path !== path) folder.updateManifest({ model: { ...model, path } });
}

function modelPath({ models }: Workplace, network: string): string {
  return join(models, `${network}.onnx`);
}

function readRecords(path: string): Map<string, StepRecord> {
  if (!existsSync(path)) return new Map();
  try {
    const { steps } = JSON.parse(readFileSync(path, "utf8")) as { steps: Record<string, StepRecord> };
    return new Map(Object.entries(steps));
  } catch {
    return new Map(); // a damaged record costs time, not results: every step continues from its own run folder
  }
}

/** What a step's result depends on; empty while a run that it reads is not there. */
function keyOf(step: Step, place: Workplace, hashes: Map<string, string>): string {
  const readsAttributes = step.kind === "compare" || step.kind === "predict" || step.kind === "figures";
  const runs: string[] = [];
  for (const name of runsOf(step)) {
    if (!existsSync(join(runPath(place, name), "run.json"))) return "";
    const { started, model, steps } = openRun(runPath(place, name)).manifest();
    runs.push(`${name} ${started} ${model.sha256}`);
    if (!readsAttributes) continue;
    runs.push(...steps.filter(({ command }) => command.startsWith("attributes")).map(({ finished }) => finished));
  }
  if (step.kind === "ablate") runs.push(modelHash(modelPath(place, step.network), hashes));
  const content = JSON.parse(JSON.stringify({ version, schemaVersion, step, runs })) as Json;
  return sha256(canonicalJson(content));
}

function modelHash(path: string, hashes: Map<string, string>): string {
  const hash = hashes.get(path) ?? (existsSync(path) ? sha256(readFileSync(path)) : "");
  hashes.set(path, hash);
  return hash;
}

/** Whether what the step made is still there. */
function hasResult(step: Step, place: Workplace): boolean {
  if (step.kind === "compare") {
    const figures = comparedLayers.map((layer) => `detectors-${layer}.svg`);
    return hasFiles(runPath(place, "compare"), [
      "compare.json",
      "runs.csv",
      "variants.csv",
      "max-class-drops.svg",
      ...figures,
    ]);
  }
  if (step.kind === "predict") {
    return hasFiles(runPath(place, "predict"), ["predict.json", "predictions.parquet", "prediction.svg"]);
  }
  const run = openRun(runPath(place, step.run));
  if (run.manifest().finished === null) return false;
  return (
    resultTables[step.kind].every((table) => run.hasTable(table)) &&
    hasFiles(
      run.file("figures"),
      resultFigures(
        step,
        run.manifest().layers.map(({ name }) => name),
      ),
    )
  );
}

const resultTables: Readonly<Record<"ablate" | "attributes" | "sets" | "rotate" | "figures", readonly TableName[]>> = {
  ablate: ["baseline", "units", "drops", "flips", "layers"],
  attributes: ["vectors", "relations", "images", "concepts"],
  sets: ["sets"],
  rotate: ["rotation", "directions"],
  figures: [],
};

function resultFigures(step: Exclude<Step, { kind: "compare" | "predict" }>, layers: readonly string[]): string[] {
  if (step.kind === "ablate") return ["layer-drops.svg"];
  if (step.kind === "sets") return (step.options.layers ?? []).map((layer) => `sets-${layer}.svg`);
  if (step.kind === "rotate") return ["rotation.svg"];
  if (step.kind === "attributes") return [];
  return layers.flatMap((layer) => ["unit-drops", "unit-card", "relations"].map((name) => `${name}-${layer}.svg`));
}

function hasFiles(folder: string, names: readonly string[]): boolean {
  return names.every((name) => existsSync(join(folder, name)));
}

async function perform(step: Step, place: Workplace, effects: ReproductionEffects): Promise<void> {
  const { signal, fetching } = effects;
  const counted =
    (unit: string) =>
    (done: number, total: number): void =>
      effects.progress?.({ title: "", done, total, unit });
  const staged: ReproductionEffects["progress"] = (part) => effects.progress?.(part);
  const { workers } = place;
  switch (step.kind) {
    case "ablate": {
      const model = modelPath(place, step.network);
      const { layers, limit } = step;
      const out = runPath(place, step.run);
      refuseOtherVersion(out);
      const options = { layers, limit, workers, out };
      try {
        await runAblate(model, testImages, options, { fetching, signal, progress: counted("pairs") });
      } catch (error) {
        throw aboutWork(error);
      }
      return;
    }
    case "attributes": {
      const path = runPath(place, step.run);
      const shown = { fetching, signal, progress: staged };
      const held = openRun(path)
        .manifest()
        .layers.map(({ name }) => name);
      const concepts = { concepts: ["builtin"], workers };
      const [tested, others] = [true, false].map((isTested) =>
        held.filter((layer) => step.conceptNulls.includes(layer) === isTested),
      ) as [string[], string[]];
      if (tested.length > 0) await runConcepts(path, { ...concepts, layers: tested }, shown);
      if (others.length > 0) {
        await runConcepts(path, { ...concepts, layers: others, shuffles: 0, randomUnits: 0, auroc: false }, shown);
      }
      await runAttributes(path, { workers, ...(tested.length === 0 && { shuffles: 0 }) }, shown);
      return;
    }
    case "sets":
      await measureSets(
        runPath(place, step.run),
        { ...step.options, workers },
        { fetching, signal, progress: counted("steps") },
      );
      return;
    case "rotate":
      await rotateLayers(
        runPath(place, step.run),
        { ...step.options, workers },
        { fetching, signal, progress: counted("images") },
      );
      return;
    case "figures":
      await runFigures(runPath(place, step.run), { signal });
      return;
    case "compare": {
      const paths = step.runs.map(({ run }) => runPath(place, run));
      const names = new Map(step.runs.map(({ variant }, at) => [paths[at], variant]));
      await runComparison(paths, { names, layers: comparedLayers, out: runPath(place, "compare") }, { signal });
      return;
    }
    case "predict": {
      const paths = step.runs.map((run) => runPath(place, run));
      await runPrediction(
        paths,
        { train: step.train, layers: comparedLayers, workers, out: runPath(place, "predict") },
        { signal, progress: counted("regressions") },
      );
      return;
    }
  }
}

/** Counts of another version are not this version's, even where they are the same. */
function refuseOtherVersion(path: string): void {
  if (!existsSync(join(path, "run.json"))) return;
  const { unitscope } = openRun(path).manifest();
  if (unitscope === version) return;
  throw new UnitscopeError(
    "run",
    `run folder "${path}": expected a run of unitscope ${version}, got one of ${unitscope}; delete it, or choose another --work`,
  );
}

/** The advice of a run that holds something else, in the words of this command. */
function aboutWork(error: unknown): unknown {
  if (!(error instanceof UnitscopeError) || error.code !== "run") return error;
  return new UnitscopeError(
    "run",
    error.message.replace("choose another --out", "delete it, or choose another --work"),
  );
}
