/**
 * What only running a graph tells: the values of everything that does not depend on the image, and the shapes of tensors
 * that no rule gives. Free of any one runtime: whoever has sessions passes `run`.
 */
import { scaledDim } from "../onnx/dims.ts";
import { cutTo } from "../onnx/edit.ts";
import { inferTypes } from "../onnx/element-types.ts";
import {
  type Dim,
  type Graph,
  intAttribute,
  intTensor,
  type Node,
  node,
  type Tensor,
  type TensorData,
} from "../onnx/graph.ts";
import { shapeFromCount } from "../onnx/image-count.ts";
import { isShape, type RowFact } from "../onnx/rows.ts";
import type { Shape } from "../onnx/shapes.ts";
import type { Value } from "./session.ts";

/** Runs a graph once for each of the given inputs. */
export type Runner = (
  graph: Graph,
  feeds: readonly Readonly<Record<string, Value>>[],
) => Promise<Record<string, Value>[]>;

/** The graph with everything that no image changes computed once. */
export async function computeConstants(graph: Graph, facts: ReadonlyMap<string, RowFact>, run: Runner): Promise<Graph> {
  const isFixed = (each: Node): boolean => each.outputs.every((name) => name === "" || facts.get(name) === "constant");
  const rest = graph.nodes.filter((each) => !isFixed(each));
  if (rest.length === graph.nodes.length) return graph;
  const made = new Set(graph.nodes.filter(isFixed).flatMap((each) => each.outputs));
  const read = new Set([...rest.flatMap((each) => each.inputs), ...graph.outputs.map((port) => port.name)]);
  const wanted = [...made].filter((name) => read.has(name));
  const constants = new Map(graph.constants);
  if (wanted.length > 0) {
    const types = inferTypes(graph);
    const cut = cutTo({ ...graph, outputs: [] }, wanted);
    const outputs = cut.outputs.map((port) => ({ ...port, type: types.get(port.name) ?? port.type }));
    const [values = {}] = await run({ ...cut, outputs }, [{}]);
    for (const name of wanted) {
      const value = values[name];
      if (value) constants.set(name, { type: value.type, dims: value.dims, data: shared(value.data) });
    }
  }
  const kept = new Set([...rest.flatMap((each) => each.inputs), ...graph.outputs.map((port) => port.name)]);
  return { ...graph, nodes: rest, constants: new Map([...constants].filter(([name]) => kept.has(name))) };
}

/** What two runs with different numbers of images tell. */
export interface Measured {
  /** Shapes of the tensors that were asked for; `null` stands where a dimension follows neither number. */
  readonly shapes: ReadonlyMap<string, Shape>;
  /** Values of the tensors that depend on the number of images only, at two numbers at which they differ, if there are. */
  readonly counts: ReadonlyMap<string, readonly [Tensor, Tensor]>;
}

/** Numbers of images of the two runs. */
const BATCHES = [2, 3] as const;

/** Measures shapes of `tensors` and values of `counts` with images of noise; runs nothing where there are none. */
export async function measure(
  graph: Graph,
  {
    input,
    imageDims,
    tensors,
    counts,
    batch = null,
    run,
  }: {
    input: string;
    imageDims: readonly number[];
    tensors: readonly string[];
    counts: readonly string[];
    /** The number of images that the graph takes; any where it is `null`. */
    batch?: number | null;
    run: Runner;
  },
): Promise<Measured> {
  if (tensors.length + counts.length === 0) return { shapes: new Map(), counts: new Map() };
  const types = inferTypes(graph);
  const shapeName = (tensor: string): string => `unitscope/shape/${tensor}`;
  const probe = cutTo(
    { ...graph, nodes: [...graph.nodes, ...tensors.map((each) => node("Shape", [each], [shapeName(each)]))] },
    [...tensors.map(shapeName), ...counts],
  );
  const outputs = probe.outputs.map((port) => ({ ...port, type: types.get(port.name) ?? "int64", shape: null }));
  // One image alone is run where that may tell a choice by the number of images from a constant.
  const free = counts.length > 0 ? [...BATCHES, 1] : BATCHES;
  const results = await run(
    { ...probe, outputs },
    (batch === null ? free : [batch, batch]).map((count) => ({ [input]: noise([count, ...imageDims]) })),
  );
  const [small, large, single] = results;
  const shapes = new Map<string, Shape>();
  for (const tensor of tensors) {
    const [a, b] = [small, large].map((each) => Array.from(each?.[shapeName(tensor)]?.data ?? [], Number));
    if (a && b && a.length === b.length)
      shapes.set(
        tensor,
        a.map((size, axis) => dimOf(size, b[axis])),
      );
  }
  const values = new Map<string, readonly [Tensor, Tensor]>();
  for (const name of counts) {
    const [a, b] = [small?.[name], large?.[name]];
    if (!a || !b) continue;
    const alone = single?.[name];
    values.set(name, [a, alone && isEqual(a, b) ? alone : b]);
    // Class tokens are spread out to as many rows as there are images: where those stand follows from the shape.
    const sizes = a.dims.map((size, axis) => dimOf(size, b.dims[axis]));
    if (a.dims.length === b.dims.length && sizes.some((dim) => typeof dim === "string")) shapes.set(name, sizes);
  }
  return { shapes, counts: values };
}

