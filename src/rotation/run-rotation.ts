/**
 * Rotations of one layer over a whole image set: blocks of images through worker threads, every direction of every basis
 * removed in turn, their flips joined in the order of the images.
 */
import { availableParallelism } from "node:os";
import { deserialize, serialize } from "node:v8";
import type { Block, Settled } from "../ablation/flip-collector.ts";
import { type LayerFlips, mergeFlips } from "../ablation/flips.ts";
import type { Replacement } from "../ablation/replacement.ts";
import type { BlockStore, SweepImages } from "../ablation/run-blocks.ts";
import { planSuffix } from "../ablation/suffix-plan.ts";
import { blockSizeFor, isLargeModel } from "../ablation/sweep.ts";
import { haarRotation, identity, rotationPower } from "../numeric/orthogonal.ts";
import { inferShapes } from "../onnx/shapes.ts";
import type { Model } from "../runtime/open-model.ts";
import type { Provider } from "../runtime/session.ts";
import { openPool } from "../runtime/worker-pool.ts";
import { boundDirections } from "./direction-bound.ts";
import { planDirections } from "./direction-plan.ts";
import { type Moments, mergeMoments, type PrincipalAxes, principalAxes } from "./response-moments.ts";
import type { RotationSetup } from "./rotation-worker.ts";
import type { SelfTest, SweptBasis, sweepDirections } from "./sweep-directions.ts";

/** One basis to sweep. */
export interface BasisChoice {
  readonly basis: "units" | "random" | "pca";
  /** How far it is rotated: 0 units, 1 the whole rotation. */
  readonly t: number;
  /** Seed of the rotation; 0 for the others. */
  readonly seed: number;
}

