/**
 * Grows a graph whose every shape is known: operators are emitted one by one, with the shape of what they give.
 *
 * Differentiation and lowering both write through it, so that they never have to infer a shape.
 */
import { UnitscopeError } from "../errors.ts";
import { type Attribute, elementCount, intTensor, type Node, node, type Tensor } from "../onnx/graph.ts";

/** Sizes of one tensor; no free dimension. */
export type Shape = readonly number[];

/** Attributes as `node` takes them. */
export type AttributeValues = Record<string, Attribute | number | string | readonly number[]>;

/** An operator that gradients are made of and that a lowering turns into standard ones; never written to a file. */
export const GRADIENT_DOMAIN = "unitscope.gradient";

/** A graph being built. All methods that emit return the name of the new tensor. */
export interface GraphBuilder {
  /** Nodes emitted so far, in order. */
  readonly nodes: readonly Node[];
  readonly constants: ReadonlyMap<string, Tensor>;
  /** The shape of a tensor. @throws {UnitscopeError} `internal` if it is not known. */
  shapeOf(tensor: string): Shape;
  /** Makes a tensor known that comes from elsewhere (an input of the graph). */
  declare(tensor: string, shape: Shape): void;
  /** Adds a constant under its own name. */
  define(name: string, tensor: Tensor): void;
  /** Adds a node whose outputs are already named. */
  append(added: Node, shapes: readonly Shape[]): void;
  /** Emits an operator with one output. */
  emit(op: string, inputs: readonly string[], shape: Shape, attributes?: AttributeValues, domain?: string): string;
  /** Emits an operator with several outputs. */
  emitMany(op: string, inputs: readonly string[], shapes: readonly Shape[], attributes?: AttributeValues): string[];
  /** A float32 scalar constant. */
  scalar(value: number): string;
  /** A one-dimensional int64 constant. */
  ints(values: readonly number[]): string;
  /** A constant without a name of its own. */
  constant(tensor: Tensor): string;
  /** The same elements under another shape; nothing when the shape is the same. */
  reshape(tensor: string, shape: Shape): string;
  transpose(tensor: string, perm: readonly number[]): string;
  /** `tensor[start : end : step]` along one axis. */
  slice(tensor: string, axis: number, start: number, end: number, step?: number): string;
  /** `before` and `after` elements of `value` around the given axis. */
  pad(tensor: string, axis: number, before: number, after: number, value?: number): string;
  concat(tensors: readonly string[], axis: number): string;
  /** Elementwise operator on two tensors of which the second is of the same shape or broadcast into the first. */
  binary(op: "Add" | "Sub" | "Mul" | "Div", left: string, right: string): string;
  /** Elementwise operator on one tensor. */
  unary(op: string, tensor: string): string;
  sum(tensor: string, axes: readonly number[], keepDims?: boolean): string;
}

