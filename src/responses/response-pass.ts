/** Observing the responses of some layers as a pass of its own, for runs whose sweep did not. */

import { cutTo } from "../onnx/edit.ts";
import { responseOf, withResponses } from "../onnx/response-views.ts";
import { type BlockSource, type ImageBlock, partOfBlock } from "../passes/image-block.ts";
import { blocksOf } from "../passes/image-order.ts";
import type { BlockWork, Pass } from "../passes/pass.ts";
import type { Plan } from "../passes/plan.ts";
import { imagesAtOnce } from "../runtime/images-at-once.ts";
import type { Model } from "../runtime/open-model.ts";
import { floatValue, openSession, type Provider } from "../runtime/session.ts";
import { schemaVersion } from "../tables/schema.ts";
import { floatsOf } from "./fetched-values.ts";
import {
  defaultTailFraction,
  defaultTopImages,
  mergeObserved,
  type ObservedLayer,
  type ObservedOutputs,
  observedBuffers,
} from "./observed.ts";
import { createObserver, type ObservedShape, type ObserverOptions } from "./observer.ts";
import { probabilityRows } from "./softmax.ts";

/** Changes whenever what is kept changes its meaning. */
const formatVersion = 2;

/** Responses of one run of the network may take so much memory in each worker. */
const batchBytes = 32 << 20;

/** A layer with its place in the graph. */
export interface ObservedTap extends ObservedShape {
  readonly tap: string;
  /** The tensor in which the response is read; the tap where it is not said. */
  readonly response?: string | null;
}

/** What to observe. */
export interface ObserveSetup extends Omit<ObserverOptions, "layers"> {
  readonly layers: readonly ObservedTap[];
}

/** What a worker starts with. */
interface ResponseSetup extends ObserveSetup {
  /** Cloned to the worker, but for its large weights, which are in shared memory. */
  readonly model: Model;
  readonly threads: number;
  readonly provider: Provider;
}

/** Observes a block. */
export const observeWork: BlockWork<ResponseSetup, ObservedOutputs, ObservedLayer> = {
  module: import.meta.url,
  name: "observeWork",
  open: async ({ model, threads, provider, ...setup }) => {
    const outputs = [...new Set([...setup.layers.map(({ tap }) => tap), model.logits])];
    const place = `model "${model.name}"`;
    const session = await openSession(cutTo(withResponses(model), outputs), { threads, provider, place });
    const observer = createObserver(setup);
    const batchSize = imagesAtOnce(model, batchSizeFor(setup.layers));
    return async (block, report) => {
      for (let from = 0; from < block.count; from += batchSize) {
        const batch = partOfBlock(block, from, Math.min(block.count, from + batchSize));
        const values = await session.run({ [model.input.name]: inputOf(batch) });
        const { images } = batch;
        observer.observe({
          images,
          probabilities: probabilityRows(floatsOf(values, model.logits), model, images),
          responses: setup.layers.map(({ tap }) => floatsOf(values, tap)),
        });
        report(from / block.count);
      }
      return observer.take();
    };
  },
  buffers: observedBuffers,
};

/** Plans the observing of some layers. */
export function planResponses(
  model: Model,
  source: BlockSource,
  layers: readonly ObservedTap[],
  {
    topImages = defaultTopImages,
    tailFraction = defaultTailFraction,
    provider = "cpu",
  }: { topImages?: number; tailFraction?: number; provider?: Provider | undefined } = {},
): Plan {
  // Another provider's responses differ in the last bits.
  const computed = provider === "cpu" ? {} : { provider };
  return {
    pass: "responses",
    key: {
      schemaVersion,
      formatVersion,
      model: model.sha256,
      ...source.identity,
      topImages,
      tailFraction,
      ...computed,
    },
    shared: { tap: model.logits },
    layers: layers.map((layer) => {
      const { name, units, height, width } = layer;
      return { name, key: { tap: responseOf(layer), units, height, width } };
    }),
    ...blocksOf(source, model).plan,
  };
}

/** The pass. */
export function responsePass(
  model: Model,
  source: BlockSource,
  layers: readonly ObservedTap[],
  {
    topImages = defaultTopImages,
    tailFraction = defaultTailFraction,
    threads = 1,
    provider = "cpu",
  }: { topImages?: number; tailFraction?: number; threads?: number; provider?: Provider | undefined } = {},
): Pass<ResponseSetup, ObservedOutputs, ObservedLayer> {
  const { classCount } = model;
  const { imageCount } = source;
  return {
    ...blocksOf(source, model),
    plan: planResponses(model, source, layers, { topImages, tailFraction, provider }),
    work: observeWork,
    setup: { model, threads, provider, ...observeSetup(layers, { classCount, imageCount, topImages, tailFraction }) },
    merge: mergeObserved,
  };
}

/** The plain part of some layers, with the other options. */
export function observeSetup(layers: readonly ObservedTap[], options: Omit<ObserverOptions, "layers">): ObserveSetup {
  return {
    ...options,
    layers: layers.map(observedTap),
  };
}

/** The plain part of a layer, its tap the tensor in which the response is read. */
export function observedTap(layer: ObservedTap): ObservedTap {
  const { name, units, height, width } = layer;
  return { name, tap: responseOf(layer), units, height, width };
}

/** Images of one run of the network, by what its responses take. */
export function batchSizeFor(layers: readonly ObservedShape[]): number {
  const bytesPerImage = 4 * layers.reduce((sum, { units, height, width }) => sum + units * height * width, 1);
  return Math.min(64, Math.max(1, Math.floor(batchBytes / bytesPerImage)));
}

/** A block as the network's input. */
export function inputOf({ count, imageDims, data }: ImageBlock): ReturnType<typeof floatValue> {
  return floatValue([count, ...imageDims], data);
}
