/**
 * A sweep as a pass: every unit of every requested layer removed on every block of images, to the predictions that flip.
 * Beside that it can observe the responses, so that attributes need no pass of their own.
 */
import type { ImageBlock } from "../passes/image-block.ts";
import type { BlockWork, Merge, PartialResult } from "../passes/pass.ts";
import type { Observed } from "../responses/observed.ts";
import { createObserver } from "../responses/observer.ts";
import type { ObserveSetup } from "../responses/response-pass.ts";
import { probabilityRows } from "../responses/softmax.ts";
import type { Model } from "../runtime/open-model.ts";
import { loadRuntime } from "../runtime/session.ts";
import { type ClassSums, mergeClassSums } from "./class-sums.ts";
import type { LayerBlock, Settled } from "./flip-collector.ts";
import { type Flips, mergeFlips } from "./flips.ts";
import type { BlockTensor, PreparedBlock } from "./prepared-block.ts";
import type { SuffixBound } from "./suffix-bound.ts";
import { planSuffix } from "./suffix-plan.ts";
import { openBlockSweep, type SweepOptions } from "./sweep-block.ts";
import { switchedTensors } from "./switched-tensors.ts";

/** What a sweep's worker is started with. */
export interface SweepSetup {
  /** Cloned to the worker, but for its large weights, which are in shared memory. */
  readonly model: Model;
  readonly layers: readonly { readonly tap: string; readonly replacement: Float32Array }[];
  readonly bounds: readonly (SuffixBound | undefined)[];
  readonly options: SweepOptions;
  /** What to observe of the responses beside. */
  readonly observe?: ObserveSetup | undefined;
}

/** Predictions of the intact network. */
export interface BaselinePart {
  /** Numbers of the images, ascending, `[count]`. */
  readonly images: Int32Array;
  readonly predictions: Int32Array;
  /** Top-2 margins. */
  readonly margins: Float32Array;
}

/** One layer's part. */
export interface SweptPart {
  /** Sorted by unit, then image. */
  readonly flips: Flips;
  readonly settled: Settled;
  readonly continuous: ClassSums | null;
  /** Pairs that were repeated the plain way, and came out the same. */
  readonly verified: number;
}

/** Sweeps a block. */
export const sweepWork: BlockWork<SweepSetup, BaselinePart, SweptPart, Observed> = {
  module: import.meta.url,
  name: "sweepWork",
  prepare: loadRuntime,
  open: async ({ model, layers, bounds, options, observe }) => {
    const planned = layers.map(({ tap, replacement }) => ({
      plan: planSuffix(model, tap),
      replacement,
      isFed: (options.draws ?? 0) > 0,
    }));
    const switched = switchedTensors(
      model,
      planned.map(({ plan }) => plan.tap),
    );
    const observed = observe?.layers.map(({ tap }) => tap) ?? [];
    const sweep = await openBlockSweep(model, planned, { switched, bounds, options, observed });
    const watch = observe && openWatcher(observe, model);
    return async (block, report): Promise<PartialResult<BaselinePart, SweptPart, Observed>> => {
      const prepared = await sweep.prepare(block);
      const { predictions, margins, layers: swept } = await sweep.sweep(block, prepared, report); // it checks the logits
      return {
        shared: { images: block.images, predictions, margins },
        layers: swept.map(sweptPart),
        beside: watch?.(block, prepared),
      };
    };
  },
};

/** Joins the parts of disjoint images. */
export const mergeSwept: Merge<BaselinePart, SweptPart> = {
  shared: mergeBaselines,
  layer: (parts) => {
    const settled: Settled = { silent: 0, certified: 0, closedForm: 0, suffix: 0, plain: 0 };
    for (const part of parts) {
      for (const route of Object.keys(settled) as (keyof Settled)[]) settled[route] += part.settled[route];
    }
    const sums = parts.flatMap(({ continuous }) => continuous ?? []);
    return {
      flips: mergeFlips(parts.map(({ flips }) => flips)),
      settled,
      continuous: sums.length > 0 ? mergeClassSums(sums) : null,
      verified: parts.reduce((sum, { verified }) => sum + verified, 0),
    };
  },
};

/** Predictions of disjoint images together. */
function mergeBaselines(parts: readonly BaselinePart[]): BaselinePart {
  const count = parts.reduce((sum, { images }) => sum + images.length, 0);
  // An image and its place in one number: sorted as numbers they are sorted by image.
  const keys = new Float64Array(count);
  const all = { predictions: new Int32Array(count), margins: new Float32Array(count) };
  let start = 0;
  for (const { images, predictions, margins } of parts) {
    all.predictions.set(predictions, start);
    all.margins.set(margins, start);
    for (let row = 0; row < images.length; row++) keys[start + row] = images[row] * count + start + row;
    start += images.length;
  }
  keys.sort();
  const images = new Int32Array(count);
  const merged = { images, predictions: new Int32Array(count), margins: new Float32Array(count) };
  for (let at = 0; at < count; at++) {
    const from = keys[at] % count;
    images[at] = Math.floor(keys[at] / count);
    merged.predictions[at] = all.predictions[from];
    merged.margins[at] = all.margins[from];
  }
  return merged;
}

function sweptPart({
  unit,
  image,
  prediction,
  settled,
  continuous,
  verified,
}: LayerBlock & Pick<SweptPart, "verified">): SweptPart {
  return {
    flips: { unit, image, prediction },
    settled,
    continuous,
    verified,
  };
}

function openWatcher(observe: ObserveSetup, model: Model): (block: ImageBlock, prepared: PreparedBlock) => Observed {
  const observer = createObserver(observe);
  return ({ images }, { logits, tensors }) => {
    observer.observe({
      images,
      probabilities: probabilityRows(logits, model, images),
      responses: observe.layers.map(({ tap }) => (tensors.get(tap) as BlockTensor).data),
    });
    return observer.take();
  };
}
