/** Multiplications of a network and of what a sweep has to change: the limit that no implementation can go below. */
import { planSuffix } from "../src/ablation/suffix-plan.ts";
import type { Sweep } from "../src/ablation/sweep.ts";
import { elementCount, type Node } from "../src/onnx/graph.ts";
import type { Shape } from "../src/onnx/shapes.ts";
import type { Model } from "../src/runtime/open-model.ts";

/**
 * The changed arithmetic of a sweep in passes: one pass for the baseline, and for every pair that had to be computed the
 * multiplications of its recomputed operators and of one channel's contribution to each frontier.
 */
export function changedArithmetic(model: Model, sweep: Sweep): number {
  const count = (nodes: readonly Node[]): number =>
    nodes.reduce((sum, node) => sum + multiplications(node, model, model.shapes), 0);
  const whole = count(model.graph.nodes);
  let passes = 1;
  for (const { layer, settled } of sweep.layers.map((_, at) => sweep.layer(at))) {
    const plan = planSuffix(model, layer.tap);
    const own = plan.frontiers.reduce(
      (sum, { node, input }) => sum + count([node]) / input.channels,
      count(plan.recomputed),
    );
    passes += ((settled.suffix + settled.closedForm) * own) / (whole * sweep.labels.length);
  }
  return passes;
}

/** Multiplications of one operator for one image. */
function multiplications(node: Node, model: Model, shapes: ReadonlyMap<string, Shape>): number {
  const weight = model.graph.constants.get(node.inputs[1] ?? "");
  if (!weight) return 0;
  if (node.op === "Gemm" || node.op === "MatMul") return elementCount(weight.dims);
  if (node.op !== "Conv") return 0;
  const [, , height = 0, width = 0] = (shapes.get(node.outputs[0] ?? "") ?? []) as number[];
  return elementCount(weight.dims) * height * width; // grouped weights are already per group
}
