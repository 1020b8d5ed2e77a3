/** What a gradient rule is: from the gradients of a node's outputs to those of its inputs. */
import type { Node } from "../../onnx/graph.ts";
import type { GraphBuilder, Shape } from "../graph-builder.ts";

/** What a rule works on. */
export interface GradientTask {
  /** The forward node. */
  readonly node: Node;
  /** The gradient of the loss with respect to the node's first output; of its shape. */
  readonly outputGradient: string;
  /** Whether the gradient with respect to an input is needed. */
  wants(input: number): boolean;
  /** Where the backward operators go. */
  readonly builder: GraphBuilder;
}

/** Emits the backward operators of one node; returns, per input, the gradient's tensor (`undefined`: none). */
export type GradientRule = (task: GradientTask) => readonly (string | undefined)[];

/** Sums a gradient over the axes along which the forward value was broadcast from `shape`. */
export function sumToShape(builder: GraphBuilder, gradient: string, shape: Shape): string {
  const from = builder.shapeOf(gradient);
  const extra = from.length - shape.length;
  const axes = from.flatMap((dim, axis) => (axis < extra || (shape[axis - extra] === 1 && dim !== 1) ? [axis] : []));
  if (axes.length === 0) return gradient;
  return builder.reshape(builder.sum(gradient, axes, true), shape);
}
