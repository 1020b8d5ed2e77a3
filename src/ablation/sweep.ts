/** A sweep over a whole image set: its options, its plan, and what it finds. */
import { UnitscopeError } from "../errors.ts";
import type { Layer } from "../onnx/layers.ts";
import type { BlockSource } from "../passes/image-block.ts";
import { blocksOf } from "../passes/image-order.ts";
import type { Pass } from "../passes/pass.ts";
import { inMemory, type PassRunner } from "../passes/pass-runner.ts";
import { type Plan, planKey } from "../passes/plan.ts";
import { chooseThreads, isLarge } from "../passes/thread-choice.ts";
import type { Observed } from "../responses/observed.ts";
import type { ObserveSetup } from "../responses/response-pass.ts";
import type { Model } from "../runtime/open-model.ts";
import type { Provider } from "../runtime/session.ts";
import { type AblationMethod, ablationKey, drawsOf } from "./ablation-methods.ts";
import { checkFraction } from "./check-sample.ts";
import { type CompanionChanges, denseSums } from "./class-sums.ts";
import { requireFed, withDonors } from "./fed-responses.ts";
import type { Settled } from "./flip-collector.ts";
import type { LayerFlips } from "./flips.ts";
import { type GrowthOptions, watchGrowth } from "./growth.ts";
import { optimalConstants } from "./optimal-constants.ts";
import { type Reached, reachedPart, spread } from "./reached.ts";
import { meanResponses } from "./response-means.ts";
import { boundSuffix, type SuffixBound } from "./suffix-bound.ts";
import { planSuffix } from "./suffix-plan.ts";
import { allRoutes, type Routes } from "./sweep-block.ts";
import { type BaselinePart, mergeSwept, type SweepSetup, type SweptPart, sweepWork } from "./sweep-pass.ts";
import { withMeasuredTolerance } from "./tie-tolerance.ts";

export type { AblationMethod };

/** What a sweep computes; every field has a default. */
export interface SweepSettings {
  readonly method?: AblationMethod | undefined;
  readonly engine?: "auto" | "plain" | undefined;
  readonly routes?: Routes | undefined;
  readonly continuous?: boolean | undefined;
  /** Of `resample`: other images whose responses take the place of an image's own, one after another. */
  readonly draws?: number | undefined;
  /** Fraction of the (unit, image) pairs to repeat the plain way, in [0, 1]; by default a small sample of every layer. */
  readonly verify?: number | undefined;
  /** Of pairs to repeat, and of what `resample` draws. */
  readonly seed?: number | undefined;
  readonly provider?: Provider | undefined;
}

