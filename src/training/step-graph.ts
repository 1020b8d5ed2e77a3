/** One training step as one graph: forward, loss, backward, and the update of stochastic gradient descent. */
import { floatTensor, type Graph, type Node, node, type Port } from "../onnx/graph.ts";
import { type Network, trainedParameters } from "./architectures/network.ts";
import { differentiate } from "./differentiate.ts";
import { GRADIENT_DOMAIN, type GraphBuilder, growGraph, type Shape } from "./graph-builder.ts";
import { lowerBlocked } from "./lowering/blocked.ts";
import { BLOCKED_DOMAIN } from "./lowering/layouts.ts";
import { lowerPortable } from "./lowering/portable.ts";
import { movePoolsBehindRelu } from "./lowering/relu-before-pool.ts";
import { staticShapes } from "./static-shapes.ts";

/** Choices that are part of the step's graph. */
export interface StepOptions {
  readonly batchSize: number;
  readonly momentum: number;
  /** Look ahead along the momentum (Sutskever et al. 2013, in PyTorch's form). */
  readonly nesterov: boolean;
  /** L2 penalty of weights (not of biases and batch normalisation), added to the gradient. */
  readonly weightDecay: number;
  /** Probability mass spread evenly over all classes in the target (Szegedy et al. 2016). */
  readonly labelSmoothing: number;
  /** Layers that learn; all when absent. */
  readonly trainOnly?: readonly string[] | undefined;
  /** Channels per block of the runtime's blocked layout; absent: standard operators only. */
  readonly block?: number | undefined;
}

/** Where the velocity of a parameter is kept. */
export function velocityName(parameter: string): string {
  return `velocity/${parameter}`;
}

/**
 * The step as a graph.
 *
 * Inputs: `input` `[B, 3, S, S]`, `labels` and `other_labels` int64 `[B]` with `label_share` in 0..1 (the target is
 * `label_share` of the one and the rest of the other: mixed images), `learning_rate` scalar, the masks, every
 * parameter, and the velocity of every trained parameter. Outputs: `loss` (mean over the batch), `correct` (count,
 * float), and `new/<name>` for every trained parameter, its velocity, and every running statistic: these follow the data
 * in layers that do not learn too.
 */
export function stepGraph(network: Network, options: StepOptions): Graph {
  const { batchSize } = options;
  const forward = withLoss(network, options);
  const inputs = new Map<string, Shape>(
    forward.inputs.map(({ name, shape }) => [
      name,
      (shape ?? []).map((dim) => (typeof dim === "number" ? dim : batchSize)),
    ]),
  );
  const trained = trainedParameters(network, options.trainOnly);
  const running = network.parameters.filter(({ role }) => role === "running");
  const { builder, gradients } = differentiate(forward, {
    inputs,
    loss: "loss",
    parameters: trained.map(({ name }) => name),
  });
  builder.declare("learning_rate", []);
  for (const { name, shape, role } of trained) {
    builder.declare(velocityName(name), shape);
    appendUpdate(builder, { name, gradient: gradients.get(name) as string, decays: role === "weight" }, options);
  }
  const port = (name: string, shape: Shape): Port => ({ name, type: "float32", shape });
  const outputs = [
    port("loss", []),
    port("correct", []),
    ...[...trained, ...running].map(({ name, shape }) => port(`new/${name}`, shape)),
    ...trained.map(({ name, shape }) => port(`new/${velocityName(name)}`, shape)),
  ];
  const fixed = forward.inputs.map((input): Port => ({ ...input, shape: inputs.get(input.name) ?? null }));
  return lower(builder, {
    name: `${forward.name}-step`,
    inputs: [...fixed, port("learning_rate", []), ...trained.map(({ name, shape }) => port(velocityName(name), shape))],
    outputs,
    block: options.block,
  });
}

/**
 * The inference graph at a fixed batch size, with the parameters as inputs: one session tests a network after every
 * epoch. Inputs: `input`, every parameter. Output: `logits`.
 */
export function testGraph(
  network: Network,
  { batchSize, block }: { batchSize: number; block?: number | undefined },
): Graph {
  const graph = network.inferenceGraph;
  const inputs = new Map<string, Shape>(
    graph.inputs.map(({ name, shape }) => [
      name,
      (shape ?? []).map((dim) => (typeof dim === "number" ? dim : batchSize)),
    ]),
  );
  const builder = growGraph({ constants: graph.constants, prefix: "test/" });
  for (const [tensor, shape] of staticShapes(graph, inputs)) builder.declare(tensor, shape);
  for (const each of graph.nodes) {
    if (each.op === "BatchNormalization") appendInferenceNorm(builder, each);
    else builder.append(each, each.outputs.map(builder.shapeOf));
  }
  const fixed = graph.inputs.map((input): Port => ({ ...input, shape: inputs.get(input.name) ?? null }));
  const outputs = [{ name: "logits", type: "float32", shape: [batchSize, network.classCount] } as const];
  return lower(builder, { name: `${graph.name}-test`, inputs: fixed, outputs, block });
}

