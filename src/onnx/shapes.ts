/**
 * Shapes of every tensor of a graph, as far as its operators are known. A free dimension keeps its name (`"N"`);
 * `null` is unknown. Enough for convolutional classifiers; what is not known here is simply left out.
 */
import { plainValues } from "./fold.ts";
import type { Dim, Graph, Node, Tensor } from "./graph.ts";
import { intAttribute, intsAttribute, stringAttribute } from "./graph.ts";

/** Shape of a tensor, one entry a dimension. */
export type Shape = readonly Dim[];

/** Shapes by tensor name; a tensor whose rank is unknown is absent. */
export function inferShapes(graph: Graph): Map<string, Shape> {
  const shapes = new Map<string, Shape>();
  for (const [name, tensor] of graph.constants) shapes.set(name, tensor.dims);
  for (const port of graph.inputs) if (port.shape) shapes.set(port.name, port.shape);
  for (const each of graph.nodes) {
    if (each.domain !== "") continue;
    const inputs = each.inputs.map((name) => shapes.get(name));
    const rule =
      rules[each.op] ?? (sameShape.has(each.op) ? (_: Node, [x]: readonly (Shape | undefined)[]) => x : undefined);
    const result = rule?.(each, inputs, graph.constants);
    if (!result) continue;
    const outputs = isShapeList(result) ? result : [result];
    outputs.forEach((shape, i) => {
      const name = each.outputs[i];
      if (name) shapes.set(name, shape);
    });
  }
  return shapes;
}

type Rule = (
  node: Node,
  inputs: readonly (Shape | undefined)[],
  constants: ReadonlyMap<string, Tensor>,
) => Shape | Shape[] | undefined;

/** Operators whose output has the shape of their first input. */
const sameShape = new Set(
  (
    "Relu LeakyRelu PRelu Elu Selu Celu Sigmoid HardSigmoid HardSwish Tanh Softplus Softsign Mish Gelu Clip Exp Log Sqrt " +
    "Neg Abs Erf Identity Dropout BatchNormalization InstanceNormalization LRN Softmax LogSoftmax Cast ThresholdedRelu " +
    "LayerNormalization GroupNormalization Not Reciprocal Floor Ceil Round Sign QuantizeLinear DequantizeLinear"
  ).split(" "),
);

