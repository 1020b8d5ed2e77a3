/** Networks with operators that few exporters write: they open, or are refused by name. */
import { expect, test } from "vitest";
import { floatTensor, type Graph, intTensor, type Node, node } from "../../src/onnx/graph.ts";
import { writeModel } from "../../src/onnx/model-file.ts";
import { type Model, modelFromBytes } from "../../src/runtime/open-model.ts";
import { conv, graphOf, ones } from "./build.ts";

const constants = {
  ...{
    w: ones(4, 3, 3, 3),
    fc: ones(4, 5),
    whole: { type: "int8" as const, dims: [4, 5], data: Int8Array.from({ length: 20 }, (_, i) => 7 * i - 60) },
  },
  ...{ zero: intTensor([0], []), one: intTensor([1], []), two: intTensor([2], []), half: floatTensor([], [0.5]) },
};
const stem = [conv("x", "a", "w"), node("Relu", ["a"], ["r"])];
const pooled = (from: string): Node[] => [node("GlobalAveragePool", [from], ["p"]), node("Flatten", ["p"], ["f"])];
const head = (from: string): Node => node("MatMul", [from, "fc"], ["logits"]);
const open = (nodes: readonly Node[], change: Partial<Graph> = {}): Promise<Model> =>
  modelFromBytes(writeModel(graphOf(nodes, constants, change)), { path: "m.onnx" });

test("images gathered by a range over their number, whose fusion would end the process", async () => {
  const numbers = [
    ...[node("Shape", ["x"], ["s"]), node("Gather", ["s", "zero"], ["n"])],
    ...[node("Range", ["zero", "n", "one"], ["all"]), node("Gather", ["f", "all"], ["g"])],
  ];
  const model = await open([...stem, ...pooled("r"), ...numbers, head("g")]);
  expect([model.batch, model.layers.map(({ tap }) => tap)]).toEqual([null, ["r", "logits"]]);
});

test("sequences of tensors", async () => {
  const parts = [
    node("SplitToSequence", ["r", "two"], ["parts"], { axis: 1 }),
    node("ConcatFromSequence", ["parts"], ["c"], { axis: 1 }),
  ];
  const model = await open([...stem, ...parts, ...pooled("c"), head("f")]);
  expect([model.batch, model.layers.map(({ tap }) => tap)]).toEqual([null, ["r", "logits"]]);
});

test("constants whose type another input or an attribute says", async () => {
  const made = [
    ...[node("Range", ["zero", "eight", "one"], ["i"]), node("CastLike", ["i", "half"], ["like"])],
    ...[node("HannWindow", ["eight"], ["hann"]), node("EyeLike", ["square"], ["eye"], { dtype: 1 })],
    ...[node("Add", ["like", "hann"], ["l"]), node("Add", ["l", "eye"], ["e"]), node("Mul", ["r", "e"], ["m"])],
  ];
  const square = intTensor(Array<number>(64).fill(0), [8, 8]);
  const more = new Map(Object.entries({ ...constants, square, eight: intTensor([8], []) }));
  const opsets = new Map([["", 17]]);
  const model = await open([...stem, ...made, ...pooled("m"), head("f")], { constants: more, opsets });
  expect(model.graph.nodes.map(({ op }) => op)).toEqual([
    "Conv",
    "Relu",
    "Mul",
    "GlobalAveragePool",
    "Flatten",
    "MatMul",
  ]);
  expect(model.graph.constants.get("e")?.data.slice(0, 2)).toEqual(Float32Array.of(1, 1 + Math.sin(Math.PI / 8) ** 2));
});

test("Upsample of operator set 8, whose scales are an attribute", async () => {
  const up = node("Upsample", ["r"], ["u"], { scales: { kind: "floats", value: [1, 1, 2, 2] } });
  const model = await open([...stem, up, ...pooled("u"), head("f")], { opsets: new Map([["", 8]]) });
  expect(model.shapes.get("u")).toEqual(["N", 4, 16, 16]);
});

test("a map that is turned round or shifted is no map of places any more", async () => {
  const ends = { first: intTensor([-1]), last: intTensor([-100]), three: intTensor([3]), back: intTensor([-1]) };
  const turned = node("Slice", ["r", "first", "last", "three", "back"], ["t"]);
  const shifted = node("Pad", ["r", "pads"], ["t"]);
  const pads = intTensor([0, 0, 1, 0, 0, 0, -1, 0]);
  const more = new Map(Object.entries({ ...constants, ...ends, pads, v: ones(4, 4, 3, 3) }));
  for (const moved of [turned, shifted]) {
    const behind = conv("t", "b", "v");
    const { layers } = await open([...stem, moved, behind, ...pooled("b"), head("f")], { constants: more });
    expect(layers.map(({ tap, isMap }) => [tap, isMap])).toEqual([
      ["r", true],
      ["b", false],
      ["logits", false],
    ]);
  }
});

test("numbers of the largest class are no logits", async () => {
  const nodes = [
    ...stem,
    ...pooled("r"),
    head("f"),
    node("ArgMax", ["logits"], ["y"], { axis: 1, keepdims: 0 }, "best"),
  ];
  const outputs = [{ name: "y", type: "int64" as const, shape: null }];
  await expect(open(nodes, { outputs })).rejects.toThrow(
    'expected logits that are floats, got output "y" of type int64, by ArgMax "best"',
  );
});

test("rounding to 8 bits with a scale of the batch: one image at a time, decided by the whole network", async () => {
  const rounded = [
    node("DynamicQuantizeLinear", ["f"], ["q", "scale", "point"], {}, "round"),
    node("MatMulInteger", ["q", "whole", "point"], ["i"]),
    node("Cast", ["i"], ["c"], { to: 1 }),
    node("Mul", ["c", "scale"], ["logits"]),
  ];
  const model = await open([...stem, ...pooled("r"), ...rounded]);
  expect([model.batch, model.tieTolerance]).toEqual([1, Number.POSITIVE_INFINITY]);
  expect(model.notes.join()).toContain('DynamicQuantizeLinear "round" may turn rounding into another result');
});

test("at one image at a time responses are that image's, and can be read", async () => {
  const mixed = [node("ReduceMean", ["r"], ["m"], { axes: [0], keepdims: 1 }), node("Sub", ["r", "m"], ["d"])];
  const model = await open([...stem, ...mixed, node("Add", ["d", "r"], ["e"]), ...pooled("e"), head("f")]);
  expect(model.batch).toBe(1);
  expect(model.layers.map(({ tap, response }) => [tap, response ?? tap])).toEqual([
    ["r", "r"],
    ["e", "e"],
    ["logits", "logits"],
  ]);
});
