/**
 * How a change of a layer's channels reaches the logits: the plan that every fast route works from. Pure data.
 *
 * Behind the response come operators that treat channels separately (`channelwise`: activation, pooling, batch norm,
 * flatten, a residual addition). Where they end, the change meets either a linear operator (a *frontier*: its output
 * changes by one channel's contribution, so it is never recomputed) or anything else (a *carried* tensor: handed on with
 * the channel replaced). Everything after is recomputed.
 */
import { dependentsOf } from "../onnx/edit.ts";
import type { Graph, Node } from "../onnx/graph.ts";
import { intAttribute } from "../onnx/graph.ts";
import { reducedAxes, type Shape } from "../onnx/shapes.ts";

/** A tensor in which one unit is still one run of numbers. */
export interface ChannelTensor {
  readonly name: string;
  /** Number of channels of the tensor itself; more than `units` behind a concatenation. */
  readonly channels: number;
  /** The channel of unit 0; unit `u` is channel `offset + u`. */
  readonly offset: number;
  /** `[height, width]` per channel, or `[positions]` in a flattened tensor `[N, channels · positions]`. */
  readonly size: readonly number[];
  readonly isFlat: boolean;
}

/** A linear operator that reads a channelwise tensor. */
export interface Frontier {
  readonly node: Node;
  readonly input: ChannelTensor;
  readonly output: string;
}

/** The plan for one tap. */
export interface SuffixPlan {
  readonly tap: string;
  readonly units: number;
  /** Operators between the response and the frontiers, in order. */
  readonly channelwise: readonly Node[];
  readonly frontiers: readonly Frontier[];
  /** Channelwise tensors that recomputed operators (or the output) read. */
  readonly carried: readonly ChannelTensor[];
  /** Tensors that do not depend on the tap and are read by recomputed operators. */
  readonly side: readonly string[];
  /** Operators that are recomputed, in order. */
  readonly recomputed: readonly Node[];
  readonly logits: string;
}

/** Plans the way from a tap to the logits. `shapes` are those of `inferShapes(graph)`. */
export function planSuffix(
  graph: Graph,
  tap: string,
  { logits, shapes }: { logits: string; shapes: ReadonlyMap<string, Shape> },
): SuffixPlan {
  const dependent = dependentsOf(graph, tap);
  const start = channelTensor(tap, shapes.get(tap), 0);
  const tracked = new Map<string, ChannelTensor>([[tap, start]]);
  const channelwise: Node[] = [];
  const frontiers: Frontier[] = [];
  const recomputed: Node[] = [];
  const carried = new Map<string, ChannelTensor>();
  const side = new Set<string>();
  for (const node of graph.nodes) {
    if (!node.inputs.some((input) => dependent.has(input))) continue;
    const moving = node.inputs.filter((input) => dependent.has(input));
    const channels = moving.map((input) => tracked.get(input));
    if (channels.every((tensor): tensor is ChannelTensor => tensor !== undefined)) {
      const result = throughChannelwise(node, channels, graph, shapes);
      if (result) {
        tracked.set(result.name, result);
        channelwise.push(node);
        continue;
      }
      const [only] = channels;
      if (only && channels.length === 1 && isLinear(node, only, graph)) {
        frontiers.push({ node, input: only, output: node.outputs[0] });
        continue;
      }
    }
    recomputed.push(node);
    for (const input of node.inputs) {
      const tensor = tracked.get(input);
      if (tensor) carried.set(input, tensor);
      else if (input !== "" && !dependent.has(input) && !graph.constants.has(input)) side.add(input);
    }
  }
  const last = tracked.get(logits);
  if (last) carried.set(logits, last);
  return {
    tap,
    units: start.channels,
    channelwise,
    frontiers,
    carried: [...carried.values()],
    side: [...side],
    recomputed,
    logits,
  };
}

/** A layer's own tensor, or one whose channels all moved by `offset`. */
function channelTensor(name: string, shape: Shape | undefined, offset: number): ChannelTensor {
  const [, channels = 0, ...size] = (shape ?? []) as number[];
  return { name, channels, offset, size: size.length > 0 ? size : [1], isFlat: size.length === 0 };
}

const elementwise = new Set(
  (
    "Relu LeakyRelu Elu Selu Celu Sigmoid HardSigmoid HardSwish Tanh Softplus Softsign Mish Gelu Clip ThresholdedRelu " +
    "Exp Log Sqrt Neg Abs Erf Identity Dropout Reciprocal Floor Ceil Round Sign Cast"
  ).split(" "),
);
const pools = new Set("MaxPool AveragePool LpPool GlobalAveragePool GlobalMaxPool".split(" "));
const binary = new Set("Add Sub Mul Div Max Min Pow Sum".split(" "));

