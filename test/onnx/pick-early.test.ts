/** Positions that are picked early give the same numbers, and what nobody picks is not computed. */
import { expect, test } from "vitest";
import { floatTensor, type Graph, intTensor, type Node, node, type Tensor } from "../../src/onnx/graph.ts";
import { isPickedEarly, pickEarly } from "../../src/onnx/pick-early.ts";
import { inferShapes } from "../../src/onnx/shapes.ts";
import { floatValue, openSession } from "../../src/runtime/session.ts";
import { graphOf } from "./build.ts";

const TOKENS = 5;
const WIDTH = 6;

function wave(...dims: number[]): Tensor {
  const count = dims.reduce((a, b) => a * b, 1);
  return floatTensor(
    dims,
    Float32Array.from({ length: count }, (_, at) => Math.sin(1.7 * at + count)),
  );
}

const constants: Readonly<Record<string, Tensor>> = {
  weights: wave(WIDTH, WIDTH),
  bias: wave(WIDTH),
  byToken: wave(1, TOKENS, 1),
  places: wave(TOKENS, WIDTH),
  scale: wave(WIDTH),
  two: floatTensor([], [2]),
  split: intTensor([-1, TOKENS, 2, WIDTH / 2]),
  joined: intTensor([0, TOKENS, WIDTH]),
  flat: intTensor([-1, WIDTH]),
  rows: { type: "int32", dims: [3], data: Int32Array.of(1, 0, 1) },
  first: intTensor([0], []),
  third: intTensor([2], []),
  some: intTensor([-1, 1]),
  head: wave(WIDTH, 4),
};

/** Token by token, as a transformer's last layers are. */
const tokenwise: readonly Node[] = [
  node("Gather", ["x", "rows"], ["picked"]),
  node("MatMul", ["picked", "weights"], ["product"]),
  node("Add", ["bias", "product"], ["sum"]),
  node("Mul", ["sum", "byToken"], ["weighted"]),
  node("Add", ["places", "weighted"], ["placed"]),
  node("Reshape", ["placed", "split"], ["parts"]),
  node("Transpose", ["parts"], ["turned"], { perm: [0, 1, 3, 2] }),
  node("Relu", ["turned"], ["positive"]),
  node("Transpose", ["positive"], ["back"], { perm: [0, 1, 3, 2] }),
  node("Reshape", ["back", "joined"], ["whole"]),
  node("ReduceMean", ["whole"], ["mean"], { axes: [-1] }),
  node("Sub", ["whole", "mean"], ["centred"]),
  node("Pow", ["centred", "two"], ["squares"]),
  node("ReduceMean", ["squares"], ["variance"], { axes: [-1] }),
  node("Div", ["centred", "variance"], ["divided"]),
  node("LayerNormalization", ["divided", "scale", "bias"], ["normed"], { axis: -1 }),
];

function network(read: readonly Node[], between: readonly Node[] = []): Graph {
  return graphOf([...tokenwise, ...between, ...read], constants, {
    inputs: [{ name: "x", type: "float32", shape: ["block", TOKENS, WIDTH] }],
    opsets: new Map([["", 17]]),
  });
}

async function outputOf(graph: Graph): Promise<number[]> {
  const session = await openSession(graph);
  const { data } = wave(2, TOKENS, WIDTH);
  const results = await session.run({ x: floatValue([2, TOKENS, WIDTH], data as Float32Array) });
  await session.close();
  return [...(results[graph.outputs[0].name].data as Float32Array)];
}

const first = [node("Gather", ["normed", "first"], ["token"], { axis: 1 }), node("MatMul", ["token", "head"], ["y"])];
const some = [
  node("Gather", ["normed", "some"], ["tokens"], { axis: 1 }),
  node("Reshape", ["tokens", "flat"], ["rows of both"]),
  node("MatMul", ["rows of both", "head"], ["y"]),
];

test.each([
  ["one token", first, 1],
  ["two tokens", some, 2],
])("%s", async (_, read, count) => {
  const graph = network(read);
  const early = pickEarly(graph);
  expect(await outputOf(early)).toEqual(await outputOf(graph));
  expect(isPickedEarly(early)).toBe(true);
  const shapes = inferShapes(early);
  for (const { outputs } of early.nodes) {
    const shape = shapes.get(outputs[0]) ?? [];
    expect(shape, outputs[0]).not.toContain(TOKENS);
    if (shape.length === 3) expect(shape[1], outputs[0]).toBe(count);
  }
});

test("two tokens, each picked for a head of its own", async () => {
  const graph = network([
    node("Gather", ["normed", "first"], ["class"], { axis: 1 }),
    node("Gather", ["normed", "third"], ["distilled"], { axis: 1 }),
    node("MatMul", ["class", "head"], ["a"]),
    node("MatMul", ["distilled", "head"], ["b"]),
    node("Sub", ["a", "b"], ["y"]),
  ]);
  const early = pickEarly(graph);
  expect(isPickedEarly(early)).toBe(true);
  expect(await outputOf(early)).toEqual(await outputOf(graph));
});

test("tokens that look at each other are computed all", async () => {
  const mixing = [
    node("Transpose", ["normed"], ["keys"], { perm: [0, 2, 1] }),
    node("MatMul", ["normed", "keys"], ["scores"]),
    node("Softmax", ["scores"], ["looks"], { axis: -1 }),
    node("MatMul", ["looks", "normed"], ["mixed"]),
  ];
  const graph = network([node("Gather", ["mixed", "first"], ["token"], { axis: 1 })], mixing);
  expect(pickEarly(graph)).toBe(graph);
  const after = network(
    [
      node("Relu", ["mixed"], ["activated"]),
      node("Gather", ["activated", "first"], ["token"], { axis: 1 }),
      node("MatMul", ["token", "head"], ["y"]),
    ],
    mixing,
  );
  expect(await outputOf(pickEarly(after))).toEqual(await outputOf(after));
});

test("a graph that picks nothing stays itself", () => {
  const graph = graphOf([node("Relu", ["x"], ["y"])], {});
  expect(pickEarly(graph)).toBe(graph);
});
