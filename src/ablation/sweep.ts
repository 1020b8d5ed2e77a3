/**
 * A sweep over a whole image set: blocks of images through worker threads, their flips joined in the order of the images.
 *
 * Blocks have a fixed size and are independent of each other, so the result is the same for any number of workers, and
 * a block that was swept before (`pieces`) need not be swept again.
 */
import { availableParallelism } from "node:os";
import { UnitscopeError } from "../errors.ts";
import type { Layer } from "../onnx/layers.ts";
import { inferShapes } from "../onnx/shapes.ts";
import type { Model } from "../runtime/open-model.ts";
import type { Provider } from "../runtime/session.ts";
import type { Settled } from "./flip-collector.ts";
import { type LayerFlips, mergeFlips } from "./flips.ts";
import { meansOf, type ResponseSums } from "./response-means.ts";
import { type BlockStore, runBlocks, type SweepCompanion, type SweepImages } from "./run-blocks.ts";
import { boundSuffix } from "./suffix-bound.ts";
import { planSuffix } from "./suffix-plan.ts";
import { allRoutes, type Routes, type SweepOptions, type SweptBlock } from "./sweep-block.ts";
import type { Mismatch } from "./verify.ts";

/** What replaces a removed unit's response. */
export type AblationMethod = "zero" | "mean" | "weights";

