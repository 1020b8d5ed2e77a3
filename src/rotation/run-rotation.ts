/**
 * Rotations of one layer over a whole image set: every direction of every basis removed in turn on every block of images.
 */
import { checkFraction } from "../ablation/check-sample.ts";
import type { Settled } from "../ablation/flip-collector.ts";
import type { LayerFlips } from "../ablation/flips.ts";
import type { Replacement } from "../ablation/replacement.ts";
import { planSuffix } from "../ablation/suffix-plan.ts";
import type { AblationMethod } from "../ablation/sweep.ts";
import { haarRotation, identity, rotationPower } from "../numeric/orthogonal.ts";
import type { BlockSource } from "../passes/image-block.ts";
import { blockSizeFor, consecutiveBlocks } from "../passes/image-order.ts";
import type { Pass } from "../passes/pass.ts";
import { inMemory, type PassRunner } from "../passes/pass-runner.ts";
import { type Plan, planKey } from "../passes/plan.ts";
import { chooseThreads } from "../passes/thread-choice.ts";
import type { Model } from "../runtime/open-model.ts";
import type { Provider } from "../runtime/session.ts";
import { boundDirections } from "./direction-bound.ts";
import { planDirections } from "./direction-plan.ts";
import { type Moments, type PrincipalAxes, principalAxes } from "./response-moments.ts";
import {
  type MomentsSetup,
  mergeMomentParts,
  mergeRotated,
  momentsWork,
  type PredictedPart,
  type RotatedPart,
  type RotationSetup,
  rotationWork,
} from "./rotation-pass.ts";
import { withRotationTolerance } from "./rotation-tolerance.ts";
import type { SelfTest } from "./sweep-directions.ts";

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
  /** Fraction of the (direction, image) pairs to repeat the plain way, in [0, 1]; by default a small sample. */
  readonly verify?: number | undefined;
  /** Which pairs are verified. */
  readonly seed?: number;
  readonly workers?: number | undefined;
  readonly provider?: Provider | undefined;
  /** Who carries out the passes; in memory by default. */
  readonly runner?: PassRunner | undefined;
  /** Told where fast routes are left out, and why. */
  readonly caution?: ((text: string) => void) | undefined;
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
  /** Row `k` is the `k`-th direction over the layer's units, orthonormal, float64 `[units, units]`. */
  readonly matrix: Float64Array;
  readonly settled: Settled;
  readonly selfTest: SelfTest;
}

/** Everything that was found. */
export interface RotationResult {
  /** Baseline predictions, `[imageCount]`. */
  readonly predictions: Int32Array;
  readonly bases: readonly BasisResult[];
  readonly verified: number;
  readonly timings: { readonly axesMs: number; readonly sweepMs: number };
}

/** The layer that is rotated. */
export interface RotatedLayer {
  readonly layer: string;
  readonly units: number;
  readonly method: AblationMethod;
  readonly replacement: Replacement;
}

/** Plans the sweep of the bases. */
export function planRotation(
  model: Model,
  images: BlockSource,
  { layer, method, replacement: { tap } }: RotatedLayer,
  { bases, engine = "auto", seed = 1, ...options }: RunRotationOptions,
): Plan {
  const verify = options.verify ?? "sample";
  const checked = verify === 0 ? { verify } : { verify, seed };
  return {
    pass: "rotation",
    key: planKey({ model: model.sha256, ...images.identity }, { ablation: { method, layer, tap }, engine, ...checked }),
    shared: {},
    // Which pairs are repeated depends on the basis's place too.
    layers: bases.map((choice, at) => ({ name: nameOf(choice), key: { ...choice, ...(verify !== 0 && { at }) } })),
    isApart: true,
    ...consecutiveBlocks(images.imageCount, blockSizeFor(model)).plan,
  };
}

/** Sweeps the bases. */
export async function runRotation(
  model: Model,
  images: BlockSource,
  rotated: RotatedLayer,
  options: RunRotationOptions,
): Promise<RotationResult> {
  const { engine = "auto", seed = 1, provider = "cpu", runner = inMemory, progress, signal } = options;
  const { layer, units, replacement } = rotated;
  const blocks = consecutiveBlocks(images.imageCount, blockSizeFor(model));
  const { workers, threads } = chooseThreads(model, { workers: options.workers, provider, tasks: blocks.plan.to });
  const needsAxes = options.bases.some(({ basis }) => basis === "pca");
  const total = images.imageCount * (needsAxes ? 2 : 1);
  const began = performance.now();
  progress?.(0, total);
  const axes = needsAxes ? await findAxes(model, images, replacement.tap, { ...options, workers, total }) : undefined;
  const swept = performance.now();
  const graph = model.graph;
  const suffix = planSuffix(model, replacement.tap);
  const bound = engine === "plain" ? undefined : await boundDirections(model, planDirections(graph, suffix));
  const bases = options.bases.map((choice) => shared(matrixOf(choice, units, axes)));
  const plan = planRotation(model, images, rotated, options);
  const verify = options.verify ?? checkFraction(model, suffix, images.imageCount * units);
  const setup = { model, ...replacement, bases, bound, engine, verify, seed, threads, provider };
  const pass: Pass<RotationSetup, PredictedPart, RotatedPart> = {
    ...blocks,
    plan,
    work: rotationWork,
    setup,
    settle: async () => {
      const settled = await withRotationTolerance(images, setup, { caution: options.caution, signal });
      return { ...setup, model: settled, engine: settled.tieTolerance === Infinity ? "plain" : engine };
    },
    merge: mergeRotated,
  };
  const found = await runner.run(pass, images, {
    workers,
    signal,
    progress: progress && ((done) => progress(total - images.imageCount + done, total)),
  });
  const parts = options.bases.map((_, at) => found.layer(at));
  return {
    predictions: found.shared().predictions,
    bases: options.bases.map((choice, at) => ({
      ...choice,
      flips: { ...parts[at].flips, layer, unitCount: units },
      settled: parts[at].settled,
      selfTest: parts[at].selfTest,
      explained: choice.basis === "pca" && axes ? axes.explained : null,
      matrix: bases[at],
    })),
    verified: parts.reduce((sum, part) => sum + part.verified, 0),
    timings: { axesMs: swept - began, sweepMs: performance.now() - swept },
  };
}

/** The principal axes of a layer's responses. */
async function findAxes(
  model: Model,
  images: BlockSource,
  tap: string,
  {
    workers,
    total,
    runner = inMemory,
    progress,
    signal,
  }: Omit<RunRotationOptions, "workers"> & { workers: number; total: number },
): Promise<PrincipalAxes> {
  const blocks = consecutiveBlocks(images.imageCount, blockSizeFor(model));
  const pass: Pass<MomentsSetup, null, Moments> = {
    ...blocks,
    plan: {
      pass: "moments",
      key: planKey({ model: model.sha256, ...images.identity }, {}),
      shared: {},
      layers: [{ name: tap, key: { tap } }],
      ...blocks.plan,
    },
    work: momentsWork,
    setup: { model, tap },
    merge: mergeMomentParts,
  };
  const found = await runner.run(pass, images, {
    workers,
    signal,
    progress: progress && ((done) => progress(done, total)),
  });
  return principalAxes(found.layer(0));
}

function nameOf({ basis, t, seed }: BasisChoice): string {
  return basis === "random" ? `random ${seed} to ${t}` : basis;
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
