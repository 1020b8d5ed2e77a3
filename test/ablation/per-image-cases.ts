/** Networks in which what does not depend on the image stands beside what does. */
import { floatTensor, type Graph, intTensor, type Node, node, type Tensor } from "../../src/onnx/graph.ts";
import { CLASSES, normal, SIDE } from "./all-pairs.ts";

const pads = [1, 1, 1, 1];
const WIDTH = 8;
/** A convolution that keeps the size. */
export const conv = (input: string, weight: string, output: string): Node =>
  node("Conv", [input, weight], [output], { pads });
/** Its activation. */
export const relu = (input: string, output: string): Node => node("Relu", [input], [output]);
/** conv → relu → `x`, and the weights of what follows. */
export const stem: readonly Node[] = [conv("input", "w1", "a"), relu("a", "x")];
/** Weights of the stem, of a second convolution, and of the classifier. */
export const weights: Readonly<Record<"w1" | "w2" | "fc" | "fcb", Tensor>> = {
  w1: normal(1, [WIDTH, 3, 3, 3], 0.5),
  w2: normal(2, [WIDTH, WIDTH, 3, 3], 0.2),
  fc: normal(4, [CLASSES, WIDTH]),
  fcb: normal(5, [CLASSES], 0.1),
};
/** Pooling and the classifier. */
export const head = (from: string): Node[] => [
  node("GlobalAveragePool", [from], ["pool"]),
  node("Flatten", ["pool"], ["flat"]),
  node("Gemm", ["flat", "fc", "fcb"], ["logits"], { transB: 1 }),
];

/** The nearest half below, of a number that is no subnormal one. */
function halfBits(value: number): number {
  const exponent = Math.floor(Math.log2(Math.abs(value)));
  const fraction = Math.floor((Math.abs(value) / 2 ** exponent - 1) * 1024);
  return (value < 0 ? 0x8000 : 0) | ((exponent + 15) << 10) | fraction;
}

const w2 = weights.w2.data as Float32Array;

interface Case {
  readonly nodes: readonly Node[];
  readonly constants?: Readonly<Record<string, Tensor>>;
  readonly change?: Partial<Graph>;
}

const small = (...values: number[]): Tensor => floatTensor([values.length], values);
const scalar = (value: number): Tensor => floatTensor([], [value]);

