/**
 * What the axes of every tensor are: which one holds channels, and where positions are places in the image. Followed from
 * the image input through the operators, since neither the rank nor the order of the axes tells.
 */
import { axisOf, freeDim, type Shape } from "./dims.ts";
import { producersOf } from "./edit.ts";
import type { Dim, Graph, Node } from "./graph.ts";
import { intAttribute, intsAttribute } from "./graph.ts";
import { roleOf } from "./operators.ts";
import { reducedAxes } from "./shape-rules.ts";
import { padsOf, sliceParts } from "./slice-and-pad.ts";

/** Positions row by row in one axis, behind `skip` entries that are no places (class tokens). */
export interface Space {
  readonly height: number;
  readonly width: number;
  readonly skip: number;
}

/** What one axis is; undefined where that is not known, or nothing of these. */
export type Axis = "channel" | "height" | "width" | Space | undefined;
/** The axes of a tensor, in order. */
export type Axes = readonly Axis[];

/** The axes of every tensor whose rank is known, by name. */
export function traceAxes(
  graph: Graph,
  {
    input,
    shapes,
  }: { input: { readonly name: string; readonly layout: "nchw" | "nhwc" }; shapes: ReadonlyMap<string, Shape> },
): Map<string, Axes> {
  const axes = new Map<string, Axes>();
  const producers = producersOf(graph);
  axes.set(
    input.name,
    input.layout === "nchw" ? [undefined, "channel", "height", "width"] : [undefined, "height", "width", "channel"],
  );
  for (const node of graph.nodes) {
    node.outputs.forEach((output, i) => {
      const shape = shapes.get(output);
      if (output === "" || !shape) return;
      const found = axesAfter(node, i, { axes, shapes, shape, graph, producers });
      axes.set(
        output,
        shape.map((_, axis) => found?.[axis]),
      );
    });
  }
  return axes;
}

/** The axis of channels; undefined where none is known, or several. */
export function channelAxis(axes: Axes | undefined): number | undefined {
  const first = axes?.indexOf("channel") ?? -1;
  return first >= 0 && axes?.lastIndexOf("channel") === first ? first : undefined;
}

interface Step {
  readonly axes: ReadonlyMap<string, Axes>;
  readonly shapes: ReadonlyMap<string, Shape>;
  /** Of the output. */
  readonly shape: Shape;
  readonly graph: Graph;
  readonly producers: ReadonlyMap<string, Node>;
}

function axesAfter(node: Node, output: number, { axes, shapes, shape, graph, producers }: Step): Axes | undefined {
  const name = node.inputs[0] ?? "";
  const x = axes.get(name);
  const from = shapes.get(name);
  const isConstant = (input: string | undefined): boolean => input !== undefined && graph.constants.has(input);
  switch (roleOf(node)) {
    case "activation":
    case "elementwise":
      return x;
    case "channel":
      return node.op === "BatchNormalization" ? ofChannels(x, shape) : x;
    case "arithmetic":
      return joined(node, { axes, shapes, shape });
    case "convolution":
    case "pool":
    case "global pool":
    case "resize":
    case "instance norm":
      return ofChannels(x, shape);
    case "product": {
      const second = axes.get(node.inputs[1] ?? "");
      if (isConstant(node.inputs[1]) || node.op === "Gemm")
        return [...besides(padded(x, shape.length)).slice(0, -1), "channel"];
      if (isConstant(name)) return [...shape.slice(1).map(() => undefined), second?.at(-1)];
      return [...padded(x, shape.length).slice(0, -1), second?.at(-1)];
    }
    case "transpose": {
      const reversed = shape.map((_, i) => shape.length - 1 - i);
      return x && intsAttribute(node, "perm", reversed).map((axis) => x[axis]);
    }
    case "reshape":
      return axesBack(node, { axes, shapes, shape, producers }) ?? (x && from && reshaped(x, from, shape));
    case "concat":
      return concatenated(node, { axes, shapes, shape });
    case "slice":
    case "pad":
      return x?.map((axis, i) => {
        if (axis === "channel") return axis;
        if (from?.[i] !== shape[i]) return sliced(axis, shape[i], node);
        return movesPlaces(node, i, x.length, graph) ? undefined : axis;
      });
    case "gather": {
      const at = axisOf(intAttribute(node, "axis", 0), from?.length ?? 0);
      const rank = shapes.get(node.inputs[1] ?? "")?.length ?? 0;
      return x && [...x.slice(0, at), ...Array<Axis>(rank).fill(undefined), ...x.slice(at + 1)];
    }
    case "reduction": {
      if (!x || !from) return undefined;
      const gone = reducedAxes(node, from.length, graph.constants);
      const left = x.map((axis, i) => (gone.includes(i) ? undefined : axis));
      return intAttribute(node, "keepdims", 1) === 1 ? left : left.filter((_, i) => !gone.includes(i));
    }
    default:
      if (node.op === "Where") return joined(node, { axes, shapes, shape });
      if (node.op === "Split" || (output === 0 && from?.length === shape.length)) {
        return x?.map((axis, i) => (from?.[i] === shape[i] || axis === "channel" ? axis : undefined));
      }
      return undefined;
  }
}

