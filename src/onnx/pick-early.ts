/**
 * Positions that are picked out of a tensor late, picked early instead: a transformer's head reads one token, and of what
 * is computed token by token before it, only that token's part is needed. Every number that is left is computed from the
 * same numbers by the same operators.
 */
import { axisOf } from "./dims.ts";
import { cutTo, producersOf } from "./edit.ts";
import { type Graph, intAttribute, intsAttribute, intTensor, type Node, plainValues } from "./graph.ts";
import { type GraphWriter, graphWriter } from "./graph-writer.ts";
import { isElementwise, roleOf } from "./operators.ts";
import { reducedAxes } from "./shape-rules.ts";
import { inferShapes, type Shape } from "./shapes.ts";
import { sortNodes } from "./sort.ts";

/** What the names of tensors that were picked early begin with. */
const EARLY = "unitscope/early/";

/** Whether positions were picked early in a graph. */
export function isPickedEarly(graph: Graph): boolean {
  return graph.nodes.some(({ name }) => name.startsWith(EARLY));
}

/**
 * The graph with constant positions of axes behind the first (`Gather`) picked as early as can be; the graph itself where
 * that changes nothing.
 */
export function pickEarly(graph: Graph): Graph {
  if (!graph.nodes.some(({ op }) => op === "Gather")) return graph;
  const shapes = inferShapes(graph);
  const producers = producersOf(graph);
  const parts = graphWriter(graph.constants);
  const nodes = graph.nodes.map((node): Node => {
    const found = pickOf(node, graph, shapes);
    if (!found) return node;
    const { data, axis, positions } = found;
    // Several tokens may be picked out of one tensor (class and distillation), so the positions are part of the name.
    const picker = openPicker({
      graph,
      shapes,
      producers,
      parts,
      at: `${EARLY}${data}/${axis}/${positions.join()}`,
      positions,
    });
    const early = picker(data, axis);
    if (early === undefined) return node;
    // The position alone is left of the axis.
    const first = parts.constant(
      `${node.outputs[0]}/early`,
      intTensor(
        positions.map((_, i) => i),
        indexDims(node, graph),
      ),
    );
    return { ...node, inputs: [early, first] };
  });
  if (parts.nodes.length === 0) return graph;
  const changed = { ...graph, nodes: sortNodes([...nodes, ...parts.nodes]), constants: parts.constants };
  const outputs = graph.outputs.map(({ name }) => name);
  return cutTo(changed, outputs);
}

function indexDims(node: Node, { constants }: Graph): readonly number[] {
  return constants.get(node.inputs[1] ?? "")?.dims ?? [];
}

/** What a `Gather` of fewer positions than there are picks. */
function pickOf(
  node: Node,
  { constants }: Graph,
  shapes: ReadonlyMap<string, Shape>,
): { data: string; axis: number; positions: number[] } | undefined {
  const [data = "", indices = ""] = node.inputs;
  const [shape, tensor] = [shapes.get(data), constants.get(indices)];
  if (node.op !== "Gather" || node.domain !== "" || !shape || !tensor || tensor.dims.length > 1) return undefined;
  const axis = axisOf(intAttribute(node, "axis", 0), shape.length);
  const length = shape[axis];
  if (axis === 0 || typeof length !== "number") return undefined;
  const positions = plainValues(tensor).map((position) => (position < 0 ? position + length : position));
  return positions.length < length ? { data, axis, positions } : undefined;
}

interface Picker {
  readonly graph: Graph;
  readonly shapes: ReadonlyMap<string, Shape>;
  readonly producers: ReadonlyMap<string, Node>;
  readonly parts: GraphWriter;
  /** What new names begin with. */
  readonly at: string;
  readonly positions: readonly number[];
}

