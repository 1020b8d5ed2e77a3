/**
 * `unitscope study`: everything about a network in order (ablation, concepts, attributes, unit sets, rotation, figures,
 * the page), each step done once, and the sentences that it comes down to.
 */
import { basename, join } from "node:path";
import type { ImageSet } from "../data/image-set.ts";
import { openImageSet } from "../data/open-image-set.ts";
import { parsePreprocessing } from "../data/parse-preprocessing.ts";
import { UnitscopeError } from "../errors.ts";
import { canonicalJson, type Json } from "../files/canonical-json.ts";
import { sha256 } from "../files/hash.ts";
import type { Layer } from "../onnx/layers.ts";
import { checkWorkers } from "../passes/thread-choice.ts";
import type { Finding } from "../report/findings.ts";
import { openRun, type RunFolder } from "../runs/run-folder.ts";
import { schemaVersion, type TableName } from "../tables/schema.ts";
import { version } from "../version.ts";
import { performExperiment } from "./experiment.ts";
import { openNetwork } from "./open-network.ts";
import { lacksOf, planStudy, quickLimit, type StudyChoice, type StudyStep, studiedLayers } from "./plan-study.ts";
import { type RecordedStep, runRecordedSteps, type StepNotice } from "./recorded-steps.ts";
import { type DataOptions, type FetchProgress, openSubject, preprocessingJson } from "./subject.ts";

/** Options of `unitscope study`. */
export interface StudyOptions extends StudyChoice, DataOptions {
  /** The run folder. */
  readonly out: string;
  readonly preprocess?: string | undefined;
  /** The first so many images of every class; all by default, fewer for a first look. */
  readonly limit?: number | undefined;
}

