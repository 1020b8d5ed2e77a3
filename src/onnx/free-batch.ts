/**
 * A graph of a fixed number of images as one of any number. Exporters write that number into the targets of reshapes, and
 * fold class tokens into constants of one row; both are followed from the input on, so that what is rewritten stands
 * where the images are.
 */
import { axisOf, type Shape } from "./dims.ts";
import { type Graph, intAttribute, intTensor, type Node, node, type Port, plainValues, type Tensor } from "./graph.ts";
import { shapeFromCount } from "./image-count.ts";
import { type RowFact, type Rows, rowsOf, stepRows } from "./rows.ts";
import { stepShapes } from "./shapes.ts";

/** The graph with `N` images; unchanged where the image input's batch is free already. */
export function freeBatch(graph: Graph, imageName?: string): Graph {
  const isFixed = ({ shape }: Port): boolean => shape?.length === 4 && typeof shape[0] !== "string";
  const image = graph.inputs.find((port) => (imageName === undefined || port.name === imageName) && isFixed(port));
  if (!image?.shape) return graph;
  const batch = image.shape[0];
  const free = (port: Port): Port => ({ ...port, shape: port.shape ? ["N", ...port.shape.slice(1)] : null });
  const inputs = graph.inputs.map((port) => (port === image ? free(port) : port));
  const outputs = graph.outputs.map((port) => (port.shape?.[0] === batch ? free(port) : port));
  const freed = { ...graph, inputs, outputs };
  return typeof batch === "number" ? rewriteFor(freed, { input: image.name, batch }) : freed;
}

function rewriteFor(graph: Graph, { input, batch }: { input: string; batch: number }): Graph {
  const constants = new Map(graph.constants);
  const shapes = new Map<string, Shape>();
  const facts = new Map<string, RowFact>();
  for (const [name, tensor] of constants) {
    shapes.set(name, tensor.dims);
    facts.set(name, "constant");
  }
  for (const port of graph.inputs) if (port.shape) shapes.set(port.name, port.shape);
  facts.set(input, { axis: 0, outer: 1, inner: 1 });
  const opset = graph.opsets.get("") ?? 0;
  const nodes: Node[] = [];
  const add = (each: Node): void => {
    nodes.push(each);
    stepShapes(each, shapes, constants);
    stepRows(each, facts, { shapes, constants, opset });
  };
  const put = (name: string, tensor: Tensor): void => {
    constants.set(name, tensor);
    shapes.set(name, tensor.dims);
    facts.set(name, "constant");
  };
  for (const each of graph.nodes) {
    const target = constants.get(each.inputs[1] ?? "");
    const rows = rowsOf(facts.get(each.inputs[0] ?? ""));
    const from = shapes.get(each.inputs[0] ?? "");
    const output = each.outputs[0] ?? "";
    if (each.domain === "" && each.op === "Reshape" && target && rows && from) {
      const values = freeTarget(plainValues(target), { rows, from, batch });
      if (values) put(`${output}/shape`, intTensor(values)); // weights may be reshaped by the same constant
      add(values ? { ...each, inputs: [each.inputs[0] ?? "", `${output}/shape`] } : each);
    } else if (each.domain === "" && each.op === "Expand" && target && rows && from) {
      const values = plainValues(target);
      const axis = rows.axis + values.length - from.length;
      if (values[axis] === rows.outer * batch * rows.inner) values[axis] = 1;
      put(`${output}/shape`, intTensor(values));
      add({ ...each, inputs: [each.inputs[0] ?? "", `${output}/shape`] });
    } else if (each.domain === "" && each.op === "Concat") {
      for (const made of spreadConstants(each, { shapes, facts, constants, input, batch, put })) {
        add(made);
        const spread = made.op === "Expand" ? constants.get(made.inputs[0] ?? "")?.dims : undefined;
        const axis = concatRows(each, facts)?.axis;
        if (!spread || axis === undefined) continue;
        shapes.set(
          made.outputs[0],
          spread.map((dim, at) => (at === axis ? "N" : dim)),
        );
        facts.set(made.outputs[0], { axis, outer: 1, inner: 1 });
      }
    } else add(each);
  }
  return { ...graph, nodes, constants };
}

