/**
 * Reshapes whose target is computed from the shape of a tensor (`x.view(x.size(0), -1)` in PyTorch), written with a
 * constant target instead, or as `Flatten` where that is what they do. The graph then has known shapes everywhere, and
 * cutting it leaves no bookkeeping behind.
 *
 * Small integer tensors are followed with elements that are a number or the name of a free dimension.
 */
import { type Dim, type Graph, intAttribute, intsAttribute, intTensor, type Node, node, plainValues } from "./graph.ts";
import { inferShapes, type Shape } from "./shapes.ts";

/** Elements of an integer scalar or vector; text is a free dimension. */
interface Extents {
  readonly isScalar: boolean;
  readonly values: readonly (number | string)[];
}

/** The graph with every reshape resolved whose target follows from the shapes that are known. */
export function resolveShapes(graph: Graph): Graph {
  let current = graph;
  // What one pass resolves tells the next one more shapes; each pass resolves a node at least, so this ends.
  for (;;) {
    const next = resolveOnce(current);
    if (next === current) return current;
    current = next;
  }
}

function resolveOnce(graph: Graph): Graph {
  const shapes = inferShapes(graph);
  const constants = new Map(graph.constants);
  const known = new Map<string, Extents>();
  for (const [name, tensor] of graph.constants) {
    if (tensor.type !== "int64" || tensor.dims.length > 1 || tensor.data.length > 64) continue;
    known.set(name, { isScalar: tensor.dims.length === 0, values: plainValues(tensor) });
  }
  const isNew = (graph.opsets.get("") ?? 0) >= 13;
  let changed = false;
  const nodes = graph.nodes.flatMap((each): Node[] => {
    if (each.domain !== "") return [each];
    const output = each.outputs[0];
    if (each.op === "Squeeze") {
      const axes = squeezedAxes(each, shapes.get(each.inputs[0]));
      if (axes) {
        changed = true;
        if (!isNew) return [{ ...each, attributes: { axes: { kind: "ints", value: axes } } }];
        constants.set(`${output}/axes`, intTensor(axes));
        return [{ ...each, inputs: [each.inputs[0], `${output}/axes`] }];
      }
    }
    if (each.op === "Reshape") {
      const resolved = resolveReshape(each, shapes.get(each.inputs[0]), known.get(each.inputs[1]));
      if (!resolved) return [each];
      if (resolved === "flatten") {
        changed = true;
        return [node("Flatten", [each.inputs[0]], each.outputs, { axis: 1 }, each.name)];
      }
      if (graph.constants.has(each.inputs[1])) return [each];
      changed = true;
      constants.set(`${output}/shape`, intTensor(resolved));
      return [{ ...each, inputs: [each.inputs[0], `${output}/shape`] }];
    }
    const extents = rules[each.op]?.(
      each,
      each.inputs.map((name) => known.get(name)),
      shapes.get(each.inputs[0] ?? ""),
    );
    if (!extents || each.outputs.length !== 1) return [each];
    known.set(output, extents);
    if (extents.values.some((value) => typeof value !== "number")) return [each];
    changed = true;
    constants.set(output, intTensor(extents.values as number[], extents.isScalar ? [] : [extents.values.length]));
    return [];
  });
  return changed ? { ...graph, nodes, constants } : graph;
}

/** The axes of a `Squeeze` that names none: all of length 1, which that of the images is not, even where one image is run. */
function squeezedAxes(each: Node, shape: Shape | undefined): number[] | undefined {
  const isNamed = (each.inputs[1] ?? "") !== "" || each.attributes["axes"] !== undefined;
  if (isNamed || !shape?.some((dim) => typeof dim === "string") || shape.includes(null)) return undefined;
  const axes = shape.flatMap((dim, axis) => (dim === 1 ? [axis] : []));
  return axes.length > 0 ? axes : undefined;
}

/** The constant target of a reshape: 0 keeps a dimension, −1 is what is left over. */
function resolveReshape(
  each: Node,
  shape: Shape | undefined,
  target: Extents | undefined,
): number[] | "flatten" | undefined {
  if (!shape || !target || intAttribute(each, "allowzero", 0) !== 0) return undefined;
  const { values } = target;
  const isOpen = values.includes(-1);
  const resolved: number[] = [];
  for (const [axis, value] of values.entries()) {
    if (typeof value === "number") resolved.push(value);
    else if (shape[axis] === value) resolved.push(0);
    else if (!isOpen && !resolved.includes(-1)) resolved.push(-1);
    else return undefined;
  }
  return flattens(shape, resolved) ? "flatten" : resolved;
}

