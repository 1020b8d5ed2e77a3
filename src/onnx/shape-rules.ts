/** How the shapes of an operator's outputs follow from those of its inputs: the rules that the table of operators names. */
import { addDims, axisOf, broadcast, divideDims, multiplyDims, type Shape } from "./dims.ts";
import type { Dim, Node, Tensor } from "./graph.ts";
import { intAttribute, intsAttribute, plainValues, stringAttribute } from "./graph.ts";
import { ALL, isOpenEnd, padsOf, sliceParts } from "./slice-and-pad.ts";

/** The shape of the first output, or those of all; undefined where it does not follow. */
export type ShapeRule = (
  node: Node,
  inputs: readonly (Shape | undefined)[],
  constants: ReadonlyMap<string, Tensor>,
) => Shape | Shape[] | undefined;

/** The shape of the first input. */
export const same: ShapeRule = (_, [x]) => x;

/** Elementwise, all inputs broadcast against each other. */
export const broadcasting: ShapeRule = (_, inputs) => inputs.reduce((a, b) => broadcast(a, b));

/** `[N, C, …]` with weights `[M, C/groups, …]`: `[N, M, …]`, by strides, dilations and padding. */
export const convolution: ShapeRule = (node, [x, w]) => {
  if (!x || !w || x.length !== 4) return undefined;
  return [x[0], w[0], ...slid(node, x, (w.slice(2) as number[]) ?? [])];
};

/** As the gradient of a convolution: positions grow by the stride. */
export const transposedConvolution: ShapeRule = (node, [x, w]) => {
  if (!x || !w || x.length !== 4 || stringAttribute(node, "auto_pad", "NOTSET") !== "NOTSET") return undefined;
  return [x[0], (w[1] as number) * intAttribute(node, "group", 1), ...spread(node, x, w.slice(2) as number[])];
};

/** As a convolution, channels kept. */
export const pool: ShapeRule = (node, [x]) => {
  if (!x || x.length < 3) return undefined;
  return [...x.slice(0, 2), ...slid(node, x, intsAttribute(node, "kernel_shape", [1, 1]))];
};

/** Every position becomes one. */
export const globalPool: ShapeRule = (_, [x]) => x && [...x.slice(0, 2), ...x.slice(2).map(() => 1)];

/** Lengths along the axis add up. */
export const concat: ShapeRule = (node, inputs) => {
  const [first] = inputs;
  const shapes = inputs.filter((shape): shape is Shape => shape !== undefined);
  if (!first || shapes.length < inputs.length) return undefined;
  const axis = axisOf(intAttribute(node, "axis", 1), first.length);
  return first.map((dim, i) =>
    i === axis ? addDims(shapes.map((shape) => shape[axis])) : (shapes.map((s) => s[i]).find(isFree) ?? dim),
  );
};

/** A matrix: axes before `axis`, and the others. */
export const flatten: ShapeRule = (node, [x]) => {
  if (!x) return undefined;
  const axis = axisOf(intAttribute(node, "axis", 1), x.length);
  return [multiplyDims(x.slice(0, axis)), multiplyDims(x.slice(axis))];
};

/** A constant shape, with 0 for a kept axis and -1 for what is left. */
export const reshape: ShapeRule = (node, [x], constants) => {
  const shape = constants.get(node.inputs[1] ?? "");
  const values = shape ? plainValues(shape) : intsAttribute(node, "shape", []);
  if (!shape && values.length === 0) return undefined;
  const target = values.map((dim, i): Dim => (dim === 0 ? (x?.[i] ?? null) : dim));
  const open = target.indexOf(-1);
  if (open === -1) return target;
  const left = x
    ? divideDims(
        x,
        target.filter((_, i) => i !== open),
      )
    : null;
  return target.map((dim, i) => (i === open ? left : dim));
};

/** Axes in the order of the permutation. */
export const transpose: ShapeRule = (node, [x]) => {
  if (!x) return undefined;
  const reversed = x.map((_, i) => x.length - 1 - i);
  return intsAttribute(node, "perm", reversed).map((axis) => x[axis]);
};

/** Axes of length 1 go. */
export const squeeze: ShapeRule = (node, [x], constants) => {
  if (!x) return undefined;
  const axes = axesOf(node, constants).map((axis) => axisOf(axis, x.length));
  return x.filter((dim, i) => (axes.length > 0 ? !axes.includes(i) : dim !== 1));
};

