/** Networks that were exported with their dropout on, or that draw random numbers. */
import { expect, test } from "vitest";
import { floatTensor, intTensor, node, type Tensor } from "../../src/onnx/graph.ts";
import { writeModel } from "../../src/onnx/model-file.ts";
import { type Model, modelFromBytes } from "../../src/runtime/open-model.ts";
import { conv, graphOf, ones } from "./build.ts";

const truth: Tensor = { type: "bool", dims: [], data: Uint8Array.of(1) };
const constants = { w: ones(4, 3, 3, 3), fc: ones(4, 5), half: floatTensor([], [0.5]), truth, keep: intTensor([0]) };
const body = [conv("x", "a", "w"), node("GlobalAveragePool", ["a"], ["p"]), node("Flatten", ["p"], ["f"])];
const open = (between: Parameters<typeof node>[], from: string): Promise<Model> => {
  const nodes = [...body, ...between.map((each) => node(...each)), node("MatMul", [from, "fc"], ["logits"])];
  return modelFromBytes(writeModel(graphOf(nodes, constants)), { path: "m.onnx" });
};

test("dropout that was left on is off, and that is said", async () => {
  const on = await open([["Dropout", ["f", "half", "truth"], ["d"], {}, "drop"]], "d");
  expect(on.notes).toEqual(['exported in training mode: nothing is dropped at Dropout "drop"']);
  expect(on.graph.nodes.find(({ op }) => op === "Dropout")?.inputs).toEqual(["f"]);
  const off = await open([["Dropout", ["f", "half"], ["d"]]], "d");
  expect([off.notes, off.batch]).toEqual([[], null]);
});

test("a batch norm that takes the statistics of its batch is refused", async () => {
  const statistics = { g: ones(4), b: ones(4), m: ones(4), v: ones(4) };
  const nodes = [
    conv("x", "a", "w"),
    node("BatchNormalization", ["a", "g", "b", "m", "v"], ["n", "m2", "v2"], { training_mode: 1 }, "norm"),
    ...[
      node("GlobalAveragePool", ["n"], ["p"]),
      node("Flatten", ["p"], ["f"]),
      node("MatMul", ["f", "fc"], ["logits"]),
    ],
  ];
  const bytes = writeModel(graphOf(nodes, { ...constants, ...statistics }, { opsets: new Map([["", 15]]) }));
  await expect(modelFromBytes(bytes, { path: "m.onnx" })).rejects.toThrow(
    'node "norm": expected batch norm with stored statistics, got training mode',
  );
});

test("random numbers are refused", async () => {
  const noisy: Parameters<typeof node>[] = [
    ["RandomNormalLike", ["f"], ["n"], {}, "draw"],
    ["Add", ["f", "n"], ["s"]],
  ];
  await expect(open(noisy, "s")).rejects.toThrow(
    'node "draw": expected an output that follows from the image, got RandomNormalLike',
  );
});