/** What makes a tensor with only some positions of an axis; undefined where nothing can be done before they are picked. */
function openPicker(of: Picker): (tensor: string, axis: number) => string | undefined {
  const { graph, shapes, producers, parts, at, positions } = of;
  const known = new Map<string, string>();
  const name = (tensor: string, axis: number): string => `${at}/${axis}/${tensor}`;
  /** The tensor as it is, then the positions. */
  const late = (tensor: string, axis: number): string => {
    const indices = parts.constant(`${at}/positions`, intTensor([...positions]));
    return parts.insert("Gather", [tensor, indices], name(tensor, axis), { axis });
  };
  const picked = (tensor: string, axis: number): string => {
    const key = `${axis} ${tensor}`;
    const found = known.get(key) ?? early(tensor, axis) ?? late(tensor, axis);
    known.set(key, found);
    return found;
  };
  const early = (tensor: string, axis: number): string | undefined => {
    const node = producers.get(tensor);
    if (!node || node.domain !== "" || node.outputs[0] !== tensor) return undefined;
    const inputs = inputAxes(node, axis, { graph, shapes, positions });
    if (!inputs) return undefined;
    const made = inputs.axes.map(
      (own, i) => (own === undefined ? node.inputs[i] : picked(node.inputs[i] ?? "", own)) ?? "",
    );
    if (inputs.shape) made[1] = parts.constant(`${name(tensor, axis)}/shape`, intTensor(inputs.shape));
    parts.nodes.push({ ...node, name: name(tensor, axis), inputs: made, outputs: [name(tensor, axis)] });
    return name(tensor, axis);
  };
  return (tensor, axis) => {
    const result = early(tensor, axis);
    if (result !== undefined) known.set(`${axis} ${tensor}`, result);
    return result;
  };
}

/**
 * Which axis of each input is the given one of the output, for operators that treat its positions apart; undefined for an
 * input that is taken whole.
 */
function inputAxes(
  node: Node,
  axis: number,
  { graph, shapes, positions }: Pick<Picker, "graph" | "shapes" | "positions">,
): { axes: (number | undefined)[]; shape?: number[] } | undefined {
  const ins = node.inputs.map((input) => shapes.get(input) ?? graph.constants.get(input)?.dims);
  const [first] = ins;
  const out = shapes.get(node.outputs[0] ?? "");
  if (!first || !out) return undefined;
  const onlyFirst = (own: number): { axes: (number | undefined)[] } => ({
    axes: node.inputs.map((_, i) => (i === 0 ? own : undefined)),
  });
  const role = roleOf(node);
  if (isElementwise(node)) return onlyFirst(axis);
  if (role === "arithmetic" || node.op === "Where") {
    if (ins.some((shape) => shape === undefined)) return undefined;
    return {
      axes: ins.map((shape = []) => {
        const own = axis - (out.length - shape.length);
        return own < 0 || shape[own] === 1 ? undefined : own;
      }),
    };
  }
  if (role === "reduction") {
    const isKept =
      intAttribute(node, "keepdims", 1) === 1 && !reducedAxes(node, first.length, graph.constants).includes(axis);
    return isKept ? onlyFirst(axis) : undefined;
  }
  if (node.op === "LayerNormalization") {
    return axis < axisOf(intAttribute(node, "axis", -1), first.length) ? onlyFirst(axis) : undefined;
  }
  if (node.op === "MatMul") {
    return first.length === out.length && ins[1]?.length === 2 && axis < out.length - 1 ? onlyFirst(axis) : undefined;
  }
  if (node.op === "Transpose") {
    const order = intsAttribute(
      node,
      "perm",
      out.map((_, i) => out.length - 1 - i),
    );
    return onlyFirst(order[axis] ?? axis);
  }
  if (node.op === "Gather") {
    // Rows of tensors that hold a row an image: there are fewer of these than of rows that are picked.
    const isOfRows = intAttribute(node, "axis", 0) === 0 && ins[1]?.length === 1 && first[0] === "block";
    return isOfRows ? onlyFirst(axis) : undefined;
  }
  if (node.op === "Reshape") return reshaped(node, axis, { from: first, to: out, graph, positions });
  return undefined;
}

/** A reshape that leaves the axis, and all before it or all behind it, as they are. */
function reshaped(
  node: Node,
  axis: number,
  { from, to, graph, positions }: { from: Shape; to: Shape; graph: Graph; positions: readonly number[] },
): { axes: (number | undefined)[]; shape: number[] } | undefined {
  const shape = graph.constants.get(node.inputs[1] ?? "");
  if (!shape || intAttribute(node, "allowzero", 0) === 1) return undefined;
  const behind = to.length - axis;
  const isSameBefore = to.slice(0, axis + 1).every((dim, i) => dim !== null && dim === from[i]);
  const isSameBehind =
    behind <= from.length && to.slice(axis).every((dim, i) => dim === from[from.length - behind + i]);
  if (!isSameBefore && !isSameBehind) return undefined;
  const values = plainValues(shape);
  // 0 stands for the input's own length there, which must not be what changes.
  if (values.some((value, i) => value === 0 && i !== axis && !(isSameBefore && i < axis))) return undefined;
  values[axis] = positions.length;
  return { axes: [isSameBefore ? axis : from.length - behind, undefined], shape: values };
}
