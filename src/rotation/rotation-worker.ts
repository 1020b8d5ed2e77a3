/** A worker thread for rotations: sums the moments of the responses, or sweeps the directions of some bases. */
import type { Block } from "../ablation/flip-collector.ts";
import { openReference } from "../ablation/plain-route.ts";
import { switchedTensors } from "../ablation/switched-tensors.ts";
import type { Model } from "../runtime/open-model.ts";
import type { Provider } from "../runtime/session.ts";
import { serveWorker } from "../runtime/worker-pool.ts";
import type { DirectionBound } from "./direction-bound.ts";
import { openPlainRotation } from "./plain-rotation.ts";
import { openMoments } from "./response-moments.ts";
import { openRotationRoute } from "./rotation-route.ts";
import { sweepDirections } from "./sweep-directions.ts";

/** What the worker is started with. */
export interface RotationSetup {
  /** Cloned to the worker, but for its large weights, which are in shared memory. */
  readonly model: Model;
  readonly tap: string;
  readonly replacement: Float32Array;
  readonly work:
    | { readonly kind: "moments" }
    | {
        readonly kind: "sweep";
        /** float64 `[units, units]` each, shared between the workers. */
        readonly bases: readonly Float64Array[];
        readonly bound: DirectionBound | undefined;
        readonly engine: "auto" | "plain";
        readonly verify: number;
        readonly seed: number;
        readonly threads: number;
        readonly provider: Provider;
      };
}

await serveWorker<RotationSetup, Block>(async ({ model, tap, replacement, work }) => {
  if (work.kind === "moments") {
    const moments = await openMoments(model, tap);
    return async (block) => ({ result: await moments.add(block.pixels) });
  }
  const { bases, bound, engine, verify, seed, threads, provider } = work;
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
  return async (block) => ({ result: await sweepDirections(context, block, bases) });
});
