/** Gradients of `Conv`: two operators of our own, which a lowering spells out for its target. */
import { intAttribute } from "../../onnx/graph.ts";
import { GRADIENT_DOMAIN } from "../graph-builder.ts";
import { windowsOf } from "../static-shapes.ts";
import type { GradientRule } from "./gradient-rule.ts";

/**
 * `Conv(X, W, B)`: dX by `ConvInputGradient(dY, W)`, dW by `ConvWeightGradient(dY, X)`, dB by `ChannelSum(dY)`.
 *
 * dX[n,c,y,x] = Σ_o,i,j dY[n,o,(y+p−i)/s,(x+p−j)/s] W[o,c,i,j] where the division is exact;
 * dW[o,c,i,j] = Σ_n,y,x dY[n,o,y,x] X[n,c,s·y−p+i,s·x−p+j].
 */
export const convGradient: GradientRule = ({ node, outputGradient, wants, builder }) => {
  const [x = "", w = "", b] = node.inputs;
  const { kernel, strides, before, after } = windowsOf(node, builder.shapeOf(w).slice(2));
  const attributes = {
    kernel_shape: kernel,
    strides,
    pads: [...before, ...after],
    group: intAttribute(node, "group", 1),
  };
  const emit = (op: string, other: string, shape: readonly number[]): string =>
    builder.emit(op, [outputGradient, other], shape, attributes, GRADIENT_DOMAIN);
  return [
    wants(0) ? emit("ConvInputGradient", w, builder.shapeOf(x)) : undefined,
    wants(1) ? emit("ConvWeightGradient", x, builder.shapeOf(w)) : undefined,
    b && wants(2) ? builder.emit("ChannelSum", [outputGradient], builder.shapeOf(b), {}, GRADIENT_DOMAIN) : undefined,
  ];
};
