/**
 * The training loop: epochs of batches through the step graph, a test and a checkpoint after every epoch.
 *
 * The graph runs in a worker thread. This side prepares the next batch while one is computed, and keeps the log.
 */
import { existsSync } from "node:fs";
import type { ImageSet } from "../data/image-set.ts";
import { UnitscopeError } from "../errors.ts";
import { writeModel } from "../onnx/model-file.ts";
import { floatValue, type Value } from "../runtime/session.ts";
import { openPool, type WorkerPool } from "../runtime/worker-pool.ts";
import { type Network, startParameters, trainedParameters } from "./architectures/network.ts";
import { openStreams, resumeStreams, type Streams, shuffledImages, streamStates, trainingBatch } from "./batches.ts";
import { type Checkpoint, type EpochRecord, readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import { blockSize } from "./lowering/block-size.ts";
import { learningRateAt } from "./schedule.ts";
import { stepGraph, testGraph, velocityName } from "./step-graph.ts";
import { type StepResult, type StepTask, stepWork } from "./step-worker.ts";
import { checkOptions, checkSameRecipe, recipeOf, type TrainOptions, trainDefaults } from "./train-options.ts";
import { type TrainingImages, trainingImages } from "./training-images.ts";

/** How far a training is; after every step. */
export interface TrainProgress {
  /** From 1. */
  readonly epoch: number;
  readonly epochs: number;
  /** Images trained on in this epoch. */
  readonly images: number;
  /** Images trained on in all epochs so far, and how many it will be. */
  readonly imagesDone: number;
  readonly imagesInAll: number;
  /** Means over this epoch so far. */
  readonly loss: number;
  readonly trainAccuracy: number;
  readonly imagesPerSecond: number;
  readonly leftMs: number;
  /** Set once the epoch is over and tested. */
  readonly finished?: EpochRecord;
}

/** A trained network's values and how it got there. */
export interface TrainResult {
  readonly parameters: ReadonlyMap<string, Float32Array>;
  /** Top-1 accuracy on the test set with these values; `null` without one. */
  readonly testAccuracy: number | null;
  readonly log: readonly EpochRecord[];
}

/** Where progress, stops and checkpoints go. */
export interface TrainEffects {
  readonly progress?: ((progress: TrainProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** File of the checkpoint; none is written when absent. */
  readonly checkpoint?: string | undefined;
  /** Continue from the checkpoint if there is one. */
  readonly resume?: boolean | undefined;
}

/** Batch size of tests; it does not change results beyond rounding. */
const TEST_BATCH = 250;

/**
 * Trains a network.
 *
 * Without epochs the network is as its seed makes it, and is only tested.
 *
 * Images that do not fill a last batch are left out of an epoch (others in every epoch, as the order is drawn anew).
 *
 * @param testSet tested on after every epoch; `undefined`: no test.
 * @throws {UnitscopeError} `value` at the first step whose loss is not a number; `run` if the checkpoint is of another
 *   training; `interrupted` when `signal` is set (the last epoch's checkpoint stays).
 */
export async function train(
  network: Network,
  trainSet: ImageSet,
  testSet: ImageSet | undefined,
  given: Partial<TrainOptions> = {},
  { progress, signal, checkpoint: path, resume = false }: TrainEffects = {},
): Promise<TrainResult> {
  const options: TrainOptions = { ...trainDefaults, ...given };
  checkOptions(network, trainSet, options);
  const recipe = recipeOf(network, trainSet, options);
  const before = path && resume && existsSync(path) ? await readCheckpoint(path) : undefined;
  if (before) checkSameRecipe(path ?? "", before.recipe, recipe);

  const { batchSize, epochs } = options;
  const block = options.provider === "cpu" ? await blockSize() : undefined;
  const state = before?.state ?? startState(network, options);
  const pool = await openPool(
    stepWork,
    {
      step: writeModel(stepGraph(network, { ...options, block })),
      test: writeModel(testGraph(network, { batchSize: TEST_BATCH, block })),
      threads: options.threads,
      provider: options.provider,
      state,
    },
    { workers: 1, signal },
  );
  const streams = before ? resumeStreams(before.streams) : openStreams(options.seed);
  const log: EpochRecord[] = [...(before?.log ?? [])];
  const place = { size: network.imageSize, preprocessing: options.preprocessing, augmentation: options.augmentation };
  const images = trainingImages(trainSet, place);
  const tests = testSet && trainingImages(testSet, place);
  try {
    for (let epoch = log.length + 1; epoch <= epochs; epoch++) {
      signal?.throwIfAborted();
      const done = await runEpoch({ pool, network, images, streams, options, epoch, progress });
      const testAccuracy = tests ? await testAccuracyOf(pool, network, tests) : null;
      const record: EpochRecord = { ...done.record, testAccuracy };
      log.push(record);
      if (path) {
        const checkpoint: Checkpoint = {
          recipe,
          epochsDone: epoch,
          streams: streamStates(streams),
          log,
          state: await stateOf(pool),
        };
        writeCheckpoint(path, checkpoint);
      }
      progress?.({ ...done.progress, finished: record });
    }
    const testAccuracy = log.at(-1)?.testAccuracy ?? (tests ? await testAccuracyOf(pool, network, tests) : null);
    const final = await stateOf(pool);
    const parameters = new Map(
      network.parameters.map(({ name }) => [name, (final.get(name) as Value).data as Float32Array]),
    );
    return { parameters, testAccuracy, log };
  } catch (error) {
    if (!signal?.aborted) throw error;
    const kept =
      path && log.length > 0 ? `; the checkpoint of epoch ${log.length} is kept, continue with option "resume"` : "";
    throw new UnitscopeError(
      "interrupted",
      `training: expected to finish ${epochs} epochs, got interrupted in epoch ${log.length + 1}${kept}`,
      { cause: error },
    );
  } finally {
    await pool.close();
  }

  async function runEpoch(
    work: EpochWork,
  ): Promise<{ record: Omit<EpochRecord, "testAccuracy">; progress: TrainProgress }> {
    return trainEpoch({ ...work, totalSteps: Math.floor(trainSet.imageCount / batchSize) * epochs });
  }
}

interface EpochWork {
  readonly pool: WorkerPool<StepTask, StepResult>;
  readonly network: Network;
  readonly images: TrainingImages;
  readonly streams: Streams;
  readonly options: TrainOptions;
  readonly epoch: number;
  readonly progress: ((progress: TrainProgress) => void) | undefined;
}

/** One pass over the training images, one batch prepared ahead. */
async function trainEpoch({
  pool,
  network,
  images,
  streams,
  options,
  epoch,
  progress,
  totalSteps,
}: EpochWork & { totalSteps: number }): Promise<{
  record: Omit<EpochRecord, "testAccuracy">;
  progress: TrainProgress;
}> {
  const { batchSize, epochs, mixup } = options;
  const order = shuffledImages(images.set, streams);
  const steps = Math.floor(order.length / batchSize);
  const started = performance.now();
  let lossSum = 0;
  let correct = 0;
  let learningRate = 0;
  let latest: TrainProgress | undefined;
  const prepare = async (step: number): Promise<StepTask> => {
    const chosen = order.subarray(step * batchSize, (step + 1) * batchSize);
    const feeds = await trainingBatch(images, chosen, {
      size: network.imageSize,
      masks: network.masks,
      mixup,
      streams,
    });
    learningRate = learningRateAt((epoch - 1) * steps + step, { ...options, totalSteps });
    return { kind: "step", feeds: { ...feeds, learning_rate: floatValue([], Float32Array.of(learningRate)) } };
  };
  let next = await prepare(0);
  for (let step = 0; step < steps; step++) {
    const running = pool.run(next);
    running.catch(() => {}); // it is awaited below; a failure meanwhile must not count as unhandled
    if (step + 1 < steps) next = await prepare(step + 1);
    const result = await running;
    if (result.kind !== "step")
      throw new UnitscopeError("internal", `internal: step: expected a loss, got ${result.kind}`);
    if (!Number.isFinite(result.loss)) {
      throw new UnitscopeError(
        "value",
        `step ${step + 1} of epoch ${epoch}: expected a finite loss, got ${result.loss}; try a lower learning rate`,
      );
    }
    lossSum += result.loss;
    correct += result.correct;
    const seen = (step + 1) * batchSize;
    const elapsedMs = performance.now() - started;
    const rate = seen / elapsedMs;
    latest = {
      epoch,
      epochs,
      images: seen,
      imagesDone: ((epoch - 1) * steps + step + 1) * batchSize,
      imagesInAll: totalSteps * batchSize,
      loss: lossSum / (step + 1),
      trainAccuracy: correct / seen,
      imagesPerSecond: rate * 1000,
      leftMs: ((epochs - epoch + 1) * steps * batchSize - seen) / rate,
    };
    progress?.(latest);
  }
  const last = latest as TrainProgress;
  const { loss, trainAccuracy, imagesPerSecond } = last;
  const elapsedMs = performance.now() - started;
  return { record: { epoch, loss, trainAccuracy, learningRate, imagesPerSecond, elapsedMs }, progress: last };
}

/** Top-1 accuracy; a tie goes to the lowest class. */
async function testAccuracyOf(
  pool: WorkerPool<StepTask, StepResult>,
  network: Network,
  images: TrainingImages,
): Promise<number> {
  const { imageCount, labels } = images.set;
  const { imageSize: size, classCount } = network;
  let correct = 0;
  for (let from = 0; from < imageCount; from += TEST_BATCH) {
    const count = Math.min(TEST_BATCH, imageCount - from);
    const pixels = new Float32Array(TEST_BATCH * 3 * size * size);
    for (let i = 0; i < count; i++) await images.write(from + i, undefined, pixels, i);
    const result = await pool.run({ kind: "test", feeds: { input: floatValue([TEST_BATCH, 3, size, size], pixels) } });
    if (result.kind !== "test")
      throw new UnitscopeError("internal", `internal: test: expected logits, got ${result.kind}`);
    for (let i = 0; i < count; i++) {
      const row = result.logits.subarray(i * classCount, (i + 1) * classCount);
      let best = 0;
      for (let cls = 1; cls < classCount; cls++) if (row[cls] > row[best]) best = cls;
      if (best === labels[from + i]) correct++;
    }
  }
  return correct / imageCount;
}

async function stateOf(pool: WorkerPool<StepTask, StepResult>): Promise<ReadonlyMap<string, Value>> {
  const result = await pool.run({ kind: "state" });
  if (result.kind !== "state") throw new UnitscopeError("internal", `internal: state: expected it, got ${result.kind}`);
  return result.state;
}

function startState(network: Network, { seed, trainOnly }: TrainOptions): Map<string, Value> {
  const state = new Map<string, Value>();
  const values = startParameters(network, seed);
  for (const { name, shape } of network.parameters)
    state.set(name, floatValue(shape, values.get(name) as Float32Array));
  for (const { name, shape } of trainedParameters(network, trainOnly)) {
    state.set(velocityName(name), floatValue(shape, new Float32Array(values.get(name)?.length ?? 0)));
  }
  return state;
}