/** What a caller may watch and stop. */
export interface StudyEffects {
  readonly fetching?: FetchProgress;
  /** A step begins, or turns out to be done. */
  readonly step?: ((step: StepNotice) => void) | undefined;
  /** How much of everything is done, from 0 to 1, and what is being done. */
  readonly progress?: ((share: number, what: string) => void) | undefined;
  /** Something that a reader of the results must know. */
  readonly warn?: ((message: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a study found and wrote. */
export interface StudyResult {
  readonly run: RunFolder;
  /** The page: an HTML file that opens from disk. */
  readonly page: string;
  /** What was found, each with how sure it is; the most important first. */
  readonly findings: readonly Finding[];
  /** What all steps took when they were done, now or in an earlier call. */
  readonly elapsedMs: number;
}

/** What the page takes, beside the weights of the other steps. */
const pageWeight = 4;

/**
 * Studies a network on labelled images; a call that is repeated on the same folder does what is missing.
 * @throws {UnitscopeError} with what does not fit; nothing is written before model, data and folder have been checked.
 */
export async function study(
  modelPath: string,
  data: string,
  options: StudyOptions,
  effects: StudyEffects = {},
): Promise<StudyResult> {
  const { out, workers, quick = false } = options;
  const { fetching, signal, warn } = effects;
  checkWorkers({ workers });
  const limit = options.limit ?? (quick ? await quickLimitOf(modelPath, data, options) : undefined);
  const { preprocess, root, classes, skipUnreadable, output, label } = options;
  const ablation = { preprocess, root, limit, classes, skipUnreadable, output, label };
  const subject = await openSubject(modelPath, data, { ...ablation, progress: fetching, signal });
  const layers = studiedLayers(subject.model, options);
  for (const lack of lacksOf(subject.model, layers)) warn?.(lack);
  const steps = planStudy({ model: subject.model, modelPath, data }, layers, { ...options, ablation });
  const content = {
    version,
    schemaVersion,
    model: subject.model.sha256,
    data: subject.images.hash,
    preprocessing: preprocessingJson(subject.preprocessing),
  };
  const progress = weighedProgress(steps, effects);
  const page = join(out, "report", "index.html");
  const recorded = [
    ...steps.map(
      (step): RecordedStep => ({
        title: step.title,
        reads: step.reads,
        changes: [step.title],
        key: () => keyOf(out, { ...content, experiment: withoutPaths(step) }),
        perform: () =>
          performExperiment(step.experiment, out, { fetching, signal, caution: warn, progress: progress.part }),
      }),
    ),
    {
      title: "page",
      reads: steps.map(({ title }) => title),
      changes: ["page"],
      key: () => keyOf(out, content),
      perform: async () => {
        noteStudy(out, { quick, layers, limit, concepts: options.concepts });
        const { reportRuns } = await import("./report.ts");
        const made = await reportRuns(
          [out],
          {},
          {
            fetching,
            signal,
            ...(warn && { lacking: warn }),
            progress: (done, total, title) => progress.part({ title, done, total }),
          },
        );
        return [made.index];
      },
    } satisfies RecordedStep,
  ];
  const records = await runRecordedSteps(recorded, join(out, ".study.json"), {
    signal,
    isWhole: async (path) => !path.endsWith(".parquet") || (await openRun(out).isTableWhole(tableOf(path))),
    step: (notice) => {
      progress.begin(notice);
      effects.step?.(notice);
    },
  });
  progress.end();
  const run = openRun(out);
  const { findingsOf } = await import("../report/findings.ts");
  const elapsedMs = [...records.values()].reduce((sum, record) => sum + record.elapsedMs, 0);
  return { run, page, findings: await findingsOf(run), elapsedMs };
}

/** The table that a file of a run holds. */
function tableOf(path: string): TableName {
  return basename(path, ".parquet") as TableName;
}

/** Writes into the manifest that a study made what the run holds: the page repeats it by that. */
function noteStudy(
  out: string,
  options: { quick: boolean; layers: readonly Layer[]; limit: number | undefined; concepts: StudyOptions["concepts"] },
): void {
  openRun(out).addStep({
    command: "study",
    options: {
      quick: options.quick,
      layers: options.layers.map(({ name }) => name),
      limit: options.limit ?? null,
      concepts: [...(options.concepts ?? ["builtin"])],
    },
    finished: new Date().toISOString(),
    timings: {},
  });
}

async function quickLimitOf(modelPath: string, data: string, options: StudyOptions): Promise<number> {
  const { output, label, preprocess, root } = options;
  const preprocessing = preprocess === undefined ? undefined : await parsePreprocessing(preprocess);
  const images = (): Promise<ImageSet> => openImageSet(data, { root, severalLabels: label !== undefined });
  const model = await openNetwork(modelPath, { output, preprocessing, images });
  const classCount = label === undefined ? model.classCount : 2; // its absence and its presence
  return quickLimit(model, studiedLayers(model, options), classCount);
}

/** Everything that a step's result depends on; empty while there is no run. */
function keyOf(out: string, content: Record<string, Json>): string {
  try {
    return sha256(canonicalJson({ ...content, started: openRun(out).manifest().started }));
  } catch (error) {
    if (error instanceof UnitscopeError && error.code === "run") return "";
    throw error;
  }
}

/** An experiment without where its files lie and how many threads work on it: neither changes a count. */
function withoutPaths({ experiment }: StudyStep): Json {
  const { options = {}, ...rest } = experiment as { kind: string; options?: object };
  const { workers: _, ...counted } = options as { workers?: number };
  return JSON.parse(JSON.stringify({ kind: rest.kind, options: counted })) as Json;
}

/** One share of everything that is not done yet, from the weights of its steps. */
function weighedProgress(
  steps: readonly StudyStep[],
  { progress }: StudyEffects,
): {
  begin: (notice: StepNotice) => void;
  part: (part: { title: string; done: number; total: number; note?: string | undefined }) => void;
  end: () => void;
} {
  const weights = [...steps.map(({ weight }) => weight), pageWeight];
  const parts = [...steps.map((step) => step.parts), 1];
  let total = weights.reduce((sum, weight) => sum + weight, 0);
  let before = 0;
  let current:
    | { title: string; at: number; seen: string[]; told: Set<string>; share: number; kept: number }
    | undefined;
  return {
    begin: ({ title, at, isDone }) => {
      if (current) before += (1 - current.kept) * weights[current.at];
      current = isDone ? undefined : { title, at, seen: [], told: new Set(), share: 0, kept: 0 };
      if (isDone) total -= weights[at];
      else progress?.(before / total, title);
    },
    part: ({ title, done, total: of, note }) => {
      if (!current) return;
      if (!current.seen.includes(title)) current.seen.push(title);
      const expected = Math.max(parts[current.at], current.seen.length);
      const share = (current.seen.length - 1 + (of > 0 ? done / of : 0)) / expected;
      const what = [current.title, title, note].filter((text) => text).join(": ");
      const leap = share - current.share;
      if (title === "" && !current.told.has(what) && leap > 0) {
        // A pass first says what an earlier call has left, which tells nothing of how long the rest takes.
        current.kept += leap;
        total -= leap * weights[current.at];
      }
      current.told.add(what);
      current.share = share;
      const tail = current.kept > 0 ? ", continued" : "";
      progress?.(Math.min(1, (before + (share - current.kept) * weights[current.at]) / total), what + tail);
    },
    end: () => progress?.(1, "done"),
  };
}
