/**
 * How removing one direction of a layer's response space reaches the logits. Pure data.
 *
 * The response r becomes r − c q with c = (r − m)·q at every position: q the direction, m what replaces the units. Where
 * only operators that treat all channels alike lie between the response and a linear operator (a *direct* frontier), c
 * passes through them as one channel and the operator's output changes by c ⊛ K_q with K_q = Σ_u q_u K_u. Everything
 * else is recomputed from the changed response.
 */
import { positionsOf } from "../ablation/channel-tensor.ts";
import { frontierWeights } from "../ablation/frontier-graph.ts";
import { type Frontier, type PlannedNetwork, planSuffix, type SuffixPlan } from "../ablation/suffix-plan.ts";
import { UnitscopeError } from "../errors.ts";
import { dependentsOf } from "../onnx/edit.ts";
import type { Graph, Node } from "../onnx/graph.ts";

/** A linear operator that a direction's change reaches as one channel. */
export interface DirectFrontier {
  readonly frontier: Frontier;
  /** Operators between the response and it, in order. */
  readonly path: readonly Node[];
  /** Positions per channel of its input. */
  readonly positions: number;
}

/** The plan for one tap. */
export interface DirectionPlan {
  readonly plan: SuffixPlan;
  readonly direct: readonly DirectFrontier[];
  /** Operators that are recomputed, in order; they read the changed response or outputs of direct frontiers. */
  readonly recomputed: readonly Node[];
}

/** Operators that are linear and the same for every channel. */
const uniform = new Set(
  "Identity Dropout Flatten Reshape Squeeze GlobalAveragePool AveragePool ReduceMean ReduceSum".split(" "),
);
/** Of these, those that only change the shape. */
const reshaping = new Set("Flatten Reshape Squeeze".split(" "));

/** Why the units of a tap cannot be rotated; `undefined` where they can. */
export function whyNotRotated(model: PlannedNetwork, tap: string): string | undefined {
  try {
    planDirections(model.graph, planSuffix(model, tap));
    return undefined;
  } catch (error) {
    if (error instanceof UnitscopeError && error.code === "layer") return error.message;
    throw error;
  }
}

/** Whether a node of a path only changes the shape, so that it is written anew for one channel. */
export function isReshape(node: Node): boolean {
  return reshaping.has(node.op);
}

/**
 * Plans the way of a direction, from that of the units.
 * @throws {UnitscopeError} `layer` for units elsewhere than on axis 1, and for networks of which images are not apart.
 */
export function planDirections(graph: Graph, plan: SuffixPlan): DirectionPlan {
  const { tap, axis, rank, unitSize, whole } = plan;
  if (axis !== 1 || unitSize !== 1 || (rank !== 2 && rank !== 4) || whole !== null) {
    throw new UnitscopeError(
      "layer",
      `tensor "${tap}": expected units on axis 1 of maps or vectors to rotate, got ${whole ?? `axis ${axis} of ${rank}`}`,
    );
  }
  const direct = plan.frontiers.flatMap((frontier): DirectFrontier[] => {
    const path = uniformPath(plan, frontier);
    return path ? [{ frontier, path, positions: positionsOf(frontier.input) }] : [];
  });
  const skipped = new Set(direct.map(({ frontier }) => frontier.node));
  const dependent = dependentsOf(graph, plan.tap);
  const moving = graph.nodes.filter((node) => !skipped.has(node) && node.inputs.some((input) => dependent.has(input)));
  return { plan, direct, recomputed: neededFor(moving, plan.logits) };
}

/** The kernel of one direction at a direct frontier: float32 `[outputs, 1, kh, kw]`, or `[positions, outputs]`. */
export function directionKernels(
  graph: Graph,
  { plan, direct }: DirectionPlan,
): (direction: ArrayLike<number>) => Float32Array[] {
  const weights = direct.map(({ frontier }) => frontierWeights(frontier, plan.units, graph).data as Float32Array);
  return (direction) =>
    weights.map((all) => {
      const size = all.length / plan.units;
      const sum = new Float64Array(size);
      for (let unit = 0; unit < plan.units; unit++) {
        const factor = direction[unit];
        if (factor === 0) continue;
        for (let i = 0, at = unit * size; i < size; i++, at++) sum[i] += factor * all[at];
      }
      return Float32Array.from(sum);
    });
}

function uniformPath(plan: SuffixPlan, { input }: Frontier): Node[] | undefined {
  const path: Node[] = [];
  let tensor = input.name;
  while (tensor !== plan.tap) {
    const node = plan.channelwise.find((each) => each.outputs[0] === tensor);
    if (!node || !uniform.has(node.op) || node.domain !== "") return undefined;
    path.unshift(node);
    tensor = node.inputs[0];
  }
  return path;
}

/** The nodes without which a tensor cannot be computed. */
function neededFor(nodes: readonly Node[], tensor: string): Node[] {
  const read = new Set([tensor]);
  const needed: Node[] = [];
  for (const node of [...nodes].reverse()) {
    if (!node.outputs.some((output) => read.has(output))) continue;
    needed.unshift(node);
    for (const input of node.inputs) read.add(input);
  }
  return needed;
}
