/**
 * Constant folding of the integer bookkeeping that exporters leave in a graph (`Shape → Gather → Concat → Reshape`,
 * pads of a shortcut), so that shapes are known and cutting the graph leaves no loose ends.
 *
 * Only small tensors and the operators below are folded; weights are left alone.
 */
import { broadcast } from "./dims.ts";
import { BFLOAT16, typeOfNumber } from "./element-types.ts";
import type { ElementType, Graph, Node, Tensor, TensorData } from "./graph.ts";
import { elementCount, int64, intAttribute, intsAttribute, plainValues } from "./graph.ts";
import { isOpenEnd } from "./slice-and-pad.ts";

/** Larger tensors are not folded: it would only make the file bigger. */
const LARGEST_FOLDED = 4096;

/** A constant with its elements as plain numbers. */
interface Plain {
  readonly type: ElementType;
  readonly dims: readonly number[];
  readonly values: number[];
}

/** The graph with every foldable node replaced by a constant. */
export function foldConstants(graph: Graph): Graph {
  const constants = new Map(graph.constants);
  const nodes: Node[] = [];
  for (const each of graph.nodes) {
    const folded = foldNode(each, constants);
    if (folded) constants.set(each.outputs[0], folded);
    else nodes.push(each);
  }
  return nodes.length === graph.nodes.length ? graph : { ...graph, nodes, constants };
}

/** Whether whole numbers would lose digits as doubles; the ends of int64 ("to the end") come back as what they were. */
function isTooFine({ data }: Tensor): boolean {
  if (data instanceof BigUint64Array) return data.some((value) => value > MAX_EXACT);
  const ends = [2n ** 63n - 1n, -(2n ** 63n)];
  return (
    data instanceof BigInt64Array &&
    data.some((value) => (value > MAX_EXACT || value < -MAX_EXACT) && !ends.includes(value))
  );
}

const MAX_EXACT = BigInt(Number.MAX_SAFE_INTEGER);

/** Whether numbers are what a computation with whole numbers gives: doubles hold each of them. */
function areExact(values: readonly number[]): boolean {
  return values.every(Number.isSafeInteger);
}

function foldNode(node: Node, constants: ReadonlyMap<string, Tensor>): Tensor | undefined {
  const rule = rules[node.op];
  if (!rule || node.domain !== "" || node.outputs.length !== 1) return undefined;
  const inputs: (Plain | undefined)[] = [];
  for (const name of node.inputs) {
    const tensor = constants.get(name);
    if (name !== "" && !tensor) return undefined;
    if (tensor && (tensor.data.length > LARGEST_FOLDED || tensor.type === "float16" || isTooFine(tensor))) {
      return undefined;
    }
    inputs.push(tensor && { type: tensor.type, dims: tensor.dims, values: plainValues(tensor) });
  }
  const [first] = inputs;
  if (!first) return undefined;
  const result = rule(node, inputs);
  if (!result || result.values.length > LARGEST_FOLDED) return undefined;
  return { type: result.type, dims: result.dims, data: typedData(result) };
}

type Rule = (node: Node, inputs: readonly (Plain | undefined)[]) => Plain | undefined;

