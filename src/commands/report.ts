/** `unitscope report`: opens runs with their networks and images again and writes the page about them. */
import { readFile } from "node:fs/promises";
import { findReplacement } from "../ablation/replacement.ts";
import type { AblationMethod } from "../ablation/sweep.ts";
import { messageOf, UnitscopeError } from "../errors.ts";
import { whyUnread } from "../onnx/response-views.ts";
import { predictionData } from "../report/comparison-data.ts";
import { type Comparison, type ReportRun, type WrittenReport, writeReport } from "../report/write-report.ts";
import { planResponses } from "../responses/response-pass.ts";
import { commandsOf } from "../runs/repeat-commands.ts";
import { openRun, type RunFolder } from "../runs/run-folder.ts";
import { averagesOf, predictAcross } from "./predict-runs.ts";
import { openResponseStore } from "./response-store.ts";
import { type FetchProgress, passImages, reopenSubject, type Subject } from "./subject.ts";

/** What a caller may watch and stop. */
export interface ReportEffects {
  readonly fetching?: FetchProgress;
  readonly progress?: ((done: number, total: number, what: string) => void) | undefined;
  /** Called with what the report lacks and why, where a network or its images are not there any more. */
  readonly lacking?: ((message: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Writes the report of one or several runs.
 *
 * @param out its folder; by default `report` inside the first run.
 * @throws {UnitscopeError} `run` if a run is not complete or the folder holds something else.
 */
export async function reportRuns(
  paths: readonly string[],
  { out }: { out?: string | undefined } = {},
  { fetching, progress, lacking, signal }: ReportEffects = {},
): Promise<WrittenReport> {
  const runs = paths.map((path) => openRun(path));
  const [first] = runs;
  if (!first) throw new UnitscopeError("usage", "report: expected at least one run folder, got none");
  for (const run of runs) {
    run.requireTables();
    if (run.hasTable("units") && run.hasTable("drops")) continue;
    throw new UnitscopeError(
      "run",
      `run folder "${run.path}": expected a finished run, got one without its tables; go on with: ${commandsOf(run.manifest(), run.path, { isHere: true })[0]}`,
    );
  }
  const labels = labelsOf(runs);
  const prepared: ReportRun[] = [];
  for (const [at, run] of runs.entries()) {
    const label = labels[at];
    try {
      prepared.push(await withSubject(run, label, await reopenSubject(run, { progress: fetching, signal }), signal));
    } catch (cause) {
      if (!(cause instanceof UnitscopeError) || cause.code === "interrupted" || cause.code === "internal") throw cause;
      lacking?.(`${messageOf(cause)}; the page is written without removing units live`);
      prepared.push({ run, label, subject: undefined });
    }
  }
  const comparison = runs.length > 1 ? await comparisonOf(paths, runs, signal) : undefined;
  return await writeReport(out ?? first.file("report"), prepared, {
    ...(progress && { progress }),
    ...(comparison && { comparison }),
    signal,
  });
}

/** Table 1 is made with the page for up to so many classes: more take minutes. */
const mostPredictedClasses = 100;

/** Table 1 over the runs, trained on three networks in five, as far as they have what it takes. */
async function comparisonOf(
  paths: readonly string[],
  runs: readonly RunFolder[],
  signal: AbortSignal | undefined,
): Promise<Comparison> {
  const classCount = runs[0]?.manifest().classNames.length ?? 0;
  if (classCount > mostPredictedClasses) {
    const noPrediction = `With ${classCount} classes it takes long: unitscope predict RUN RUN… makes it.`;
    return { prediction: null, noPrediction };
  }
  const train = Math.min(runs.length - 1, Math.max(1, Math.round(0.6 * runs.length)));
  try {
    const { predictions } = await predictAcross(paths, { train }, { signal });
    const averages = averagesOf(predictions);
    return { prediction: predictionData(averages, { train, networks: runs.length }), noPrediction: "" };
  } catch (cause) {
    if (!(cause instanceof UnitscopeError) || cause.code === "interrupted" || cause.code === "internal") throw cause;
    const noPrediction =
      "It needs runs of different networks on the same classes and layers, each with attributes and concepts: unitscope attributes RUN --concepts builtin.";
    return { prediction: null, noPrediction };
  }
}

async function withSubject(
  run: RunFolder,
  label: string,
  subject: Subject,
  signal: AbortSignal | undefined,
): Promise<ReportRun> {
  const manifest = run.manifest();
  const method = manifest.ablation.method as AblationMethod;
  const replacements = new Map<string, Float32Array>();
  if (method === "weights") {
    throw new UnitscopeError(
      "run",
      `run folder "${run.path}": expected units that are replaced at their taps, got a run of method weights`,
    );
  }
  if (method !== "zero") {
    for (const { name } of manifest.layers) {
      const layer = subject.model.layers.find((each) => each.name === name);
      if (!layer) continue;
      const images = passImages(subject, signal);
      const { replacement } = await findReplacement(subject.model, { images, layer, method, workers: 1, signal });
      replacements.set(name, replacement);
    }
  }
  const modelBytes = new Uint8Array(await readFile(subject.modelPath));
  return { run, label, subject: { ...subject, modelBytes }, replacements, responses: responsesOf(run, subject) };
}

/** Pooled responses as far as the run stores them for all images. */
function responsesOf(run: RunFolder, subject: Subject): (name: string) => Float64Array | undefined {
  return (name) => {
    const layer = subject.model.layers.find((each) => each.name === name);
    if (!layer || whyUnread(layer) !== undefined) return undefined;
    const store = openResponseStore(run.path, { plan: planResponses(subject.model, passImages(subject), [layer]) });
    if (!store.isWhole()) return undefined;
    return store.pooled(0, "mean", 0, layer.units);
  };
}

/** The models' names, or those of the run folders where models have the same, made unique. */
function labelsOf(runs: readonly RunFolder[]): string[] {
  const models = runs.map((run) => run.manifest().model.name.replace(/\.onnx$/i, ""));
  const names =
    new Set(models).size === models.length
      ? models
      : runs.map(({ path }) => path.split(/[\\/]/).findLast((part) => part !== "") ?? path);
  return names.map((name, at) => (names.indexOf(name) === at ? name : `${name} (${at + 1})`));
}
