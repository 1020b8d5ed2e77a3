/** A rotation as two passes: the moments that the principal axes come from, then every direction of every basis removed. */

import { openReference } from "../ablation/plain-route.ts";
import { mergeSwept, type SweptPart } from "../ablation/sweep-pass.ts";
import { switchedTensors } from "../ablation/switched-tensors.ts";
import type { BlockWork, Merge } from "../passes/pass.ts";
import type { Model } from "../runtime/open-model.ts";
import type { Provider } from "../runtime/session.ts";
import type { DirectionBound } from "./direction-bound.ts";
import { openPlainRotation } from "./plain-rotation.ts";
import { type Moments, mergeMoments, openMoments } from "./response-moments.ts";
import { openRotationRoute } from "./rotation-route.ts";
import { type SelfTest, sweepDirections } from "./sweep-directions.ts";

/** What sums the moments. */
export interface MomentsSetup {
  readonly model: Model;
  readonly tap: string;
}

/** Sums the moments of the responses over a block. */
export const momentsWork: BlockWork<MomentsSetup, null, Moments> = {
  module: import.meta.url,
  name: "momentsWork",
  open: async ({ model, tap }) => {
    const moments = await openMoments(model, tap);
    return async (block) => ({ shared: null, layers: [await moments.add(block)] });
  },
};

/** Joins sums of disjoint images. */
export const mergeMomentParts: Merge<null, Moments> = { shared: () => null, layer: mergeMoments };

/** What sweeps the directions. */
export interface RotationSetup {
  /** Cloned to the worker, but for its large weights, which are in shared memory. */
  readonly model: Model;
  readonly tap: string;
  readonly replacement: Float32Array;
  /** float64 `[units, units]` each, shared between the workers. */
  readonly bases: readonly Float64Array[];
  readonly bound: DirectionBound | undefined;
  readonly engine: "auto" | "plain";
  readonly verify: number;
  readonly seed: number;
  readonly threads: number;
  readonly provider: Provider;
}

/** Predictions of the intact network. */
export interface PredictedPart {
  /** Numbers of the images, and their predictions, `[count]`. */
  readonly images: Int32Array;
  readonly predictions: Int32Array;
}

/** One basis's part. */
export interface RotatedPart extends Omit<SweptPart, "continuous"> {
  readonly selfTest: SelfTest;
}

/** Sweeps the directions of all bases over a block. */
export const rotationWork: BlockWork<RotationSetup, PredictedPart, RotatedPart> = {
  module: import.meta.url,
  name: "rotationWork",
  open: async ({ model, tap, replacement, bases, bound, engine, verify, seed, threads, provider }) => {
    const route = await openRotationRoute(model, { tap, replacement }, { threads, provider });
    const context = {
      model,
      planned: { plan: route.plan.plan, replacement },
      route,
      plain: openPlainRotation(model, { tap, replacement }, { threads, provider }),
      reference: openReference(model, switchedTensors(model, [tap])),
      bound,
      engine,
      verify,
      seed,
    };
    return async (block, report) => {
      const { predictions, bases: swept } = await sweepDirections(context, block, { bases, report });
      return {
        shared: { images: block.images, predictions },
        layers: swept.map(({ unit, image, prediction, settled, selfTest, verified }) => ({
          flips: { unit, image, prediction },
          settled,
          selfTest,
          verified,
        })),
      };
    };
  },
};

/** Joins the parts of disjoint images. */
export const mergeRotated: Merge<PredictedPart, RotatedPart> = {
  shared: (parts) => {
    const pairs = parts.flatMap((part) => Array.from(part.images, (image, row) => [image, part.predictions[row]]));
    pairs.sort(([a], [b]) => a - b);
    return {
      images: Int32Array.from(pairs, ([image]) => image),
      predictions: Int32Array.from(pairs, ([, prediction]) => prediction),
    };
  },
  layer: (parts, at) => {
    const swept = parts.map((part) => ({ ...part, continuous: null }));
    const { flips, settled, verified } = mergeSwept.layer(swept, at);
    const selfTest = { images: 0, changed: 0, close: 0 };
    for (const part of parts) {
      for (const key of Object.keys(selfTest) as (keyof SelfTest)[]) selfTest[key] += part.selfTest[key];
    }
    return { flips, settled, verified, selfTest };
  },
};
