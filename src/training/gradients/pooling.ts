/** Gradients of pools. */
import { elementCount } from "../../onnx/graph.ts";
import { GRADIENT_DOMAIN } from "../graph-builder.ts";
import { windowsOf } from "../static-shapes.ts";
import type { GradientRule } from "./gradient-rule.ts";

/** `MaxPool`: the gradient goes to the first maximum of each window in row-major order, as in PyTorch. */
export const maxPoolGradient: GradientRule = ({ node, outputGradient, builder }) => {
  const [x = ""] = node.inputs;
  const { kernel, strides, before, after } = windowsOf(node, []);
  const attributes = { kernel_shape: kernel, strides, pads: [...before, ...after] };
  const inputs = [outputGradient, x, node.outputs[0]];
  return [builder.emit("MaxPoolGradient", inputs, builder.shapeOf(x), attributes, GRADIENT_DOMAIN)];
};

/**
 * `AveragePool`: every element of a window gets an equal share. The share is one over the window's size, or over its
 * elements inside the image when padding is not counted; spread by a convolution's input gradient with weights of 1.
 */
export const averagePoolGradient: GradientRule = ({ node, outputGradient, builder }) => {
  const [x = ""] = node.inputs;
  const [, channels = 0, height = 0, width = 0] = builder.shapeOf(x);
  const [, , rows = 0, columns = 0] = builder.shapeOf(outputGradient);
  const { kernel, strides, before, after } = windowsOf(node, []);
  const countsPadding = node.attributes.count_include_pad;
  const counted = countsPadding?.kind === "int" && countsPadding.value === 1;
  const inside = (axis: 0 | 1, size: number, place: number): number => {
    const start = place * strides[axis] - before[axis];
    return Math.min(start + kernel[axis], size) - Math.max(start, 0);
  };
  const shares = new Float32Array(rows * columns);
  for (let y = 0; y < rows; y++) {
    for (let xx = 0; xx < columns; xx++) {
      const size = counted ? kernel[0] * kernel[1] : inside(0, height, y) * inside(1, width, xx);
      shares[y * columns + xx] = 1 / size;
    }
  }
  const share = builder.constant({ type: "float32", dims: [1, 1, rows, columns], data: shares });
  const ones = new Float32Array(elementCount([channels, 1, ...kernel])).fill(1);
  const spread = builder.constant({ type: "float32", dims: [channels, 1, ...kernel], data: ones });
  const attributes = { kernel_shape: kernel, strides, pads: [...before, ...after], group: channels };
  const scaled = builder.binary("Mul", outputGradient, share);
  return [builder.emit("ConvInputGradient", [scaled, spread], builder.shapeOf(x), attributes, GRADIENT_DOMAIN)];
};

/** `GlobalAveragePool`: every position gets the same share. */
export const globalAveragePoolGradient: GradientRule = ({ node, outputGradient, builder }) => {
  const shape = builder.shapeOf(node.inputs[0]);
  const share = builder.binary("Div", outputGradient, builder.scalar((shape[2] ?? 1) * (shape[3] ?? 1)));
  return [builder.emit("ChannelExpand", [share], shape, {}, GRADIENT_DOMAIN)];
};
