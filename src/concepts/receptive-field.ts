/**
 * Where a response lies in the network's input: the centre, spacing and size of its receptive field, composed from the
 * windows between the input and the tensor (the arithmetic of Dumoulin and Visin 2016).
 */
import { UnitscopeError } from "../errors.ts";
import type { FieldAxis } from "../numeric/upsample.ts";
import type { Graph, Node } from "../onnx/graph.ts";
import { intsAttribute, plainValues, stringAttribute } from "../onnx/graph.ts";
import { operatorOf } from "../onnx/operators.ts";
import { inferShapes, type Shape } from "../onnx/shapes.ts";

/** Receptive fields along one axis, in input pixels; pixel `p` has its centre at `p`. */
export interface ReceptiveAxis extends FieldAxis {
  /** Pixels that a response depends on, those beyond the border among them. */
  readonly size: number;
}

/** Receptive fields of one tensor's positions. */
export interface ReceptiveField {
  readonly rows: ReceptiveAxis;
  readonly columns: ReceptiveAxis;
}

/** Fields along one axis of a tensor. `whole`: one position that sees the whole image. */
interface Field {
  readonly offset: number;
  readonly stride: number;
  readonly size: number;
  readonly whole: boolean;
}
/** Per axis of a tensor; `undefined` where positions are not places in the image. */
type Fields = readonly (Field | undefined)[];

/**
 * Receptive fields of the positions of a tensor, by default in images that enter as `[N, C, H, W]`.
 *
 * Where branches meet, they must have the same spacing; the field is the smallest that holds all of theirs. A global
 * pool's position, and a tensor without positions, lie in the middle of the image.
 *
 * @param imageSize height and width of the network's input.
 * @param spatialAxes axes of height and width in the graph's input.
 * @throws {UnitscopeError} `model` if an operator on the way is unknown here, or branches disagree; `layer` if the
 * tensor does not depend on the input.
 */
export function receptiveField(
  graph: Graph,
  tensor: string,
  imageSize: readonly [height: number, width: number],
  { spatialAxes = [2, 3] }: { spatialAxes?: readonly [number, number] } = {},
): ReceptiveField {
  const [input] = graph.inputs;
  const inputShape: Shape = input?.shape ?? [null, null, null, null];
  const sized = inputShape.map((dim, axis) => imageSize[spatialAxes.indexOf(axis)] ?? dim);
  const port = { name: input?.name ?? "", type: input?.type ?? "float32", shape: sized } as const;
  const shapes = inferShapes({ ...graph, inputs: [port, ...graph.inputs.slice(1)] });
  const known = new Map<string, Fields>([
    [port.name, sized.map((_, axis) => (spatialAxes.includes(axis) ? pixel : undefined))],
  ]);
  const unknown = new Map<string, Node>();
  for (const node of nodesBefore(graph, tensor)) {
    if (node.inputs.every((name) => !known.has(name) && !unknown.has(name))) continue; // constants only
    const blocked = node.inputs.map((name) => unknown.get(name)).find((found) => found);
    const fields = blocked ? undefined : fieldsAfter(node, known, shapes, graph);
    for (const output of node.outputs) {
      if (fields) known.set(output, fields);
      else unknown.set(output, blocked ?? node);
    }
  }
  const fields = known.get(tensor);
  if (!fields) {
    const node = unknown.get(tensor);
    if (!node)
      throw new UnitscopeError("layer", `tensor "${tensor}": expected one that depends on the input, got another`);
    throw new UnitscopeError(
      "model",
      `tensor "${tensor}": expected operators with a known receptive field before it, got ${node.op} "${node.name}"; use half-pixel upsampling`,
    );
  }
  const [rows, columns] = fields.length === 4 ? (fields.filter((field) => field) as Field[]) : [];
  return { rows: finish(rows, imageSize[0]), columns: finish(columns, imageSize[1]) };
}

/** The nodes that a tensor depends on, in their order. */
function nodesBefore(graph: Graph, tensor: string): Node[] {
  const needed = new Set([tensor]);
  const found: Node[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((name) => needed.has(name))) continue;
    found.unshift(node);
    for (const name of node.inputs) needed.add(name);
  }
  return found;
}

const pixel: Field = { offset: 0, stride: 1, size: 1, whole: false };
const everything: Field = { offset: 0, stride: 1, size: 1, whole: true };

function finish(field: Field | undefined, imageSize: number): ReceptiveAxis {
  if (!field || field.whole) return { offset: (imageSize - 1) / 2, stride: imageSize, size: imageSize, imageSize };
  return { offset: field.offset, stride: field.stride, size: field.size, imageSize };
}

