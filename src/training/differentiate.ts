/**
 * Reverse-mode differentiation of a forward graph: the same graph with the gradients of a scalar loss behind it.
 *
 * Gradients are a graph of standard operators and of a few of our own (domain `unitscope.gradient`), which a lowering
 * spells out for where the graph will run: `lowering/portable.ts`, `lowering/blocked.ts`.
 */
import { UnitscopeError } from "../errors.ts";
import { type Graph, intAttribute, type Node } from "../onnx/graph.ts";
import { convGradient } from "./gradients/convolution.ts";
import { gemmGradient, matMulGradient } from "./gradients/dense.ts";
import * as elementwise from "./gradients/elementwise.ts";
import type { GradientRule } from "./gradients/gradient-rule.ts";
import { logSoftmaxGradient } from "./gradients/loss.ts";
import { batchNormalizationGradient, expandBatchNormalization } from "./gradients/normalization.ts";
import { averagePoolGradient, globalAveragePoolGradient, maxPoolGradient } from "./gradients/pooling.ts";
import { type GraphBuilder, growGraph, type Shape } from "./graph-builder.ts";
import { staticShapes } from "./static-shapes.ts";

const rules: Readonly<Record<string, GradientRule>> = {
  Add: elementwise.addGradient,
  AveragePool: averagePoolGradient,
  BatchNormalization: batchNormalizationGradient,
  Conv: convGradient,
  Flatten: elementwise.reshapeGradient,
  Gemm: gemmGradient,
  GlobalAveragePool: globalAveragePoolGradient,
  Identity: elementwise.reshapeGradient,
  LogSoftmax: logSoftmaxGradient,
  MatMul: matMulGradient,
  MaxPool: maxPoolGradient,
  Mul: elementwise.mulGradient,
  Neg: elementwise.negGradient,
  ReduceMean: elementwise.reduceMeanGradient,
  ReduceSum: elementwise.reduceSumGradient,
  Relu: elementwise.reluGradient,
  Reshape: elementwise.reshapeGradient,
};

/** A forward graph and its gradients. */
export interface Differentiated {
  /** Holds the forward nodes and the backward nodes; a caller may emit more. */
  readonly builder: GraphBuilder;
  /** The gradient's tensor of every parameter asked for, of the parameter's shape. */
  readonly gradients: ReadonlyMap<string, string>;
}

/**
 * Differentiates a scalar.
 *
 * @param graph the forward graph; parameters are inputs or constants of it.
 * @param options.inputs sizes of all the graph's inputs.
 * @param options.loss the tensor to differentiate; one element.
 * @param options.parameters the tensors to differentiate it by.
 * @throws {UnitscopeError} `model` for an operator without a gradient on the way from a parameter to the loss, or a
 *   parameter that the loss does not depend on.
 */
export function differentiate(
  graph: Graph,
  { inputs, loss, parameters }: { inputs: ReadonlyMap<string, Shape>; loss: string; parameters: readonly string[] },
): Differentiated {
  const builder = growGraph({ constants: graph.constants, prefix: "grad/" });
  for (const [tensor, shape] of staticShapes(graph, inputs)) builder.declare(tensor, shape);
  for (const each of graph.nodes) {
    if (isTrainingNorm(each)) expandBatchNormalization(each, builder);
    else {
      builder.append(
        each,
        each.outputs.map((output) => builder.shapeOf(output)),
      );
    }
  }

  const dependent = new Set(parameters);
  for (const each of graph.nodes) {
    if (each.inputs.some((input) => dependent.has(input))) for (const output of each.outputs) dependent.add(output);
  }

  const gradients = new Map<string, string>([[loss, onesLike(builder, loss)]]);
  for (const each of graph.nodes.toReversed()) {
    const outputGradient = gradients.get(each.outputs[0]);
    if (outputGradient === undefined || !each.inputs.some((input) => dependent.has(input))) continue;
    const rule = rules[each.op];
    if (!rule || (each.op === "BatchNormalization" && !isTrainingNorm(each))) {
      throw new UnitscopeError("model", `node "${each.name}": expected an operator with a gradient, got ${each.op}`);
    }
    const wants = (input: number): boolean => dependent.has(each.inputs[input] ?? "");
    const ofInputs = rule({ node: each, outputGradient, wants, builder });
    ofInputs.forEach((gradient, i) => {
      const input = each.inputs[i];
      if (gradient === undefined || input === undefined || !wants(i)) return;
      const sum = gradients.get(input);
      gradients.set(input, sum === undefined ? gradient : builder.binary("Add", sum, gradient));
    });
  }

  return {
    builder,
    gradients: new Map(
      parameters.map((parameter) => {
        const gradient = gradients.get(parameter);
        if (gradient === undefined) {
          throw new UnitscopeError("model", `parameter "${parameter}": expected the loss to depend on it, got no path`);
        }
        return [parameter, gradient];
      }),
    ),
  };
}

function isTrainingNorm(of: Node): boolean {
  return of.op === "BatchNormalization" && intAttribute(of, "training_mode", 0) === 1;
}

function onesLike(builder: GraphBuilder, tensor: string): string {
  const dims = builder.shapeOf(tensor);
  if (dims.some((dim) => dim !== 1)) {
    throw new UnitscopeError("shape", `loss "${tensor}": expected one element, got [${dims.join(", ")}]`);
  }
  return builder.constant({ type: "float32", dims, data: Float32Array.of(1) });
}
