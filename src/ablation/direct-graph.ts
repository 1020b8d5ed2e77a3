/**
 * The gradient of a weighted sum of logits by a layer's response: what a change of the response does to the logits while
 * everything behind it stays as it is in the intact network (ReLUs open or shut, pools at their places).
 */
import { cutTo } from "../onnx/edit.ts";
import { floatTensor, type Graph, type Node, node } from "../onnx/graph.ts";
import type { Model } from "../runtime/open-model.ts";
import { differentiate } from "../training/differentiate.ts";
import { growGraph, type Shape } from "../training/graph-builder.ts";
import { lowerPortable } from "../training/lowering/portable.ts";

/** Weights of the logits: float32 `[batch, classCount]`. */
export const WEIGHTS_INPUT = "unitscope/logit_weights";

/** A graph with its only output. */
export interface DirectGraph {
  readonly graph: Graph;
  /** The gradient, of the response's shape. */
  readonly gradient: string;
}

/**
 * Builds it for a fixed number of images. Inputs are the response, the weights, and what else the rest reads.
 * @throws {UnitscopeError} `model` for an operator without a gradient between the response and the logits.
 */
export function directGraph(model: Model, tap: string, batch: number): DirectGraph {
  const { graph, logits, shapes, classCount } = model;
  const sized = (name: string): Shape => [batch, ...(shapes.get(name) ?? []).slice(1).map(Number)];
  const behind = cutTo(
    {
      ...graph,
      nodes: graph.nodes.filter(({ outputs }) => !outputs.includes(tap)),
      inputs: [...graph.inputs, { name: tap, type: "float32", shape: sized(tap) }],
    },
    [logits],
  );
  const constants = new Map(behind.constants);
  const nodes = behind.nodes.flatMap((each) => withoutNorm(each, shapes.get(each.inputs[0] ?? "")?.length, constants));
  const forward: Graph = {
    ...behind,
    inputs: [...behind.inputs, { name: WEIGHTS_INPUT, type: "float32", shape: [batch, classCount] }],
    nodes: [
      ...nodes,
      node("Mul", [logits, WEIGHTS_INPUT], ["unitscope/weighted_logits"]),
      node("ReduceSum", ["unitscope/weighted_logits"], ["unitscope/direct_sum"], { keepdims: 0 }),
    ],
    constants,
  };
  const inputs = new Map(
    forward.inputs.map(({ name }) => [name, name === WEIGHTS_INPUT ? [batch, classCount] : sized(name)]),
  );
  const { builder, gradients } = differentiate(forward, { inputs, loss: "unitscope/direct_sum", parameters: [tap] });
  const gradient = gradients.get(tap) as string;
  const target = growGraph({ constants: builder.constants, prefix: "direct/" });
  for (const { name } of forward.inputs) target.declare(name, builder.shapeOf(name));
  lowerPortable(builder, target);
  const whole: Graph = {
    name: `${graph.name}-direct`,
    inputs: forward.inputs.map((port) => ({ ...port, shape: inputs.get(port.name) ?? null })),
    outputs: [],
    nodes: target.nodes,
    constants: target.constants,
    opsets: new Map([["", 17]]),
    metadata: new Map(),
  };
  return { graph: cutTo(whole, [gradient]), gradient };
}

/** Batch norm of a trained network is one scale and one shift a channel. */
function withoutNorm(
  each: Node,
  rank: number | undefined,
  constants: Map<string, ReturnType<typeof floatTensor>>,
): Node[] {
  if (each.op !== "BatchNormalization" || rank === undefined) return [each];
  const [x = "", ...names] = each.inputs;
  const values = names.map((name) => constants.get(name)?.data as Float32Array | undefined);
  const [gamma, beta, mean, variance] = values;
  if (!gamma || !beta || !mean || !variance) return [each]; // differentiation refuses it by name
  const epsilon = each.attributes.epsilon?.kind === "float" ? each.attributes.epsilon.value : 1e-5;
  const scale = gamma.map((value, channel) => value / Math.sqrt(variance[channel] + epsilon));
  const shift = beta.map((value, channel) => value - mean[channel] * scale[channel]);
  const dims = [1, gamma.length, ...Array.from({ length: rank - 2 }, () => 1)];
  const [at] = each.outputs;
  constants.set(`${at}/scale`, floatTensor(dims, [...scale]));
  constants.set(`${at}/shift`, floatTensor(dims, [...shift]));
  return [node("Mul", [x, `${at}/scale`], [`${at}/scaled`]), node("Add", [`${at}/scaled`, `${at}/shift`], [at])];
}