/** Operators between a reshape and the one back, at most. */
const LONGEST_WAY_BACK = 8;

/** Axes of a reshape to the shape from which another one came, nothing moved between (a group norm, written out). */
function axesBack(node: Node, { axes, shapes, shape, producers }: Omit<Step, "graph">): Axes | undefined {
  let tensor = node.inputs[0] ?? "";
  for (let step = 0; step < LONGEST_WAY_BACK; step++) {
    const before = producers.get(tensor);
    if (!before) return undefined;
    const from = before.inputs[0] ?? "";
    const role = roleOf(before);
    if (role === "reshape") {
      const start = shapes.get(from);
      return start?.length === shape.length && start.every((dim, axis) => dim === shape[axis])
        ? axes.get(from)
        : undefined;
    }
    const keeps = role === "activation" || role === "elementwise" || role === "channel" || role === "instance norm";
    if (!keeps && role !== "arithmetic") return undefined;
    const [own, other] = [shapes.get(tensor), shapes.get(from)];
    if (!own || own.length !== other?.length || own.some((dim, axis) => dim !== other[axis])) return undefined;
    tensor = from;
  }
  return undefined;
}

/** Axes without channels of their own. */
function besides(x: Axes): Axes {
  return x.map((axis) => (axis === "channel" ? undefined : axis));
}

/** Axis 1 holds the channels, whatever was known before. */
function ofChannels(x: Axes | undefined, shape: Shape): Axes {
  return shape.map((_, axis) => (axis === 1 ? "channel" : x?.[axis] === "channel" ? undefined : x?.[axis]));
}

function padded(x: Axes | undefined, rank: number): Axes {
  const known = x ?? [];
  return [...Array<Axis>(Math.max(0, rank - known.length)).fill(undefined), ...known].slice(-rank);
}

/** Inputs broadcast against each other: an axis is what those inputs say that fill it; a contradiction is nothing. */
function joined(node: Node, { axes, shapes, shape }: Pick<Step, "axes" | "shapes" | "shape">): Axes {
  return shape.map((dim, axis) => {
    const said = node.inputs.flatMap((name) => {
      const own = shapes.get(name);
      const at = axis - (shape.length - (own?.length ?? 0));
      const label = at < 0 ? undefined : axes.get(name)?.[at];
      return label !== undefined && (own?.[at] !== 1 || dim === 1) ? [label] : [];
    });
    const [first] = said;
    return said.every((label) => isSameAxis(label, first)) ? first : undefined;
  });
}

