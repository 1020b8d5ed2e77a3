/** Networks of 8 bits: sums are those of the graph, also on processors whose products of 8 bits stop at 16 (no VNNI). */
import { expect, test } from "vitest";
import { floatTensor, type Node, node, type Tensor } from "../../src/onnx/graph.ts";
import { openSession } from "../../src/runtime/session.ts";
import { graphOf } from "../onnx/build.ts";

const LENGTH = 64;
/** `[LENGTH, 2]` */
const weights = Int8Array.from({ length: 2 * LENGTH }, (_, at) => (at % 2 === 0 ? 127 : -127 + (at % 3)));
const pixels = Uint8Array.from({ length: LENGTH }, (_, at) => 255 - (at % 5));
const expected = [0, 1].map((column) => pixels.reduce((sum, pixel, row) => sum + pixel * weights[2 * row + column], 0));

const constants: Record<string, Tensor> = {
  w: { type: "int8", dims: [LENGTH, 2], data: weights },
  one: floatTensor([], [1]),
  none: { type: "uint8", dims: [], data: Uint8Array.of(0) },
  zero: { type: "int8", dims: [], data: Int8Array.of(0) },
};
const rounded = [
  node("DequantizeLinear", ["x", "one", "none"], ["a"]),
  node("DequantizeLinear", ["w", "one", "zero"], ["b"]),
];
const networks: Record<string, Node[]> = {
  "a product of rounded tensors": [...rounded, node("MatMul", ["a", "b"], ["y"])],
  "a Gemm of rounded tensors": [...rounded, node("Gemm", ["a", "b"], ["y"])],
  "a product of whole numbers": [
    node("MatMulInteger", ["x", "w", "none", "zero"], ["i"]),
    node("Cast", ["i"], ["y"], { to: 1 }),
  ],
};

test.each(Object.entries(networks))("%s", async (_, nodes) => {
  const inputs = [{ name: "x", type: "uint8" as const, shape: [1, LENGTH] }];
  const session = await openSession(graphOf(nodes, constants, { inputs }));
  const result = await session.run({ x: { type: "uint8", dims: [1, LENGTH], data: pixels } });
  await session.close();
  expect(Array.from(result["y"]?.data as Float32Array)).toEqual(expected);
});
