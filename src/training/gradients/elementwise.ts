/** Gradients of elementwise operators, reductions and reshapes. */
import { GRADIENT_DOMAIN } from "../graph-builder.ts";
import { type GradientRule, sumToShape } from "./gradient-rule.ts";

/** `Relu`: passes where the output is positive. */
export const reluGradient: GradientRule = ({ node, outputGradient, builder }) => [
  builder.emit("ReluGradient", [outputGradient, node.outputs[0]], builder.shapeOf(outputGradient), {}, GRADIENT_DOMAIN),
];

/** `Add` of two tensors, either of which may have been broadcast. */
export const addGradient: GradientRule = ({ node, outputGradient, wants, builder }) =>
  node.inputs.map((input, i) => (wants(i) ? sumToShape(builder, outputGradient, builder.shapeOf(input)) : undefined));

/** `Mul` of two tensors, either of which may have been broadcast. */
export const mulGradient: GradientRule = ({ node, outputGradient, wants, builder }) => {
  const [left = "", right = ""] = node.inputs;
  const product = (own: string, other: string): string =>
    sumToShape(builder, builder.binary("Mul", outputGradient, other), builder.shapeOf(own));
  return [wants(0) ? product(left, right) : undefined, wants(1) ? product(right, left) : undefined];
};

/** `Neg`. */
export const negGradient: GradientRule = ({ outputGradient, builder }) => [builder.unary("Neg", outputGradient)];

/** `Flatten`, `Reshape`, `Identity`: the same elements under the input's shape. */
export const reshapeGradient: GradientRule = ({ node, outputGradient, builder }) => [
  builder.reshape(outputGradient, builder.shapeOf(node.inputs[0])),
];

/** `ReduceMean` over everything: every element gets an equal share. */
export const reduceMeanGradient: GradientRule = ({ node, outputGradient, builder }) => {
  const shape = builder.shapeOf(node.inputs[0]);
  const count = shape.reduce((product, dim) => product * dim, 1);
  const share = builder.binary("Div", outputGradient, builder.scalar(count));
  return [builder.emit("Expand", [share, builder.ints(shape)], shape)];
};

/** `ReduceSum` over everything. */
export const reduceSumGradient: GradientRule = ({ node, outputGradient, builder }) => {
  const shape = builder.shapeOf(node.inputs[0]);
  return [builder.emit("Expand", [outputGradient, builder.ints(shape)], shape)];
};