/** Axes of length 1 come. */
export const unsqueeze: ShapeRule = (node, [x], constants) => {
  if (!x) return undefined;
  const axes = axesOf(node, constants);
  const rank = x.length + axes.length;
  const places = axes.map((axis) => axisOf(axis, rank));
  const rest = [...x];
  return Array.from({ length: rank }, (_, i): Dim => (places.includes(i) ? 1 : (rest.shift() as Dim)));
};

/** `[M, K]` and `[K, N]`, each transposed if it says so: `[M, N]`. */
export const gemm: ShapeRule = (node, [a, b]) => {
  if (!a || !b) return undefined;
  return [a[intAttribute(node, "transA", 0) ? 1 : 0], b[intAttribute(node, "transB", 0) ? 0 : 1]];
};

/** A product of matrices, stacks of them broadcast. */
export const matMul: ShapeRule = (_, [a, b]) => {
  if (!a || !b || b.length < 2 || a.length < 2) return undefined;
  const batch = broadcast(a.slice(0, -2), b.slice(0, -2));
  return batch && [...batch, a[a.length - 2], b[b.length - 1]];
};

/** Every axis grows by its constant padding. */
export const pad: ShapeRule = (node, [x], constants) => {
  const pads = x && padsOf(node, x.length, constants);
  return pads?.map(([before, behind], i) => {
    const [dim, grown] = [x?.[i] ?? null, before + behind];
    return typeof dim === "number" ? dim + grown : grown === 0 ? dim : null;
  });
};

/** Every axis by its constant starts, ends and steps. */
export const slice: ShapeRule = (node, [x], constants) => {
  const parts = sliceParts(node, constants);
  if (!x || !parts) return undefined;
  const shape: Dim[] = [...x];
  parts.axes.forEach((axis, i) => {
    const at = axisOf(axis, x.length);
    const size = x[at];
    const [start, end, step] = [parts.starts[i], parts.ends[i], parts.steps[i]];
    if (start === 0 && step === 1 && end >= ALL) return;
    if (typeof size !== "number") {
      shape[at] = null;
      return;
    }
    const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
    const clamp = (value: number, least: number): number =>
      Math.min(high, Math.max(least, value < 0 ? value + size : value));
    const last = step < 0 && isOpenEnd(end) ? -1 : clamp(end, low);
    shape[at] = Math.max(0, Math.ceil((last - clamp(start, 0)) / step));
  });
  return shape;
};

/** Equal or listed parts along an axis; the first of them. */
export const split: ShapeRule = (node, [x], constants) => {
  if (!x || (node.inputs[1] && !constants.has(node.inputs[1]))) return undefined;
  const axis = axisOf(intAttribute(node, "axis", 0), x.length);
  const given = constants.get(node.inputs[1] ?? "");
  const sizes = given ? plainValues(given) : intsAttribute(node, "split", []);
  const whole = x[axis];
  const even = typeof whole === "number" ? Math.ceil(whole / node.outputs.length) : null;
  return node.outputs.map((_, part): Shape => {
    const last = typeof whole === "number" && even !== null ? whole - even * (node.outputs.length - 1) : null;
    const own = part === node.outputs.length - 1 ? last : even;
    return x.map((dim, i) => (i === axis ? (sizes[part] ?? own) : dim));
  });
};

/** The reduced axes become 1, or go. */
export const reduction: ShapeRule = (node, [x], constants) => {
  if (!x || (node.inputs[1] && !constants.has(node.inputs[1]))) return undefined;
  const axes = reducedAxes(node, x.length, constants);
  const kept = x.map((dim, i): Dim => (axes.includes(i) ? 1 : dim));
  return intAttribute(node, "keepdims", 1) ? kept : kept.filter((_, i) => !axes.includes(i));
};

/** ArgMax and ArgMin: one axis becomes 1, or goes. */
export const argument: ShapeRule = (node, [x]) => {
  if (!x) return undefined;
  const axis = axisOf(intAttribute(node, "axis", 0), x.length);
  const kept = x.map((dim, i): Dim => (i === axis ? 1 : dim));
  return intAttribute(node, "keepdims", 1) ? kept : kept.filter((_, i) => i !== axis);
};

/** One axis, as long as the input has axes. */
export const shapeOf: ShapeRule = (node, [x]) => {
  if (!x) return undefined;
  return [x.slice(intAttribute(node, "start", 0), intAttribute(node, "end", x.length)).length];
};