/** A reshape's target with what is left over where the images are; undefined where they cannot be followed. */
function freeTarget(
  target: readonly number[],
  { rows, from, batch }: { rows: Rows; from: Shape; batch: number },
): number[] | undefined {
  const sizes = from.map((dim, axis) => (axis === rows.axis ? rows.outer * batch * rows.inner : dim));
  if (sizes.some((dim) => typeof dim !== "number")) return undefined;
  const known = sizes as number[];
  const total = product(known);
  const zeroed = target.map((dim, axis) => (dim === 0 ? known[axis] : dim));
  const rest = product(zeroed.filter((dim) => dim !== -1));
  const values = zeroed.map((dim) => (dim === -1 ? total / rest : dim));
  if (product(values) !== total) return undefined;
  const pre = product(known.slice(0, rows.axis)) * rows.outer;
  const post = rows.inner * product(known.slice(rows.axis + 1));
  for (let axis = 0; axis < values.length; axis++) {
    const [left, right] = [product(values.slice(0, axis)), product(values.slice(axis + 1))];
    if (pre % left !== 0 || post % right !== 0) continue;
    if ((pre / left) * batch * (post / right) === values[axis]) return values.map((dim, i) => (i === axis ? -1 : dim));
  }
  return undefined;
}

/** A concatenation whose constants of the same row for every image are spread out to the images. */
function spreadConstants(
  each: Node,
  {
    shapes,
    facts,
    constants,
    input,
    batch,
    put,
  }: {
    shapes: ReadonlyMap<string, Shape>;
    facts: ReadonlyMap<string, RowFact>;
    constants: ReadonlyMap<string, Tensor>;
    input: string;
    batch: number;
    put: (name: string, tensor: Tensor) => void;
  },
): Node[] {
  const rows = concatRows(each, facts);
  const rank = shapes.get(each.inputs[0] ?? "")?.length ?? 0;
  if (!rows || rows.outer !== 1 || rows.inner !== 1 || rows.axis === axisOf(intAttribute(each, "axis", 1), rank)) {
    return [each];
  }
  const made: Node[] = [];
  const inputs = each.inputs.map((name, i) => {
    const constant = constants.get(name);
    const row = constant?.dims[rows.axis] === batch ? sharedRow(constant, rows.axis) : undefined;
    if (!row) return name;
    const { dims } = row;
    const spread = `unitscope/spread/${each.outputs[0]}/${i}`;
    const source = batch === 1 ? name : `${spread}/row`;
    if (batch > 1) put(source, row);
    const shape = shapeFromCount(
      `${spread}/shape`,
      dims.map((dim, axis) => (axis === rows.axis ? "N" : dim)),
      input,
    );
    if (!shape) return name;
    for (const [constant, tensor] of shape.constants) put(constant, tensor);
    made.push(...shape.nodes, node("Expand", [source, `${spread}/shape`], [spread]));
    return spread;
  });
  return [...made, { ...each, inputs }];
}

/** Where the images stand in what is joined. */
function concatRows(each: Node, facts: ReadonlyMap<string, RowFact>): Rows | undefined {
  return each.inputs.flatMap((name) => rowsOf(facts.get(name)) ?? [])[0];
}

/** What all entries of an axis hold alike, as a tensor with one; undefined where they differ. */
function sharedRow(tensor: Tensor, axis: number): Tensor | undefined {
  const { dims, data } = tensor;
  const count = dims[axis] ?? 1;
  if (count === 1) return tensor;
  const inner = product(dims.slice(axis + 1));
  const first = (at: number): number => Math.floor(at / (count * inner)) * count * inner + (at % inner);
  if (!(data instanceof Float32Array) || data.some((value, at) => value !== data[first(at)])) return undefined;
  const kept = data.filter((_, at) => Math.floor(at / inner) % count === 0);
  return { ...tensor, dims: dims.map((dim, i) => (i === axis ? 1 : dim)), data: kept };
}

function product(values: readonly number[]): number {
  return values.reduce((a, b) => a * b, 1);
}
