/** Tensors in which one unit is still a run of numbers of its own, and how operators that keep units apart move them. */
import { axisOf, type Shape } from "../onnx/dims.ts";
import { type Graph, intAttribute, intsAttribute, type Node } from "../onnx/graph.ts";
import { isElementwise, roleOf } from "../onnx/operators.ts";
import { isBatchFirst, type RowFact, type Rows, rowsOf } from "../onnx/rows.ts";
import { axesOf, reducedAxes } from "../onnx/shape-rules.ts";
import { padsOf } from "../onnx/slice-and-pad.ts";

/** A tensor in which unit `u` is entries `(offset + u) · run` to `(offset + u + 1) · run` (exclusive) of one axis. */
export interface ChannelTensor {
  readonly name: string;
  readonly axis: number;
  /** Channels of the tensor itself; more than the layer's units behind a concatenation. */
  readonly channels: number;
  /** The channel of unit 0. */
  readonly offset: number;
  /** Entries of the axis per channel: 1, the positions of a flattened map, or the length of an attention head. */
  readonly run: number;
  /** Sizes for one image; the images' own axis holds what one image takes of it. */
  readonly dims: readonly number[];
  /** Where the images stand. */
  readonly rows: Rows;
}

/** What is known of a network's tensors. */
export interface TensorFacts {
  readonly graph: Graph;
  readonly shapes: ReadonlyMap<string, Shape>;
  readonly rows: ReadonlyMap<string, RowFact>;
}

/** Numbers per unit and image. */
export function positionsOf({ dims, channels }: ChannelTensor): number {
  return dims.reduce((a, b) => a * b, 1) / channels;
}

/** Whether the images are the first axis, one entry each. */
export function standsFirst({ rows }: ChannelTensor): boolean {
  return isBatchFirst(rows);
}

/** A tensor with the given units; undefined where it is not proven where the images stand, or sizes are not fixed. */
export function channelTensor(
  name: string,
  { shapes, rows: facts }: Pick<TensorFacts, "shapes" | "rows">,
  place: Pick<ChannelTensor, "axis" | "channels" | "offset" | "run">,
): ChannelTensor | undefined {
  const rows = rowsOf(facts.get(name));
  const dims = sizesOf(shapes.get(name), rows);
  return rows && dims && rows.axis !== place.axis ? { name, ...place, dims, rows } : undefined;
}

/** Sizes for one image. */
export function sizesOf(shape: Shape | undefined, rows: Rows | undefined): number[] | undefined {
  if (!shape || !rows) return undefined;
  const dims = shape.map((dim, axis) => (axis === rows.axis ? rows.outer * rows.inner : dim));
  return dims.every((dim) => typeof dim === "number") ? dims : undefined;
}

/** The output of a node that keeps units apart; undefined if it mixes them or is not known here. */
export function throughChannelwise(
  node: Node,
  inputs: readonly ChannelTensor[],
  facts: TensorFacts,
): ChannelTensor | undefined {
  const [first] = inputs;
  const output = node.outputs[0];
  const { graph, shapes } = facts;
  if (!first || !output || !standsFirst(first) || readsMore(node, graph)) return undefined;
  const at = (
    place: Partial<Pick<ChannelTensor, "axis" | "channels" | "offset" | "run">> = {},
  ): ChannelTensor | undefined => {
    const { axis, channels, offset, run } = first;
    const result = channelTensor(output, facts, { axis, channels, offset, run, ...place });
    return result && standsFirst(result) && result.dims[result.axis] === result.channels * result.run
      ? result
      : undefined;
  };
  const isOnly = node.inputs[0] === first.name && inputs.length === 1;
  const from = shapes.get(first.name);
  const shape = shapes.get(output);
  if (!from || !shape) return undefined;
  if (isElementwise(node)) return isOnly ? at() : undefined;
  switch (roleOf(node)) {
    case "channel":
      // A batch norm reads its parameters per channel of axis 1; slopes are broadcast like any constant.
      return isOnly && (node.op !== "BatchNormalization" || first.axis === 1) ? at() : undefined;
    case "pool":
    case "global pool":
    case "instance norm":
      return isOnly && first.axis === 1 && first.run === 1 && from.length > 2 ? at() : undefined;
    case "resize":
      return isOnly && first.axis === 1 && first.run === 1 && shape[1] === from[1] ? at() : undefined;
    case "convolution":
      return isOnly && isDepthwise(node, first, graph) ? at() : undefined;
    case "arithmetic": {
      const isAligned = inputs.every((each) => isSamePlace(each, first));
      const isWhole = shape.length === from.length && shape.every((dim, axis) => dim === from[axis]);
      return isAligned && isWhole ? at() : undefined;
    }
    case "concat":
      return inputs.length === 1 ? throughConcat(node, first, shapes, at) : undefined;
    case "reshape":
      return isOnly ? throughReshape(node, first, facts, at) : undefined;
    case "transpose": {
      const reversed = from.map((_, i) => from.length - 1 - i);
      return isOnly ? at({ axis: intsAttribute(node, "perm", reversed).indexOf(first.axis) }) : undefined;
    }
    case "reduction": {
      if (!isOnly) return undefined;
      // By the axes, not by the shape: a mean over channels and height has the same one where width equals channels.
      const gone = reducedAxes(node, from.length, graph.constants);
      if (gone.includes(first.axis)) return undefined;
      const keeps = intAttribute(node, "keepdims", 1) === 1;
      return at({ axis: keeps ? first.axis : first.axis - gone.filter((axis) => axis < first.axis).length });
    }
    case "slice":
    case "pad":
      return isOnly && shape[first.axis] === from[first.axis] && movesOthers(node, first, graph) ? at() : undefined;
    case "gather": {
      const axis = axisOf(intAttribute(node, "axis", 0), from.length);
      const indices = graph.constants.get(node.inputs[1] ?? "")?.dims.length;
      if (!isOnly || axis === first.axis || indices === undefined) return undefined;
      return at({ axis: axis < first.axis ? first.axis + indices - 1 : first.axis });
    }
    default:
      return undefined;
  }
}