/** The axis is replaced by the axes of the indices. */
export const gather: ShapeRule = (node, [x, indices]) => {
  if (!x || !indices) return undefined;
  const axis = axisOf(intAttribute(node, "axis", 0), x.length);
  return [...x.slice(0, axis), ...indices, ...x.slice(axis + 1)];
};

/** Broadcast to a constant shape. */
export const expand: ShapeRule = (node, [x], constants) => {
  const target = constants.get(node.inputs[1] ?? "");
  return target && broadcast(x, plainValues(target));
};

/** Blocks of channels become positions. */
export const depthToSpace: ShapeRule = (node, [x]) => {
  const side = intAttribute(node, "blocksize", 1);
  const [n, c, h, w] = x ?? [];
  if (x?.length !== 4 || typeof c !== "number" || typeof h !== "number" || typeof w !== "number") return undefined;
  return [n, c / side ** 2, h * side, w * side];
};

/** Blocks of positions become channels. */
export const spaceToDepth: ShapeRule = (node, [x]) => {
  const side = intAttribute(node, "blocksize", 1);
  const [n, c, h, w] = x ?? [];
  if (x?.length !== 4 || typeof c !== "number" || typeof h !== "number" || typeof w !== "number") return undefined;
  return [n, c * side ** 2, h / side, w / side];
};

/** The axes that a reduction sums over, from 0; all of them where it names none. */
export function reducedAxes(node: Node, rank: number, constants: ReadonlyMap<string, Tensor>): number[] {
  const given = axesOf(node, constants).map((axis) => axisOf(axis, rank));
  if (given.length === 0 && intAttribute(node, "noop_with_empty_axes", 0) === 1) return [];
  return given.length > 0 ? given : Array.from({ length: rank }, (_, axis) => axis);
}

/** The axes that an operator names, in an input or an attribute. */
export function axesOf(node: Node, constants: ReadonlyMap<string, Tensor>): readonly number[] {
  const given = constants.get(node.inputs[1] ?? "");
  return given ? plainValues(given) : intsAttribute(node, "axes", []);
}

function isFree(dim: Dim | undefined): dim is string {
  return typeof dim === "string";
}

/** Height and width after a sliding window. */
function slid(node: Node, x: Shape, kernel: readonly number[]): Dim[] {
  const strides = intsAttribute(node, "strides", [1, 1]);
  const dilations = intsAttribute(node, "dilations", [1, 1]);
  const pads = intsAttribute(node, "pads", []);
  const rank = x.length - 2;
  const isSame = stringAttribute(node, "auto_pad", "NOTSET").startsWith("SAME");
  const isValid = stringAttribute(node, "auto_pad", "NOTSET") === "VALID";
  const round = intAttribute(node, "ceil_mode", 0) ? Math.ceil : Math.floor;
  return Array.from({ length: rank }, (_, axis): Dim => {
    const size = x[axis + 2];
    const stride = strides[axis] ?? 1;
    if (typeof size !== "number") return null;
    if (isSame) return Math.ceil(size / stride);
    const before = isValid ? 0 : (pads[axis] ?? 0);
    const padding = isValid ? 0 : before + (pads[axis + rank] ?? 0);
    const reach = (dilations[axis] ?? 1) * ((kernel[axis] ?? 1) - 1) + 1;
    const windows = round((size + padding - reach) / stride) + 1;
    // With ceil_mode the last window must start inside the input or its leading padding.
    return round === Math.ceil && (windows - 1) * stride >= size + before ? windows - 1 : windows;
  });
}

/** Height and width behind a transposed convolution. */
function spread(node: Node, x: Shape, kernel: readonly number[]): Dim[] {
  const strides = intsAttribute(node, "strides", [1, 1]);
  const dilations = intsAttribute(node, "dilations", [1, 1]);
  const pads = intsAttribute(node, "pads", [0, 0, 0, 0]);
  const extra = intsAttribute(node, "output_padding", [0, 0]);
  const given = intsAttribute(node, "output_shape", []);
  return [0, 1].map((axis): Dim => {
    const size = x[axis + 2];
    if (given.length > 0) return given[given.length - 2 + axis];
    if (typeof size !== "number") return null;
    const reach = (dilations[axis] ?? 1) * ((kernel[axis] ?? 1) - 1) + 1;
    const padding = (pads[axis] ?? 0) + (pads[axis + 2] ?? 0);
    return (strides[axis] ?? 1) * (size - 1) + (extra[axis] ?? 0) + reach - padding;
  });
}