/** The output of a node that keeps channels apart; undefined if it mixes them or is not known here. */
function throughChannelwise(
  node: Node,
  inputs: readonly ChannelTensor[],
  graph: Graph,
  shapes: ReadonlyMap<string, Shape>,
): ChannelTensor | undefined {
  const [first] = inputs;
  const output = node.outputs[0];
  if (!first || !output || node.domain !== "" || node.outputs.slice(1).some((name) => dependentlyRead(name, graph))) {
    return undefined;
  }
  const shape = shapes.get(output);
  const kept = (): ChannelTensor => ({ ...first, name: output });
  if (elementwise.has(node.op) || node.op === "BatchNormalization" || node.op === "PRelu") {
    // A batch norm or slope reads its parameters per channel of a 4-D tensor, and they do not depend on the tap.
    if (node.inputs[0] !== first.name || inputs.length !== 1) return undefined;
    return !first.isFlat || elementwise.has(node.op) || shapes.get(first.name)?.length === 2 ? kept() : undefined;
  }
  if (!shape || shape.slice(1).some((dim) => typeof dim !== "number")) return undefined;
  if (pools.has(node.op) || (node.op === "Conv" && isDepthwise(node, first, graph))) {
    return first.isFlat || node.inputs[0] !== first.name
      ? undefined
      : { ...first, name: output, size: shape.slice(2) as number[] };
  }
  if (binary.has(node.op)) {
    const aligned = inputs.every((tensor) => tensor.offset === first.offset && tensor.isFlat === first.isFlat);
    const whole = shapes.get(first.name) as Shape;
    const sameShape = shape.length === whole.length && shape.every((dim, axis) => axis === 0 || dim === whole[axis]);
    return aligned && sameShape ? kept() : undefined;
  }
  if (node.op === "Concat") {
    const axis = intAttribute(node, "axis", 1);
    if (inputs.length !== 1 || first.isFlat || shape.length !== 4 || (axis !== 1 && axis !== -3)) return undefined;
    let before = 0;
    for (const input of node.inputs.slice(0, node.inputs.indexOf(first.name))) before += Number(shapes.get(input)?.[1]);
    if (!Number.isInteger(before)) return undefined;
    return { ...first, name: output, channels: shape[1] as number, offset: first.offset + before };
  }
  if (node.op === "Flatten" || node.op === "Reshape" || node.op === "Squeeze") {
    const positions = first.size.reduce((a, b) => a * b, 1);
    const flattens = shape.length === 2 && shape[1] === first.channels * positions && node.inputs[0] === first.name;
    if (node.op === "Flatten" && intAttribute(node, "axis", 1) !== 1) return undefined;
    return flattens ? { ...first, name: output, size: [positions], isFlat: true } : undefined;
  }
  if (node.op === "ReduceMean" || node.op === "ReduceMax" || node.op === "ReduceSum") {
    if (first.isFlat || node.inputs[0] !== first.name) return undefined;
    // By the axes, not by the shape: a mean over channels and height has the same one where width equals channels.
    const axes = reducedAxes(node, 4, graph.constants).sort((a, b) => a - b);
    if (axes.length !== 2 || axes[0] !== 2 || axes[1] !== 3) return undefined;
    return shape.length === 4
      ? { ...first, name: output, size: [1, 1] }
      : shape.length === 2
        ? { ...first, name: output, size: [1], isFlat: true }
        : undefined;
  }
  return undefined;
}

function dependentlyRead(name: string, graph: Graph): boolean {
  return name !== "" && graph.nodes.some((node) => node.inputs.includes(name));
}

function isDepthwise(node: Node, input: ChannelTensor, graph: Graph): boolean {
  const weight = graph.constants.get(node.inputs[1] ?? "");
  return intAttribute(node, "group", 1) === input.channels && weight?.dims[0] === input.channels;
}

/** Whether the operator's output is linear in the tensor, with constant weights that can be taken apart by channel. */
function isLinear(node: Node, input: ChannelTensor, graph: Graph): boolean {
  const weight = graph.constants.get(node.inputs[1] ?? "");
  if (node.domain !== "" || node.inputs[0] !== input.name || weight?.type !== "float32") return false;
  if (node.op === "Conv") return intAttribute(node, "group", 1) === 1 && !input.isFlat;
  if (node.op === "Gemm") return intAttribute(node, "transA", 0) === 0 && input.isFlat;
  return node.op === "MatMul" && input.isFlat && weight.dims.length === 2;
}
