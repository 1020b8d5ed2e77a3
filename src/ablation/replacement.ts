/** What a layer's removed units are replaced by, for experiments that come after the sweep: the same as in the sweep. */
import type { Model } from "../engine/open-model.ts";
import { openPool } from "../engine/worker-pool.ts";
import type { Layer } from "../onnx/layers.ts";
import type { Block } from "./flip-collector.ts";
import { meansOf, type ResponseSums } from "./response-means.ts";
import { type AblationMethod, blockSizeFor, type SweepImages, tapFor } from "./sweep.ts";
import type { SweepSetup } from "./sweep-work.ts";

/** The tensor whose channels are replaced, and the constants that replace them, float32 `[units]`. */
export interface Replacement {
  readonly tap: string;
  readonly replacement: Float32Array;
}

/**
 * Finds a layer's replacement; `mean` runs the images through the network, in the blocks of the sweep, so that the
 * constants are the sweep's to the last bit.
 * @throws {UnitscopeError} `layer` for a method that the layer does not allow.
 */
export async function findReplacement(
  model: Model,
  {
    images,
    layer,
    method,
    workers,
    signal,
  }: {
    images: SweepImages;
    layer: Layer;
    method: AblationMethod;
    workers: number;
    signal?: AbortSignal | undefined;
  },
): Promise<Replacement> {
  const tap = tapFor(layer, method);
  if (method !== "mean") return { tap, replacement: new Float32Array(layer.units) };
  const setup: SweepSetup = { model, work: { kind: "means", taps: [tap] } };
  const url = new URL("./sweep-worker.ts", import.meta.url);
  const pool = await openPool<SweepSetup, Block, ResponseSums>(url, setup, { workers, signal });
  try {
    const sums: ResponseSums[] = [];
    const waiting = new Set<Promise<void>>();
    let index = 0;
    const range = { start: 0, end: images.imageCount, batchSize: blockSizeFor(model) };
    for await (const { start, count, pixels, dims } of images.batches(range)) {
      const at = index++;
      const block: Block = {
        start,
        pixels: { count, imageDims: dims.slice(1), data: pixels },
        labels: images.labels.slice(start, start + count),
      };
      const job: Promise<void> = pool.run(block, [pixels.buffer as ArrayBuffer]).then((result) => {
        sums[at] = result;
        waiting.delete(job);
      });
      job.catch(() => undefined); // it is awaited below; a failure must not go unhandled before
      waiting.add(job);
      if (waiting.size >= 2 * workers) await Promise.race(waiting);
    }
    await Promise.all(waiting);
    return { tap, replacement: meansOf(sums)[0] as Float32Array };
  } finally {
    await pool.close();
  }
}
