/** The operators that have a form in the channel-blocked layout, and that form. */
import { intAttribute } from "../../onnx/graph.ts";
import type { AttributeValues } from "../graph-builder.ts";
import { windowCount, windowsOf } from "../static-shapes.ts";
import { channelAffine, channelDot, channelExpand, channelSum } from "./blocked-channels.ts";
import { emitConvolution, forwardFilter } from "./blocked-convolution.ts";
import { blockedInputGradient } from "./blocked-input-gradient.ts";
import { blockedWeightGradient } from "./blocked-weight-gradient.ts";
import { BLOCKED_DOMAIN, type BlockedRule } from "./layouts.ts";
import { alongColumns, maxPoolGradientOn } from "./portable.ts";

const conv: BlockedRule = (node, layouts) => {
  const { target, block } = layouts;
  const [x = "", w = "", b] = node.inputs;
  const [outputs = 0, inputs = 0] = target.shapeOf(w);
  const few = inputs < block;
  if (intAttribute(node, "group", 1) !== 1 || outputs % block !== 0 || (!few && inputs % block !== 0)) return false;
  const { kernel, strides, before, after } = windowsOf(node, target.shapeOf(w).slice(2));
  const attributes: AttributeValues = {
    kernel_shape: kernel,
    strides,
    pads: [...before, ...after],
    dilations: [1, 1],
    group: 1,
  };
  const given = few ? layouts.plain(x) : (layouts.blocked(x) as string);
  emitConvolution(node, layouts, { operands: [given, forwardFilter(layouts, w), b ?? ""], attributes });
  return true;
};

const pool: BlockedRule = (node, layouts) => {
  const { target } = layouts;
  const x = layouts.blocked(node.inputs[0]);
  if (x === undefined || node.outputs.length > 1) return false;
  const { kernel, strides, before, after } = windowsOf(node, []);
  const attributes: AttributeValues = { kernel_shape: kernel, strides, pads: [...before, ...after] };
  if (node.op === "AveragePool") attributes.count_include_pad = intAttribute(node, "count_include_pad", 0);
  const output = node.outputs[0];
  layouts.setBlocked(output, target.emit(node.op, [x], target.shapeOf(output), attributes, BLOCKED_DOMAIN));
  return true;
};

const globalPool: BlockedRule = (node, layouts) => {
  const { target } = layouts;
  const x = layouts.blocked(node.inputs[0]);
  if (x === undefined) return false;
  const output = node.outputs[0];
  layouts.setBlocked(output, target.emit(node.op, [x], target.shapeOf(output), {}, BLOCKED_DOMAIN));
  return true;
};

/** Elementwise on tensors of one shape; in blocks if one of them is. */
const elementwise: BlockedRule = (node, layouts) => {
  const { target } = layouts;
  const output = node.outputs[0];
  const shape = target.shapeOf(output);
  const same = node.inputs.every((input) => target.shapeOf(input).join() === shape.join());
  if (!same || !node.inputs.some((input) => layouts.isBlocked(input))) return false;
  const inputs = node.inputs.map((input) => layouts.blocked(input) as string);
  layouts.setBlocked(output, target.emit(node.op, inputs, shape));
  return true;
};

/** `Mul` by a factor per image and channel (channel dropout), or per channel. */
const multiply: BlockedRule = (node, layouts) => {
  if (elementwise(node, layouts)) return true;
  const { target, block } = layouts;
  const [x = "", factor = ""] = node.inputs;
  const [n = 0, c = 0, h = 0, w = 0] = target.shapeOf(x);
  const [images = 0, channels = 0, ...rest] = target.shapeOf(factor);
  if (!layouts.isBlocked(x) || channels !== c || rest.join() !== "1,1") return false;
  const view = target.reshape(layouts.blocked(x) as string, [n, c / block, h * w, block]);
  const wide = target.reshape(layouts.plain(factor), [images, c / block, 1, block]);
  layouts.setBlocked(node.outputs[0], target.reshape(target.binary("Mul", view, wide), [n, c, h, w]));
  return true;
};

const reluGradient: BlockedRule = (node, layouts) => {
  const { target } = layouts;
  if (!node.inputs.some((input) => layouts.isBlocked(input))) return false;
  const [dy = "", y = ""] = node.inputs.map((input) => layouts.blocked(input) as string);
  const shape = target.shapeOf(y);
  const positive = target.emit("Greater", [y, target.scalar(0)], shape);
  const mask = target.emit("Cast", [positive], shape, { to: 1 });
  layouts.setBlocked(node.outputs[0], target.binary("Mul", dy, mask));
  return true;
};

const maxPoolGradient: BlockedRule = (node, layouts) => {
  const { target, block } = layouts;
  const [dy, x, y] = node.inputs.map((input) => layouts.blocked(input));
  if (dy === undefined || x === undefined || y === undefined) return false;
  const windows = windowsOf(node, []);
  const [n = 0, c = 0, height = 0, width = 0] = target.shapeOf(x);
  const columns = windowCount(windows, 1, width);
  const along = target.emit("MaxPool", [x], [n, c, height, columns], alongColumns(windows), BLOCKED_DOMAIN);
  const planes = (n * c) / block;
  const gradient = maxPoolGradientOn(target, { dy, x, y, along }, { windows, planes, height, width, block });
  layouts.setBlocked(node.outputs[0], target.reshape(gradient, [n, c, height, width]));
  return true;
};

/** By operator; operators of ours and standard ones do not share names. */
export const blockedRules: Readonly<Record<string, BlockedRule>> = {
  Add: elementwise,
  AveragePool: pool,
  ChannelAffine: channelAffine,
  ChannelDot: channelDot,
  ChannelExpand: channelExpand,
  ChannelSum: channelSum,
  Conv: conv,
  ConvInputGradient: blockedInputGradient,
  ConvWeightGradient: blockedWeightGradient,
  GlobalAveragePool: globalPool,
  MaxPool: pool,
  MaxPoolGradient: maxPoolGradient,
  Mul: multiply,
  Relu: elementwise,
  ReluGradient: reluGradient,
  Sub: elementwise,
};
