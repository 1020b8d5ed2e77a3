/** Gradients of matrix products. */
import { floatAttribute, intAttribute } from "../../onnx/graph.ts";
import type { GradientRule } from "./gradient-rule.ts";
import { sumToShape } from "./gradient-rule.ts";

/** `Gemm`: Y = α op(A) op(B) + β C, with dA = α dY op(B)ᵀ, dB = α op(A)ᵀ dY, dC = β dY summed to C's shape. */
export const gemmGradient: GradientRule = ({ node, outputGradient, wants, builder }) => {
  const [a = "", b = "", c] = node.inputs;
  const transA = intAttribute(node, "transA", 0);
  const transB = intAttribute(node, "transB", 0);
  const alpha = { kind: "float", value: floatAttribute(node, "alpha", 1) } as const;
  const gemm = (left: string, right: string, shape: readonly number[], ta: number, tb: number): string =>
    builder.emit("Gemm", [left, right], shape, { transA: ta, transB: tb, alpha });
  const y = outputGradient;
  const gradientOfA = (): string =>
    transA === 0 ? gemm(y, b, builder.shapeOf(a), 0, 1 - transB) : gemm(b, y, builder.shapeOf(a), transB, 1);
  const gradientOfB = (): string =>
    transB === 0 ? gemm(a, y, builder.shapeOf(b), 1 - transA, 0) : gemm(y, a, builder.shapeOf(b), 1, transA);
  const gradientOfC = (shape: readonly number[]): string => {
    const beta = floatAttribute(node, "beta", 1);
    return sumToShape(builder, beta === 1 ? y : builder.binary("Mul", y, builder.scalar(beta)), shape);
  };
  return [
    wants(0) ? gradientOfA() : undefined,
    wants(1) ? gradientOfB() : undefined,
    c && wants(2) ? gradientOfC(builder.shapeOf(c)) : undefined,
  ];
};

/** `MatMul` of `[…, K]` and a matrix `[K, M]`; leading dimensions are rows. */
export const matMulGradient: GradientRule = ({ node, outputGradient, wants, builder }) => {
  const [a = "", b = ""] = node.inputs;
  const [inner = 0, columns = 0] = builder.shapeOf(b);
  const shape = builder.shapeOf(a);
  const rows = shape.slice(0, -1).reduce((product, dim) => product * dim, 1);
  const y = builder.reshape(outputGradient, [rows, columns]);
  const flat = builder.reshape(a, [rows, inner]);
  return [
    wants(0) ? builder.reshape(builder.emit("Gemm", [y, b], [rows, inner], { transB: 1 }), shape) : undefined,
    wants(1) ? builder.emit("Gemm", [flat, y], [inner, columns], { transA: 1 }) : undefined,
  ];
};
