/** A worker thread for unit sets: searches greedy sequences of single classes, and measures sequences on blocks of images. */
import type { Pixels } from "../ablation/plain-route.ts";
import type { SuffixBound } from "../ablation/suffix-bound.ts";
import { planSuffix } from "../ablation/suffix-plan.ts";
import { inferShapes } from "../onnx/shapes.ts";
import type { Model } from "../runtime/open-model.ts";
import { serveWorker } from "../runtime/worker-pool.ts";
import { fastGreedy } from "./fast-greedy.ts";
import { plainGreedy } from "./greedy.ts";
import { measureSequences, plainMeasure, type Sequence } from "./measure-sequences.ts";
import { openSetContext, type SetOptions } from "./set-context.ts";

/** What the worker is started with. */
export interface SetsSetup {
  /** Cloned to the worker, but for its large weights, which are in shared memory. */
  readonly model: Model;
  readonly tap: string;
  readonly replacement: Float32Array;
  readonly bound: SuffixBound | undefined;
  readonly options: SetOptions;
}

/** Images of one class to search on, or images of any classes to measure on. */
export type SetsTask =
  | {
      readonly kind: "greedy";
      readonly cls: number;
      readonly pixels: Pixels;
      readonly images: Int32Array;
      readonly size: number;
    }
  | {
      readonly kind: "measure";
      readonly pixels: Pixels;
      readonly images: Int32Array;
      readonly labels: Int32Array;
      readonly sequences: readonly Sequence[];
    };

await serveWorker<SetsSetup, SetsTask>(async ({ model, tap, replacement, bound, options }) => {
  const plan = planSuffix(model.graph, tap, { logits: model.logits, shapes: inferShapes(model.graph) });
  const context = await openSetContext(model, { plan, replacement }, { bound, options });
  const isPlain = options.engine === "plain";
  return async (task) => {
    if (task.kind === "greedy") return { result: await (isPlain ? plainGreedy : fastGreedy)(context, task, task.size) };
    return { result: await (isPlain ? plainMeasure : measureSequences)(context, task, task.sequences) };
  };
});
