/** A worker thread of a sweep that also observes the responses, so that attributes need no pass of their own. */

import type { Block } from "../ablation/flip-collector.ts";
import type { BlockTensor } from "../ablation/prepared-block.ts";
import { openSweepWork, type SweepSetup } from "../ablation/sweep-work.ts";
import { serveWorker } from "../runtime/worker-pool.ts";
import { createObserver, type ObservedShape, type ObserverOptions } from "./observer.ts";
import { softmaxRows } from "./softmax.ts";

/** What the worker needs beside the sweep's setup. */
export interface ObservingSetup {
  readonly observe: Omit<ObserverOptions, "layers"> & {
    readonly layers: readonly (ObservedShape & { readonly tap: string })[];
  };
}

await serveWorker<SweepSetup & ObservingSetup, Block>((setup) => {
  const { layers, classCount } = setup.observe;
  const observer = createObserver(setup.observe);
  return openSweepWork(setup, {
    taps: layers.map(({ tap }) => tap),
    watch: ({ start }, { count, logits, tensors }) => {
      observer.observe({
        start,
        count,
        probabilities: softmaxRows(logits, classCount, start),
        responses: layers.map(({ tap }) => (tensors.get(tap) as BlockTensor).data),
      });
      return observer.take();
    },
  });
});
