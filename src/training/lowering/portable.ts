/**
 * The lowering that runs anywhere: gradient operators as standard operators on NCHW tensors.
 *
 * The convolutions' gradients are convolutions themselves: dX is a `ConvTranspose`; dW is a `Conv` over the batch, with
 * images as channels, dY as the kernel, and the stride as its dilation.
 */
import { elementCount, intAttribute, intsAttribute, type Node } from "../../onnx/graph.ts";
import { GRADIENT_DOMAIN, type GraphBuilder } from "../graph-builder.ts";
import { type Windows, windowCount, windowsOf } from "../static-shapes.ts";
import { emitAs, type LoweringRule, type LoweringSource, nameAs } from "./lowering.ts";
import { maxPoolAxisGradient } from "./max-pool-gradient.ts";

/** Rewrites a graph; the source's tensors keep their names. */
export function lowerPortable(source: LoweringSource, target: GraphBuilder): void {
  for (const node of source.nodes) lowerPortableNode(node, source, target);
}

/** Rewrites one node. */
export function lowerPortableNode(node: Node, source: LoweringSource, target: GraphBuilder): void {
  for (const output of node.outputs) if (output !== "") target.declare(output, source.shapeOf(output));
  const rule = node.domain === GRADIENT_DOMAIN ? rules[node.op] : undefined;
  if (rule) rule(node, target);
  else
    target.append(
      node,
      node.outputs.map((output) => source.shapeOf(output)),
    );
}

const convInputGradient: LoweringRule = (node, target) => {
  const [dy = "", w = ""] = node.inputs;
  const windows = windowsOf(node, []);
  const { kernel, strides, before, after } = windows;
  const shape = target.shapeOf(node.outputs[0]);
  const given = target.shapeOf(dy);
  const missing = ([0, 1] as const).map((axis) => {
    const reached = ((given[axis + 2] ?? 0) - 1) * strides[axis] + kernel[axis] - before[axis] - after[axis];
    return (shape[axis + 2] ?? 0) - reached;
  });
  emitAs(target, {
    source: node,
    op: "ConvTranspose",
    inputs: [dy, w],
    attributes: {
      kernel_shape: { kind: "ints", value: kernel },
      strides: { kind: "ints", value: strides },
      pads: { kind: "ints", value: [...before, ...after] },
      output_padding: { kind: "ints", value: missing },
      group: { kind: "int", value: intAttribute(node, "group", 1) },
    },
  });
};

const convWeightGradient: LoweringRule = (node, target) => {
  const [dy = "", x = ""] = node.inputs;
  const group = intAttribute(node, "group", 1);
  const windows = windowsOf(node, []);
  const [outputs = 0, inputs = 0] = target.shapeOf(node.outputs[0]);
  const parts = Array.from({ length: group }, (_, g) => {
    const own = (tensor: string, channels: number): string =>
      target.transpose(target.slice(tensor, 1, g * channels, (g + 1) * channels), [1, 0, 2, 3]);
    const images = own(x, inputs);
    const kernels = own(dy, outputs / group);
    const [, , height = 0, width = 0] = target.shapeOf(images);
    const [, , rows = 0, columns = 0] = target.shapeOf(kernels);
    const reach = (axis: 0 | 1, size: number, places: number): number =>
      size + windows.before[axis] + windows.after[axis] - (places - 1) * windows.strides[axis];
    const tall = reach(0, height, rows);
    const wide = reach(1, width, columns);
    const conv = target.emit("Conv", [images, kernels], [inputs, outputs / group, tall, wide], {
      kernel_shape: [rows, columns],
      dilations: windows.strides,
      pads: intsAttribute(node, "pads", []),
    });
    const cut = target.slice(target.slice(conv, 2, 0, windows.kernel[0]), 3, 0, windows.kernel[1]);
    return target.transpose(cut, [1, 0, 2, 3]);
  });
  nameAs(target, node, target.concat(parts, 0));
};

const maxPoolGradient: LoweringRule = (node, target) => {
  const [dy = "", x = "", y = ""] = node.inputs;
  const windows = windowsOf(node, []);
  const [n = 0, c = 0, height = 0, width = 0] = target.shapeOf(x);
  const along = target.emit("MaxPool", [x], [n, c, height, windowCount(windows, 1, width)], alongColumns(windows));
  const gradient = maxPoolGradientOn(target, { dy, x, y, along }, { windows, planes: n * c, height, width, block: 1 });
  nameAs(target, node, gradient);
};

/** The attributes of the pool along columns alone: the first of the two that a two-dimensional pool is made of. */
export function alongColumns({ kernel, strides, before, after }: Windows): Record<string, readonly number[]> {
  return { kernel_shape: [1, kernel[1]], strides: [1, strides[1]], pads: [0, before[1], 0, after[1]] };
}

/** Both axes in turn, on tensors of `[planes, height, width, block]` elements. */
export function maxPoolGradientOn(
  target: GraphBuilder,
  { dy, x, y, along }: { dy: string; x: string; y: string; along: string },
  {
    windows,
    planes,
    height,
    width,
    block,
  }: { windows: Windows; planes: number; height: number; width: number; block: number },
): string {
  const rows = windowCount(windows, 0, height);
  const columns = windowCount(windows, 1, width);
  const axis = (a: 0 | 1): { kernel: number; stride: number; before: number } => ({
    kernel: windows.kernel[a],
    stride: windows.strides[a],
    before: windows.before[a],
  });
  const ofAlong = maxPoolAxisGradient(
    target,
    { input: along, output: y, gradient: dy },
    { outer: planes, size: height, inner: columns * block, places: rows, ...axis(0) },
  );
  return maxPoolAxisGradient(
    target,
    { input: x, output: along, gradient: ofAlong },
    { outer: planes * height, size: width, inner: block, places: columns, ...axis(1) },
  );
}

const rules: Readonly<Record<string, LoweringRule>> = {
  ConvInputGradient: convInputGradient,
  ConvWeightGradient: convWeightGradient,
  MaxPoolGradient: maxPoolGradient,
  ReluGradient(node, target) {
    const [dy = "", y = ""] = node.inputs;
    const shape = target.shapeOf(y);
    const positive = target.emit("Greater", [y, target.scalar(0)], shape);
    emitAs(target, { source: node, op: "Mul", inputs: [dy, target.emit("Cast", [positive], shape, { to: 1 })] });
  },
  ChannelSum(node, target) {
    const [x = ""] = node.inputs;
    const axes = target.shapeOf(x).flatMap((_, axis) => (axis === 1 ? [] : [axis]));
    nameAs(target, node, target.sum(x, axes));
  },
  ChannelDot(node, target) {
    const [left = "", right = ""] = node.inputs;
    nameAs(target, node, target.sum(target.binary("Mul", left, right), [0, 2, 3]));
  },
  ChannelAffine(node, target) {
    const [x = "", scale = "", shift = ""] = node.inputs;
    const wide = (vector: string): string => target.reshape(vector, [1, elementCount(target.shapeOf(vector)), 1, 1]);
    emitAs(target, { source: node, op: "Add", inputs: [target.binary("Mul", x, wide(scale)), wide(shift)] });
  },
  ChannelExpand(node, target) {
    const [x = ""] = node.inputs;
    emitAs(target, { source: node, op: "Expand", inputs: [x, target.ints(target.shapeOf(node.outputs[0]))] });
  },
};