const rules: Record<string, Rule> = {
  Conv: (node, [x, w]) => {
    if (!x || !w || x.length !== 4) return undefined;
    return [x[0], w[0], ...spatial(node, x, (w.slice(2) as number[]) ?? [])];
  },
  ConvTranspose: (node, [x, w]) => {
    if (!x || !w || x.length !== 4 || stringAttribute(node, "auto_pad", "NOTSET") !== "NOTSET") return undefined;
    return [x[0], (w[1] as number) * intAttribute(node, "group", 1), ...spread(node, x, w.slice(2) as number[])];
  },
  MaxPool: (node, [x]) => pooled(node, x),
  AveragePool: (node, [x]) => pooled(node, x),
  LpPool: (node, [x]) => pooled(node, x),
  GlobalAveragePool: (_, [x]) => x && [...x.slice(0, 2), ...x.slice(2).map(() => 1)],
  GlobalMaxPool: (_, [x]) => x && [...x.slice(0, 2), ...x.slice(2).map(() => 1)],
  Add: (_, [a, b]) => broadcast(a, b),
  Sub: (_, [a, b]) => broadcast(a, b),
  Mul: (_, [a, b]) => broadcast(a, b),
  Div: (_, [a, b]) => broadcast(a, b),
  Pow: (_, [a, b]) => broadcast(a, b),
  Max: (_, inputs) => inputs.reduce((a, b) => broadcast(a, b)),
  Min: (_, inputs) => inputs.reduce((a, b) => broadcast(a, b)),
  Sum: (_, inputs) => inputs.reduce((a, b) => broadcast(a, b)),
  Where: (_, [c, a, b]) => broadcast(c, broadcast(a, b)),
  Concat: (node, inputs) => {
    const [first] = inputs;
    if (!first || inputs.some((shape) => !shape)) return undefined;
    const axis = axisOf(intAttribute(node, "axis", 1), first.length);
    return first.map((dim, i) => (i === axis ? addDims(inputs.map((shape) => (shape as Shape)[axis])) : dim));
  },
  Flatten: (node, [x]) => {
    if (!x) return undefined;
    const axis = axisOf(intAttribute(node, "axis", 1), x.length);
    return [multiplyDims(x.slice(0, axis)), multiplyDims(x.slice(axis))];
  },
  Reshape: (_node, [x, , ...rest], constants) => {
    void rest;
    const shape = constants.get(_node.inputs[1]);
    if (!shape) return undefined;
    const target = plainValues(shape).map((dim, i): Dim => (dim === 0 ? (x?.[i] ?? null) : dim));
    const open = target.indexOf(-1);
    if (open === -1) return target;
    if (!x) return target.map((dim) => (dim === -1 ? null : dim));
    // A free dimension that stands on both sides cancels; what is left must divide.
    const free = x.filter((dim) => typeof dim !== "number");
    const others = target.filter((_, i) => i !== open);
    const freeOthers = others.filter((dim) => typeof dim !== "number");
    const size = (dims: readonly Dim[]): number =>
      dims.reduce((p: number, d) => (typeof d === "number" ? p * d : p), 1);
    const ratio = size(x) / size(others);
    const left: Dim = free.length === freeOthers.length ? ratio : ratio === 1 && free.length === 1 ? free[0] : null;
    return target.map((dim, i) => (i === open ? left : dim));
  },
  Transpose: (node, [x]) => {
    if (!x) return undefined;
    const perm = intsAttribute(
      node,
      "perm",
      x.map((_, i) => x.length - 1 - i),
    );
    return perm.map((axis) => x[axis]);
  },
  Squeeze: (node, [x], constants) => {
    if (!x) return undefined;
    const axes = axesOf(node, constants).map((axis) => axisOf(axis, x.length));
    return x.filter((dim, i) => (axes.length > 0 ? !axes.includes(i) : dim !== 1));
  },
  Unsqueeze: (node, [x], constants) => {
    if (!x) return undefined;
    const axes = axesOf(node, constants);
    const rank = x.length + axes.length;
    const places = axes.map((axis) => axisOf(axis, rank));
    const rest = [...x];
    return Array.from({ length: rank }, (_, i): Dim => (places.includes(i) ? 1 : (rest.shift() as Dim)));
  },
  Gemm: (node, [a, b]) => {
    if (!a || !b) return undefined;
    return [a[intAttribute(node, "transA", 0) ? 1 : 0], b[intAttribute(node, "transB", 0) ? 0 : 1]];
  },
  MatMul: (_, [a, b]) => {
    if (!a || !b || b.length < 2 || a.length < 2) return undefined;
    const batch = a.length >= b.length ? a.slice(0, -2) : b.slice(0, -2);
    return [...batch, a[a.length - 2], b[b.length - 1]];
  },
  Pad: (node, [x], constants) => {
    const given = constants.get(node.inputs[1] ?? "");
    const pads = given ? plainValues(given) : intsAttribute(node, "pads", []);
    if (!x || pads.length !== 2 * x.length) return undefined;
    return x.map((dim, i) => {
      const grown = pads[i] + pads[i + x.length];
      return typeof dim === "number" ? dim + grown : grown === 0 ? dim : null;
    });
  },
  Slice: (node, [x], constants) => {
    const list = (i: number): number[] | undefined => {
      const tensor = constants.get(node.inputs[i] ?? "");
      return tensor && plainValues(tensor);
    };
    const [starts, ends] = [list(1), list(2)];
    if (!x || !starts || !ends) return undefined;
    const axes = list(3) ?? starts.map((_, i) => i);
    const steps = list(4) ?? starts.map(() => 1);
    const shape: Dim[] = [...x];
    axes.forEach((axis, i) => {
      const at = axisOf(axis, x.length);
      const size = x[at];
      const step = steps[i];
      if (typeof size !== "number" || step < 0) {
        shape[at] = null;
        return;
      }
      const clamp = (value: number): number => Math.min(size, Math.max(0, value < 0 ? value + size : value));
      shape[at] = Math.max(0, Math.ceil((clamp(ends[i]) - clamp(starts[i])) / step));
    });
    return shape;
  },
  Split: (node, [x], constants) => {
    if (!x) return undefined;
    const axis = axisOf(intAttribute(node, "axis", 0), x.length);
    const given = constants.get(node.inputs[1] ?? "");
    const sizes = given ? plainValues(given) : intsAttribute(node, "split", []);
    const whole = x[axis];
    return node.outputs.map((_, part): Shape => {
      const even = typeof whole === "number" ? Math.ceil(whole / node.outputs.length) : null;
      return x.map((dim, i) => (i === axis ? (sizes[part] ?? even) : dim));
    });
  },
  ReduceMean: (node, [x], constants) => reduced(node, x, constants),
  ReduceSum: (node, [x], constants) => reduced(node, x, constants),
  ReduceMax: (node, [x], constants) => reduced(node, x, constants),
  Shape: (_, [x]) => x && [x.length],
  Gather: (node, [x, indices]) => {
    if (!x || !indices) return undefined;
    const axis = axisOf(intAttribute(node, "axis", 0), x.length);
    return [...x.slice(0, axis), ...indices, ...x.slice(axis + 1)];
  },
};

