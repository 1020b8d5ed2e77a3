/**
 * How far the last hidden vector of a network can move when a unit's response changes by a given norm.
 *
 * The gain of a path is the product of its operators' Lipschitz constants: bounds of spectral norms for linear
 * operators, 1 for ReLU and its kin; gains of joining paths add up.
 */

import { knownSize } from "../onnx/dims.ts";
import { floatAttribute, type Graph, intAttribute, intsAttribute, type Node, type Tensor } from "../onnx/graph.ts";
import { gainOf } from "../onnx/operators.ts";
import type { Shape } from "../onnx/shapes.ts";
import type { Model } from "../runtime/open-model.ts";
import { frontierWeights } from "./frontier-graph.ts";
import { matrixNormBound, matrixNormBounds } from "./spectral-norm.ts";
import type { Frontier, SuffixPlan } from "./suffix-plan.ts";

/** A bound of one layer's suffix; plain data, made once and sent to every worker. */
export interface SuffixBound {
  /**
   * Per magnitude of the layer's ports (frontiers, then carried tensors): gain from the Euclidean norm of a unit's change
   * there to that of the last hidden vector, float64 `[units]`.
   */
  readonly gains: readonly Float64Array[];
  /** The classifier's rows, float32 `[classCount, hidden]`. */
  readonly classifier: Float32Array;
  readonly hidden: number;
}

/** Units whose contributions are bounded in one run; more would only hold memory. */
const UNITS_AT_ONCE = 32;

/**
 * Bounds the suffix of a plan; undefined where an operator has no constant that we know, or the end is not linear.
 *
 * A suffix that recomputes a convolution is not bounded either: the product of the norms is so loose there that it
 * certified 0.5 % of the pairs of the shipped AlexNet's conv3 and 0.1 to 0.4 % of a ResNet-20's, for more than it saved.
 */
export async function boundSuffix(model: Model, plan: SuffixPlan): Promise<SuffixBound | undefined> {
  const { graph, logits, classCount } = model;
  const { shapes } = model;
  const end = classifierOf(graph, plan, logits, classCount);
  if (!end || plan.recomputed.some((node) => node.op === "Conv")) return undefined;
  const constants = new Map<Node, number | undefined>();
  for (const node of end.body) constants.set(node, await operatorBound(node, graph, shapes));
  const sources = [...plan.frontiers.map(({ output }) => output), ...plan.carried.map(({ name }) => name)];
  const gains: Float64Array[] = [];
  for (const [index, source] of sources.entries()) {
    const path = pathGain(source, end, constants);
    if (path === undefined) return undefined;
    const frontier = plan.frontiers[index];
    const own = frontier ? await unitNorms(frontier, plan.units, graph) : new Float64Array(plan.units).fill(1);
    gains.push(own.map((norm) => norm * path));
  }
  return { gains, classifier: end.weights, hidden: end.hidden };
}

interface Classifier {
  /** Recomputed operators before the classifier. */
  readonly body: readonly Node[];
  /** The tensor that the classifier reads. */
  readonly input: string;
  readonly weights: Float32Array;
  readonly hidden: number;
}

/** The last product of the suffix, its bias aside. */
function classifierOf(graph: Graph, plan: SuffixPlan, logits: string, classCount: number): Classifier | undefined {
  const nodes = [...plan.recomputed];
  let last = nodes.pop();
  if (last?.op === "Add" && last.outputs[0] === logits && last.inputs.some((name) => graph.constants.has(name))) {
    const product = nodes.pop();
    if (!product || !last.inputs.includes(product.outputs[0])) return undefined;
    last = product;
  } else if (last?.outputs[0] !== logits) return undefined;
  const weight = graph.constants.get(last.inputs[1] ?? "");
  if (last.inputs[2] && !graph.constants.has(last.inputs[2])) return undefined;
  if ((last.op !== "Gemm" && last.op !== "MatMul") || weight?.type !== "float32" || weight.dims.length !== 2)
    return undefined;
  if (intAttribute(last, "transA", 0) !== 0) return undefined;
  const isRows = last.op === "Gemm" && intAttribute(last, "transB", 0) === 1;
  const alpha = last.op === "Gemm" ? floatAttribute(last, "alpha", 1) : 1;
  const hidden = weight.dims[isRows ? 1 : 0];
  const from = weight.data as Float32Array;
  const weights = new Float32Array(classCount * hidden);
  for (let cls = 0; cls < classCount; cls++) {
    for (let i = 0; i < hidden; i++) {
      weights[cls * hidden + i] = alpha * from[isRows ? cls * hidden + i : i * classCount + cls];
    }
  }
  return { body: nodes, input: last.inputs[0], weights, hidden };
}