/** Fields of a node's outputs, by the role of its operator; `undefined` if they are not known here. */
function fieldsAfter(
  node: Node,
  known: ReadonlyMap<string, Fields>,
  shapes: ReadonlyMap<string, Shape>,
  graph: Graph,
): Fields | undefined {
  const operator = operatorOf(node);
  if (!operator || operator.places === "spread") return undefined;
  const x = known.get(node.inputs[0] ?? "") ?? [];
  const values = (input: number): number[] | undefined => {
    const constant = graph.constants.get(node.inputs[input] ?? "");
    return constant && plainValues(constant);
  };
  const outRank = shapes.get(node.outputs[0] ?? "")?.length;
  switch (operator.places === "kept" ? "arithmetic" : operator.role) {
    case "activation":
    case "elementwise":
    case "channel":
    case "arithmetic":
    case "concat":
      return joinFields(
        node,
        node.inputs.flatMap((name) => (known.has(name) ? [known.get(name) as Fields] : [])),
      );
    case "convolution":
      return slide(node, x, shapes, (shapes.get(node.inputs[1] ?? "") ?? []).slice(2) as number[]);
    case "pool":
      return slide(node, x, shapes, intsAttribute(node, "kernel_shape", []));
    case "global pool":
      return x.map((field) => field && everything);
    case "reduction":
      return outRank === x.length ? x.map((field) => field && everything) : nowhere(outRank);
    case "product":
      return outRank === 4 ? undefined : nowhere(outRank);
    case "reshape":
      return reshape(node, x, shapes);
    case "transpose": {
      const perm = intsAttribute(
        node,
        "perm",
        x.map((_, axis) => x.length - 1 - axis),
      );
      return perm.map((axis) => x[axis]);
    }
    case "pad": {
      const pads = values(1) ?? intsAttribute(node, "pads", []);
      return pads.length === 2 * x.length ? x.map((field, axis) => field && moved(field, -pads[axis])) : undefined;
    }
    case "slice":
      return slice(x, shapes.get(node.inputs[0] ?? ""), values);
    default: // only four axes have places
      return outRank === undefined || outRank === 4 ? undefined : nowhere(outRank);
  }
}

/** No axis is a place in the image. */
function nowhere(rank: number = 2): Fields {
  return Array.from({ length: rank }, () => undefined);
}

/** Moves the first position by some positions. */
function moved(field: Field, positions: number): Field {
  return { ...field, offset: field.offset + positions * field.stride };
}

function joinFields(node: Node, inputs: readonly Fields[]): Fields {
  const rank = Math.max(...inputs.map((fields) => fields.length));
  return Array.from({ length: rank }, (_, axis) => {
    const here = inputs.flatMap((fields) => fields[axis - (rank - fields.length)] ?? []); // broadcasting aligns the ends
    const [first, ...rest] = here.filter((field) => !field.whole);
    if (!first) return here[0];
    if (rest.some((field) => Math.abs(field.stride - first.stride) > 1e-9)) {
      const strides = [first, ...rest].map((field) => field.stride).join(" and ");
      throw new UnitscopeError("model", `node "${node.name}": expected branches of one stride, got ${strides}`);
    }
    const ends = [first, ...rest].map(
      ({ offset, size }) => [offset - (size - 1) / 2, offset + (size - 1) / 2] as const,
    );
    const [low, high] = [Math.min(...ends.map(([from]) => from)), Math.max(...ends.map(([, to]) => to))];
    return { offset: (low + high) / 2, stride: first.stride, size: high - low + 1, whole: false };
  });
}

/** A window that slides over axes 2 and 3. */
function slide(
  node: Node,
  x: Fields,
  shapes: ReadonlyMap<string, Shape>,
  kernel: readonly number[],
): Fields | undefined {
  if (x.length !== 4 || kernel.length !== 2) return undefined;
  const strides = intsAttribute(node, "strides", [1, 1]);
  const dilations = intsAttribute(node, "dilations", [1, 1]);
  const pads = intsAttribute(node, "pads", [0, 0, 0, 0]);
  const auto = stringAttribute(node, "auto_pad", "NOTSET");
  return x.map((field, axis) => {
    if (!field || field.whole) return field;
    const [stride, dilation] = [strides[axis - 2], dilations[axis - 2]];
    const reach = (kernel[axis - 2] - 1) * dilation + 1;
    let before = pads[axis - 2];
    if (auto.startsWith("SAME")) {
      const [from, to] = [shapes.get(node.inputs[0] ?? "")?.[axis], shapes.get(node.outputs[0] ?? "")?.[axis]];
      const all = Math.max(0, (Number(to) - 1) * stride + reach - Number(from));
      before = auto === "SAME_UPPER" ? Math.floor(all / 2) : Math.ceil(all / 2);
    } else if (auto === "VALID") before = 0;
    return {
      offset: field.offset + ((reach - 1) / 2 - before) * field.stride,
      stride: field.stride * stride,
      size: field.size + (reach - 1) * field.stride,
      whole: false,
    };
  });
}

/** A reshape that leaves the last two axes alone keeps their fields (channel shuffles); others lose the places. */
function reshape(node: Node, x: Fields, shapes: ReadonlyMap<string, Shape>): Fields | undefined {
  const [from, to] = [shapes.get(node.inputs[0] ?? ""), shapes.get(node.outputs[0] ?? "")];
  if (!from || !to) return node.inputs.length === 1 ? nowhere() : undefined; // without a target: to two axes
  const last = (shape: Shape): string => shape.slice(-2).join("×");
  if (to.length >= 4 && last(from) === last(to) && x.at(-1)) {
    return to.map((_, axis) => (axis >= to.length - 2 ? x[x.length - (to.length - axis)] : undefined));
  }
  return to.length < 4 ? to.map(() => undefined) : undefined;
}

function slice(
  x: Fields,
  shape: Shape | undefined,
  values: (input: number) => number[] | undefined,
): Fields | undefined {
  const starts = values(1);
  if (!starts) return undefined;
  const axes = values(3) ?? starts.map((_, axis) => axis);
  const steps = values(4) ?? starts.map(() => 1);
  const fields = [...x];
  for (const [i, axis] of axes.entries()) {
    const at = axis < 0 ? axis + x.length : axis;
    const field = fields[at];
    if (!field) continue;
    const [start, step] = [starts[i], steps[i]];
    const size = shape?.[at];
    if (step < 1 || (start < 0 && typeof size !== "number")) return undefined;
    const shifted = moved(field, start < 0 ? Math.max(0, start + Number(size)) : start);
    fields[at] = { ...shifted, stride: shifted.stride * step };
  }
  return fields;
}
