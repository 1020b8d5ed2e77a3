/** Whether each image's logits are its own: networks whose first image never notices the others of its batch. */
import { describe, expect, test } from "vitest";
import { seededRandom } from "../../src/numeric/random.ts";
import { floatTensor, type Graph, intTensor, type Node, node, type Tensor } from "../../src/onnx/graph.ts";
import { writeModel } from "../../src/onnx/model-file.ts";
import type { RowFact } from "../../src/onnx/rows.ts";
import { countReader } from "../../src/runtime/images-apart.ts";
import { type Model, modelFromBytes } from "../../src/runtime/open-model.ts";
import { conv, graphOf } from "../onnx/build.ts";

const random = seededRandom(11);
const noise = (...dims: number[]): Tensor =>
  floatTensor(
    dims,
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.normal()),
  );
const constants: Record<string, Tensor> = {
  ...{ w: noise(4, 3, 3, 3), fc: noise(4, 5), bias: noise(5) },
  ...{ zero: intTensor([0]), first: intTensor([0], []), one: intTensor([1]), step: intTensor([1], []) },
  ...{
    minus: intTensor([-1]),
    two: intTensor([2]),
    lstmW: noise(1, 16, 4),
    lstmR: noise(1, 16, 4),
    four: intTensor([4]),
  },
};
const body = [
  ...[conv("x", "a", "w"), node("Relu", ["a"], ["r"]), node("GlobalAveragePool", ["r"], ["p"])],
  node("Flatten", ["p"], ["f"]),
];
const count = [node("Shape", ["x"], ["s"]), node("Gather", ["s", "first"], ["n"])];
const open = (between: readonly Node[], change: Partial<Graph> = {}): Promise<Model> => {
  const nodes = [...body, ...between, node("MatMul", ["y", "fc"], ["m"]), node("Add", ["m", "bias"], ["logits"])];
  return modelFromBytes(writeModel(graphOf(nodes, constants, change)), { path: "m.onnx" });
};

const mixing: Readonly<Record<string, readonly Node[]>> = {
  "a running sum over the batch": [node("CumSum", ["f", "first"], ["y"], {}, "at")],
  "a recurrence over the batch": [
    node("Unsqueeze", ["f", "one"], ["steps"]),
    node("LSTM", ["steps", "lstmW", "lstmR"], ["h"], { hidden_size: 4 }, "at"),
    node("Squeeze", ["h", "one"], ["h2"]),
    node("Squeeze", ["h2", "one"], ["y"]),
  ],
  "the image before added to each": [
    node("Slice", ["f", "zero", "minus", "zero"], ["before"], {}, "at"),
    node("Slice", ["f", "zero", "one", "zero"], ["own"]),
    node("Concat", ["own", "before"], ["moved"], { axis: 0 }),
    node("Add", ["f", "moved"], ["y"]),
  ],
  "a division by the number of images": [
    ...count,
    node("Cast", ["n"], ["number"], { to: 1 }),
    node("Div", ["f", "number"], ["y"], {}, "at"),
  ],
  "numbers of the images, spread out to them": [
    ...count,
    node("Range", ["first", "n", "step"], ["numbers"]),
    node("Unsqueeze", ["n", "zero"], ["length"]),
    node("Concat", ["length", "four"], ["target"], { axis: 0 }),
    node("Cast", ["numbers"], ["floats"], { to: 1 }),
    node("Unsqueeze", ["floats", "one"], ["column"]),
    node("Expand", ["column", "target"], ["table"], {}, "at"),
    node("Add", ["f", "table"], ["y"]),
  ],
};

const choice = [
  ...count,
  node("Greater", ["n", "step"], ["several"]),
  node("Neg", ["f"], ["turned"]),
  node("Where", ["several", "f", "turned"], ["y"], {}, "at"),
];
const places = [
  node("MaxPool", ["r"], ["most", "where"], { kernel_shape: [8, 8] }),
  node("Cast", ["where"], ["at2"], { to: 1 }, "at"),
  node("Flatten", ["at2"], ["y"]),
];
Object.assign(mixing, {
  "a choice by the number of images": choice,
  "places that count from the first image on": places,
});

describe("runs one image at a time, and says where images are mixed", () => {
  for (const [name, nodes] of Object.entries(mixing)) {
    test(name, async () => {
      const model = await open(nodes);
      const at = nodes.find((each) => each.name === "at");
      expect([model.batch, model.notes]).toEqual([
        1,
        [`runs one image at a time: images of a batch are mixed (${at?.op} "at")`],
      ]);
    });
  }
});

test("a number of images that is only a length is none that is computed with", () => {
  const rows = { axis: 0, outer: 1, inner: 1 };
  const readBy = (op: string, ...facts: RowFact[]): Node | undefined => {
    const inputs = facts.map((_, at) => `i${at}`);
    const known = new Map<string, RowFact>([...inputs.map((name, at) => [name, facts[at]] as const), ["y", rows]]);
    return countReader(graphOf([node(op, inputs, ["y"])], {}), known);
  };
  expect(readBy("ConstantOfShape", "count")).toBeUndefined();
  expect(readBy("Resize", rows, "constant", "constant", "count")).toBeUndefined();
  expect(readBy("Expand", "constant", "count")).toBeUndefined();
  expect(readBy("Expand", "count", "count")?.op).toBe("Expand");
  expect(readBy("Clip", rows, "constant", "count")?.op).toBe("Clip");
});

test("a fixed batch of mixed images is freed, and runs one image at a time", async () => {
  const inputs = [{ name: "x", type: "float32" as const, shape: [3, 3, 8, 8] }];
  const model = await open([node("CumSum", ["f", "first"], ["y"])], { inputs });
  expect(model.batch).toBe(1);
});

test("an operator of which nothing is known keeps its batch where each image is its own", async () => {
  const model = await open([node("CumSum", ["f", "step"], ["y"])]);
  expect([model.batch, model.notes]).toEqual([null, []]);
});
