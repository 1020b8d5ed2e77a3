/** How to train: every choice with its default, what must hold, and what a checkpoint must agree with. */
import type { ImageSet } from "../data/image-set.ts";
import { noPreprocessing, type Preprocessing } from "../data/preprocessing.ts";
import { UnitscopeError } from "../errors.ts";
import type { Provider } from "../runtime/session.ts";
import type { Network } from "./architectures/network.ts";
import type { ScheduleName } from "./schedule.ts";
import type { Augmentation } from "./training-images.ts";

/** How to train. */
export interface TrainOptions {
  readonly seed: number;
  readonly epochs: number;
  readonly batchSize: number;
  /** The schedule's highest learning rate. */
  readonly learningRate: number;
  readonly schedule: ScheduleName;
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly weightDecay: number;
  readonly labelSmoothing: number;
  readonly augmentation: Augmentation;
  /** Strength of mixing pairs of images; 0: none. */
  readonly mixup: number;
  readonly preprocessing: Preprocessing;
  readonly provider: Provider;
  /**
   * Layers that learn, by name (`fc6`, `layer4.1`); all when absent. The others keep their first weights: with
   * convolutions among them, a control that has learned nothing there.
   */
  readonly trainOnly?: readonly string[] | undefined;
  /** Threads inside an operator. The same count gives the same weights. */
  readonly threads: number;
}

/** What `train` uses where nothing else is asked for. */
export const trainDefaults: TrainOptions = {
  seed: 1,
  epochs: 13,
  batchSize: 64,
  learningRate: 0.03,
  schedule: "one-cycle",
  momentum: 0.9,
  nesterov: true,
  weightDecay: 5e-4,
  labelSmoothing: 0,
  augmentation: { flip: true, shift: 4, cutout: 0 },
  mixup: 0,
  preprocessing: noPreprocessing,
  provider: "cpu",
  trainOnly: undefined,
  threads: 2,
};

/** @throws {UnitscopeError} `data` or `usage` if network, data and options do not fit. */
export function checkOptions(network: Network, trainSet: ImageSet, { batchSize, epochs }: TrainOptions): void {
  if (trainSet.classNames.length !== network.classCount) {
    throw new UnitscopeError(
      "data",
      `data "${trainSet.name}": expected ${network.classCount} classes, got ${trainSet.classNames.length}`,
    );
  }
  if (batchSize < 2 || batchSize > trainSet.imageCount) {
    throw new UnitscopeError("usage", `batch: expected 2..${trainSet.imageCount} images, got ${batchSize}`);
  }
  if (!Number.isInteger(epochs) || epochs < 0) {
    throw new UnitscopeError("usage", `epochs: expected a whole number from 0, got ${epochs}`);
  }
}

/** Everything that the weights depend on. */
export function recipeOf(network: Network, trainSet: ImageSet, options: TrainOptions): Record<string, unknown> {
  const { name } = network.inferenceGraph;
  const shapes = network.parameters.map((parameter) => `${parameter.name}:${parameter.shape.join("x")}`).join(" ");
  const masks = network.masks.map((mask) => `${mask.name}:${mask.probability}`).join(" ");
  return { network: name, shapes, masks, data: trainSet.hash, ...options };
}

/** @throws {UnitscopeError} `run` naming the first difference. */
export function checkSameRecipe(
  path: string,
  was: Readonly<Record<string, unknown>>,
  is: Record<string, unknown>,
): void {
  for (const key of Object.keys(is)) {
    const [old, now] = [JSON.stringify(was[key]), JSON.stringify(is[key])];
    if (old !== now) {
      throw new UnitscopeError("run", `${path}: expected the same training, got another ${key}: ${old}, not ${now}`);
    }
  }
}
