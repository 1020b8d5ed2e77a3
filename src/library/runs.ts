/** Commands on run folders and models for callers: an option that is not known is refused before anything is opened. */
import * as labels from "../commands/ablate-labels.ts";
import * as ablation from "../commands/ablate-run.ts";
import * as figures from "../commands/figures-run.ts";
import * as studies from "../commands/study.ts";
import * as training from "../commands/train-model.ts";
import type { AblateRunResult } from "../commands/write-ablation.ts";
import type { ArchitectureName } from "../training/architectures/architectures.ts";
import { type OptionNames, type OtherPlaces, requireKnown } from "./option-names.ts";

const ablateOptions: OptionNames<ablation.AblateRunOptions> = {
  out: true,
  layers: true,
  all: true,
  method: true,
  draws: true,
  engine: true,
  continuous: true,
  verify: true,
  until: true,
  budget: true,
  limit: true,
  preprocess: true,
  classes: true,
  root: true,
  skipUnreadable: true,
  output: true,
  label: true,
  seed: true,
  workers: true,
  provider: true,
};

const ablateEffects: OptionNames<ablation.RunEffects> = {
  progress: true,
  caution: true,
  leaders: true,
  fetching: true,
  places: true,
  signal: true,
};

const labelsEffects: OptionNames<labels.AblateLabelsEffects> = {
  progress: true,
  caution: true,
  fetching: true,
  signal: true,
};

const studyOptions: OptionNames<studies.StudyOptions> = {
  out: true,
  quick: true,
  layers: true,
  all: true,
  concepts: true,
  limit: true,
  preprocess: true,
  classes: true,
  root: true,
  skipUnreadable: true,
  output: true,
  label: true,
  workers: true,
};

const studyEffects: OptionNames<studies.StudyEffects> = {
  step: true,
  progress: true,
  warn: true,
  fetching: true,
  signal: true,
};

const trainOptions: OptionNames<training.TrainModelOptions> = {
  architecture: true,
  out: true,
  command: true,
  test: true,
  preprocess: true,
  resume: true,
  root: true,
  limit: true,
  seed: true,
  epochs: true,
  batchSize: true,
  learningRate: true,
  schedule: true,
  momentum: true,
  nesterov: true,
  weightDecay: true,
  labelSmoothing: true,
  augmentation: true,
  mixup: true,
  provider: true,
  trainOnly: true,
  threads: true,
};

const architectureOptions: OptionNames<training.TrainModelOptions["architecture"]> = {
  imageSize: true,
  widths: true,
  fullyConnected: true,
  batchNorm: true,
  dropout: true,
  channelDropout: true,
};

const trainEffects: OptionNames<training.TrainModelEffects> = { progress: true, fetching: true, signal: true };

type FigureOptions = NonNullable<Parameters<typeof figures.runFigures>[1]>;
const figureOptions: OptionNames<FigureOptions> = { sign: true, progress: true, partial: true, signal: true };

/** Checks options and effects, and says of each where it belongs if it stands among the others. */
function requireBoth<Options extends object, Effects extends object>(
  call: string,
  [options, knownOptions]: [Options, OptionNames<Options> & OtherPlaces[string]],
  [effects, knownEffects]: [Effects, OptionNames<Effects> & OtherPlaces[string]],
): void {
  requireKnown(call, options, knownOptions, { "the effects, which come last": knownEffects });
  requireKnown(call, effects, knownEffects, { "the options, which come before": knownOptions });
}

/**
 * `unitscope ablate`: ablates and writes a run folder, or goes on with it.
 * @throws {UnitscopeError} `usage` for an option that is not known; with what does not fit: nothing is written before
 *   device, model, data and folder have been checked. `check` where a pair that was repeated the plain way came out
 *   otherwise: then no table is written.
 */
export async function runAblate(
  modelPath: string,
  data: string,
  options: ablation.AblateRunOptions,
  effects: ablation.RunEffects = {},
): Promise<AblateRunResult> {
  requireBoth("runAblate", [options, ablateOptions], [effects, ablateEffects]);
  return await ablation.runAblate(modelPath, data, options, effects);
}

/**
 * `unitscope ablate --label dog,cat`: ablates for every label in turn, each in a run folder of its own.
 * @throws {UnitscopeError} as `runAblate`, before anything is written for each label that is asked for by name.
 */
export async function ablateLabels(
  modelPath: string,
  data: string,
  options: labels.AblateLabelsOptions,
  effects: labels.AblateLabelsEffects = {},
): Promise<labels.AblateLabelsResult> {
  requireBoth("ablateLabels", [options, ablateOptions], [effects, labelsEffects]);
  return await labels.ablateLabels(modelPath, data, options, effects);
}

/**
 * `unitscope study`: everything about a network in order, then the page; a call that is repeated on the same folder does
 * what is missing.
 * @throws {UnitscopeError} as `runAblate`.
 */
export async function study(
  modelPath: string,
  data: string,
  options: studies.StudyOptions,
  effects: studies.StudyEffects = {},
): Promise<studies.StudyResult> {
  requireBoth("study", [options, studyOptions], [effects, studyEffects]);
  return await studies.study(modelPath, data, options, effects);
}

/**
 * `unitscope train`: trains and writes a model file, its log and the picture of its training.
 * @throws {UnitscopeError} `usage` for an option that is not known, or if there is a checkpoint that is neither resumed nor
 *   removed; with what of architecture and data does not fit.
 */
export async function trainModel(
  architecture: ArchitectureName,
  data: string,
  options: training.TrainModelOptions,
  effects: training.TrainModelEffects = {},
): Promise<training.TrainedModel> {
  requireBoth("trainModel", [options, trainOptions], [effects, trainEffects]);
  requireKnown("trainModel's architecture", { ...options.architecture }, architectureOptions);
  return await training.trainModel(architecture, data, options, effects);
}

/**
 * `unitscope figures RUN`: draws the paper's figures from what the run's tables hold.
 * @throws {UnitscopeError} `usage` for an option that is not known; `run` if no layer was measured on all images.
 */
export async function runFigures(path: string, options: FigureOptions = {}): Promise<figures.DrawnFigure[]> {
  requireKnown("runFigures", options, figureOptions);
  return await figures.runFigures(path, options);
}