/** Gain from one source to the classifier's input; undefined if an operator on the way is unknown. */
function pathGain(
  source: string,
  end: Classifier,
  constants: ReadonlyMap<Node, number | undefined>,
): number | undefined {
  const gain = new Map([[source, 1]]);
  for (const node of end.body) {
    const incoming = node.inputs.reduce((sum, input) => sum + (gain.get(input) ?? 0), 0);
    if (incoming === 0) continue;
    // The constant of a product is for what it multiplies, not for what it adds.
    if (node.op === "Gemm" && gain.has(node.inputs[2] ?? "")) return undefined;
    const bound = constants.get(node);
    if (bound === undefined) return undefined;
    for (const output of node.outputs) if (output !== "") gain.set(output, incoming * bound);
  }
  return gain.get(end.input) ?? 0;
}

async function operatorBound(
  node: Node,
  graph: Graph,
  shapes: ReadonlyMap<string, Shape>,
): Promise<number | undefined> {
  const simple = gainOf(node);
  if (simple !== undefined) return simple;
  if (node.domain !== "") return undefined;
  const constant = (i: number): Tensor | undefined => graph.constants.get(node.inputs[i] ?? "");
  switch (node.op) {
    case "Add":
    case "Sub":
    case "Concat":
      return spread(node, shapes); // changes of the inputs add up at most
    case "MaxPool":
    case "AveragePool": {
      // An input stands in several overlapping windows, and each window's output moves by at most its largest input.
      const strides = intsAttribute(node, "strides", [1, 1]);
      const kernel = intsAttribute(node, "kernel_shape", []);
      const isDilated = intsAttribute(node, "dilations", []).some((step) => step !== 1);
      const windows = (size: number, axis: number): number =>
        isDilated ? size : Math.ceil(size / (strides[axis] ?? 1));
      return Math.sqrt(kernel.reduce((product, size, axis) => product * windows(size, axis), 1));
    }
    case "GlobalAveragePool": {
      const size = (shapes.get(node.inputs[0] ?? "") ?? []).slice(2);
      if (!size.every((dim) => typeof dim === "number")) return 1;
      return 1 / Math.sqrt(size.reduce((a, b) => a * b, 1));
    }
    case "BatchNormalization": {
      const [scale, variance] = [constant(1), constant(4)];
      if (!scale || !variance) return undefined;
      const epsilon = floatAttribute(node, "epsilon", 1e-5);
      return Math.max(
        ...Array.from(
          scale.data as Float32Array,
          (s, c) => Math.abs(s) / Math.sqrt(Number(variance.data[c]) + epsilon),
        ),
      );
    }
    case "Gemm":
    case "MatMul": {
      const weight = constant(1);
      if (!weight || weight.type !== "float32" || weight.dims.length !== 2 || intAttribute(node, "transA", 0) !== 0)
        return undefined;
      const alpha = node.op === "Gemm" ? Math.abs(floatAttribute(node, "alpha", 1)) : 1;
      return alpha * (await matrixNormBound(weight.data as Float32Array, weight.dims[0], weight.dims[1]));
    }
    default:
      return undefined;
  }
}

/** How much an input's norm grows by being broadcast; undefined where sizes are not known. */
function spread(node: Node, shapes: ReadonlyMap<string, Shape>): number | undefined {
  const sizeOf = (name: string): number | undefined => knownSize((shapes.get(name) ?? [null]).slice(1));
  const output = sizeOf(node.outputs[0] ?? "");
  const inputs = node.inputs.map(sizeOf);
  if (output === undefined || inputs.some((size) => size === undefined)) return undefined;
  if (node.op === "Concat") return 1;
  return Math.sqrt(Math.max(1, ...inputs.map((size) => output / Math.max(1, size ?? 1))));
}

/** Norm bound of each unit's own contribution to a frontier, float64 `[units]`. */
async function unitNorms(frontier: Frontier, units: number, graph: Graph): Promise<Float64Array> {
  const { node, input } = frontier;
  const weight = graph.constants.get(node.inputs[1]) as Tensor;
  const data = weight.data as Float32Array;
  const norms = new Float64Array(units);
  if (node.op === "Conv") {
    const [outputs, channels, kh, kw] = weight.dims as [number, number, number, number];
    const area = kh * kw;
    // ‖Σ_p shift_p(d) ⊗ K_p‖ ≤ ‖d‖ Σ_p ‖K_p‖, the kernel's columns by position.
    for (let unit = 0; unit < units; unit++) {
      for (let p = 0; p < area; p++) {
        let squares = 0;
        for (let out = 0; out < outputs; out++) squares += data[(out * channels + input.offset + unit) * area + p] ** 2;
        norms[unit] += Math.sqrt(squares);
      }
    }
    return norms;
  }
  const { run: positions } = input;
  const contributions = frontierWeights(frontier, units, graph);
  const outputs = contributions.dims[2];
  const entries = contributions.data as Float32Array;
  for (let unit = 0; unit < units; unit += UNITS_AT_ONCE) {
    const count = Math.min(UNITS_AT_ONCE, units - unit);
    const some = entries.subarray(unit * positions * outputs, (unit + count) * positions * outputs);
    norms.set(await matrixNormBounds(some, { count, rows: positions, columns: outputs }), unit);
  }
  return norms;
}