const rules: Record<string, Rule> = {
  Identity: (_, [x]) => x,
  Cast: (node, [x]) => {
    const to = intAttribute(node, "to", 0);
    const type = typeOfNumber(to);
    if (!x || !type || type === "float16" || to === BFLOAT16) return undefined; // rounding is the runtime's business
    if (type === "bool") return { ...x, type, values: x.values.map((value) => Number(value !== 0)) };
    if (type.startsWith("float")) return { ...x, type };
    const values = x.values.map(Math.trunc);
    // What does not fit is cut to its lowest bits, but from floats the runtime's business too.
    if (type === x.type) return x;
    if (!areExact(values)) return undefined;
    const cut = plainValues({ ...x, type, data: typedData({ ...x, type, values }) });
    if (x.type.startsWith("float") && cut.some((value, i) => value !== values[i])) return undefined;
    return { ...x, type, values };
  },
  ConstantOfShape: (node, [shape]) => {
    const fill = node.attributes["value"];
    const tensor = fill?.kind === "tensor" ? fill.value : undefined;
    if (!shape || elementCount(shape.values) > LARGEST_FOLDED) return undefined;
    const value = tensor ? (plainValues(tensor)[0] ?? 0) : 0;
    return {
      type: tensor?.type ?? "float32",
      dims: shape.values,
      values: Array(elementCount(shape.values)).fill(value),
    };
  },
  Shape: (node, [x]) => {
    const values = x?.dims.slice(intAttribute(node, "start", 0), intAttribute(node, "end", x.dims.length));
    return values && { type: "int64", dims: [values.length], values };
  },
  Concat: (node, inputs) => {
    const parts = inputs.filter((part): part is Plain => part !== undefined);
    const [first] = parts;
    if (!first || intAttribute(node, "axis", 0) !== 0) return undefined;
    const rows = parts.reduce((sum, part) => sum + (part.dims[0] ?? 1), 0);
    return { type: first.type, dims: [rows, ...first.dims.slice(1)], values: parts.flatMap((part) => part.values) };
  },
  Gather: (node, [x, indices]) => {
    if (!x || !indices || intAttribute(node, "axis", 0) !== 0) return undefined;
    const rows = x.dims[0] ?? 0;
    const width = rows === 0 ? 0 : x.values.length / rows;
    const values = indices.values.flatMap((index) => {
      const row = index < 0 ? index + rows : index;
      return x.values.slice(row * width, (row + 1) * width);
    });
    return { type: x.type, dims: [...indices.dims, ...x.dims.slice(1)], values };
  },
  Unsqueeze: (node, [x, axes]) => {
    if (!x) return undefined;
    const at = axes?.values ?? intsAttribute(node, "axes", []);
    const rank = x.dims.length + at.length;
    const places = new Set(at.map((axis) => (axis < 0 ? axis + rank : axis)));
    const rest = [...x.dims];
    const dims = Array.from({ length: rank }, (_, axis) => (places.has(axis) ? 1 : (rest.shift() ?? 1)));
    return { ...x, dims };
  },
  Squeeze: (node, [x, axes]) => {
    if (!x) return undefined;
    const at = (axes?.values ?? intsAttribute(node, "axes", [])).map((axis) =>
      axis < 0 ? axis + x.dims.length : axis,
    );
    return { ...x, dims: x.dims.filter((dim, axis) => (at.length > 0 ? !at.includes(axis) : dim !== 1)) };
  },
  Reshape: (node, [x, shape]) => {
    if (!x || !shape || intAttribute(node, "allowzero", 0) !== 0) return undefined;
    const dims = shape.values.map((dim, axis) => (dim === 0 ? (x.dims[axis] ?? 1) : dim));
    const known = dims.filter((dim) => dim !== -1).reduce((a, b) => a * b, 1);
    return { ...x, dims: dims.map((dim) => (dim === -1 ? x.values.length / known : dim)) };
  },
  Transpose: (node, [x]) => {
    if (!x) return undefined;
    if (x.dims.length < 2) return x;
    if (x.dims.length !== 2 || intsAttribute(node, "perm", [1, 0]).join() !== "1,0") return undefined;
    const [rows, columns] = x.dims as [number, number];
    const values = x.values.map((_, i) => x.values[(i % rows) * columns + Math.floor(i / rows)]);
    return { ...x, dims: [columns, rows], values };
  },
  Slice: (_, [x, starts, ends, axes, steps]) => {
    if (!x || !starts || !ends || starts.values.length !== 1) return undefined;
    if (((axes?.values[0] ?? 0) + x.dims.length) % x.dims.length !== 0) return undefined;
    const rows = x.dims[0] ?? 0;
    const step = steps?.values[0] ?? 1;
    const place = (index: number, low: number, high: number): number =>
      Math.min(high, Math.max(low, index < 0 ? index + rows : index));
    const from = step > 0 ? place(starts.values[0], 0, rows) : place(starts.values[0], 0, rows - 1);
    const toFirst = step < 0 && isOpenEnd(ends.values[0]);
    const to = step > 0 ? place(ends.values[0], 0, rows) : toFirst ? -1 : place(ends.values[0], -1, rows - 1);
    const width = rows === 0 ? 0 : x.values.length / rows;
    const picked: number[] = [];
    for (let row = from; step > 0 ? row < to : row > to; row += step) picked.push(row);
    const values = picked.flatMap((row) => x.values.slice(row * width, (row + 1) * width));
    return { type: x.type, dims: [picked.length, ...x.dims.slice(1)], values };
  },
  Add: arithmetic((a, b) => a + b),
  Sub: arithmetic((a, b) => a - b),
  Mul: arithmetic((a, b) => a * b),
  Div: arithmetic((a, b, whole) => (whole ? Math.trunc(a / b) : a / b)),
  Equal: comparison((a, b) => a === b),
  Less: comparison((a, b) => a < b),
  Greater: comparison((a, b) => a > b),
  And: comparison((a, b) => a * b !== 0),
  Or: comparison((a, b) => a + b !== 0),
  Not: (_, [x]) => x && { ...x, values: x.values.map((value) => 1 - value) },
};

function comparison(holds: (a: number, b: number) => boolean): Rule {
  const compare = arithmetic((a, b) => Number(holds(a, b)));
  return (node, inputs) => {
    const result = compare(node, inputs);
    return result && { ...result, type: "bool" };
  };
}

function arithmetic(compute: (a: number, b: number, whole: boolean) => number): Rule {
  return (_, [a, b]) => {
    if (!a || !b || a.type.startsWith("float")) return undefined; // float rounding is the runtime's business
    const dims = broadcast(a.dims, b.dims)?.map(Number) ?? [];
    if (elementCount(dims) > LARGEST_FOLDED) return undefined;
    if (!areExact(a.values) || !areExact(b.values)) return undefined;
    const [left, right] = [spreadValues(a, dims), spreadValues(b, dims)];
    const values = left.map((value, i) => compute(value, right[i], true));
    return areExact(values) ? { type: a.type, dims, values } : undefined;
  };
}

/** The elements of a constant that is broadcast to `dims`. */
function spreadValues({ dims: own, values }: Plain, dims: readonly number[]): number[] {
  let places = [0];
  const strides = own.map((dim, axis) => (dim === 1 ? 0 : elementCount(own.slice(axis + 1))));
  for (const [axis, dim] of dims.entries()) {
    const stride = strides[axis - dims.length + own.length] ?? 0;
    places = places.flatMap((place) => Array.from({ length: dim }, (_, i) => place + i * stride));
  }
  return places.map((place) => values[place]);
}

function typedData({ type, values }: Plain): TensorData {
  switch (type) {
    case "float32":
      return Float32Array.from(values);
    case "float64":
      return Float64Array.from(values);
    case "int64":
      return BigInt64Array.from(values, int64);
    case "int32":
      return Int32Array.from(values);
    case "uint64":
      return BigUint64Array.from(values, BigInt);
    case "uint32":
      return Uint32Array.from(values);
    case "float16":
    case "uint16":
      return Uint16Array.from(values);
    case "int16":
      return Int16Array.from(values);
    case "int8":
      return Int8Array.from(values);
    case "uint8":
    case "bool":
      return Uint8Array.from(values);
  }
}