/** Images of noise, the same every time. */
export function noise(dims: readonly number[], seed: number = 1): Value<Float32Array> {
  const data = new Float32Array(dims.reduce((a, b) => a * b, 1));
  let state = seed >>> 0;
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    data[i] = (state / 2 ** 32 - 0.5) * 3;
  }
  return { type: "float32", dims, data };
}

/** A dimension from its sizes at both numbers of images. */
function dimOf(small: number, large: number): Dim {
  if (small === large) return small;
  const factor = small / BATCHES[0];
  return Number.isInteger(factor) && factor * BATCHES[1] === large ? scaledDim(factor, "N") : null;
}

/**
 * The graph with what was measured written into it: tensors that are the same at both numbers of images are constants,
 * targets of reshapes are constant, and what is left of the bookkeeping reads the number of images and nothing else.
 */
export function settleCounts(
  graph: Graph,
  { input, shapes, counts }: { input: string; shapes: ReadonlyMap<string, Shape>; counts: Measured["counts"] },
): Graph {
  const constants = new Map(graph.constants);
  for (const [name, [a, b]] of counts) if (isEqual(a, b)) constants.set(name, a);
  const settled = new Set([...counts.keys()].filter((name) => constants.has(name)));
  const nodes: Node[] = [];
  for (const each of graph.nodes) {
    if (each.outputs.some((name) => settled.has(name))) continue;
    const target = each.op === "Reshape" && each.domain === "" ? each.inputs[1] : undefined;
    const output = each.outputs[0];
    if (target !== undefined && !constants.has(target)) {
      const values = reshapeTarget(shapes.get(output), shapes.get(each.inputs[0] ?? ""));
      if (values) {
        constants.set(`${output}/shape`, intTensor(values));
        const { allowzero: _, ...attributes } = each.attributes;
        nodes.push({ ...each, inputs: [each.inputs[0] ?? "", `${output}/shape`], attributes });
        continue;
      }
    }
    if (isShape(each) && each.op === "Shape") {
      const shape = shapeRange(each, shapes.get(each.inputs[0] ?? ""));
      const written = shape && shapeFromCount(each.outputs[0] ?? "", shape, input);
      if (written) {
        for (const [name, tensor] of written.constants) constants.set(name, tensor);
        nodes.push(...written.nodes);
        continue;
      }
    }
    nodes.push(each);
  }
  return { ...graph, nodes, constants };
}

/** A constant target: the dimension that grows with the images is what is left over. */
function reshapeTarget(to: Shape | undefined, from: Shape | undefined): number[] | undefined {
  if (!to || !from || to.includes(null) || to.includes(0)) return undefined;
  const free = to.filter((dim) => typeof dim === "string").length;
  return free > 1 ? undefined : to.map((dim) => (typeof dim === "number" ? dim : -1));
}

/** The dimensions that a `Shape` node gives. */
function shapeRange(each: Node, shape: Shape | undefined): Shape | undefined {
  return shape?.slice(intAttribute(each, "start", 0), intAttribute(each, "end", shape.length));
}

function isEqual(a: Tensor, b: Tensor): boolean {
  return (
    a.type === b.type &&
    a.dims.join() === b.dims.join() &&
    a.data.length === b.data.length &&
    a.data.every((value, i) => value === b.data[i])
  );
}

/** In shared memory where it is large, so that worker threads read the same weights. */
function shared(data: TensorData): TensorData {
  if (data.byteLength <= 1 << 14 || data instanceof BigInt64Array) return data;
  const buffer = new SharedArrayBuffer(data.byteLength);
  new Uint8Array(buffer).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  if (data instanceof Float32Array) return new Float32Array(buffer);
  if (data instanceof Float64Array) return new Float64Array(buffer);
  if (data instanceof Int32Array) return new Int32Array(buffer);
  return data;
}