/** How a sweep is carried out; every field has a default. */
export interface RunSweepOptions extends SweepSettings {
  /** Worker threads; by default one a core, or one in all for a network too large to hold twice. */
  readonly workers?: number | undefined;
  /** Who carries out the passes; in memory by default. */
  readonly runner?: PassRunner | undefined;
  /** Responses that are observed beside; blocks that were kept from before are left out. */
  readonly observe?: { readonly setup: ObserveSetup; take(block: number, observed: Observed): void } | undefined;
  /** Told where fast routes are left out, and why. */
  readonly caution?: ((text: string) => void) | undefined;
  /** Makes it a sweep that is of use before it is whole; it then does not reject once a block is done. */
  readonly growth?: GrowthOptions | undefined;
  /** Called now and then with how many (unit, image) pairs are done. */
  readonly progress?: ((done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One layer's result. */
export interface LayerSweep {
  readonly layer: Layer;
  readonly flips: LayerFlips;
  readonly settled: Settled;
  /** What the continuous companions change by, or null. */
  readonly continuous: CompanionChanges | null;
  readonly verified: number;
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
  /** Baseline prediction and top-2 margin of every image; merged, like the layers, when they are asked for. */
  readonly predictions: Int32Array;
  readonly margins: Float32Array;
  readonly layers: readonly Layer[];
  /** What was found about one of the layers; merged when it is asked for. */
  layer(at: number): LayerSweep;
  readonly timings: SweepTimings;
  /** How far a growing sweep came, where that is not all images for all units; what it found is of that part. */
  readonly reached: Reached | undefined;
}

/**
 * Plans a sweep.
 * @throws {UnitscopeError} `layer` for a method that a layer does not allow.
 */
export function planSweep(
  model: Model,
  { images, layers, settings = {} }: { images: BlockSource; layers: readonly Layer[]; settings?: SweepSettings },
): Plan {
  const { method = "zero", engine = "auto", continuous = true, verify = "sample", seed = 1 } = settings;
  const checked = verify === 0 ? { verify } : { verify, seed };
  return {
    pass: "sweep",
    key: planKey(
      { model: model.sha256, ...images.identity },
      { ablation: ablationKey(settings), sweep: { engine, continuous, ...checked } },
    ),
    shared: { taps: layers.map((layer) => tapFor(layer, method)) },
    // Which pairs are repeated depends on the layer's place too.
    layers: layers.map((layer, at) => ({
      name: layer.name,
      key: { tap: tapFor(layer, method), ...(verify !== 0 && { at }) },
      units: layer.units,
    })),
    isApart: true,
    ...blocksOf(images, model).plan,
  };
}

/** A sweep as a pass, for whoever carries it out: all of it, or a cut of its plan. */
export type SweepPass = Pass<SweepSetup, BaselinePart, SweptPart, Observed>;

/**
 * Prepares a sweep: the constants that replace responses, and the bounds of certified skips.
 *
 * @throws {UnitscopeError} `layer` for a method that a layer does not allow.
 */
export async function sweepPass(
  model: Model,
  { images, layers, options = {} }: { images: BlockSource; layers: readonly Layer[]; options?: RunSweepOptions },
): Promise<SweepPass> {
  const { method = "zero", engine = "auto", routes = allRoutes, continuous = true, verify, seed = 1 } = options;
  const { provider = "cpu", workers, observe, runner, caution, signal } = options;
  const plan = planSweep(model, { images, layers, settings: options });
  const { threads } = chooseThreads(model, { workers, provider, tasks: plan.to - plan.from });
  const taps = layers.map((layer) => tapFor(layer, method));
  const draws = drawsOf(options);
  for (const tap of draws > 0 ? taps : []) requireFed(model, tap, method);
  const carried = { taps, workers, runner, signal };
  const replacements =
    method === "mean"
      ? await meanResponses(model, images, carried)
      : method === "optimal"
        ? await optimalConstants(model, images, carried)
        : layers.map((layer) => new Float32Array(layer.units));
  const isCertified = engine !== "plain" && !continuous && routes.certified;
  const bounds = isCertified ? await boundAll(model, taps) : [];
  const removed = taps.map((tap, i) => ({ tap, replacement: replacements[i] }));
  const setup: SweepSetup = {
    model,
    layers: removed,
    bounds,
    options: {
      engine,
      routes,
      continuous,
      draws,
      verify:
        verify ??
        taps.map((tap, i) => checkFraction(model, planSuffix(model, tap), layers[i].units * images.imageCount)),
      seed,
      threads,
      provider,
    },
    observe: observe?.setup,
  };
  return {
    ...blocksOf(images, model),
    plan,
    work: sweepWork,
    setup,
    isLikely: provider === "cpu" && !isLarge(model) && model.logitFloor === 0,
    settle: async () => {
      const watched = { layers: removed, threads, provider, caution, signal };
      const measured = await withMeasuredTolerance(model, images, watched);
      return measured === model ? setup : { ...setup, model: measured };
    },
    merge: mergeSwept,
  };
}

/**
 * Removes every unit of every given layer, one at a time, on all images.
 *
 * @throws {UnitscopeError} `layer` for a method that a layer does not allow; `value` for logits that are not finite;
 *   `check` where a pair that was repeated the plain way came out otherwise.
 */
export async function runSweep(
  model: Model,
  { images, layers, options = {} }: { images: BlockSource; layers: readonly Layer[]; options?: RunSweepOptions },
): Promise<Sweep> {
  const { observe, progress, runner = inMemory, growth: growing, signal, seed = 1 } = options;
  const draws = drawsOf(options);
  const source = draws > 0 ? withDonors(images, { draws, seed }) : images;
  const units = layers.reduce((sum, layer) => sum + layer.units, 0);
  const total = images.imageCount * units;
  progress?.(0, total);
  const began = performance.now();
  const pass = await sweepPass(model, { images, layers, options });
  const { plan } = pass;
  const { workers } = chooseThreads(model, {
    workers: options.workers,
    provider: options.provider,
    tasks: plan.to - plan.from,
  });
  const prepareMs = performance.now() - began;
  const settings = {
    workers,
    signal,
    progress: progress && ((done: number) => progress(done * units, total)),
    beside: observe && ((block: number, observed: Observed) => observe.take(block, observed)),
  };
  const blocks = blocksOf(images, model);
  const growth =
    growing &&
    watchGrowth(blocks, {
      labels: images.labels,
      classCount: model.classCount,
      layers,
      options: { ...growing, budget: growing.budget === undefined ? undefined : growing.budget - prepareMs },
    });
  const grown = growth && (await runner.grow(pass, source, { ...settings, steering: growth.steering }));
  const found = grown ?? (await runner.run(pass, source, settings));
  let shared: BaselinePart | undefined;
  const baseline = (): BaselinePart => (shared ??= found.shared());
  const reached = growth && grown && reachedPart(growth, { blocks, layers, grown });
  return {
    labels: images.labels,
    get predictions() {
      return reached
        ? spread(baseline(), "predictions", new Int32Array(images.imageCount).fill(-1))
        : baseline().predictions;
    },
    get margins() {
      return reached
        ? spread(baseline(), "margins", new Float32Array(images.imageCount).fill(Number.NaN))
        : baseline().margins;
    },
    layers,
    layer: (at) => {
      const { flips, continuous: sums, ...rest } = found.layer(at);
      return {
        ...rest,
        layer: layers[at],
        flips: { ...(reached?.flips(flips, at) ?? flips), layer: layers[at].name, unitCount: layers[at].units },
        continuous: reached ? null : sums && denseSums(sums, model.classCount),
      };
    },
    reached,
    timings: { prepareMs, openMs: found.timings.openMs, sweepMs: found.timings.runMs },
  };
}

/** The tensor that a method replaces. */
export function tapFor(layer: Layer, method: AblationMethod): string {
  if (method !== "weights") return layer.tap;
  if (layer.weight !== null) return layer.output;
  throw new UnitscopeError(
    "layer",
    `layer "${layer.name}": expected a layer with weights of its own for method weights, got ${layer.kind === "addition" ? "an addition" : "a concatenation"}; use method zero`,
  );
}

async function boundAll(model: Model, taps: readonly string[]): Promise<(SuffixBound | undefined)[]> {
  return await Promise.all(taps.map((tap) => boundSuffix(model, planSuffix(model, tap))));
}
