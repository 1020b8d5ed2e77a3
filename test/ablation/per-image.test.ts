/** What does not depend on the image beside what does: nothing is taken for one row an image that is none. */
import { describe, expect, test } from "vitest";
import { planSuffix } from "../../src/ablation/suffix-plan.ts";
import { floatTensor, node } from "../../src/onnx/graph.ts";
import { networkOf, open, sweepAll } from "./all-pairs.ts";
import { cases, conv, head, relu, stem, weights } from "./per-image-cases.ts";

describe("every pair, plain and fast", () => {
  for (const [name, { nodes, constants, change }] of Object.entries(cases)) {
    test(name, async () => {
      const model = await open(networkOf(nodes, { ...weights, ...constants }, change));
      const plain = await sweepAll(model, "plain");
      expect(plain.join("\n")).toContain("→");
      expect(await sweepAll(model, "auto")).toEqual(plain);
    });
  }
});

test("a network of a batch that is mixed runs one image at a time", async () => {
  const mixed = [
    ...stem,
    node("ReduceMean", ["x"], ["mean"], { axes: [0, 2, 3], keepdims: 1 }),
    node("Sub", ["x", "mean"], ["y"]),
    conv("y", "w2", "b"),
    relu("b", "c"),
    ...head("c"),
  ];
  const model = await open(networkOf(mixed, weights));
  expect(model.batch).toBe(1);
  expect(model.notes.join()).toContain('images of a batch are mixed (ReduceMean "ReduceMean_mean")');
  const [layer] = model.layers;
  expect(planSuffix(model, layer?.tap ?? "").whole).not.toBeNull();
  expect(await sweepAll(model, "auto")).toEqual(await sweepAll(model, "plain"));
});

test("an operator that is in no table is measured through the whole network", async () => {
  const unknown = [
    ...stem,
    node("Trilu", ["x"], ["y"]), // of the last two axes, which the table does not say
    conv("y", "w2", "b"),
    relu("b", "c"),
    ...head("c"),
  ];
  const model = await open(networkOf(unknown, weights));
  expect(model.batch).toBeNull();
  expect(planSuffix(model, "x").whole).toContain('Trilu "Trilu_y"');
  expect(await sweepAll(model, "auto")).toEqual(await sweepAll(model, "plain"));
});

test("places of maxima that nobody reads change nothing", async () => {
  const pooled = [
    ...[...stem, conv("x", "w2", "b"), relu("b", "c")],
    node("MaxPool", ["c"], ["d", "where"], { kernel_shape: [2, 2], strides: [2, 2] }),
    ...head("d"),
  ];
  const model = await open(networkOf(pooled, weights));
  expect(planSuffix(model, "x").whole).toBeNull();
  expect(await sweepAll(model, "auto")).toEqual(await sweepAll(model, "plain"));
});

test("a gain that is taken from a constant chain stays what the runtime makes of it", async () => {
  const nodes = [...stem, node("Sqrt", ["v"], ["r"]), node("Mul", ["x", "r"], ["y"]), ...head("y")];
  const model = await open(networkOf(nodes, { ...weights, v: floatTensor([1], [2]) }));
  expect(model.graph.nodes.map(({ op }) => op)).toEqual([
    "Conv",
    "Relu",
    "Mul",
    "GlobalAveragePool",
    "Flatten",
    "Gemm",
  ]);
  expect(model.graph.constants.get("r")?.data[0]).toBe(Math.fround(Math.SQRT2));
});
