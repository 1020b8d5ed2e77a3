/**
 * L1 norm of every unit: the sum of absolute values of its own incoming weights (Li et al. 2017 prune by it). With a
 * batch norm behind, a unit's weights act multiplied by γ/√(σ² + ε), so the norm of the folded weights stands beside.
 */
import { UnitscopeError } from "../errors.ts";
import type { Graph, Node, Tensor } from "../onnx/graph.ts";
import { floatAttribute, intAttribute } from "../onnx/graph.ts";
import type { Layer } from "../onnx/layers.ts";

/** Norms of a layer, float64 `[units]`, or `null` where the file does not hold those weights. */
export interface L1Norms {
  /** Of the weights before any folding; `null` if the exporter has folded batch norm into them. */
  readonly plain: Float64Array | null;
  /** Of the weights with batch norm folded in; `null` if the layer has no batch norm. */
  readonly folded: Float64Array | null;
}

/**
 * The norms of one layer. Bias is excluded. Additions and concatenations have no weights of their own, and weights that
 * the graph computes cannot be read: both norms are `null` then.
 *
 * @throws {UnitscopeError} `model` if a weight's shape does not fit the layer.
 */
export function l1Norms(graph: Graph, layer: Layer): L1Norms {
  const weight = layer.weight === null ? undefined : graph.constants.get(layer.weight);
  const values = weight && floatsOf(weight);
  const node = graph.nodes.find((each) => each.inputs[1] === layer.weight && each.op in unitAxis);
  if (!weight || !values || !node) return { plain: null, folded: null };
  const axis = unitAxis[node.op]?.(node) ?? 0;
  if (weight.dims[axis] !== layer.units) {
    throw new UnitscopeError(
      "model",
      `layer "${layer.name}": expected weights for ${layer.units} units, got shape [${weight.dims.join(", ")}]`,
    );
  }
  const plain = absoluteSums(values, weight.dims, axis);
  const alpha = Math.abs(floatAttribute(node, "alpha", 1));
  if (node.op === "Gemm" && alpha !== 1) for (let unit = 0; unit < plain.length; unit++) plain[unit] *= alpha;
  if (layer.batchNorm === "folded") return { plain: null, folded: plain };
  const scales = layer.batchNorm === "separate" ? batchNormScales(graph, layer) : undefined;
  return { plain, folded: scales ? plain.map((norm, unit) => norm * Math.abs(scales[unit])) : null };
}

/** Which axis of an operator's weights counts the units. */
const unitAxis: Readonly<Record<string, (node: Node) => number>> = {
  Conv: () => 0,
  Gemm: (node) => (intAttribute(node, "transB", 0) === 1 ? 0 : 1),
  MatMul: () => 1,
};

function absoluteSums(values: Float32Array | Float64Array, dims: readonly number[], axis: number): Float64Array {
  const units = dims[axis];
  const inner = dims.slice(axis + 1).reduce((product, dim) => product * dim, 1);
  const sums = new Float64Array(units);
  for (let index = 0; index < values.length; index++) {
    sums[Math.floor(index / inner) % units] += Math.abs(values[index]);
  }
  return sums;
}

/** γ/√(σ² + ε) of the batch norm behind a layer's operator, `[units]`. */
function batchNormScales(graph: Graph, layer: Layer): Float64Array | undefined {
  const norm = graph.nodes.find((node) => node.op === "BatchNormalization" && followsOutput(graph, node, layer));
  if (!norm) return undefined;
  const [gamma, variance] = [norm.inputs[1], norm.inputs[4]].map((name) => {
    const tensor = graph.constants.get(name ?? "");
    return tensor && floatsOf(tensor);
  });
  if (!gamma || !variance) return undefined;
  const epsilon = floatAttribute(norm, "epsilon", 1e-5);
  return Float64Array.from(gamma, (value, unit) => value / Math.sqrt(variance[unit] + epsilon));
}

/** Whether a node reads the layer's operator, directly or through an added bias. */
function followsOutput(graph: Graph, node: Node, layer: Layer): boolean {
  const [source] = node.inputs;
  if (source === layer.output) return true;
  const before = graph.nodes.find((each) => each.op === "Add" && each.outputs[0] === source);
  return before?.inputs.includes(layer.output) ?? false;
}

function floatsOf({ type, data }: Tensor): Float32Array | Float64Array | undefined {
  return type === "float32" || type === "float64" ? (data as Float32Array | Float64Array) : undefined;
}
