/**
 * Unit sets of one layer: searches what each class depends on in one part of the images, and measures every sequence on
 * the other. Single classes and blocks of images go through worker threads; results do not depend on how many.
 */
import { availableParallelism } from "node:os";
import { deserialize, serialize } from "node:v8";
import type { Replacement } from "../ablation/replacement.ts";
import type { BlockStore } from "../ablation/run-blocks.ts";
import { boundSuffix } from "../ablation/suffix-bound.ts";
import { planSuffix } from "../ablation/suffix-plan.ts";
import { blockSizeFor, isLargeModel } from "../ablation/sweep.ts";
import { imageBatches } from "../data/image-batches.ts";
import type { ImageSet } from "../data/image-set.ts";
import type { Preprocessing } from "../data/preprocessing.ts";
import { selectImages } from "../data/select-images.ts";
import { UnitscopeError } from "../errors.ts";
import { sha256 } from "../files/hash.ts";
import { inferShapes } from "../onnx/shapes.ts";
import type { Model } from "../runtime/open-model.ts";
import type { Provider } from "../runtime/session.ts";
import { openPool, type WorkerPool } from "../runtime/worker-pool.ts";
import { checkSize, type GreedySequence, type GreedyWork } from "./greedy.ts";
import { type Measured, mergeMeasured, type Sequence } from "./measure-sequences.ts";
import { type CurveChoice, planCurves, type SetCurve } from "./plan-curves.ts";
import type { SetMismatch } from "./set-context.ts";
import type { SetsSetup, SetsTask } from "./sets-worker.ts";
import { type ImageSplit, splitImages } from "./split-images.ts";

