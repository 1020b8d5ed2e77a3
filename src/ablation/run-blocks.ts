/**
 * Blocks of images through worker threads, their results in the order of the images whatever worker was faster; blocks
 * that were done before are taken from where they were kept.
 */
import { deserialize, serialize } from "node:v8";
import type { Model } from "../runtime/open-model.ts";
import { openPool } from "../runtime/worker-pool.ts";
import type { Block } from "./flip-collector.ts";
import type { SweepSetup } from "./sweep-work.ts";

/** Labelled, preprocessed images, in order. */
export interface SweepImages {
  readonly imageCount: number;
  /** Class of every image, `[imageCount]`. */
  readonly labels: Int32Array;
  /** Preprocessed pixels of images `start` to `end` (exclusive). */
  batches(range: { start: number; end: number; batchSize: number }): AsyncIterable<{
    readonly start: number;
    readonly count: number;
    readonly pixels: Float32Array;
    readonly dims: readonly number[];
  }>;
}

/** Where finished blocks are kept between interrupted runs. */
export interface BlockStore {
  get(name: string): Uint8Array | undefined;
  put(name: string, bytes: Uint8Array): void;
}

/** A worker module of one's own, which does something else with every block beside the sweep (`BlockWatcher`). */
export interface SweepCompanion {
  /** Calls `openSweepWork` with its watcher. */
  readonly module: URL;
  /** Handed to the workers beside the sweep's own setup. */
  readonly setup: Readonly<Record<string, unknown>>;
  /** Gets what the watcher returned, in the order of the images; blocks that were kept from before are left out. */
  take(watched: unknown): void;
}

/** What runs, and how. */
export interface BlockWork {
  readonly images: SweepImages;
  readonly blockSize: number;
  readonly workers: number;
  readonly model: Model;
  readonly signal?: AbortSignal | undefined;
  readonly pieces?: BlockStore | undefined;
  readonly companion?: SweepCompanion | undefined;
  /** Called with the number of images done. */
  readonly progress?: ((done: number) => void) | undefined;
}

/** Runs all blocks through workers of one kind; results in the order of the images. */
export async function runBlocks<Result>(
  work: SweepSetup["work"],
  options: BlockWork,
): Promise<{ results: Result[]; openMs: number }> {
  const { images, blockSize, workers, pieces, companion, progress, signal } = options;
  const { imageCount } = images;
  const results: (Result | undefined)[] = [];
  let done = 0;
  const missing: number[] = [];
  for (let start = 0; start < imageCount; start += blockSize) {
    const kept = pieces?.get(pieceName(start));
    if (kept) {
      results[start / blockSize] = deserialize(kept) as Result;
      done += Math.min(blockSize, imageCount - start);
    } else missing.push(start);
  }
  if (done > 0) progress?.(done);
  if (missing.length === 0) return { results: results as Result[], openMs: 0 };
  const began = performance.now();
  const setup: SweepSetup = { ...companion?.setup, model: options.model, work };
  const module = companion?.module ?? new URL("./sweep-worker.ts", import.meta.url);
  const pool = await openPool<SweepSetup, Block, Result & { watched?: unknown }>(module, setup, {
    workers,
    signal,
  });
  const openMs = performance.now() - began;
  // What the companion watched is handed on in the order of the images, and then forgotten.
  const early = new Map<number, unknown>();
  const order = [...missing];
  const deliver = (start: number, watched: unknown): void => {
    if (!companion) return;
    early.set(start, watched);
    while (order.length > 0 && early.has(order[0])) {
      const next = order.shift() as number;
      companion.take(early.get(next));
      early.delete(next);
    }
  };
  try {
    const waiting = new Set<Promise<void>>();
    for (const [first, last] of runsOf(missing, blockSize)) {
      const range = { start: first, end: Math.min(last + blockSize, imageCount), batchSize: blockSize };
      for await (const batch of images.batches(range)) {
        const { start, count, pixels, dims } = batch;
        const block: Block = {
          start,
          pixels: { count, imageDims: dims.slice(1), data: pixels },
          labels: images.labels.slice(start, start + count),
        };
        const job: Promise<void> = pool.run(block, [pixels.buffer as ArrayBuffer]).then(({ watched, ...answer }) => {
          const result = answer as Result;
          results[start / blockSize] = result;
          pieces?.put(pieceName(start), serialize(result));
          deliver(start, watched);
          done += count;
          waiting.delete(job);
          progress?.(done);
        });
        job.catch(() => undefined); // awaited below; a failure must not count as unhandled before
        waiting.add(job);
        // Two blocks a worker: one under way, one ready; more would only hold memory.
        if (waiting.size >= 2 * pool.workerCount) await Promise.race(waiting);
      }
    }
    await Promise.all(waiting);
  } finally {
    await pool.close();
  }
  return { results: results as Result[], openMs };
}

/** Stretches of neighbouring blocks, as first and last start. */
function runsOf(starts: readonly number[], blockSize: number): [number, number][] {
  const runs: [number, number][] = [];
  for (const start of starts) {
    const last = runs[runs.length - 1];
    if (last && start === last[1] + blockSize) last[1] = start;
    else runs.push([start, start]);
  }
  return runs;
}

function pieceName(start: number): string {
  return `block-${String(start).padStart(8, "0")}`;
}
