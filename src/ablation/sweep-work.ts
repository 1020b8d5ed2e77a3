/** What a worker thread of a sweep does: opens its sessions once, then answers blocks of images. */

import { inferShapes } from "../onnx/shapes.ts";
import type { Model } from "../runtime/open-model.ts";
import type { Block } from "./flip-collector.ts";
import type { PreparedBlock } from "./prepared-block.ts";
import { addResponseSums, openResponses } from "./response-means.ts";
import type { SuffixBound } from "./suffix-bound.ts";
import { planSuffix } from "./suffix-plan.ts";
import { openBlockSweep, type SweepOptions } from "./sweep-block.ts";
import { switchedTensors } from "./switched-tensors.ts";

/** What a sweep's worker is started with. */
export interface SweepSetup {
  /** Cloned to the worker, but for its large weights, which are in shared memory. */
  readonly model: Model;
  readonly work:
    | {
        readonly kind: "sweep";
        readonly layers: readonly { readonly tap: string; readonly replacement: Float32Array }[];
        readonly bounds: readonly (SuffixBound | undefined)[];
        readonly options: SweepOptions;
      }
    | { readonly kind: "means"; readonly taps: readonly string[] };
}

/** Something else that is done with every block while its responses are at hand. */
export interface BlockWatcher {
  /** Tensors that the prepared blocks must hold for it. */
  readonly taps: readonly string[];
  /** Its result goes back beside the sweep's, as `watched`. */
  watch(block: Block, prepared: PreparedBlock): unknown;
}

/** Opens the work; the returned function answers one block. */
export async function openSweepWork(
  { model, work }: SweepSetup,
  watcher?: BlockWatcher,
): Promise<(block: Block) => Promise<{ result: unknown }>> {
  if (work.kind === "means") {
    const responses = await openResponses(model, work.taps);
    return async (block) => ({ result: await addResponseSums(responses, block) });
  }
  const shapes = inferShapes(model.graph);
  const planned = work.layers.map(({ tap, replacement }) => ({
    plan: planSuffix(model.graph, tap, { logits: model.logits, shapes }),
    replacement,
  }));
  const { bounds, options } = work;
  const switched = switchedTensors(
    model,
    planned.map(({ plan }) => plan.tap),
  );
  const sweep = await openBlockSweep(model, planned, { switched, bounds, options, observed: watcher?.taps ?? [] });
  return async (block) => {
    const prepared = await sweep.prepare(block);
    const swept = await sweep.sweep(block, prepared); // first, since it checks the logits
    const watched = watcher?.watch(block, prepared);
    return { result: watched === undefined ? swept : { ...swept, watched } };
  };
}
