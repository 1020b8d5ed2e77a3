/** Runs the steps of a plan, leaving out those that an earlier call finished with the same networks and options. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { UnitscopeError } from "../errors.ts";
import { runAblate } from "../experiments/ablate-run.ts";
import { runAttributes } from "../experiments/attributes-run.ts";
import { runComparison } from "../experiments/compare-runs.ts";
import { runConcepts } from "../experiments/concepts-run.ts";
import { runFigures } from "../experiments/figures-run.ts";
import { runPrediction } from "../experiments/predict-runs.ts";
import { runRotationExperiment } from "../experiments/rotation-run.ts";
import { runSetsExperiment } from "../experiments/sets-run.ts";
import type { FetchProgress } from "../experiments/subject.ts";
import { writeFileAtomic } from "../results/atomic-file.ts";
import { canonicalJson, type Json, sha256 } from "../results/canonical-json.ts";
import { openRun } from "../results/run-folder.ts";
import { schemaVersion } from "../results/schema.ts";
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
  /** Hash of everything that its result depends on. */
  readonly key: string;
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
  for (const [at, step] of steps.entries()) {
    effects.signal?.throwIfAborted();
    const key = keyOf(step, place, hashes);
    const done = held.get(step.title);
    const isDone = done?.key === key && key !== "" && hasResult(step, place);
    effects.step?.({ title: step.title, at, of: steps.length, isDone });
    if (done && isDone) {
      records.set(step.title, done);
      continue;
    }
    const began = performance.now();
    await perform(step, place, effects);
    const record = { key: keyOf(step, place, hashes), elapsedMs: Math.round(performance.now() - began) };
    records.set(step.title, record);
    held.set(step.title, record);
    writeFileAtomic(recordPath, `${JSON.stringify({ steps: Object.fromEntries(held) }, null, 2)}\n`);
  }
  return records;
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
  const names = "runs" in step ? step.runs.map((each) => (typeof each === "string" ? each : each.run)) : [step.run];
  const runs: string[] = [];
  for (const name of names) {
    if (!existsSync(join(runPath(place, name), "run.json"))) return "";
    const { started, model } = openRun(runPath(place, name)).manifest();
    runs.push(`${name} ${started} ${model.sha256}`);
  }
  if (step.kind === "ablate") runs.push(modelHash(join(place.models, `${step.network}.onnx`), hashes));
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
  if (step.kind === "compare") return existsSync(join(runPath(place, "compare"), "compare.json"));
  if (step.kind === "predict") return existsSync(join(runPath(place, "predict"), "predict.json"));
  const run = openRun(runPath(place, step.run));
  if (run.manifest().finished === null) return false;
  if (step.kind === "attributes") return run.hasTable("vectors") && run.hasTable("relations");
  if (step.kind === "sets") return run.hasTable("sets");
  if (step.kind === "rotate") return run.hasTable("rotation");
  return true;
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
      const model = join(place.models, `${step.network}.onnx`);
      const { layers, limit } = step;
      const out = runPath(place, step.run);
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
        await runConcepts(path, { ...concepts, layers: others, shuffles: 0, randomUnits: 0 }, shown);
      }
      await runAttributes(path, { workers }, shown);
      return;
    }
    case "sets":
      await runSetsExperiment(
        runPath(place, step.run),
        { ...step.options, workers },
        { fetching, signal, progress: counted("steps") },
      );
      return;
    case "rotate":
      await runRotationExperiment(
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
      const names = new Map(step.runs.map(({ variant }, at) => [paths[at] as string, variant]));
      await runComparison(paths, { names, layers: comparedLayers, out: runPath(place, "compare") }, { signal });
      return;
    }
    case "predict": {
      const paths = step.runs.map((run) => runPath(place, run));
      await runPrediction(
        paths,
        { train: step.train, layers: comparedLayers, out: runPath(place, "predict") },
        { signal, progress: counted("regressions") },
      );
      return;
    }
  }
}

/** The advice of a run that holds something else, in the words of this command. */
function aboutWork(error: unknown): unknown {
  if (!(error instanceof UnitscopeError) || error.code !== "run") return error;
  return new UnitscopeError(
    "run",
    error.message.replace("choose another --out", "delete it, or choose another --work"),
  );
}
