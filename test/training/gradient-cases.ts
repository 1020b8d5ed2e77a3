/** Small graphs, one for every operator that is differentiated and every way that it is lowered. */
import { float, floatTensor, intTensor, node } from "../../src/onnx/graph.ts";
import type { Case } from "./gradient-check.ts";

const conv = (kernel: number[], strides: number[], pads: number[], group = 1) =>
  node("Conv", ["x", "w", "b"], ["y"], { kernel_shape: kernel, strides, pads, group });
/** A pooling from `x` to `y`. */
export const pool = (
  op: string,
  kernel: number[],
  strides: number[],
  pads: number[],
  more: Record<string, number> = {},
): ReturnType<typeof node> => node(op, ["x"], ["y"], { kernel_shape: kernel, strides, pads, ...more });
const convInputs = (n: number, c: number, o: number, h: number, w: number, kh: number, kw: number) => ({
  x: [n, c, h, w],
  w: [o, c, kh, kw],
  b: [o],
});

/** Channel counts are multiples of 16, so that the blocked lowering has something to do; `fewer` are not. */
export const cases: Record<string, Case> = {
  "Conv 3×3": { nodes: [conv([3, 3], [1, 1], [1, 1, 1, 1])], inputs: convInputs(2, 16, 32, 5, 6, 3, 3), output: "y" },
  "Conv 5×5 without padding": {
    nodes: [conv([5, 5], [1, 1], [0, 0, 0, 0])],
    inputs: convInputs(2, 16, 16, 7, 6, 5, 5),
    output: "y",
  },
  "Conv 3×3, stride 2, even size": {
    nodes: [conv([3, 3], [2, 2], [1, 1, 1, 1])],
    inputs: convInputs(2, 16, 16, 6, 8, 3, 3),
    output: "y",
  },
  "Conv 3×3, stride 2, odd size": {
    nodes: [conv([3, 3], [2, 2], [1, 1, 1, 1])],
    inputs: convInputs(2, 16, 16, 7, 5, 3, 3),
    output: "y",
  },
  "Conv 1×1, stride 2": {
    nodes: [conv([1, 1], [2, 2], [0, 0, 0, 0])],
    inputs: convInputs(2, 32, 16, 6, 6, 1, 1),
    output: "y",
  },
  "Conv, uneven everything": {
    nodes: [conv([2, 4], [3, 2], [1, 0, 0, 2])],
    inputs: convInputs(2, 16, 16, 8, 9, 2, 4),
    output: "y",
  },
  "Conv 3×3, a block of images": {
    nodes: [conv([3, 3], [1, 1], [1, 1, 1, 1])],
    inputs: convInputs(16, 16, 32, 3, 4, 3, 3),
    output: "y",
  },
  "Conv 3×3, stride 2, a block of images": {
    nodes: [conv([3, 3], [2, 2], [1, 1, 1, 1])],
    inputs: convInputs(16, 16, 16, 6, 5, 3, 3),
    output: "y",
  },
  "Conv 5×5, stride 3": {
    nodes: [conv([5, 5], [3, 3], [2, 1, 0, 2])],
    inputs: convInputs(2, 16, 16, 8, 7, 5, 5),
    output: "y",
  },
  "Conv 1×1, stride 2, a block of images": {
    nodes: [conv([1, 1], [2, 2], [0, 0, 0, 0])],
    inputs: convInputs(16, 16, 32, 5, 6, 1, 1),
    output: "y",
  },
  "Conv 1×1": { nodes: [conv([1, 1], [1, 1], [0, 0, 0, 0])], inputs: convInputs(3, 16, 32, 2, 3, 1, 1), output: "y" },
  "two strided convolutions of one tensor": {
    nodes: [
      node("Conv", ["x", "w"], ["long"], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }),
      node("Conv", ["x", "v"], ["short"], { kernel_shape: [1, 1], strides: [2, 2], pads: [0, 0, 0, 0] }),
      node("Add", ["long", "short"], ["y"]),
    ],
    inputs: { x: [2, 16, 6, 5], w: [32, 16, 3, 3], v: [32, 16, 1, 1] },
    output: "y",
  },
  "Conv, uneven everything, a block of images": {
    nodes: [conv([2, 4], [3, 2], [1, 0, 0, 2])],
    inputs: convInputs(16, 32, 16, 6, 7, 2, 4),
    output: "y",
  },
  "Conv 11×11, stride 4, few channels": {
    nodes: [conv([11, 11], [4, 4], [2, 2, 2, 2])],
    inputs: convInputs(2, 3, 16, 19, 22, 11, 11),
    output: "y",
  },
  "Conv, channels that make no blocks": {
    nodes: [conv([3, 3], [1, 1], [1, 1, 1, 1])],
    inputs: convInputs(2, 5, 7, 5, 5, 3, 3),
    output: "y",
  },
  "Conv in groups": {
    nodes: [conv([3, 3], [2, 2], [1, 1, 1, 1], 2)],
    inputs: { x: [2, 16, 5, 6], w: [32, 8, 3, 3], b: [32] },
    output: "y",
  },
  "Conv, then Relu": {
    nodes: [conv([3, 3], [1, 1], [1, 1, 1, 1]), node("Relu", ["y"], ["z"])],
    // Weights and image of one sign: no unit is near zero.
    inputs: convInputs(1, 16, 16, 4, 4, 3, 3),
    values: {
      x: Float32Array.from({ length: 256 }, (_, i) => 0.2 + (i % 7) / 10),
      w: Float32Array.from({ length: 16 * 144 }, (_, i) => (Math.floor(i / 144) % 3 === 0 ? -0.1 : 0.1)),
    },
    output: "z",
  },
  "MaxPool 3×3/2 with padding": {
    nodes: [pool("MaxPool", [3, 3], [2, 2], [1, 1, 1, 1])],
    inputs: { x: [1, 16, 8, 6] },
    spaced: true,
    output: "y",
  },
  "MaxPool 3×3/2, odd size": {
    nodes: [pool("MaxPool", [3, 3], [2, 2], [0, 0, 0, 0])],
    inputs: { x: [1, 16, 7, 9] },
    spaced: true,
    output: "y",
  },
  "MaxPool 2×2/2": {
    nodes: [pool("MaxPool", [2, 2], [2, 2], [0, 0, 0, 0])],
    inputs: { x: [1, 32, 6, 5] },
    spaced: true,
    output: "y",
  },
  "MaxPool 5×2, strides 1 and 3": {
    nodes: [pool("MaxPool", [5, 2], [1, 3], [2, 0, 1, 1])],
    inputs: { x: [1, 16, 6, 7] },
    spaced: true,
    output: "y",
  },
  "MaxPool of few channels": {
    nodes: [pool("MaxPool", [3, 3], [2, 2], [1, 1, 1, 1])],
    inputs: { x: [2, 3, 7, 8] },
    spaced: true,
    output: "y",
  },
  "Relu, then MaxPool": {
    nodes: [
      node("Relu", ["x"], ["r"]),
      node("MaxPool", ["r"], ["y"], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }),
    ],
    inputs: { x: [1, 16, 8, 8] },
    spaced: true,
    output: "y",
  },
  "AveragePool with padding": {
    nodes: [pool("AveragePool", [3, 3], [2, 2], [1, 1, 1, 1])],
    inputs: { x: [1, 16, 6, 7] },
    output: "y",
  },
  "AveragePool that counts padding": {
    nodes: [pool("AveragePool", [3, 2], [1, 2], [1, 1, 1, 1], { count_include_pad: 1 })],
    inputs: { x: [1, 16, 6, 7] },
    output: "y",
  },
  GlobalAveragePool: { nodes: [node("GlobalAveragePool", ["x"], ["y"])], inputs: { x: [2, 16, 3, 5] }, output: "y" },
  "Gemm, plain": {
    nodes: [node("Gemm", ["x", "w", "b"], ["y"])],
    inputs: { x: [3, 4], w: [4, 5], b: [5] },
    output: "y",
  },
  "Gemm, both transposed, scaled": {
    nodes: [node("Gemm", ["x", "w", "b"], ["y"], { transA: 1, transB: 1, alpha: float(0.5), beta: float(-2) })],
    inputs: { x: [4, 3], w: [5, 4], b: [3, 1] },
    output: "y",
  },
  "Gemm, second transposed": {
    nodes: [node("Gemm", ["x", "w"], ["y"], { transB: 1 })],
    inputs: { x: [3, 4], w: [5, 4] },
    output: "y",
  },
  "Gemm, first transposed": {
    nodes: [node("Gemm", ["x", "w"], ["y"], { transA: 1 })],
    inputs: { x: [4, 3], w: [4, 5] },
    output: "y",
  },
  MatMul: { nodes: [node("MatMul", ["x", "w"], ["y"])], inputs: { x: [2, 3, 4], w: [4, 5] }, output: "y" },
  "Add, residual": {
    nodes: [node("Add", ["x", "z"], ["y"])],
    inputs: { x: [2, 16, 3, 3], z: [2, 16, 3, 3] },
    output: "y",
  },
  "Add, bias": { nodes: [node("Add", ["x", "b"], ["y"])], inputs: { x: [3, 5], b: [5] }, output: "y" },
  "a tensor used three times": {
    nodes: [
      node("GlobalAveragePool", ["x"], ["g"]),
      node("Mul", ["x", "g"], ["m"]),
      node("Relu", ["x"], ["r"]),
      node("Add", ["m", "r"], ["y"]),
    ],
    inputs: { x: [1, 16, 3, 2] },
    spaced: true,
    output: "y",
  },
  "Mul, dropout mask": {
    nodes: [node("Mul", ["x", "m"], ["y"])],
    inputs: { x: [3, 5], m: [3, 5] },
    fixed: ["m"],
    output: "y",
  },
  "Mul, channel mask behind Conv": {
    nodes: [conv([3, 3], [1, 1], [1, 1, 1, 1]), node("Mul", ["y", "m"], ["z"])],
    inputs: { ...convInputs(2, 16, 16, 4, 5, 3, 3), m: [2, 16, 1, 1] },
    fixed: ["m"],
    output: "z",
  },
  Relu: { nodes: [node("Relu", ["x"], ["y"])], inputs: { x: [2, 16, 3, 3] }, spaced: true, output: "y" },
  "Neg and ReduceMean": {
    nodes: [node("Neg", ["x"], ["n"]), node("ReduceMean", ["n"], ["y"], { keepdims: 0 })],
    inputs: { x: [3, 4] },
    output: "y",
  },
  "Flatten and Reshape": {
    nodes: [node("Flatten", ["x"], ["f"], { axis: 1 }), node("Reshape", ["f", "shape"], ["y"])],
    inputs: { x: [2, 3, 2, 2] },
    constants: { shape: intTensor([4, -1]) },
    output: "y",
  },
  "LogSoftmax (cross-entropy)": {
    nodes: [
      node("LogSoftmax", ["x"], ["p"], { axis: -1 }),
      node("Mul", ["p", "targets"], ["q"]),
      node("ReduceSum", ["q"], ["y"], { keepdims: 0 }),
    ],
    inputs: { x: [3, 5] },
    constants: {
      // Smoothed labels 1, 4, 0: 0.9 on the label, 0.1 spread evenly.
      targets: floatTensor(
        [3, 5],
        [1, 4, 0].flatMap((label) => [0, 1, 2, 3, 4].map((c) => 0.02 + (c === label ? 0.9 : 0))),
      ),
    },
    output: "y",
  },
};