/** What to do. */
export interface RunSetsOptions extends CurveChoice {
  readonly engine?: "auto" | "plain";
  /** Fraction of the decided (set, image) pairs to repeat the plain way, in [0, 1]. */
  readonly verify?: number;
  readonly workers?: number;
  readonly provider?: Provider;
  /** Where finished classes and blocks are kept between interrupted runs; keyed by everything but these options' sequences. */
  readonly pieces?: BlockStore;
  /** Called with steps done; searching a class and measuring a block are steps of like length. */
  readonly progress?: ((done: number, total: number, note: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Everything that was found out about one layer. */
export interface SetsResult {
  readonly split: ImageSplit;
  readonly curves: readonly SetCurve[];
  /** Measuring images of every class, and those right with nothing removed, `[classCount]`. */
  readonly images: Int32Array;
  readonly baseline: Int32Array;
  /** Choosing images of every class, `[classCount]`. */
  readonly choosingImages: Int32Array;
  readonly work: GreedyWork;
  readonly verified: number;
  readonly mismatches: readonly SetMismatch[];
  readonly timings: { readonly searchMs: number; readonly measureMs: number };
}

/** Searches and measures. @throws {UnitscopeError} `usage` for sizes and fractions out of range. */
export async function runSets(
  model: Model,
  subject: { images: ImageSet; preprocessing: Preprocessing; units: number; replacement: Replacement },
  options: RunSetsOptions,
): Promise<SetsResult> {
  const { images: set, preprocessing, units, replacement } = subject;
  const { engine = "auto", verify = 0, seed = 1, provider = "cpu", signal, size } = options;
  checkSize(size, units);
  const split = splitImages(set.labels, options.rankSplit, { seed });
  const shapes = inferShapes(model.graph);
  const plan = planSuffix(model.graph, replacement.tap, { logits: model.logits, shapes });
  const cores = availableParallelism();
  const workers = options.workers ?? (isLargeModel(model) ? 1 : cores);
  const setup: SetsSetup = {
    model,
    ...replacement,
    bound: engine === "plain" ? undefined : await boundSuffix(model, plan),
    options: { engine, verify, seed, threads: Math.max(1, Math.floor(cores / workers)), provider },
  };
  const url = new URL("./sets-worker.ts", import.meta.url);
  const pool = await openPool<SetsSetup, SetsTask, unknown>(url, setup, { workers, signal });
  try {
    const blockSize = blockSizeFor(model);
    const searched = options.greedy || options.single || options.keep ? options.classes : [];
    const blockCount = Math.ceil(split.measuring.length / blockSize);
    const steps = { done: 0, total: searched.length + blockCount };
    const work: PoolWork = {
      pool,
      set,
      preprocessing,
      pieces: options.pieces,
      signal,
      step: (note) => {
        steps.done++;
        options.progress?.(steps.done, steps.total, note);
      },
    };
    const began = performance.now();
    const found = await searchClasses(work, split, searched, options.greedy ? size : 0);
    const searchedAt = performance.now();
    const planned = planCurves(found, units, options);
    const measured = await measureBlocks(
      work,
      split.measuring,
      planned.map(({ sequence }) => sequence),
      blockSize,
    );
    return {
      split,
      curves: planned.map((curve, i) => ({ ...curve, right: measured.right[i] })),
      images: measured.images,
      baseline: measured.baseline,
      choosingImages: countClasses(split.choosing, set.labels, model.classCount),
      work: addWork(found.map((each) => each.work)),
      verified: measured.verified + found.reduce((sum, each) => sum + each.verified, 0),
      mismatches: [...found.flatMap((each) => each.mismatches), ...measured.mismatches],
      timings: { searchMs: searchedAt - began, measureMs: performance.now() - searchedAt },
    };
  } finally {
    await pool.close();
  }
}

interface PoolWork {
  readonly pool: WorkerPool<SetsTask, unknown>;
  readonly set: ImageSet;
  readonly preprocessing: Preprocessing;
  readonly pieces: BlockStore | undefined;
  readonly signal: AbortSignal | undefined;
  readonly step: (note: string) => void;
}

/** Greedy sequences (or, with `size` 0, only the drops of single units) of the given classes, in their order. */
async function searchClasses(
  { pool, set, preprocessing, pieces, signal, step }: PoolWork,
  { choosing }: ImageSplit,
  classes: readonly number[],
  size: number,
): Promise<GreedySequence[]> {
  const results: GreedySequence[] = [];
  await inParallel(classes, pool.workerCount, async (cls, index) => {
    const name = `class-${cls}-${size}`;
    const kept = pieces?.get(name);
    if (kept) results[index] = deserialize(kept) as GreedySequence;
    else {
      const images = choosing.filter((image) => set.labels[image] === cls);
      if (images.length === 0) {
        const place = `data "${set.name}": class "${set.classNames[cls]}"`;
        throw new UnitscopeError("data", `${place}: expected images to choose units by, got none`);
      }
      const pixels = await loadPixels(set, preprocessing, images, signal);
      const task: SetsTask = { kind: "greedy", cls, pixels, images, size };
      const found = (await pool.run(task, [pixels.data.buffer as ArrayBuffer])) as GreedySequence;
      pieces?.put(name, serialize(found));
      results[index] = found;
    }
    step(`class ${set.classNames[cls]}`);
  });
  return results;
}

async function measureBlocks(
  { pool, set, preprocessing, pieces, signal, step }: PoolWork,
  measuring: Int32Array,
  sequences: readonly Sequence[],
  blockSize: number,
): Promise<Measured> {
  const starts = Array.from({ length: Math.ceil(measuring.length / blockSize) }, (_, i) => i * blockSize);
  const key = sha256(JSON.stringify(sequences)).slice(0, 16);
  const blocks: Measured[] = [];
  await inParallel(starts, pool.workerCount, async (start, index) => {
    const name = `block-${String(start).padStart(8, "0")}-${key}`;
    const kept = pieces?.get(name);
    if (kept) blocks[index] = deserialize(kept) as Measured;
    else {
      const images = measuring.slice(start, start + blockSize);
      const labels = images.map((image) => set.labels[image]);
      const pixels = await loadPixels(set, preprocessing, images, signal);
      const task: SetsTask = { kind: "measure", pixels, images, labels, sequences };
      const measured = (await pool.run(task, [pixels.data.buffer as ArrayBuffer])) as Measured;
      pieces?.put(name, serialize(measured));
      blocks[index] = measured;
    }
    step("measuring");
  });
  return mergeMeasured(blocks);
}

/** Two jobs a worker under way: one is computed while the images of the next are read. */
async function inParallel<T>(
  items: readonly T[],
  workers: number,
  job: (item: T, index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      await job(items[index], index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(items.length, 2 * workers) }, lane));
}

async function loadPixels(
  set: ImageSet,
  preprocessing: Preprocessing,
  images: Int32Array,
  signal: AbortSignal | undefined,
): Promise<{ count: number; imageDims: readonly number[]; data: Float32Array }> {
  const part = selectImages(set, images);
  for await (const { count, dims, pixels } of imageBatches(part, preprocessing, { batchSize: images.length, signal })) {
    return { count, imageDims: dims.slice(1), data: pixels };
  }
  return { count: 0, imageDims: [], data: new Float32Array(0) };
}

function countClasses(images: Int32Array, labels: Int32Array, classCount: number): Int32Array {
  const counts = new Int32Array(classCount);
  for (const image of images) counts[labels[image]]++;
  return counts;
}

function addWork(parts: readonly GreedyWork[]): GreedyWork {
  const total: GreedyWork = { computed: 0, silent: 0, certified: 0, abandoned: 0, reference: 0 };
  for (const part of parts) for (const key of Object.keys(total) as (keyof GreedyWork)[]) total[key] += part[key];
  return total;
}