/** Whether a target turns `[N, …]` into `[N, the product of the rest]`. */
function flattens([batch, ...rest]: Shape, target: readonly number[]): boolean {
  const [first, second] = target;
  if (typeof batch === "number" || target.length !== 2 || rest.some((dim) => typeof dim !== "number")) return false;
  const features = (rest as number[]).reduce((product, dim) => product * dim, 1);
  const keepsBatch = first === 0 || (first === -1 && second !== -1);
  return keepsBatch && (second === features || second === -1 || (second === 0 && rest.length === 1));
}

type Rule = (each: Node, inputs: readonly (Extents | undefined)[], shape: Shape | undefined) => Extents | undefined;

const rules: Record<string, Rule> = {
  Identity: (_, [x]) => x,
  Cast: (each, [x]) => (intAttribute(each, "to", 0) === INT64 ? x : undefined),
  Shape: (each, _, shape) => {
    const dims = shape?.slice(intAttribute(each, "start", 0), intAttribute(each, "end", shape.length));
    if (!dims || dims.some((dim: Dim) => dim === null)) return undefined;
    return { isScalar: false, values: dims as (number | string)[] };
  },
  Gather: (each, [x, indices]) => {
    if (!x || x.isScalar || !indices || intAttribute(each, "axis", 0) !== 0) return undefined;
    const values = indices.values.map((index) => x.values.at(index as number));
    if (values.some((value) => value === undefined)) return undefined;
    return { isScalar: indices.isScalar, values: values as (number | string)[] };
  },
  Unsqueeze: (each, [x, axes]) => {
    const added = axes?.values ?? intsAttribute(each, "axes", []);
    return x?.isScalar && added.length === 1 ? { ...x, isScalar: false } : undefined;
  },
  Squeeze: (_, [x]) => (x?.values.length === 1 ? { ...x, isScalar: true } : undefined),
  Concat: (_, parts) => {
    if (parts.some((part) => !part || part.isScalar)) return undefined;
    return { isScalar: false, values: parts.flatMap((part) => part?.values ?? []) };
  },
  Slice: (each, [x, ...rest]) => {
    const [starts, ends, axes, steps] =
      each.inputs.length > 1
        ? rest.map((part) => part?.values)
        : [intsAttribute(each, "starts", []), intsAttribute(each, "ends", []), intsAttribute(each, "axes", [0])];
    if (!x || x.isScalar || starts?.length !== 1 || ends?.length !== 1) return undefined;
    if ((axes?.[0] ?? 0) !== 0 || (steps?.[0] ?? 1) !== 1) return undefined;
    return { isScalar: false, values: x.values.slice(starts[0] as number, ends[0] as number) };
  },
  Mul: arithmetic((a, b) => a * b, 1),
  Div: arithmetic((a, b) => Math.trunc(a / b), 1),
  Add: arithmetic((a, b) => a + b, 0),
  Sub: arithmetic((a, b) => a - b, 0),
};

/** ONNX's number of the element type int64. */
const INT64 = 7;

/** Elementwise arithmetic; a free dimension stays what it is beside the neutral element. */
function arithmetic(compute: (a: number, b: number) => number, neutral: number): Rule {
  return (_, [a, b]) => {
    if (!a || !b || (a.values.length !== b.values.length && Math.min(a.values.length, b.values.length) !== 1)) {
      return undefined;
    }
    const long = a.values.length >= b.values.length ? a : b;
    const values = long.values.map((_value, i) => {
      const left = a.values[a.values.length === 1 ? 0 : i];
      const right = b.values[b.values.length === 1 ? 0 : i];
      if (typeof left === "number" && typeof right === "number") return compute(left, right);
      return right === neutral ? left : undefined;
    });
    if (values.some((value) => value === undefined)) return undefined;
    return { isScalar: a.isScalar && b.isScalar, values: values as (number | string)[] };
  };
}