/** How a rotation is carried out. */
export interface RunRotationOptions {
  readonly bases: readonly BasisChoice[];
  readonly engine?: "auto" | "plain";
  /** Fraction of the (direction, image) pairs to repeat the plain way, in [0, 1]. */
  readonly verify?: number;
  /** Which pairs are verified. */
  readonly seed?: number;
  readonly workers?: number;
  readonly provider?: Provider;
  /** Where finished blocks are kept between interrupted runs. */
  readonly pieces?: BlockStore;
  /** Called with images done; the pass for the principal axes counts too. */
  readonly progress?: ((done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What was found about one basis. */
export interface BasisResult extends BasisChoice {
  /** Flips with the direction in place of the unit. */
  readonly flips: LayerFlips;
  /** Fraction of the response's variance along each direction; of `pca` only. */
  readonly explained: Float64Array | null;
  readonly settled: Settled;
  readonly selfTest: SelfTest;
}

/** Everything that was found. */
export interface RotationResult {
  /** Baseline predictions, `[imageCount]`. */
  readonly predictions: Int32Array;
  readonly bases: readonly BasisResult[];
  readonly verified: number;
  readonly mismatches: readonly {
    readonly basis: BasisChoice;
    readonly direction: number;
    readonly image: number;
    readonly fast: number;
    readonly plain: number;
  }[];
  readonly timings: { readonly axesMs: number; readonly sweepMs: number };
}

/** Sweeps the bases. */
export async function runRotation(
  model: Model,
  {
    images,
    layer,
    units,
    replacement,
  }: { images: SweepImages; layer: string; units: number; replacement: Replacement },
  options: RunRotationOptions,
): Promise<RotationResult> {
  const { engine = "auto", verify = 0, seed = 1, provider = "cpu", pieces, progress, signal } = options;
  const cores = availableParallelism();
  const workers = options.workers ?? (isLargeModel(model) ? 1 : cores);
  const setup = { model, ...replacement };
  const needsAxes = options.bases.some(({ basis }) => basis === "pca");
  const total = images.imageCount * (needsAxes ? 2 : 1);
  const began = performance.now();
  const work = { model, images, workers, signal };
  const moments = needsAxes
    ? await runBlocks<Moments>(
        { ...setup, work: { kind: "moments" } },
        { ...work, pieces, name: "moments", progress: (done) => progress?.(done, total) },
      )
    : [];
  const principal = needsAxes ? principalAxes(mergeMoments(moments)) : undefined;
  const swept = performance.now();
  const graph = model.graph;
  const plan = planSuffix(graph, replacement.tap, { logits: model.logits, shapes: inferShapes(graph) });
  const bound = engine === "plain" ? undefined : await boundDirections(model, planDirections(graph, plan));
  const bases = options.bases.map((choice) => shared(matrixOf(choice, units, principal)));
  const threads = Math.max(1, Math.floor(cores / workers));
  const blocks = await runBlocks<Awaited<ReturnType<typeof sweepDirections>>>(
    { ...setup, work: { kind: "sweep", bases, bound, engine, verify, seed, threads, provider } },
    {
      ...work,
      pieces,
      name: "rotation",
      progress: (done) => progress?.(total - images.imageCount + done, total),
    },
  );
  const predictions = new Int32Array(images.imageCount);
  let start = 0;
  for (const block of blocks) {
    predictions.set(block.predictions, start);
    start += block.predictions.length;
  }
  const partsOf = (index: number): SweptBasis[] => blocks.map((block) => block.bases[index]);
  return {
    predictions,
    bases: options.bases.map((choice, index) => ({
      ...choice,
      ...joinParts(partsOf(index), layer, units),
      explained: choice.basis === "pca" && principal ? principal.explained : null,
    })),
    verified: blocks.flatMap((block) => block.bases).reduce((sum, each) => sum + each.verified, 0),
    mismatches: options.bases.flatMap((basis, index) =>
      partsOf(index).flatMap(({ mismatches }) =>
        mismatches.map(({ unit, image, fast, plain }) => ({ basis, direction: unit, image, fast, plain })),
      ),
    ),
    timings: { axesMs: swept - began, sweepMs: performance.now() - swept },
  };
}

/** Row `k` is the `k`-th direction. */
function matrixOf({ basis, t, seed }: BasisChoice, units: number, principal: PrincipalAxes | undefined): Float64Array {
  if (basis === "pca" && principal) return principal.axes;
  return basis === "random" ? rotationPower(haarRotation(units, seed), units, t) : identity(units);
}

function shared(matrix: Float64Array): Float64Array {
  const copy = new Float64Array(new SharedArrayBuffer(matrix.byteLength));
  copy.set(matrix);
  return copy;
}

function joinParts(
  parts: readonly SweptBasis[],
  layer: string,
  unitCount: number,
): Pick<BasisResult, "flips" | "settled" | "selfTest"> {
  const settled: Settled = { silent: 0, certified: 0, closedForm: 0, suffix: 0, plain: 0 };
  const selfTest = { images: 0, changed: 0, close: 0 };
  for (const part of parts) {
    for (const key of Object.keys(settled) as (keyof Settled)[]) settled[key] += part.settled[key];
    for (const key of Object.keys(selfTest) as (keyof SelfTest)[]) selfTest[key] += part.selfTest[key];
  }
  const flips = mergeFlips(parts.map(({ unit, image, prediction }) => ({ layer, unitCount, unit, image, prediction })));
  return { flips, settled, selfTest };
}

/** Runs all blocks through workers of one kind; results in the order of the images. */
async function runBlocks<Result>(
  setup: RotationSetup,
  {
    model,
    images,
    workers,
    pieces,
    name,
    progress,
    signal,
  }: {
    model: Model;
    images: SweepImages;
    workers: number;
    pieces: BlockStore | undefined;
    name: string;
    progress: (done: number) => void;
    signal: AbortSignal | undefined;
  },
): Promise<Result[]> {
  const { imageCount } = images;
  const blockSize = blockSizeFor(model);
  const results: Result[] = [];
  let done = 0;
  const missing: number[] = [];
  const pieceName = (start: number): string => `${name}-${String(start).padStart(8, "0")}`;
  for (let start = 0; start < imageCount; start += blockSize) {
    const kept = pieces?.get(pieceName(start));
    if (kept) {
      results[start / blockSize] = deserialize(kept) as Result;
      done += Math.min(blockSize, imageCount - start);
    } else missing.push(start);
  }
  if (done > 0) progress(done);
  if (missing.length === 0) return results;
  const url = new URL("./rotation-worker.ts", import.meta.url);
  const pool = await openPool<RotationSetup, Block, Result>(url, setup, { workers, signal });
  try {
    const waiting = new Set<Promise<void>>();
    for (const first of missing) {
      const range = { start: first, end: Math.min(first + blockSize, imageCount), batchSize: blockSize };
      for await (const { start, count, pixels, dims } of images.batches(range)) {
        const block: Block = {
          start,
          pixels: { count, imageDims: dims.slice(1), data: pixels },
          labels: images.labels.slice(start, start + count),
        };
        const job: Promise<void> = pool.run(block, [pixels.buffer as ArrayBuffer]).then((result) => {
          results[start / blockSize] = result;
          pieces?.put(pieceName(start), serialize(result));
          waiting.delete(job);
          done += count;
          progress(done);
        });
        job.catch(() => undefined); // it is awaited below; a failure must not go unhandled before
        waiting.add(job);
        if (waiting.size >= 2 * workers) await Promise.race(waiting);
      }
    }
    await Promise.all(waiting);
  } finally {
    await pool.close();
  }
  return results;
}
