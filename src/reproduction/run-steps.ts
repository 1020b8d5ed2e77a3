/** Runs the steps of a plan, leaving out those that an earlier call finished with the same networks and options. */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { runComparison } from "../commands/compare-runs.ts";
import { type Experiment, type ExperimentEffects, performExperiment } from "../commands/experiment.ts";
import { measureRepair } from "../commands/measure-repair.ts";
import { runPrediction } from "../commands/predict-runs.ts";
import { type RecordedStep, runRecordedSteps, type StepNotice, type StepRecord } from "../commands/recorded-steps.ts";
import { UnitscopeError } from "../errors.ts";
import { canonicalJson, type Json } from "../files/canonical-json.ts";
import { sha256 } from "../files/hash.ts";
import { openRun } from "../runs/run-folder.ts";
import { schemaVersion } from "../tables/schema.ts";
import { version } from "../version.ts";
import type { Step } from "./steps.ts";
import { comparedLayers, type Study } from "./studies.ts";

/** Where a reproduction reads and writes. */
export interface Workplace {
  readonly study: Study;
  /** Folder of the trained networks. */
  readonly models: string;
  /** Folder of the runs; it also holds the record of finished steps. */
  readonly work: string;
  readonly workers?: number | undefined;
}

/** What a caller may watch and stop. */
export interface ReproductionEffects extends ExperimentEffects {
  /** A step begins, or turns out to be finished. */
  readonly step?: ((step: StepNotice) => void) | undefined;
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
  const hashes = new Map<string, string>();
  const shared = { ...effects, drawn: effects.drawn ?? new Map() };
  const recorded = steps.map(
    (step): RecordedStep => ({
      title: step.title,
      reads: runsOf(step),
      // What was made from a run is made again when its drops or attributes are new.
      changes: step.kind === "ablate" || step.kind === "attributes" ? [step.run] : [],
      key: () => keyOf(step, place, hashes),
      perform: () => perform(step, place, shared),
      ...(step.kind === "ablate" && { resume: () => followModel(step, place) }),
    }),
  );
  return await runRecordedSteps(recorded, join(place.work, "reproduce.json"), effects);
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

/** Does a step; gives the files that it made. */
async function perform(step: Step, place: Workplace, effects: ReproductionEffects): Promise<string[]> {
  switch (step.kind) {
    case "compare": {
      const paths = step.runs.map(({ run }) => runPath(place, run));
      const names = new Map(step.runs.map(({ variant }, at) => [paths[at], variant]));
      const options = { names, layers: comparedLayers, match: step.match, out: runPath(place, step.out) };
      const { out, figures } = await runComparison(paths, options, effects);
      return [...["compare.json", "runs.csv", "variants.csv"].map((name) => join(out, name)), ...figures];
    }
    case "repair": {
      const { progress, fetching, signal } = effects;
      const { run } = await measureRepair(
        runPath(place, step.run),
        { layers: step.layers, workers: place.workers },
        { fetching, signal, progress: (done, total) => progress?.({ title: "", done, total, unit: "images" }) },
      );
      return [join(run.path, "repair.parquet")];
    }
    case "predict": {
      const paths = step.runs.map((run) => runPath(place, run));
      const { signal, progress } = effects;
      const { out, figure } = await runPrediction(
        paths,
        { train: step.train, layers: comparedLayers, workers: place.workers, out: runPath(place, step.out) },
        { signal, progress: (done, total) => progress?.({ title: "", done, total, unit: "regressions" }) },
      );
      return [...["predict.json", "predictions.parquet"].map((name) => join(out, name)), figure];
    }
    default: {
      const path = runPath(place, step.run);
      if (step.kind === "ablate") refuseOtherVersion(path);
      const files: string[] = [];
      try {
        for (const experiment of experimentsOf(step, place)) {
          files.push(...(await performExperiment(experiment, path, effects)));
        }
      } catch (error) {
        throw step.kind === "ablate" ? aboutWork(error) : error;
      }
      return files;
    }
  }
}

/** What a step on one run does. */
function experimentsOf(
  step: Exclude<Step, { kind: "compare" | "predict" | "repair" }>,
  place: Workplace,
): Experiment[] {
  const { workers } = place;
  switch (step.kind) {
    case "ablate": {
      const { layers, limit, method } = step;
      return [
        {
          kind: "ablate",
          model: modelPath(place, step.network),
          data: place.study.testImages,
          options: { layers, limit, method, workers },
        },
      ];
    }
    case "attributes": {
      const held = openRun(runPath(place, step.run)).manifest().layers;
      const [tested, others] = [true, false].map((isTested) =>
        held.map(({ name }) => name).filter((layer) => step.conceptNulls.includes(layer) === isTested),
      ) as [string[], string[]];
      const concepts = { concepts: [step.concepts], workers };
      const untested = { ...concepts, layers: others, shuffles: 0, randomUnits: 0, auroc: false };
      return [
        ...(tested.length > 0 ? [{ kind: "concepts", options: { ...concepts, layers: tested } } as const] : []),
        ...(others.length > 0 ? [{ kind: "concepts", options: untested } as const] : []),
        {
          kind: "attributes",
          options: { workers, resamples: step.resamples, ...(tested.length === 0 && { shuffles: 0 }) },
        },
      ];
    }
    case "sets":
    case "rotate":
      return [{ kind: step.kind, options: { ...step.options, workers } }];
    case "figures":
      return [{ kind: "figures" }];
  }
}

/** Counts of another version are not this version's, even where they are the same. */
function refuseOtherVersion(path: string): void {
  if (!existsSync(join(path, "run.json"))) return;
  const { unitscope } = openRun(path).manifest();
  if (unitscope === version) return;
  throw new UnitscopeError(
    "run",
    `run folder "${path}": expected a run of unitscope ${version}, got one of ${unitscope}; delete it, or choose another option "work"`,
  );
}

/** The advice of a run that holds something else, in the words of this command. */
function aboutWork(error: unknown): unknown {
  if (!(error instanceof UnitscopeError) || error.code !== "run") return error;
  return new UnitscopeError(
    "run",
    error.message.replace("choose another folder", 'delete it, or choose another option "work"'),
  );
}