/** By what is unusual in it. */
export const cases: Readonly<Record<string, Case>> = {
  "a product of two constants of one row a channel": {
    nodes: [
      ...stem,
      conv("x", "w2", "b"),
      node("Mul", ["m1", "m2"], ["m"]),
      node("Add", ["b", "m"], ["c"]),
      relu("c", "d"),
      ...head("d"),
    ],
    constants: { m1: normal(6, [WIDTH, 1, 1]), m2: normal(7, [WIDTH, 1, 1]) },
  },
  "a temperature, exp of a constant": {
    nodes: [
      ...stem,
      conv("x", "w2", "b"),
      ...head("b").slice(0, 2),
      node("Gemm", ["flat", "fc", "fcb"], ["raw"], { transB: 1 }),
      node("Exp", ["t"], ["scale"]),
      node("Mul", ["raw", "scale"], ["logits"]),
    ],
    constants: { t: scalar(1.3) },
  },
  "a cosine head": {
    nodes: [
      ...stem,
      conv("x", "w2", "b"),
      ...head("b").slice(0, 2),
      node("ReduceL2", ["flat"], ["length"], { axes: [1], keepdims: 1 }),
      node("Div", ["flat", "length"], ["unit"]),
      node("ReduceL2", ["fc"], ["lengths"], { axes: [1], keepdims: 1 }),
      node("Div", ["fc", "lengths"], ["rows"]),
      node("Transpose", ["rows"], ["columns"], { perm: [1, 0] }),
      node("MatMul", ["unit", "columns"], ["logits"]),
    ],
  },
  "weight standardisation": {
    nodes: [
      ...stem,
      node("ReduceMean", ["w2"], ["mean"], { axes: [1, 2, 3], keepdims: 1 }),
      node("Sub", ["w2", "mean"], ["centred"]),
      node("Mul", ["centred", "gain"], ["standard"]),
      conv("x", "standard", "b"),
      relu("b", "c"),
      ...head("c"),
    ],
    constants: { gain: scalar(1.5) },
  },
  "generalised mean pooling with its exponent in a chain": {
    nodes: [
      ...stem,
      conv("x", "w2", "b"),
      relu("b", "c"),
      node("Identity", ["p"], ["exponent"]),
      node("Clip", ["c", "low"], ["d"]),
      node("Pow", ["d", "exponent"], ["e"]),
      node("GlobalAveragePool", ["e"], ["f"]),
      node("Reciprocal", ["exponent"], ["inverse"]),
      node("Pow", ["f", "inverse"], ["g"]),
      node("Flatten", ["g"], ["flat"]),
      node("Gemm", ["flat", "fc", "fcb"], ["logits"], { transB: 1 }),
    ],
    constants: { p: small(3), low: scalar(1e-6) },
  },
  "a non-local block": {
    nodes: [
      ...stem,
      node("Reshape", ["x", "columns"], ["v"]),
      node("Transpose", ["v"], ["k"], { perm: [0, 2, 1] }),
      node("MatMul", ["k", "v"], ["scores"]),
      node("Softmax", ["scores"], ["attention"], { axis: -1 }),
      node("MatMul", ["v", "attention"], ["y"]),
      node("Shape", ["x"], ["size"]),
      node("Reshape", ["y", "size"], ["z"]),
      node("Add", ["x", "z"], ["s"]),
      ...head("s"),
    ],
    constants: { columns: intTensor([0, 0, -1]) },
  },
  "attention pooling with a learned query": {
    nodes: [
      ...stem,
      node("Reshape", ["x", "columns"], ["v"]),
      node("Transpose", ["v"], ["k"], { perm: [0, 2, 1] }),
      node("Mul", ["q", "scale"], ["query"]),
      node("MatMul", ["k", "query"], ["scores"]),
      node("Softmax", ["scores"], ["attention"], { axis: 1 }),
      node("MatMul", ["v", "attention"], ["y"]),
      node("Flatten", ["y"], ["flat"]),
      node("Gemm", ["flat", "fc", "fcb"], ["logits"], { transB: 1 }),
    ],
    constants: { columns: intTensor([0, 0, -1]), q: normal(8, [WIDTH, 1]), scale: scalar(0.5) },
  },
  "weights of 16 bits behind a Cast": {
    nodes: [...stem, node("Cast", ["half"], ["w2f"], { to: 1 }), conv("x", "w2f", "b"), relu("b", "c"), ...head("c")],
    constants: {
      half: {
        type: "float16",
        dims: weights.w2.dims,
        data: Uint16Array.from(w2, halfBits),
      },
    },
  },
  "quantised weights and responses": {
    nodes: [
      ...stem,
      node("QuantizeLinear", ["x", "step", "zero"], ["q"]),
      node("DequantizeLinear", ["q", "step", "zero"], ["y"]),
      node("DequantizeLinear", ["w8", "step8", "zero8"], ["w2q"]),
      conv("y", "w2q", "b"),
      relu("b", "c"),
      ...head("c"),
    ],
    constants: {
      step: scalar(0.05),
      zero: { type: "uint8", dims: [], data: Uint8Array.of(3) },
      step8: scalar(0.01),
      zero8: { type: "int8", dims: [], data: Int8Array.of(0) },
      w8: { type: "int8", dims: weights.w2.dims, data: Int8Array.from(w2, (w) => w * 100) },
    },
  },
  "padding that is computed from the size, as traced": {
    nodes: [
      ...stem,
      node("Shape", ["x"], ["size"]),
      node("Gather", ["size", "two"], ["height"], { axis: 0 }),
      node("Mod", ["height", "three"], ["over"]),
      node("Sub", ["three", "over"], ["rest"]),
      node("Unsqueeze", ["rest", "axis"], ["end"]),
      node("Concat", ["zeros", "end", "end"], ["pads"], { axis: 0 }),
      node("Pad", ["x", "pads"], ["padded"]),
      node("Conv", ["padded", "w2"], ["b"], { strides: [3, 3] }),
      relu("b", "c"),
      ...head("c"),
    ],
    constants: {
      two: intTensor([2], []),
      three: intTensor([3], []),
      axis: intTensor([0]),
      zeros: intTensor([0, 0, 0, 0, 0, 0]),
    },
  },
  "a convolution over one axis": {
    nodes: [
      ...stem,
      node("Reshape", ["x", "row"], ["v"]),
      node("Conv", ["v", "w1d"], ["b"], { pads: [1, 1] }),
      relu("b", "c"),
      node("ReduceMean", ["c"], ["flat"], { axes: [2], keepdims: 0 }),
      node("Gemm", ["flat", "fc", "fcb"], ["logits"], { transB: 1 }),
    ],
    constants: { row: intTensor([0, 0, -1]), w1d: normal(13, [WIDTH, WIDTH, 3]) },
  },
  "a convolution over three axes": {
    nodes: [
      ...stem,
      node("Unsqueeze", ["x", "deep"], ["v"]),
      node("Conv", ["v", "w3d"], ["b"], { pads: [0, 1, 1, 0, 1, 1] }),
      node("Squeeze", ["b", "deep"], ["c"]),
      ...head("c"),
    ],
    constants: { deep: intTensor([2]), w3d: normal(12, [WIDTH, WIDTH, 1, 3, 3], 0.2) },
  },
  "channels shifted by a pad that cuts as much off": {
    nodes: [...stem, node("Pad", ["x", "shift"], ["y"]), ...head("y")],
    constants: { shift: intTensor([0, 1, 0, 0, 0, -1, 0, 0]) },
  },
  "the number of images from the size of their batch": {
    nodes: [
      ...stem,
      node("Size", ["input"], ["size"]),
      node("Div", ["size", "pixels"], ["n"]),
      node("Concat", ["n", "rest"], ["target"], { axis: 0 }),
      node("GlobalAveragePool", ["x"], ["p"]),
      node("Expand", ["p", "target"], ["e"]),
      node("Mul", ["x", "e"], ["y"]),
      ...head("y"),
    ],
    constants: { pixels: intTensor([3 * SIDE * SIDE]), rest: intTensor([WIDTH, SIDE, SIDE]) },
  },
  "a squeeze of all axes of length 1, read along the channels, one image at a time too": {
    nodes: [
      ...stem,
      node("GlobalAveragePool", ["x"], ["p"]),
      node("Squeeze", ["p"], ["s"]),
      node("Softmax", ["s"], ["t"], { axis: 1 }),
      node("Mul", ["t", "big"], ["flat"]),
      node("Gemm", ["flat", "fc", "fcb"], ["logits"], { transB: 1 }),
    ],
    constants: { big: scalar(20) },
  },
  "coordinates that are made in the graph": {
    nodes: [
      ...stem,
      node("Shape", ["x"], ["size"]),
      node("Gather", ["size", "first"], ["count"], { axis: 0 }),
      node("Concat", ["count", "rest"], ["target"], { axis: 0 }),
      node("Expand", ["places", "target"], ["coordinates"]),
      node("Concat", ["x", "coordinates"], ["both"], { axis: 1 }),
      node("Conv", ["both", "wide"], ["b"], { pads }),
      relu("b", "c"),
      ...head("c"),
    ],
    constants: {
      first: intTensor([0]),
      rest: intTensor([2, SIDE, SIDE]),
      places: normal(9, [1, 2, SIDE, SIDE]),
      wide: normal(10, [WIDTH, WIDTH + 2, 3, 3], 0.15),
    },
  },
};
