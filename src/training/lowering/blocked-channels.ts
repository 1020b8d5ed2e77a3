/** Channel-wise operators in the channel-blocked layout: sums over a channel, and factors and shifts of one. */
import { emitConvolution } from "./blocked-convolution.ts";
import { BLOCKED_DOMAIN, type BlockedRule } from "./layouts.ts";
import { emitAs, nameAs } from "./lowering.ts";

/** Σ over images and positions: the mean of every plane, then all images. */
export const channelSum: BlockedRule = (node, layouts) => {
  const { target } = layouts;
  const [x = ""] = node.inputs;
  if (!layouts.isBlocked(x)) return false;
  const [n = 0, c = 0, h = 0, w = 0] = target.shapeOf(x);
  const means = target.emit("GlobalAveragePool", [layouts.blocked(x) as string], [n, c, 1, 1], {}, BLOCKED_DOMAIN);
  const total = target.sum(target.reshape(means, [n, c]), [0]);
  emitAs(target, { source: node, op: "Mul", inputs: [total, target.scalar(h * w)] });
  return true;
};

/**
 * Σ of products over images and positions. A depthwise convolution whose kernel is as large as the image, with every
 * plane of every image as a channel, multiplies and sums in one pass: the one tensor's planes are the other's filters.
 */
export const channelDot: BlockedRule = (node, layouts) => {
  const { target } = layouts;
  const [left = "", right = ""] = node.inputs;
  if (!node.inputs.some((input) => layouts.isBlocked(input))) return false;
  const [n = 0, c = 0, h = 0, w = 0] = target.shapeOf(left);
  const image = target.reshape(layouts.blocked(left) as string, [1, n * c, h, w]);
  const filter = target.reshape(layouts.blocked(right) as string, [n * c, 1, h, w]);
  const attributes = {
    kernel_shape: [h, w],
    strides: [1, 1],
    pads: [0, 0, 0, 0],
    dilations: [1, 1],
    group: n * c,
  };
  const products = target.emit("Conv", [image, filter], [1, n * c, 1, 1], attributes, BLOCKED_DOMAIN);
  nameAs(target, node, target.sum(target.reshape(products, [n, c]), [0]));
  return true;
};

/** A factor and a shift per channel, as a depthwise 1×1 convolution: one pass. */
export const channelAffine: BlockedRule = (node, layouts) => {
  const { target } = layouts;
  const [x = "", scale = "", shift = ""] = node.inputs;
  const given = layouts.blocked(x);
  if (given === undefined) return false;
  const shape = target.shapeOf(x);
  const channels = shape[1] ?? 0;
  const filter = target.reshape(layouts.plain(scale), [channels, 1, 1, 1]);
  const attributes = {
    kernel_shape: [1, 1],
    strides: [1, 1],
    pads: [0, 0, 0, 0],
    dilations: [1, 1],
    group: channels,
  };
  emitConvolution(node, layouts, { operands: [given, filter, layouts.plain(shift)], attributes });
  return true;
};

/** One value per image and channel, at every position. */
export const channelExpand: BlockedRule = (node, layouts) => {
  const { target, block } = layouts;
  const output = node.outputs[0];
  const [n = 0, c = 0, h = 0, w = 0] = target.shapeOf(output);
  const x = layouts.blocked(node.inputs[0]);
  if (x === undefined) return false;
  const shape = [n, c / block, h * w, block];
  const view = target.reshape(x, [n, c / block, 1, block]);
  const wide = target.emit("Expand", [view, target.ints(shape)], shape);
  layouts.setBlocked(output, target.reshape(wide, [n, c, h, w]));
  return true;
};