/** A builder that continues a graph: its constants, and the shapes known so far. */
export function growGraph(from: { constants: ReadonlyMap<string, Tensor>; prefix: string }): GraphBuilder {
  const nodes: Node[] = [];
  const constants = new Map(from.constants);
  const shapes = new Map<string, Shape>();
  for (const [name, tensor] of constants) shapes.set(name, tensor.dims);
  const pool = new Map<string, string>();
  let counter = 0;
  const fresh = (hint: string): string => `${from.prefix}${hint}_${counter++}`;

  const shapeOf = (tensor: string): Shape => {
    const shape = shapes.get(tensor);
    if (!shape) throw new UnitscopeError("internal", `internal: tensor "${tensor}": expected a known shape, got none`);
    return shape;
  };
  const emitMany: GraphBuilder["emitMany"] = (op, inputs, outputShapes, attributes = {}) => {
    const outputs = outputShapes.map(() => fresh(op));
    nodes.push(node(op, inputs, outputs, attributes));
    outputs.forEach((output, i) => {
      shapes.set(output, outputShapes[i]);
    });
    return outputs;
  };
  const emit: GraphBuilder["emit"] = (op, inputs, shape, attributes = {}, domain = "") => {
    const output = fresh(op);
    nodes.push({ ...node(op, inputs, [output], attributes), domain });
    shapes.set(output, shape);
    return output;
  };
  const constant = (tensor: Tensor): string => {
    const key = `${tensor.type}:${tensor.dims.join(",")}:${elementCount(tensor.dims) > 64 ? fresh("") : tensor.data.join(",")}`;
    const known = pool.get(key);
    if (known) return known;
    const name = fresh("const");
    constants.set(name, tensor);
    shapes.set(name, tensor.dims);
    pool.set(key, name);
    return name;
  };
  const scalar = (value: number): string => constant({ type: "float32", dims: [], data: Float32Array.of(value) });
  const ints = (values: readonly number[]): string => constant(intTensor(values));
  const replaced = (shape: Shape, axis: number, size: number): number[] =>
    shape.map((dim, i) => (i === axis ? size : dim));

  return {
    nodes,
    constants,
    shapeOf,
    declare: (tensor, shape) => void shapes.set(tensor, shape),
    define(name, tensor) {
      constants.set(name, tensor);
      shapes.set(name, tensor.dims);
    },
    append(added, outputShapes) {
      nodes.push(added);
      added.outputs.forEach((output, i) => {
        if (output !== "") shapes.set(output, outputShapes[i]);
      });
    },
    emit,
    emitMany,
    scalar,
    ints,
    constant,
    reshape(tensor, shape) {
      const old = shapeOf(tensor);
      if (old.length === shape.length && old.every((dim, i) => dim === shape[i])) return tensor;
      if (elementCount(old) !== elementCount(shape)) {
        throw new UnitscopeError(
          "internal",
          `internal: reshape of "${tensor}": expected ${elementCount(old)} elements, got [${shape.join(", ")}]`,
        );
      }
      return emit("Reshape", [tensor, ints(shape)], shape);
    },
    transpose: (tensor, perm) =>
      emit(
        "Transpose",
        [tensor],
        perm.map((axis) => shapeOf(tensor)[axis]),
        { perm },
      ),
    slice(tensor, axis, start, end, step = 1) {
      const shape = shapeOf(tensor);
      if (start === 0 && end === shape[axis] && step === 1) return tensor;
      const size = Math.ceil((end - start) / step);
      return emit(
        "Slice",
        [tensor, ints([start]), ints([end]), ints([axis]), ints([step])],
        replaced(shape, axis, size),
      );
    },
    pad(tensor, axis, before, after, value = 0) {
      if (before === 0 && after === 0) return tensor;
      const shape = shapeOf(tensor);
      const pads = [
        ...shape.map((_, i) => (i === axis ? before : 0)),
        ...shape.map((_, i) => (i === axis ? after : 0)),
      ];
      return emit("Pad", [tensor, ints(pads), scalar(value)], replaced(shape, axis, shape[axis] + before + after));
    },
    concat(tensors, axis) {
      if (tensors.length === 1) return tensors[0];
      const size = tensors.reduce((total, tensor) => total + shapeOf(tensor)[axis], 0);
      return emit("Concat", tensors, replaced(shapeOf(tensors[0]), axis, size), { axis });
    },
    binary: (op, left, right) => emit(op, [left, right], shapeOf(left)),
    unary: (op, tensor) => emit(op, [tensor], shapeOf(tensor)),
    sum(tensor, axes, keepDims = false) {
      const shape = shapeOf(tensor);
      const kept = keepDims
        ? shape.map((dim, i) => (axes.includes(i) ? 1 : dim))
        : shape.filter((_, i) => !axes.includes(i));
      return emit("ReduceSum", [tensor, ints(axes)], kept, { keepdims: keepDims ? 1 : 0 });
    },
  };
}
