/**
 * Batch normalisation with the statistics of the batch (Ioffe and Szegedy 2015), from operators that have gradients.
 *
 * ONNX's `BatchNormalization` in training mode is an operator that inference runtimes need not have, so the forward
 * pass is spelled out too, and keeps what the backward pass needs.
 */
import { floatAttribute, type Node } from "../../onnx/graph.ts";
import { GRADIENT_DOMAIN, type GraphBuilder } from "../graph-builder.ts";
import type { GradientRule } from "./gradient-rule.ts";

/** Tensors of the forward pass that the backward pass reads, all `[C]`. */
interface Saved {
  readonly mean: string;
  /** 1 / √(variance + ε). */
  readonly inverse: string;
}

const savedBy = (node: Node): Saved => ({ mean: `${node.outputs[0]}/mean`, inverse: `${node.outputs[0]}/inverse` });

/**
 * Emits the forward pass of `BatchNormalization(X, γ, β, running mean, running variance)` in training mode.
 *
 * Running statistics follow PyTorch's rule: new = (1 − m)·old + m·batch, with the unbiased variance, where ONNX's
 * attribute `momentum` is 1 − m. The variance is E[x²] − E[x]², not below 0.
 */
export function expandBatchNormalization(node: Node, builder: GraphBuilder): void {
  const [x = "", gamma = "", beta = "", runningMean = "", runningVariance = ""] = node.inputs;
  const [y = "", newMean, newVariance] = node.outputs;
  const shape = builder.shapeOf(x);
  const channels = builder.shapeOf(gamma);
  const count = (shape[0] ?? 1) * (shape[2] ?? 1) * (shape[3] ?? 1);
  const own = (op: string, inputs: readonly string[], to: readonly number[]): string =>
    builder.emit(op, inputs, to, {}, GRADIENT_DOMAIN);
  const named = (op: string, inputs: readonly string[], output: string, to: readonly number[], domain = ""): void =>
    builder.append({ name: `${op}_${output}`, op, domain, inputs, outputs: [output], attributes: {} }, [to]);

  const saved = savedBy(node);
  named("Mul", [own("ChannelSum", [x], channels), builder.scalar(1 / count)], saved.mean, channels);
  const square = builder.binary("Mul", own("ChannelDot", [x, x], channels), builder.scalar(1 / count));
  const meanSquared = builder.binary("Mul", saved.mean, saved.mean);
  const variance = builder.unary("Relu", builder.binary("Sub", square, meanSquared));
  const epsilon = builder.scalar(floatAttribute(node, "epsilon", 1e-5));
  const deviation = builder.unary("Sqrt", builder.binary("Add", variance, epsilon));
  named("Reciprocal", [deviation], saved.inverse, channels);
  const scale = builder.binary("Mul", gamma, saved.inverse);
  const shift = builder.binary("Sub", beta, builder.binary("Mul", saved.mean, scale));
  named("ChannelAffine", [x, scale, shift], y, shape, GRADIENT_DOMAIN);

  const keep = floatAttribute(node, "momentum", 0.9);
  const blend = (old: string, now: string, factor: number, output: string): void =>
    named(
      "Add",
      [
        builder.binary("Mul", old, builder.scalar(keep)),
        builder.binary("Mul", now, builder.scalar((1 - keep) * factor)),
      ],
      output,
      channels,
    );
  if (newMean) blend(runningMean, saved.mean, 1, newMean);
  if (newVariance) blend(runningVariance, variance, count / (count - 1), newVariance);
}

/**
 * dβ = Σ dY, dγ = Σ dY·x̂ and dX = γ/σ · (dY − dβ/L − x̂·dγ/L), with x̂ = (X − μ)/σ and L elements per channel;
 * gathered so that each of dY and X is read once: dX = a·dY + b·X + c.
 */
export const batchNormalizationGradient: GradientRule = ({ node, outputGradient, builder }) => {
  const [x = "", gamma = ""] = node.inputs;
  const { mean, inverse } = savedBy(node);
  const shape = builder.shapeOf(x);
  const channels = builder.shapeOf(gamma);
  const count = (shape[0] ?? 1) * (shape[2] ?? 1) * (shape[3] ?? 1);
  const own = (op: string, inputs: readonly string[], to: readonly number[]): string =>
    builder.emit(op, inputs, to, {}, GRADIENT_DOMAIN);
  const { binary } = builder;
  const gradientOfBeta = own("ChannelSum", [outputGradient], channels);
  const withInput = own("ChannelDot", [outputGradient, x], channels);
  const gradientOfGamma = binary("Mul", inverse, binary("Sub", withInput, binary("Mul", mean, gradientOfBeta)));

  const a = binary("Mul", gamma, inverse);
  const share = builder.scalar(-1 / count);
  const b = binary("Mul", binary("Mul", a, binary("Mul", inverse, gradientOfGamma)), share);
  const c = binary("Sub", binary("Mul", binary("Mul", a, gradientOfBeta), share), binary("Mul", b, mean));
  const zero = builder.constant({
    type: "float32",
    dims: channels,
    data: new Float32Array(channels[0] ?? 0),
  });
  const first = own("ChannelAffine", [outputGradient, a, c], shape);
  return [binary("Add", first, own("ChannelAffine", [x, b, zero], shape)), gradientOfGamma, gradientOfBeta];
};