function concatenated(node: Node, { axes, shapes, shape }: Pick<Step, "axes" | "shapes" | "shape">): Axes {
  const along = axisOf(intAttribute(node, "axis", 1), shape.length);
  const others = joined(node, { axes, shapes, shape });
  return others.map((label, axis) => {
    if (axis !== along) return label;
    const labels = node.inputs.map((name) => axes.get(name)?.[axis]);
    if (labels.every((each) => each === "channel")) return "channel";
    const at = labels.findIndex((each) => typeof each === "object");
    const space = labels[at];
    if (typeof space !== "object" || labels.some((each, i) => i !== at && each !== undefined)) return undefined;
    let before = 0;
    for (const name of node.inputs.slice(0, at)) before += Number(shapes.get(name)?.[axis]);
    return Number.isInteger(before) && at === labels.length - 1 ? { ...space, skip: space.skip + before } : undefined;
  });
}

/** Whether an axis that stays as long as it was is turned round, or shifted. */
function movesPlaces(node: Node, axis: number, rank: number, { constants }: Graph): boolean {
  if (node.op === "Pad") return padsOf(node, rank, constants)?.[axis]?.some((width) => width !== 0) ?? true;
  const parts = sliceParts(node, constants);
  return parts?.axes.some((each, i) => axisOf(each, rank) === axis && parts.steps[i] < 0) ?? false;
}

/** What is left of an axis of which a part was taken: the places, where just the entries before them are gone. */
function sliced(axis: Axis, dim: Dim | undefined, node: Node): Axis {
  if (typeof axis !== "object") return node.op === "Pad" ? axis : undefined;
  return dim === axis.height * axis.width && node.op === "Slice" ? { ...axis, skip: 0 } : undefined;
}

/** Axes behind a reshape: those that stay whole; height and width that become one axis, and back. */
function reshaped(x: Axes, from: Shape, to: Shape): Axes {
  const found: Axis[] = to.map(() => undefined);
  for (const [olds, news] of groups(from, to)) {
    const [a, b] = olds;
    const [c, d] = news;
    if (a === undefined || c === undefined) continue;
    const label = x[a];
    if (olds.length === 1 && news.length === 1) found[c] = label;
    else if (olds.length === 2 && news.length === 1 && b !== undefined && label === "height" && x[b] === "width") {
      found[c] = { height: Number(from[a]), width: Number(from[b]), skip: 0 };
    } else if (olds.length === 1 && news.length === 2 && d !== undefined && typeof label === "object") {
      if (label.skip !== 0 || to[c] !== label.height || to[d] !== label.width) continue;
      found[c] = "height";
      found[d] = "width";
    }
  }
  return found;
}

/** The free dimension as a number that no size is. */
const FREE = 1_000_003;

/** The smallest groups of old and new axes that hold the same elements; axes of length 1 are left out. */
function groups(from: Shape, to: Shape): [number[], number[]][] {
  const sized = (dims: Shape): [number, number][] =>
    dims.flatMap((dim, axis): [number, number][] => {
      const free = freeDim(dim ?? undefined);
      const size = typeof dim === "number" ? dim : free ? free.factor * FREE : Number.NaN;
      return size === 1 ? [] : [[axis, size]];
    });
  const [olds, news] = [sized(from), sized(to)];
  const found: [number[], number[]][] = [];
  while (olds.length > 0 && news.length > 0) {
    const [a, b]: [number[], number[]] = [[], []];
    let [left, right] = [1, 1];
    do {
      const [list, axes] = left <= right ? ([olds, a] as const) : ([news, b] as const);
      const next = list.shift();
      if (!next || Number.isNaN(next[1])) return found;
      axes.push(next[0]);
      if (list === olds) left *= next[1];
      else right *= next[1];
    } while (left !== right || b.length === 0 || a.length === 0);
    found.push([a, b]);
  }
  return found;
}

function isSameAxis(a: Axis, b: Axis): boolean {
  if (typeof a !== "object" || typeof b !== "object") return a === b;
  return a.height === b.height && a.width === b.width && a.skip === b.skip;
}
