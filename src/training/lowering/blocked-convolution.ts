/**
 * A convolution, its filters and its input's gradient in the channel-blocked layout: dX is the blocked convolution itself
 * with flipped filters.
 */
import { intAttribute, type Node } from "../../onnx/graph.ts";
import type { AttributeValues } from "../graph-builder.ts";
import { windowsOf } from "../static-shapes.ts";
import { BLOCKED_DOMAIN, type Layouts } from "./layouts.ts";

/**
 * A filter `[O, C, kh, kw]` in the order of the blocked convolution: `[O/B, C/B, kh, kw, B of C, B of O]`, or
 * `[O/B, C, kh, kw, B of O]` for fewer channels than a block.
 */
export function forwardFilter({ target, block, plain }: Layouts, filter: string): string {
  const shape = target.shapeOf(filter);
  const [o = 0, c = 0, kh = 0, kw = 0] = shape;
  const ordered =
    c < block
      ? target.transpose(target.reshape(plain(filter), [o / block, block, c * kh * kw]), [0, 2, 1])
      : target.transpose(target.reshape(plain(filter), [o / block, block, c / block, block, kh * kw]), [0, 2, 4, 3, 1]);
  return target.reshape(ordered, shape);
}

/** The filter of dX: channels swapped, kernel flipped, in blocked order. */
function backwardFilter({ target, block, plain }: Layouts, filter: string): string {
  const [o = 0, c = 0, kh = 0, kw = 0] = target.shapeOf(filter);
  const places = kh * kw;
  const swapped = target.transpose(
    target.reshape(plain(filter), [o / block, block, c / block, block, places]),
    [2, 0, 4, 1, 3],
  );
  if (places === 1) return target.reshape(swapped, [c, o, kh, kw]);
  const backwards = target.ints(Array.from({ length: places }, (_, i) => places - 1 - i));
  const flipped = target.emit("Gather", [swapped, backwards], target.shapeOf(swapped), { axis: 2 });
  return target.reshape(flipped, [c, o, kh, kw]);
}

/** Puts `strides − 1` zeros behind every row and column of a blocked tensor. */
function spread({ target, block }: Layouts, tensor: string, strides: readonly [number, number]): string {
  const [n = 0, c = 0, h = 0, w = 0] = target.shapeOf(tensor);
  const columns = target.pad(
    target.reshape(tensor, [((n * c) / block) * h * w, block]),
    1,
    0,
    (strides[1] - 1) * block,
  );
  const line = w * strides[1] * block;
  const rows = target.pad(target.reshape(columns, [((n * c) / block) * h, line]), 1, 0, (strides[0] - 1) * line);
  return target.reshape(rows, [n, c, h * strides[0], w * strides[1]]);
}

/** `ConvInputGradient(dY, W)` as a blocked convolution of dY, spread by the stride. */
export function blockedInputGradient(node: Node, layouts: Layouts): boolean {
  const { target, block } = layouts;
  const [dy = "", w = ""] = node.inputs;
  const output = node.outputs[0];
  const shape = target.shapeOf(output);
  const [o = 0, c = 0] = target.shapeOf(w);
  const { kernel, strides, before } = windowsOf(node, []);
  if (intAttribute(node, "group", 1) !== 1 || o % block !== 0 || c % block !== 0) return false;
  const places = target.shapeOf(dy).slice(2);
  const pads = ([0, 1] as const).map((axis) => {
    const front = kernel[axis] - 1 - before[axis];
    return { front, back: (shape[axis + 2] ?? 0) + kernel[axis] - 1 - front - (places[axis] ?? 0) * strides[axis] };
  });
  if (pads.some(({ front, back }) => front < 0 || back < 0)) return false;
  const given = layouts.blocked(dy) as string;
  const pointwise = kernel[0] === 1 && kernel[1] === 1 && pads.every(({ front, back }) => front === 0 && back === 0);
  const strided = strides[0] > 1 || strides[1] > 1;
  const image = strided && !pointwise ? spread(layouts, given, strides) : given;
  const attributes = {
    kernel_shape: kernel,
    strides: [1, 1],
    pads: [...pads.map(({ front }) => front), ...pads.map(({ back }) => back)],
    dilations: [1, 1],
    group: 1,
  };
  const operands = [image, backwardFilter(layouts, w), ""];
  if (!strided || !pointwise) emitConvolution(node, layouts, { operands, attributes });
  else {
    const size = [shape[0] ?? 0, c, ...places];
    const result = target.emit("Conv", operands.slice(0, 2), size, attributes, BLOCKED_DOMAIN);
    layouts.setBlocked(output, spread(layouts, result, strides));
  }
  return true;
}

/**
 * Emits the blocked convolution that a source node stands for, together with what only follows it: an addition of a
 * tensor that is there already, and a ReLU. The runtime's operator does both while the result is in the cache.
 *
 * @param how.operands image, filter, and bias (empty: none).
 */
export function emitConvolution(
  node: Node,
  layouts: Layouts,
  { operands, attributes }: { operands: readonly string[]; attributes: AttributeValues },
): void {
  const { target } = layouts;
  let output = node.outputs[0];
  const shape = target.shapeOf(output);
  const inputs = [...operands];
  const all = { ...attributes };
  const absorb = (next: Node): void => {
    layouts.skip(next);
    output = next.outputs[0];
    target.declare(output, shape);
  };
  const sum = layouts.onlyReader(output);
  const other = sum?.op === "Add" ? sum.inputs.find((input) => input !== output) : undefined;
  if (sum && other !== undefined && layouts.isReady(other) && target.shapeOf(other).join() === shape.join()) {
    inputs.push(layouts.blocked(other) as string);
    absorb(sum);
  }
  const relu = layouts.onlyReader(output);
  if (relu?.op === "Relu") {
    all.activation = "Relu";
    absorb(relu);
  }
  while (inputs.at(-1) === "") inputs.pop();
  layouts.setBlocked(output, target.emit("Conv", inputs, shape, all, BLOCKED_DOMAIN));
}
