/** Unit sets as two passes: greedy sequences, a class a block, and sequences measured on blocks of images of any classes. */
import type { SuffixBound } from "../ablation/suffix-bound.ts";
import { planSuffix } from "../ablation/suffix-plan.ts";
import type { BlockWork, Merge } from "../passes/pass.ts";
import type { Model } from "../runtime/open-model.ts";
import { fastGreedy } from "./fast-greedy.ts";
import { type GreedySequence, plainGreedy } from "./greedy.ts";
import { type Measured, measureSequences, mergeMeasured, plainMeasure, type Sequence } from "./measure-sequences.ts";
import { openSetContext, type SetContext, type SetOptions } from "./set-context.ts";

/** What a worker is started with. */
export interface SetsSetup {
  /** Cloned to the worker, but for its large weights, which are in shared memory. */
  readonly model: Model;
  readonly tap: string;
  readonly replacement: Float32Array;
  readonly bound: SuffixBound | undefined;
  readonly options: SetOptions;
}

/** Searches the sequence of the class that a block's images are of. */
export const searchWork: BlockWork<SetsSetup & { readonly size: number }, null, readonly GreedySequence[]> = {
  module: import.meta.url,
  name: "searchWork",
  open: async ({ size, ...setup }) => {
    const context = await openContext(setup);
    const search = setup.options.engine === "plain" ? plainGreedy : fastGreedy;
    return async (block, report) => ({ shared: null, layers: [[await search(context, block, size, report)]] });
  },
};

/** Sequences of different classes together. */
export const mergeSearched: Merge<null, readonly GreedySequence[]> = {
  shared: () => null,
  layer: (parts) => parts.flat().sort((a, b) => a.cls - b.cls),
};

/** Measures sequences on a block of images. */
export const measureWork: BlockWork<SetsSetup & { readonly sequences: readonly Sequence[] }, null, Measured> = {
  module: import.meta.url,
  name: "measureWork",
  open: async ({ sequences, ...setup }) => {
    const context = await openContext(setup);
    const measure = setup.options.engine === "plain" ? plainMeasure : measureSequences;
    return async (block, report) => ({ shared: null, layers: [await measure(context, block, sequences, report)] });
  },
};

/** Joins what disjoint images show. */
export const mergeMeasurements: Merge<null, Measured> = { shared: () => null, layer: mergeMeasured };

async function openContext({ model, tap, replacement, bound, options }: SetsSetup): Promise<SetContext> {
  const plan = planSuffix(model, tap);
  return await openSetContext(model, { plan, replacement }, { bound, options });
}