/** How a sweep is carried out; every field has a default. */
export interface RunSweepOptions {
  readonly method?: AblationMethod | undefined;
  readonly engine?: "auto" | "plain" | undefined;
  readonly routes?: Routes | undefined;
  readonly continuous?: boolean | undefined;
  /** Fraction of the (unit, image) pairs to repeat the plain way, in [0, 1]. */
  readonly verify?: number | undefined;
  readonly seed?: number | undefined;
  /** Worker threads; by default one a core, or one in all for a network too large to hold twice. */
  readonly workers?: number | undefined;
  readonly provider?: Provider | undefined;
  readonly companion?: SweepCompanion | undefined;
  readonly pieces?: BlockStore | undefined;
  /** Called after every block with how many (unit, image) pairs are done. */
  readonly progress?: ((done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One layer's result. */
export interface LayerSweep {
  readonly layer: Layer;
  readonly flips: LayerFlips;
  readonly settled: Settled;
  /** Sums of the continuous companions, float64 `[units, classCount, 4]` as in `LayerBlock`, or null. */
  readonly continuous: Float64Array | null;
}

/** Milliseconds of a sweep's parts. */
export interface SweepTimings {
  /** Means for `--method mean`, bounds for certified skips. */
  readonly prepareMs: number;
  /** Starting the workers and opening their sessions. */
  readonly openMs: number;
  /** The blocks of images. */
  readonly sweepMs: number;
}

/** A sweep's result. */
export interface Sweep {
  readonly labels: Int32Array;
  /** Baseline prediction and top-2 margin of every image. */
  readonly predictions: Int32Array;
  readonly margins: Float32Array;
  readonly layers: readonly LayerSweep[];
  readonly verified: number;
  readonly mismatches: readonly Mismatch[];
  readonly timings: SweepTimings;
}

/** Networks with more bytes of weights than this run in one worker with all threads instead of one worker a core. */
const LARGE_MODEL = 64 << 20;

/**
 * Removes every unit of every given layer, one at a time, on all images.
 *
 * @throws {UnitscopeError} `layer` for a method that a layer does not allow; `value` for logits that are not finite.
 */
export async function runSweep(
  model: Model,
  {
    images,
    layers,
    options = {},
  }: {
    images: SweepImages;
    layers: readonly Layer[];
    options?: RunSweepOptions;
  },
): Promise<Sweep> {
  const { method = "zero", engine = "auto", routes = allRoutes, continuous = false, verify = 0, seed = 1 } = options;
  const { provider = "cpu", pieces, progress, signal } = options;
  const cores = availableParallelism();
  const isLarge = isLargeModel(model);
  const blockSize = blockSizeFor(model);
  const blockCount = Math.ceil(images.imageCount / blockSize);
  const workers = Math.min(blockCount, options.workers ?? (isLarge ? 1 : cores));
  const taps = layers.map((layer) => tapFor(layer, method));
  const work = { images, blockSize, workers, signal, model };

  const began = performance.now();
  const replacements =
    method === "mean"
      ? meansOf((await runBlocks<ResponseSums>({ kind: "means", taps }, work)).results)
      : layers.map((layer) => new Float32Array(layer.units));
  const shapes = inferShapes(model.graph);
  const bounds =
    engine === "plain" || continuous || !routes.certified
      ? []
      : await Promise.all(
          taps.map((tap) => boundSuffix(model, planSuffix(model.graph, tap, { logits: model.logits, shapes }))),
        );
  const prepared = performance.now();
  const sweepOptions: SweepOptions = {
    engine,
    routes,
    continuous,
    verify,
    seed,
    threads: isLarge ? Math.max(1, Math.floor(cores / workers)) : 1,
    provider,
  };
  const units = layers.reduce((sum, layer) => sum + layer.units, 0);
  const { results: blocks, openMs } = await runBlocks<SweptBlock>(
    {
      kind: "sweep",
      layers: taps.map((tap, i) => ({ tap, replacement: replacements[i] })),
      bounds,
      options: sweepOptions,
    },
    {
      ...work,
      pieces,
      companion: options.companion,
      progress: progress && ((done) => progress(done * units, images.imageCount * units)),
    },
  );
  return {
    ...joinBlocks(blocks, layers, images),
    timings: { prepareMs: prepared - began, openMs, sweepMs: performance.now() - prepared - openMs },
  };
}

/** Whether a network's weights are so large that it runs in one worker with all threads. */
export function isLargeModel({ graph }: Model): boolean {
  let bytes = 0;
  for (const { data } of graph.constants.values()) bytes += data.byteLength;
  return bytes > LARGE_MODEL;
}

/** Images of a block: by the input's size alone, so that blocks do not depend on what is asked of them. */
export function blockSizeFor({ input }: Model): number {
  const pixels = (input.height ?? 224) * (input.width ?? 224);
  return pixels <= 64 * 64 ? 256 : 128;
}

/** The tensor that a method replaces. */
export function tapFor(layer: Layer, method: AblationMethod): string {
  if (method !== "weights") return layer.tap;
  if (layer.weight !== null) return layer.output;
  throw new UnitscopeError(
    "layer",
    `layer "${layer.name}": expected a layer with weights of its own for --method weights, got ${layer.kind === "addition" ? "an addition" : "a concatenation"}; use --method zero`,
  );
}

function joinBlocks(
  blocks: readonly SweptBlock[],
  layers: readonly Layer[],
  images: SweepImages,
): Omit<Sweep, "timings"> {
  const predictions = new Int32Array(images.imageCount);
  const margins = new Float32Array(images.imageCount);
  for (const block of blocks) {
    predictions.set(block.predictions, block.start);
    margins.set(block.margins, block.start);
  }
  return {
    labels: images.labels,
    predictions,
    margins,
    layers: layers.map((layer, index) => {
      const parts = blocks.map((block) => block.layers[index]);
      const settled: Settled = { silent: 0, certified: 0, closedForm: 0, suffix: 0, plain: 0 };
      for (const part of parts) {
        for (const route of Object.keys(settled) as (keyof Settled)[]) settled[route] += part.settled[route];
      }
      const flips = mergeFlips(
        parts.map(({ unit, image, prediction }) => ({
          layer: layer.name,
          unitCount: layer.units,
          unit,
          image,
          prediction,
        })),
      );
      return { layer, flips, settled, continuous: addUp(parts.map((part) => part.continuous)) };
    }),
    verified: blocks.reduce((sum, block) => sum + block.verified, 0),
    mismatches: blocks.flatMap((block) => block.mismatches),
  };
}

function addUp(parts: readonly (Float64Array | null)[]): Float64Array | null {
  const [first, ...rest] = parts;
  if (!first) return null;
  const total = Float64Array.from(first);
  for (const part of rest) {
    part?.forEach((value, i) => {
      total[i] += value;
    });
  }
  return total;
}
