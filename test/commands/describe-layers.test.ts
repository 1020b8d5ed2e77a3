/** What `unitscope layers` tells: costs counted by hand, routes, and something to say where nothing can be ablated. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { describeLayers } from "../../src/commands/describe-layers.ts";
import { floatTensor, node } from "../../src/onnx/graph.ts";
import { writeModel } from "../../src/onnx/model-file.ts";
import { modelFromBytes } from "../../src/runtime/open-model.ts";
import { unitscopeHere } from "../cli/run-here.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";
import { conv, graphOf, ones } from "../onnx/build.ts";

/** Two convolutions over 8×8, a mean, a product for three classes. */
const network = graphOf(
  [
    conv("x", "c1", "w1"),
    node("Relu", ["c1"], ["r1"]),
    conv("r1", "c2", "w2"),
    node("Relu", ["c2"], ["r2"]),
    node("GlobalAveragePool", ["r2"], ["pooled"]),
    node("Flatten", ["pooled"], ["flat"]),
    node("Gemm", ["flat", "w3", "b3"], ["logits"], { transB: 1 }),
  ],
  { w1: ones(4, 3, 3, 3), w2: ones(6, 4, 3, 3), w3: ones(3, 6), b3: floatTensor([3], [0, 0, 0]) },
);

test("parameters, multiply-adds behind every layer, and routes", async () => {
  const { layers, parameters, multiplyAdds, leftOut } = describeLayers(await modelFromBytes(writeModel(network)));
  const first = 64 * 4 * 27;
  const second = 64 * 6 * 36;
  const product = 3 * 6;
  const others = 64 * 4 + 64 * 6 + 6 + 6; // activations, mean, flatten: one an element
  expect(parameters).toBe(4 * 27 + 6 * 36 + 18 + 3);
  expect(multiplyAdds).toBe(first + second + product + others);
  expect(leftOut).toEqual([]);
  expect(layers.map(({ tap, parameters: own, route, reason }) => [tap, own, route, reason])).toEqual([
    ["r1", 108, "contribution", null],
    ["r2", 216, "closed form", null],
    ["logits", 21, "recomputed", null],
  ]);
  expect(layers[0]?.costBehind).toBeCloseTo((second + 64 * 6 + 12 + product) / multiplyAdds, 10);
  expect(layers[1]?.costBehind).toBeCloseTo((12 + product) / multiplyAdds, 10);
  expect(layers[2]?.costBehind).toBe(0);
});

test("a network without a layer that can be ablated: said in words, exit code 0", async () => {
  const bare = graphOf([node("GlobalAveragePool", ["x"], ["p"]), node("Flatten", ["p"], ["logits"])], {});
  const file = join(await temporaryFolder(), "bare.onnx");
  await writeFile(file, writeModel(bare));
  const { code, stdout } = await unitscopeHere(["layers", file]);
  expect(code).toBe(0);
  expect(stdout).toContain("bare.onnx: 3×8×8 input, 3 classes");
  expect(stdout).toMatch(/no layer can be ablated: there is no convolution/);
});
