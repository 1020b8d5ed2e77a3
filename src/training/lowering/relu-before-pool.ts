/**
 * Where a max-pool follows a ReLU, masks the gradient at the pool's smaller output instead of at its input.
 *
 * The gradient of a pool reaches only positions whose value is the window's maximum, so "the input is positive there"
 * and "the output is positive" are the same condition, and the backward pass saves one pass over the larger tensor.
 */
import type { Node } from "../../onnx/graph.ts";
import { GRADIENT_DOMAIN, type GraphBuilder } from "../graph-builder.ts";

/** The source with ReLU's and max-pool's gradients exchanged where they meet; shapes and names stay. */
export function movePoolsBehindRelu(source: GraphBuilder): Pick<GraphBuilder, "nodes" | "shapeOf"> {
  const producers = new Map<string, Node>();
  const readCounts = new Map<string, number>();
  for (const each of source.nodes) {
    for (const output of each.outputs) producers.set(output, each);
    for (const input of each.inputs) readCounts.set(input, (readCounts.get(input) ?? 0) + 1);
  }
  const shapes = new Map<string, readonly number[]>();
  const replaced = new Map<Node, Node[]>();
  for (const relu of source.nodes) {
    if (relu.op !== "ReluGradient" || relu.domain !== GRADIENT_DOMAIN) continue;
    const [gradient = "", activation = ""] = relu.inputs;
    const pool = producers.get(gradient);
    if (pool?.op !== "MaxPoolGradient" || readCounts.get(gradient) !== 1 || pool.inputs[1] !== activation) continue;
    const [outer = "", x = "", y = ""] = pool.inputs;
    const masked = `${gradient}/masked`;
    shapes.set(masked, source.shapeOf(y));
    replaced.set(pool, [{ ...relu, name: masked, inputs: [outer, y], outputs: [masked] }]);
    replaced.set(relu, [{ ...pool, inputs: [masked, x, y], outputs: relu.outputs }]);
  }
  return {
    nodes: source.nodes.flatMap((each) => replaced.get(each) ?? [each]),
    shapeOf: (tensor) => shapes.get(tensor) ?? source.shapeOf(tensor),
  };
}
