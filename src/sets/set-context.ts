/** What a worker keeps open to evaluate unit sets of one layer: the fast route, the plain one, and the reference. */
import type { FastLayer } from "../ablation/fast-layer.ts";
import { type FastRoute, openFastRoute } from "../ablation/fast-route.ts";
import {
  openPlainRoute,
  openReference,
  type PlainRoute,
  type Reference,
  type Removal,
} from "../ablation/plain-route.ts";
import type { PlannedLayer } from "../ablation/prefix-graph.ts";
import type { SuffixBound } from "../ablation/suffix-bound.ts";
import { switchedTensors } from "../ablation/switched-tensors.ts";
import { differenceAt, hash } from "../ablation/verify.ts";
import { UnitscopeError } from "../errors.ts";
import type { ImageBlock } from "../passes/image-block.ts";
import type { Model } from "../runtime/open-model.ts";
import type { Provider } from "../runtime/session.ts";

/** How unit sets are evaluated. */
export interface SetOptions {
  /** `plain`: the whole network for every set; `auto`: every fast route. */
  readonly engine: "auto" | "plain";
  /** Fraction of the decided (set, image) pairs that is repeated the plain way, in [0, 1]. */
  readonly verify: number;
  readonly seed: number;
  /** ONNX Runtime's threads inside an operator. */
  readonly threads: number;
  readonly provider: Provider;
}

/** An opened layer. */
export interface SetContext {
  readonly model: Model;
  readonly planned: PlannedLayer;
  readonly options: SetOptions;
  readonly route: FastRoute;
  readonly layer: FastLayer;
  /** Bound of the suffix, for certified skips; `undefined` where there is none. */
  readonly bound: SuffixBound | undefined;
  readonly reference: Reference;
  /** The plain route, opened when it is first needed. */
  plain(): Promise<PlainRoute>;
  /** Units removed together, as the plain route and the reference take them. */
  removal(units: readonly number[]): Removal;
  close(): Promise<void>;
}

/** Opens a layer. `bound` is that of `boundSuffix`, made once for all workers. */
export async function openSetContext(
  model: Model,
  planned: PlannedLayer,
  { bound, options }: { bound?: SuffixBound | undefined; options: SetOptions },
): Promise<SetContext> {
  const { threads, provider, engine } = options;
  const { plan, replacement } = planned;
  const switched = switchedTensors(model, [plan.tap]);
  const own = switched.find((tensor) => tensor.tap === plan.tap);
  if (!own) throw new UnitscopeError("internal", `internal: tap "${plan.tap}": expected among the switched tensors`);
  const reference = openReference(model, switched);
  const route = await openFastRoute(model, engine === "plain" ? [] : [planned], { threads, provider });
  let plain: Promise<PlainRoute> | undefined;
  return {
    model,
    planned,
    options,
    route,
    layer: route.layers[0],
    bound,
    reference,
    plain: () => (plain ??= openPlainRoute(model, own, { reference, threads, provider })),
    removal: (units) => ({ tap: plan.tap, units, replacement }),
    close: async () => {
      await route.close();
      await reference.close();
      await (await plain)?.close();
    },
  };
}

/** How many pairs were repeated the plain way. */
export interface Verification {
  verified: number;
}

/**
 * Repeats a random fraction of one set's decided rows the plain way. Which ones depends on the seed, the set and the
 * image alone.
 *
 * @param rows decided rows of the block, and for each whether it was found right.
 * @throws {UnitscopeError} `check` at the first difference.
 */
export async function verifySet(
  context: SetContext,
  block: ImageBlock,
  { units, rows, right }: { units: readonly number[]; rows: ArrayLike<number>; right: ArrayLike<number> },
  into: Verification,
): Promise<void> {
  const { verify, seed } = context.options;
  const { images, labels } = block;
  if (verify <= 0) return;
  const set = [...units].sort((a, b) => a - b);
  const chosen = Array.from(rows, (row, i) => [row, i] as const).filter(
    ([row]) => hash(seed, images[row], ...set) < verify,
  );
  if (chosen.length === 0) return;
  for (const [row, i] of chosen) {
    const own = await context.reference.predict(block, row, context.removal(units));
    const isRight = own === labels[row];
    if (isRight === (right[i] === 1)) continue;
    throw differenceAt(context.model, context.removal(units), {
      what: `units ${set.join(", ")}`,
      image: images[row],
      expected: `class ${own} as by the whole network`,
      got: `${isRight ? "another class" : `class ${labels[row]}`} by the fast route`,
    });
  }
  into.verified += chosen.length;
}
