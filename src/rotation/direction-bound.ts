/**
 * How far removing a direction can move the last hidden vector of an image: the bound of the units' certified skips, with
 * the direction's own kernel at direct frontiers and the whole response elsewhere.
 */
import { boundSuffix, type SuffixBound } from "../ablation/suffix-bound.ts";
import type { Model } from "../runtime/open-model.ts";
import type { DirectionPlan } from "./direction-plan.ts";

/** A bound of one layer's rotations; plain data, made once and sent to every worker. */
export interface DirectionBound {
  readonly suffix: SuffixBound;
  /** Gains from the output of each direct frontier, then from the response where it is recomputed from (else 0). */
  readonly gains: readonly number[];
  /** Output channels of each direct frontier. */
  readonly outputs: readonly number[];
}

/** Operators on one channel that never lengthen a vector. */
const shortening = new Set("Identity Dropout Flatten Reshape Squeeze GlobalAveragePool ReduceMean".split(" "));

/** Bounds the way of a direction; `undefined` where the suffix has no bound. */
export async function boundDirections(
  model: Model,
  { plan, direct, recomputed }: DirectionPlan,
): Promise<DirectionBound | undefined> {
  if (direct.some(({ path }) => path.some((node) => !shortening.has(node.op)))) return undefined;
  const stub = (name: string): DirectionPlan["plan"]["carried"][number] => ({
    name,
    axis: 1,
    channels: 1,
    offset: 0,
    run: 1,
    dims: [1, 1],
    rows: { axis: 0, outer: 1, inner: 1 },
  });
  const sources = [...direct.map(({ frontier }) => frontier.output), plan.tap];
  const suffix = await boundSuffix(model, {
    ...plan,
    channelwise: [],
    frontiers: [],
    carried: sources.map(stub),
    recomputed,
  });
  if (!suffix) return undefined;
  const outputs = direct.map(({ frontier }) => {
    const weight = model.graph.constants.get(frontier.node.inputs[1]);
    return weight?.dims[0] as number;
  });
  return { suffix, gains: suffix.gains.map((gain) => gain[0]), outputs };
}

/**
 * Norm bound of one direction's kernel at a direct frontier. A convolution of one channel: the change is shifted to each
 * position of the kernel, ‖Σ_p shift_p(c) ⊗ K_p‖ ≤ ‖c‖ Σ_p ‖K_p‖. A product: Frobenius' norm.
 *
 * @param kernel as `directionKernels` gives it; `area` positions of a convolution's kernel, 1 for a product.
 */
export function kernelNorm(kernel: Float32Array, area: number): number {
  const squares = new Float64Array(area);
  kernel.forEach((value, i) => {
    squares[i % area] += value * value;
  });
  return squares.reduce((sum, each) => sum + Math.sqrt(each), 0);
}
