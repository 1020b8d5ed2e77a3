/**
 * What was observed of a run's responses, kept in the run block by block: the sweep or `unitscope attributes` puts the
 * blocks there, whatever needs them reads them. Each layer's blocks are keyed by everything that made them, its tap
 * included, so that they serve whatever layers are asked for.
 */
import { type BlockStore, folderStore } from "../passes/block-store.ts";
import type { Pass } from "../passes/pass.ts";
import { blockStart } from "../passes/plan.ts";
import { mergeStored } from "../passes/run-pass.ts";
import { mergeObserved, type ObservedLayer, type ObservedOutputs, withoutPooled } from "../responses/observed.ts";

/** Which pooling of the responses over positions. */
export type Pooling = "mean" | "max";

/** The observations of a run. Reading is for when all blocks are there. */
export interface ResponseStore {
  readonly blocks: BlockStore<ObservedOutputs, ObservedLayer>;
  /** Whether all images were observed. */
  isWhole(): boolean;
  /** Everything about layer `at` that does not grow by a row of units with every image. */
  summary(at: number): ObservedLayer;
  /** Probabilities of all images, float32, row-major `[imageCount, classCount]`. */
  probabilities(): Float32Array;
  /** Pooled responses of units `from` to `to - 1` of layer `at`, float64, row-major `[to - from, imageCount]`. */
  pooled(at: number, pooling: Pooling, from: number, to: number): Float64Array;
}

/** Opens the observations in a run folder; `path` is the folder's. */
export function openResponseStore(
  path: string,
  { plan }: Pick<Pass<unknown, ObservedOutputs, ObservedLayer>, "plan">,
): ResponseStore {
  const blocks = folderStore<ObservedOutputs, ObservedLayer>(path, plan);
  const numbers = Array.from({ length: plan.to - plan.from }, (_, at) => plan.from + at);
  const imageCount = blockStart(plan, plan.blockSizes.length);
  const summaries = { ...blocks, parts: (block: number, at: number) => [withoutPooled(blocks.layer(block, at))] };
  const merged = mergeStored({ plan, merge: mergeObserved }, summaries);
  return {
    blocks,
    isWhole: () => numbers.every((block) => blocks.has(block)),
    summary: (at) => merged.layer(at),
    probabilities: () => merged.shared().probabilities,
    pooled: (at, pooling, from, to) => {
      const pooled = new Float64Array((to - from) * imageCount);
      for (const block of numbers) {
        const { images, minimum, pooledMean, pooledMax } = blocks.layer(block, at);
        const units = minimum.length;
        const values = pooling === "mean" ? pooledMean : pooledMax;
        for (let unit = from; unit < to; unit++) {
          const row = (unit - from) * imageCount;
          images.forEach((image, place) => {
            pooled[row + image] = values[place * units + unit];
          });
        }
      }
      return pooled;
    },
  };
}