/** γ/σ and β − μγ/σ, so that the blocked lowering has one operator for both forms of batch normalisation. */
function appendInferenceNorm(builder: GraphBuilder, norm: Node): void {
  const [x = "", gamma = "", beta = "", mean = "", variance = ""] = norm.inputs;
  const epsilon = norm.attributes.epsilon;
  const safe = builder.binary("Add", variance, builder.scalar(epsilon?.kind === "float" ? epsilon.value : 1e-5));
  const scale = builder.binary("Div", gamma, builder.unary("Sqrt", safe));
  const shift = builder.binary("Sub", beta, builder.binary("Mul", mean, scale));
  const [y = ""] = norm.outputs;
  const affine = { ...node("ChannelAffine", [x, scale, shift], [y], {}, norm.name), domain: GRADIENT_DOMAIN };
  builder.append(affine, [builder.shapeOf(x)]);
}

/** The training graph with softmax cross-entropy against smoothed labels, and the count of right answers. */
function withLoss(network: Network, { batchSize, labelSmoothing }: StepOptions): Graph {
  const graph = network.trainingGraph;
  const classes = network.classCount;
  const low = labelSmoothing / classes;
  const scalarInt = { type: "int64", dims: [], data: BigInt64Array.of(BigInt(classes)) } as const;
  return {
    ...graph,
    inputs: [
      ...graph.inputs,
      { name: "labels", type: "int64", shape: ["N"] },
      { name: "other_labels", type: "int64", shape: ["N"] },
      { name: "label_share", type: "float32", shape: [] },
    ],
    nodes: [
      ...graph.nodes,
      node("OneHot", ["labels", "class_count", "target_values"], ["own_targets"], { axis: -1 }),
      node("OneHot", ["other_labels", "class_count", "target_values"], ["other_targets"], { axis: -1 }),
      node("Mul", ["own_targets", "label_share"], ["own_part"]),
      node("Sub", ["one", "label_share"], ["other_share"]),
      node("Mul", ["other_targets", "other_share"], ["other_part"]),
      node("Add", ["own_part", "other_part"], ["targets"]),
      node("LogSoftmax", ["logits"], ["log_probabilities"], { axis: -1 }),
      node("Mul", ["log_probabilities", "targets"], ["weighted"]),
      node("ReduceSum", ["weighted"], ["total"], { keepdims: 0 }),
      node("Mul", ["total", "minus_share"], ["loss"]),
      node("ArgMax", ["logits"], ["predictions"], { axis: -1, keepdims: 0 }),
      node("Equal", ["predictions", "labels"], ["hits"]),
      node("Cast", ["hits"], ["hit_values"], { to: 1 }),
      node("ReduceSum", ["hit_values"], ["correct"], { keepdims: 0 }),
    ],
    constants: new Map([
      ...graph.constants,
      ["class_count", scalarInt],
      ["target_values", floatTensor([2], [low, 1 - labelSmoothing + low])],
      ["one", floatTensor([], [1])],
      ["minus_share", floatTensor([], [-1 / batchSize])],
    ]),
  };
}

/** v ← μ v + (g + λ w); w ← w − η v, or w − η (g + λ w + μ v) with Nesterov's momentum. */
function appendUpdate(
  builder: GraphBuilder,
  { name, gradient, decays }: { name: string; gradient: string; decays: boolean },
  { momentum, nesterov, weightDecay }: StepOptions,
): void {
  const { binary, scalar } = builder;
  const shape = builder.shapeOf(name);
  const velocity = velocityName(name);
  const full = decays && weightDecay > 0 ? binary("Add", gradient, binary("Mul", name, scalar(weightDecay))) : gradient;
  builder.append(node("Add", [binary("Mul", velocity, scalar(momentum)), full], [`new/${velocity}`]), [shape]);
  const direction = nesterov
    ? binary("Add", full, binary("Mul", `new/${velocity}`, scalar(momentum)))
    : `new/${velocity}`;
  builder.append(node("Sub", [name, binary("Mul", direction, "learning_rate")], [`new/${name}`]), [shape]);
}

function lower(
  source: GraphBuilder,
  {
    name,
    inputs,
    outputs,
    block,
  }: { name: string; inputs: readonly Port[]; outputs: readonly Port[]; block: number | undefined },
): Graph {
  const target = growGraph({ constants: source.constants, prefix: "low/" });
  for (const input of inputs) target.declare(input.name, source.shapeOf(input.name));
  const moved = movePoolsBehindRelu(source);
  if (block === undefined) lowerPortable(moved, target);
  else lowerBlocked(moved, target, { block, keep: outputs.map((output) => output.name) });
  const opsets = new Map([["", 17]]);
  if (block !== undefined) opsets.set(BLOCKED_DOMAIN, 1);
  return { name, inputs, outputs, nodes: target.nodes, constants: target.constants, opsets, metadata: new Map() };
}
