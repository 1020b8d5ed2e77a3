/** Gradients against differences, with and without the blocked lowering. */
import { describe, expect, test } from "vitest";
import { float, floatTensor, intTensor, node } from "../../src/onnx/graph.ts";
import { floatValue } from "../../src/runtime/session.ts";
import { differentiate } from "../../src/training/differentiate.ts";
import { blockSize } from "../../src/training/lowering/block-size.ts";
import { BLOCKED_DOMAIN } from "../../src/training/lowering/layouts.ts";
import { cases, pool } from "./gradient-cases.ts";
import { checkGradients, gradientsOf } from "./gradient-check.ts";

const block = await blockSize();

describe.each([
  ["portable", undefined],
  ["blocked", block],
])("gradients, %s lowering", (name, size) => {
  test.runIf(name === "portable" || size !== undefined).each(Object.keys(cases))("%s", async (title) => {
    const graph = await checkGradients(cases[title], size);
    if (size !== undefined && title.startsWith("Conv 3×3")) {
      // Forward, dX and, where images make whole blocks, dW.
      const convolutions = title.endsWith("images") ? 3 : 2;
      expect(graph.nodes.filter((each) => each.domain === BLOCKED_DOMAIN && each.op === "Conv").length).toBe(
        convolutions,
      );
    }
  });

  test("MaxPool: of equal values the first one gets the whole gradient", async () => {
    const pooled = pool("MaxPool", [3, 3], [2, 2], [1, 1, 1, 1]);
    const forward = {
      name: "ties",
      inputs: [{ name: "x", type: "float32", shape: [1, 16, 4, 4] }],
      outputs: [{ name: "y", type: "float32", shape: null }],
      nodes: [pooled],
      constants: new Map(),
      opsets: new Map([["", 17]]),
      metadata: new Map(),
    } as const;
    const feeds = { x: floatValue([1, 16, 4, 4], new Float32Array(256).fill(3)) };
    const weights = Float32Array.from({ length: 64 }, (_, i) => 1 + (i % 4));
    const { results } = await gradientsOf(forward, { feeds, output: "y", weights, parameters: ["x"] }, size);
    const plane = [1, 2, 0, 0, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    expect(Array.from(results.get("x") ?? [])).toEqual(Array.from({ length: 16 }, () => plane).flat());
  });

  test("BatchNormalization with the statistics of the batch", async () => {
    await checkNormalization(size);
  });
});

/** Training mode is not in the inference runtime: the differences are taken of the normalisation spelled out here. */
async function checkNormalization(size: number | undefined): Promise<void> {
  const shape = [3, 16, 2, 4];
  const spelled = [
    node("ReduceMean", ["x"], ["mean"], { axes: [0, 2, 3], keepdims: 1 }),
    node("Sub", ["x", "mean"], ["centred"]),
    node("Mul", ["centred", "centred"], ["squares"]),
    node("ReduceMean", ["squares"], ["variance"], { axes: [0, 2, 3], keepdims: 1 }),
    node("Add", ["variance", "epsilon"], ["safe"]),
    node("Sqrt", ["safe"], ["deviation"]),
    node("Div", ["centred", "deviation"], ["normal"]),
    node("Reshape", ["g", "wide"], ["wide_g"]),
    node("Reshape", ["b", "wide"], ["wide_b"]),
    node("Mul", ["normal", "wide_g"], ["scaled"]),
    node("Add", ["scaled", "wide_b"], ["y"]),
  ];
  const norm = node("BatchNormalization", ["x", "g", "b", "m", "v"], ["y", "new_m", "new_v"], {
    training_mode: 1,
    epsilon: float(1e-5),
    momentum: float(0.9),
  });
  const values = { g: Float32Array.from({ length: 16 }, (_, i) => 0.5 + i / 10) };
  await checkGradients(
    {
      nodes: [norm],
      forwardNodes: spelled,
      inputs: { x: shape, g: [16], b: [16] },
      constants: {
        epsilon: floatTensor([], [1e-5]),
        wide: intTensor([1, 16, 1, 1]),
        m: floatTensor([16], new Float32Array(16)),
        v: floatTensor([16], new Float32Array(16).fill(1)),
      },
      values,
      output: "y",
    },
    size,
  );
}

test("an operator without a gradient is named", () => {
  const graph = {
    name: "g",
    inputs: [{ name: "x", type: "float32", shape: [2] }],
    outputs: [],
    nodes: [node("Cast", ["x"], ["y"], { to: 1 }), node("ReduceSum", ["y"], ["loss"], { keepdims: 0 })],
    constants: new Map(),
    opsets: new Map([["", 17]]),
    metadata: new Map(),
  } as const;
  const run = () => differentiate(graph, { inputs: new Map([["x", [2]]]), loss: "loss", parameters: ["x"] });
  expect(run).toThrow('node "Cast_y": expected an operator with a gradient, got Cast');
});
