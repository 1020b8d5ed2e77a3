/**
 * A convolution's filters and gradients in the channel-blocked layout.
 *
 * dX is the blocked convolution itself with flipped filters. dW is one large matrix product of the image's patches with
 * dY: a `Gather` of channel blocks lays the patches out directly from the blocked image (no slices, no concatenation).
 */
import { intAttribute, intTensor, type Node } from "../../onnx/graph.ts";
import type { AttributeValues, GraphBuilder } from "../graph-builder.ts";
import { type Windows, windowsOf } from "../static-shapes.ts";
import { BLOCKED_DOMAIN, type Layouts } from "./layouts.ts";
import { nameAs } from "./lowering.ts";

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
  const output = node.outputs[0] as string;
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
  let output = node.outputs[0] as string;
  const shape = target.shapeOf(output);
  const inputs = [...operands];
  const all = { ...attributes };
  const absorb = (next: Node): void => {
    layouts.skip(next);
    output = next.outputs[0] as string;
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

/** `ConvWeightGradient(dY, X)` as a product of patches and dY. */
export function blockedWeightGradient(node: Node, layouts: Layouts): boolean {
  const { target, block } = layouts;
  const [dy = "", x = ""] = node.inputs;
  const [o = 0, c = 0, kh = 0, kw = 0] = target.shapeOf(node.outputs[0] as string);
  if (intAttribute(node, "group", 1) !== 1) return false;
  const windows = windowsOf(node, []);
  const size = target.shapeOf(dy);
  const place = { windows, rows: size[2] ?? 0, columns: size[3] ?? 0 };
  const gradient = layouts.rows(dy);
  if (c % block === 0) {
    const patches = blockedPatches(layouts, x, place);
    const product = target.emit("Gemm", [patches, gradient], [kh * kw * c, o], { transA: 1 });
    nameAs(target, node, target.transpose(target.reshape(product, [kh, kw, c, o]), [3, 2, 0, 1]));
  } else {
    const patches = planarPatches(target, layouts.plain(x), place);
    const product = target.emit("MatMul", [patches, gradient], [kw * c * kh, o]);
    nameAs(target, node, target.transpose(target.reshape(product, [kw, c, kh, o]), [3, 1, 2, 0]));
  }
  return true;
}

interface Place {
  readonly windows: Windows;
  /** Rows and columns of dY. */
  readonly rows: number;
  readonly columns: number;
}

/** `[N·rows·columns, kh·kw·C]`, gathered from the blocked image; outside the image is a block of zeros at its end. */
function blockedPatches(layouts: Layouts, x: string, { windows, rows, columns }: Place): string {
  const { target, block } = layouts;
  const { kernel, strides, before } = windows;
  const [n = 0, c = 0, height = 0, width = 0] = target.shapeOf(x);
  const blocks = c / block;
  const places = blocks * height * width;
  const table = target.pad(target.reshape(layouts.blocked(x) as string, [n, places, block]), 1, 0, 1);
  const indices: number[] = [];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      for (let i = 0; i < kernel[0]; i++) {
        for (let j = 0; j < kernel[1]; j++) {
          const y = row * strides[0] - before[0] + i;
          const xx = column * strides[1] - before[1] + j;
          const inside = y >= 0 && y < height && xx >= 0 && xx < width;
          for (let b = 0; b < blocks; b++) indices.push(inside ? (b * height + y) * width + xx : places);
        }
      }
    }
  }
  const gathered = target.emit("Gather", [table, target.constant(intTensor(indices))], [n, indices.length, block], {
    axis: 1,
  });
  return target.reshape(gathered, [n * rows * columns, kernel[0] * kernel[1] * c]);
}

/**
 * `[kw·C·kh, N·rows·columns]` for an image of few channels: columns by slices of the whole batch, rows by a `Gather`
 * of whole lines.
 */
function planarPatches(target: GraphBuilder, x: string, { windows, rows, columns }: Place): string {
  const { kernel, strides, before, after } = windows;
  const [n = 0, c = 0] = target.shapeOf(x);
  const padded = target.pad(target.pad(x, 2, before[0], after[0]), 3, before[1], after[1]);
  const planes = target.transpose(padded, [1, 0, 2, 3]);
  const height = target.shapeOf(planes)[2] ?? 0;
  const shifted = Array.from({ length: kernel[1] }, (_, j) =>
    target.slice(planes, 3, j, j + (columns - 1) * strides[1] + 1, strides[1]),
  );
  const lines = target.reshape(target.concat(shifted, 0), [kernel[1] * c, n * height, columns]);
  const indices: number[] = [];
  for (let i = 0; i < kernel[0]; i++) {
    for (let image = 0; image < n; image++) {
      for (let row = 0; row < rows; row++) indices.push(image * height + row * strides[0] + i);
    }
  }
  const gathered = target.emit(
    "Gather",
    [lines, target.constant(intTensor(indices))],
    [kernel[1] * c, indices.length, columns],
    { axis: 1 },
  );
  return target.reshape(gathered, [kernel[1] * c * kernel[0], n * rows * columns]);
}
