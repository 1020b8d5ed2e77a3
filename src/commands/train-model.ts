/**
 * `unitscope train`: an architecture and a data set become a model file, its log and, until it is done, a checkpoint.
 */
import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { basename, dirname } from "node:path";
import type { DataProgress } from "../data/cache.ts";
import { emptyClasses } from "../data/classes/fit-classes.ts";
import type { ImageSet } from "../data/image-set.ts";
import { openImageSet } from "../data/open-image-set.ts";
import { parsePreprocessing } from "../data/parse-preprocessing.ts";
import { noPreprocessing, type Preprocessing } from "../data/preprocessing.ts";
import { listAllowed, UnitscopeError } from "../errors.ts";
import { trainingCurvesFigure } from "../figures/training-curves.ts";
import { writeFileAtomic } from "../files/atomic-file.ts";
import { writeModel } from "../onnx/model-file.ts";
import {
  type ArchitectureName,
  type ArchitectureOptions,
  defineNetwork,
} from "../training/architectures/architectures.ts";
import type { Network } from "../training/architectures/network.ts";
import type { EpochRecord } from "../training/checkpoint.ts";
import { type TrainProgress, train } from "../training/train.ts";
import { type TrainOptions, trainDefaults } from "../training/train-options.ts";
import { trainedModel } from "../training/trained-model.ts";

/** What to train and where to put it. */
export interface TrainModelOptions extends Partial<Omit<TrainOptions, "preprocessing">> {
  readonly architecture: Omit<ArchitectureOptions, "classCount">;
  /** Data set to test on after every epoch. */
  readonly test?: string | undefined;
  /** A preset or a JSON file; the data set's own, or ImageNet's at 224×224, when absent. */
  readonly preprocess?: string | undefined;
  /** The model file. */
  readonly out: string;
  /** Continue from the checkpoint beside `out`. */
  readonly resume?: boolean | undefined;
  /** The command line that is written into the model and the log. */
  readonly command: string;
  readonly root?: string | undefined;
  readonly limit?: number | undefined;
}

/** What came of it. */
export interface TrainedModel {
  readonly path: string;
  readonly logPath: string;
  /** Top-1 accuracy on the test set; `null` without one. */
  readonly accuracy: number | null;
  readonly log: readonly EpochRecord[];
  readonly parameterCount: number;
}

/** Where progress goes. */
export interface TrainModelEffects {
  readonly fetching?: DataProgress | undefined;
  readonly progress?: ((progress: TrainProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Where the checkpoint of a model file is. */
export function checkpointPath(out: string): string {
  return `${out}.checkpoint`;
}

/** Where the log of a model file is. */
export function logPath(out: string): string {
  return `${out.replace(/\.onnx$/, "")}.log.json`;
}

/** Where the picture of a model file's training is. */
export function curvesPath(out: string): string {
  return `${out.replace(/\.onnx$/, "")}.curves.svg`;
}

/**
 * Trains and writes `out`, its log and the picture of its training, and removes the checkpoint.
 *
 * @throws {UnitscopeError} `usage` if there is a checkpoint that is neither resumed nor removed, and what `train`,
 *   `defineNetwork` and `openImageSet` throw.
 */
export async function trainModel(
  architecture: ArchitectureName,
  data: string,
  { architecture: shape, test, preprocess, out, resume = false, command, root, limit, ...options }: TrainModelOptions,
  { fetching, progress, signal }: TrainModelEffects = {},
): Promise<TrainedModel> {
  const checkpoint = checkpointPath(out);
  if (existsSync(checkpoint) && !resume) {
    throw new UnitscopeError(
      "usage",
      `${checkpoint}: expected no unfinished training, got one; add option "resume" or remove it`,
    );
  }
  if (resume && !existsSync(checkpoint)) {
    throw new UnitscopeError("usage", `${checkpoint}: expected a checkpoint to resume from, got none`);
  }
  await mkdir(dirname(out), { recursive: true });
  const open = { root, limit, progress: fetching, signal };
  const trainSet = await openImageSet(data, open);
  const empty = emptyClasses(trainSet);
  if (empty.length > 0) {
    throw new UnitscopeError(
      "data",
      `data "${data}": expected images of every class to train on, got none of ${listAllowed(empty.map((name) => `"${name}"`))}`,
    );
  }
  const testSet = test === undefined ? undefined : await openImageSet(test, open);
  if (testSet && testSet.classNames.join("\n") !== trainSet.classNames.join("\n")) {
    throw new UnitscopeError("data", `option "test" "${test}": expected the classes of "${data}", got others`);
  }
  const network = defineNetwork(architecture, { ...shape, classCount: trainSet.classNames.length });
  const preprocessing = await choosePreprocessing(network.imageSize, trainSet, preprocess);
  const trained = await train(
    network,
    trainSet,
    testSet,
    { ...options, preprocessing },
    { progress, signal, checkpoint, resume },
  );
  const { log, parameters, testAccuracy: accuracy } = trained;
  const seed = options.seed ?? trainDefaults.seed;
  const provenance = { command, seed, accuracy, trainSet, testSet, preprocessing };
  writeTrained(out, network, { parameters, log, provenance, options: { ...trainDefaults, ...options } });
  await rm(checkpoint, { force: true });
  const parameterCount = [...parameters.values()].reduce((sum, { length }) => sum + length, 0);
  return { path: out, logPath: logPath(out), accuracy, log, parameterCount };
}

/** Writes the model, its log and the picture of its training, each under its name only once it is whole. */
export function writeTrained(
  out: string,
  network: Network,
  {
    parameters,
    log,
    provenance,
    options,
  }: {
    parameters: ReadonlyMap<string, Float32Array>;
    log: readonly EpochRecord[];
    provenance: Parameters<typeof trainedModel>[2];
    options: Partial<TrainOptions>;
  },
): void {
  const { command, accuracy, trainSet, testSet, preprocessing } = provenance;
  const document = {
    command,
    accuracy,
    data: { train: trainSet.name, trainHash: trainSet.hash, test: testSet?.name, testHash: testSet?.hash },
    options: { ...options, preprocessing },
    epochs: log,
  };
  const model = writeModel(trainedModel(network, parameters, provenance));
  for (const [path, content] of [
    [out, model],
    [logPath(out), `${JSON.stringify(document, undefined, 2)}\n`],
    [curvesPath(out), trainingCurvesFigure([{ name: basename(out), epochs: log }])],
  ] as const) {
    writeFileAtomic(path, content);
  }
}

/**
 * What was asked for, else what is known of the data. Images that do not have the network's size are resized: at 224 as
 * ImageNet's networks do it (shorter side 256), at 32 to the size itself.
 */
async function choosePreprocessing(size: number, set: ImageSet, asked: string | undefined): Promise<Preprocessing> {
  if (asked !== undefined) return parsePreprocessing(asked);
  if (size === 224) return parsePreprocessing("imagenet");
  const own = /^(cifar10|tiny-imagenet)(-100)?:/.exec(set.name)?.[1];
  const base = own
    ? await parsePreprocessing(own)
    : { ...noPreprocessing, mean: [0.5, 0.5, 0.5] as const, std: [0.25, 0.25, 0.25] as const };
  const fits = set.pixels?.height === size && set.pixels.width === size;
  return fits ? base : { ...base, resize: size, crop: size };
}
