/** Gradient of `LogSoftmax`; cross-entropy is `LogSoftmax`, `Mul` with the targets, `ReduceSum`. */
import { intAttribute } from "../../onnx/graph.ts";
import type { GradientRule } from "./gradient-rule.ts";

/** `LogSoftmax` along the last axis: dx = dy − softmax(x) Σ dy. */
export const logSoftmaxGradient: GradientRule = ({ node, outputGradient, builder }) => {
  const shape = builder.shapeOf(outputGradient);
  const axis = intAttribute(node, "axis", -1);
  const softmax = builder.emit("Softmax", [node.inputs[0]], shape, { axis });
  const total = builder.sum(outputGradient, [shape.length - 1], true);
  return [builder.binary("Sub", outputGradient, builder.binary("Mul", softmax, total))];
};
