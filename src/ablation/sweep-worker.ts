/** A worker thread of a sweep: opens the model once, then answers blocks of images. */
import type { Model } from "../engine/open-model.ts";
import { serveWorker } from "../engine/worker-pool.ts";
import { inferShapes } from "../onnx/shapes.ts";
import type { Block } from "./flip-collector.ts";
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

await serveWorker<SweepSetup, Block>(async ({ model, work }) => {
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
  const sweep = await openBlockSweep(model, planned, { switched, bounds, options });
  return async (block) => ({ result: await sweep.sweep(block) });
});