/** The axes that a reduction sums over, from 0; all of them where it names none. */
export function reducedAxes(node: Node, rank: number, constants: ReadonlyMap<string, Tensor>): number[] {
  const given = axesOf(node, constants).map((axis) => axisOf(axis, rank));
  return given.length > 0 ? given : Array.from({ length: rank }, (_, axis) => axis);
}

function reduced(node: Node, x: Shape | undefined, constants: ReadonlyMap<string, Tensor>): Shape | undefined {
  if (!x) return undefined;
  const axes = reducedAxes(node, x.length, constants);
  const kept = x.map((dim, i): Dim => (axes.includes(i) ? 1 : dim));
  return intAttribute(node, "keepdims", 1) ? kept : kept.filter((_, i) => !axes.includes(i));
}

function pooled(node: Node, x: Shape | undefined): Shape | undefined {
  if (!x || x.length !== 4) return undefined;
  return [...x.slice(0, 2), ...spatial(node, x, intsAttribute(node, "kernel_shape", [1, 1]))];
}

/** Height and width after a sliding window. */
function spatial(node: Node, x: Shape, kernel: readonly number[]): Dim[] {
  const strides = intsAttribute(node, "strides", [1, 1]);
  const dilations = intsAttribute(node, "dilations", [1, 1]);
  const pads = intsAttribute(node, "pads", [0, 0, 0, 0]);
  const same = stringAttribute(node, "auto_pad", "NOTSET").startsWith("SAME");
  const valid = stringAttribute(node, "auto_pad", "NOTSET") === "VALID";
  const round = intAttribute(node, "ceil_mode", 0) ? Math.ceil : Math.floor;
  return [0, 1].map((axis): Dim => {
    const size = x[axis + 2];
    const stride = strides[axis] ?? 1;
    if (typeof size !== "number") return null;
    if (same) return Math.ceil(size / stride);
    const before = valid ? 0 : (pads[axis] ?? 0);
    const padding = valid ? 0 : before + (pads[axis + 2] ?? 0);
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

function axisOf(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

function axesOf(node: Node, constants: ReadonlyMap<string, Tensor>): readonly number[] {
  const given = constants.get(node.inputs[1] ?? "");
  return given ? plainValues(given) : intsAttribute(node, "axes", []);
}

function addDims(dims: readonly Dim[]): Dim {
  return dims.every((dim) => typeof dim === "number") ? (dims as number[]).reduce((a, b) => a + b, 0) : null;
}

function multiplyDims(dims: readonly Dim[]): Dim {
  if (dims.every((dim) => typeof dim === "number")) return (dims as number[]).reduce((a, b) => a * b, 1);
  return dims.length === 1 ? dims[0] : null;
}

function broadcast(a: Shape | undefined, b: Shape | undefined): Shape | undefined {
  if (!a || !b) return undefined;
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i): Dim => {
    const left = a[i - rank + a.length] ?? (i < rank - a.length ? 1 : null);
    const right = b[i - rank + b.length] ?? (i < rank - b.length ? 1 : null);
    if (left === 1) return right;
    if (right === 1 || left === right) return left;
    return typeof left === "number" ? left : right;
  });
}

function isShapeList(result: Shape | Shape[]): result is Shape[] {
  return result.length > 0 && Array.isArray(result[0]);
}