function isSamePlace(a: ChannelTensor, b: ChannelTensor): boolean {
  return a.axis === b.axis && a.channels === b.channels && a.offset === b.offset && a.run === b.run;
}

type Place = (
  place?: Partial<Pick<ChannelTensor, "axis" | "channels" | "offset" | "run">>,
) => ChannelTensor | undefined;

function throughConcat(
  node: Node,
  first: ChannelTensor,
  shapes: ReadonlyMap<string, Shape>,
  at: Place,
): ChannelTensor | undefined {
  const axis = axisOf(intAttribute(node, "axis", 1), first.dims.length);
  if (axis !== first.axis) return at();
  let before = 0;
  for (const input of node.inputs.slice(0, node.inputs.indexOf(first.name)))
    before += Number(shapes.get(input)?.[axis]);
  const whole = Number(shapes.get(node.outputs[0] ?? "")?.[axis]);
  const [offset, channels] = [first.offset + before / first.run, whole / first.run];
  return Number.isInteger(offset) && Number.isInteger(channels) ? at({ offset, channels }) : undefined;
}

/** Reshapes keep the order of the elements: the axis in which a channel is a whole run again, if there is one. */
function throughReshape(
  node: Node,
  first: ChannelTensor,
  { shapes, graph }: TensorFacts,
  at: Place,
): ChannelTensor | undefined {
  const to = shapes.get(node.outputs[0] ?? "") ?? [];
  if (node.op === "Squeeze" || node.op === "Unsqueeze") {
    const kept = axesOf(node, graph.constants).map((axis) => axisOf(axis, Math.max(to.length, first.dims.length)));
    if (node.op === "Squeeze") {
      const gone = kept.length > 0 ? kept : first.dims.flatMap((dim, axis) => (dim === 1 && axis > 0 ? [axis] : []));
      return gone.includes(first.axis)
        ? undefined
        : at({ axis: first.axis - gone.filter((axis) => axis < first.axis).length });
    }
    const places = to.map((_, axis) => axis).filter((axis) => !kept.includes(axis));
    return at({ axis: places[first.axis] ?? 0 });
  }
  const before = product(first.dims.slice(1, first.axis));
  const each = first.run * product(first.dims.slice(first.axis + 1));
  for (let axis = 1; axis < to.length; axis++) {
    const [size, left] = [Number(to[axis]), product(to.slice(1, axis).map(Number))];
    const after = product(to.slice(axis + 1).map(Number));
    const run = size / first.channels;
    if (left === before && Number.isInteger(run) && run * after === each) return at({ axis, run });
  }
  return undefined;
}

/** Whether a slice or a pad leaves the units' own axis and the images' alone. */
function movesOthers(node: Node, { axis, dims }: ChannelTensor, graph: Graph): boolean {
  // An axis of the same size may have been shifted: as much cut off at one end as was added at the other.
  if (roleOf(node) === "pad")
    return padsOf(node, dims.length, graph.constants)?.[axis]?.every((width) => width === 0) === true;
  const axes = graph.constants.get(node.inputs[3] ?? "");
  const named = axes ? Array.from(axes.data, Number) : intsAttribute(node, "axes", []);
  return named.length > 0 && named.every((each) => axisOf(each, dims.length) !== axis);
}

/** Whether more than its first output is read. */
function readsMore(node: Node, graph: Graph): boolean {
  return node.outputs.slice(1).some((name) => name !== "" && graph.nodes.some((each) => each.inputs.includes(name)));
}

function isDepthwise(node: Node, input: ChannelTensor, graph: Graph): boolean {
  const weight = graph.constants.get(node.inputs[1] ?? "");
  return (
    node.op === "Conv" &&
    input.axis === 1 &&
    input.run === 1 &&
    intAttribute(node, "group", 1) === input.channels &&
    weight?.dims[0] === input.channels
  );
}

/** Whether an operator's output is linear in the tensor, with constant weights that can be taken apart by channel. */
export function isLinear(node: Node, input: ChannelTensor, graph: Graph): boolean {
  const weight = graph.constants.get(node.inputs[1] ?? "");
  if (node.domain !== "" || node.inputs[0] !== input.name || weight?.type !== "float32") return false;
  const isLast = input.axis === input.dims.length - 1;
  if (node.op === "Conv") {
    const isOfMaps = weight.dims.length === 4; // over one axis, or three, it is recomputed
    return (
      isOfMaps && intAttribute(node, "group", 1) === 1 && input.axis === 1 && input.run === 1 && standsFirst(input)
    );
  }
  if (node.op === "Gemm") return intAttribute(node, "transA", 0) === 0 && isLast && input.dims.length === 2;
  return node.op === "MatMul" && isLast && weight.dims.length === 2;
}

function product(values: readonly number[]): number {
  return values.reduce((a, b) => a * b, 1);
}
