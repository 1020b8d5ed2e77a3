/** What a lowering is: it rewrites a graph with gradient operators of ours into standard ones (or the target's own). */
import type { Node } from "../../onnx/graph.ts";
import type { GraphBuilder } from "../graph-builder.ts";

/** Emits one node into the target. Inputs are tensors of the target with the names that the source gave them. */
export type LoweringRule = (node: Node, target: GraphBuilder) => void;

/** Emits a node whose output keeps the name that the source gave it. */
export function emitAs(
  target: GraphBuilder,
  {
    source,
    op,
    inputs,
    attributes = {},
  }: { source: Node; op: string; inputs: readonly string[]; attributes?: Node["attributes"] },
): void {
  const output = source.outputs[0];
  target.append({ name: source.name, op, domain: "", inputs, outputs: [output], attributes }, [target.shapeOf(output)]);
}

/** Gives a tensor of the target the name of the source's output. */
export function nameAs(target: GraphBuilder, source: Node, tensor: string): void {
  emitAs(target, {
    source,
    op: "Identity",
    inputs: [target.reshape(tensor, target.shapeOf(source.outputs[0]))],
  });
}

/** What a lowering reads: nodes in order, and the shape of every tensor. */
export type LoweringSource = Pick<GraphBuilder, "nodes" | "shapeOf">;
