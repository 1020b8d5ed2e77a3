/** Shapes of a forward graph once its batch size is fixed: the operators that training differentiates, and no others. */
import { UnitscopeError } from "../errors.ts";
import {
  elementCount,
  type Graph,
  intAttribute,
  intsAttribute,
  type Node,
  stringAttribute,
  type Tensor,
} from "../onnx/graph.ts";
import type { Shape } from "./graph-builder.ts";

/** Where a sliding window (a convolution's or a pool's) goes, per axis. */
export interface Windows {
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  /** Padding before the first row and column. */
  readonly before: readonly [number, number];
  /** Padding after the last row and column. */
  readonly after: readonly [number, number];
}

/**
 * Reads a node's window.
 * @throws {UnitscopeError} `model` for what differentiation does not cover: dilation, ceil mode, automatic padding.
 */
export function windowsOf(of: Node, kernelShape: readonly number[]): Windows {
  const kernel = intsAttribute(of, "kernel_shape", kernelShape);
  const strides = intsAttribute(of, "strides", [1, 1]);
  const pads = intsAttribute(of, "pads", [0, 0, 0, 0]);
  const odd =
    kernel.length !== 2 ||
    intsAttribute(of, "dilations", [1, 1]).some((dilation) => dilation !== 1) ||
    intAttribute(of, "ceil_mode", 0) !== 0 ||
    stringAttribute(of, "auto_pad", "NOTSET") !== "NOTSET";
  if (odd) {
    throw new UnitscopeError(
      "model",
      `node "${of.name}" (${of.op}): expected two dimensions, explicit padding, no dilation and no ceil mode, got otherwise`,
    );
  }
  return {
    kernel: [kernel[0], kernel[1]],
    strides: [strides[0], strides[1]],
    before: [pads[0], pads[1]],
    after: [pads[2], pads[3]],
  };
}

/** How many places a window has along an axis (0 or 1: rows, columns) of `size` elements. */
export function windowCount(windows: Windows, axis: 0 | 1, size: number): number {
  const span = size + windows.before[axis] + windows.after[axis] - windows.kernel[axis];
  return Math.floor(span / windows.strides[axis]) + 1;
}

/**
 * The shape of every tensor of a graph.
 *
 * @param inputs sizes of the graph's inputs, by name.
 * @throws {UnitscopeError} `model` for an operator that training does not know.
 */
export function staticShapes(graph: Graph, inputs: ReadonlyMap<string, Shape>): Map<string, Shape> {
  const shapes = new Map<string, Shape>(inputs);
  for (const [name, tensor] of graph.constants) shapes.set(name, tensor.dims);
  for (const each of graph.nodes) {
    const known = each.inputs.map((input) => shapes.get(input) ?? []);
    outputShapes(each, known, graph.constants).forEach((shape, i) => {
      const output = each.outputs[i];
      if (output) shapes.set(output, shape);
    });
  }
  return shapes;
}

/** Shapes of one node's outputs. */
function outputShapes(of: Node, inputs: readonly Shape[], constants: ReadonlyMap<string, Tensor>): Shape[] {
  const [first = [], second = []] = inputs;
  switch (of.op) {
    case "Relu":
    case "Identity":
    case "LogSoftmax":
    case "Cast":
    case "Neg":
      return [first];
    case "BatchNormalization":
      return [first, second, second];
    case "Add":
    case "Sub":
    case "Mul":
    case "Div":
    case "Equal":
      return [broadcast(first, second)];
    case "Conv": {
      const windows = windowsOf(of, second.slice(2));
      return [
        [first[0] ?? 0, second[0] ?? 0, windowCount(windows, 0, first[2] ?? 0), windowCount(windows, 1, first[3] ?? 0)],
      ];
    }
    case "MaxPool":
    case "AveragePool": {
      const windows = windowsOf(of, []);
      return [
        [first[0] ?? 0, first[1] ?? 0, windowCount(windows, 0, first[2] ?? 0), windowCount(windows, 1, first[3] ?? 0)],
      ];
    }
    case "GlobalAveragePool":
      return [[first[0] ?? 0, first[1] ?? 0, 1, 1]];
    case "Flatten": {
      const axis = intAttribute(of, "axis", 1);
      return [[elementCount(first.slice(0, axis)), elementCount(first.slice(axis))]];
    }
    case "Reshape": {
      const target = Array.from((constants.get(of.inputs[1])?.data ?? []) as BigInt64Array, Number);
      const sizes = target.map((size, i) => (size === 0 ? (first[i] ?? 0) : size));
      const rest = elementCount(first) / elementCount(sizes.filter((size) => size !== -1));
      return [sizes.map((size) => (size === -1 ? rest : size))];
    }
    case "Gemm": {
      const rows = intAttribute(of, "transA", 0) === 1 ? first[1] : first[0];
      const columns = intAttribute(of, "transB", 0) === 1 ? second[0] : second[1];
      return [[rows ?? 0, columns ?? 0]];
    }
    case "MatMul":
      return [[...first.slice(0, -1), second[second.length - 1] ?? 0]];
    case "OneHot": {
      const depth = constants.get(of.inputs[1])?.data[0] ?? 0;
      return [[...first, Number(depth)]];
    }
    case "ArgMax":
      return [first.slice(0, -1)];
    case "ReduceSum":
    case "ReduceMean":
      return [[]];
    default:
      throw new UnitscopeError(
        "model",
        `node "${of.name}": expected an operator that training can differentiate, got ${of.op}`,
      );
  }
}

function broadcast(left: Shape, right: Shape): Shape {
  const rank = Math.max(left.length, right.length);
  return Array.from({ length: rank }, (_, i) =>
    Math.max(left[i - rank + left.length] ?? 1, right[i - rank + right.length] ?? 1),
  );
}
