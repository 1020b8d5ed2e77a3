/** Networks as exporters and optimisers write them: the layers are those of the network that was meant. */
import { describe, expect, test } from "vitest";
import { companionsFor, readCompanions } from "../../src/ablation/predictions.ts";
import { planSuffix } from "../../src/ablation/suffix-plan.ts";
import { floatTensor, type Graph, intTensor, type Node, node } from "../../src/onnx/graph.ts";
import { probabilityRows } from "../../src/responses/softmax.ts";
import type { Model } from "../../src/runtime/open-model.ts";
import { CLASSES, networkOf, normal, open, sweepAll } from "../ablation/all-pairs.ts";
import { conv, expectExact, head, network, pads, told, WIDTH, weights } from "./conv-network.ts";

describe("activations that are written out", () => {
  test("the logarithm of a sigmoid is one activation, and nothing is taken the logarithm of 0", async () => {
    const model = await open(network([node("Sigmoid", ["c"], ["s"]), node("Log", ["s"], ["r"])]));
    expect(told(model)).toEqual([["convolution", "r", null, "LogSigmoid", WIDTH]]);
    await expectExact(model);
  });

  test("GELU by tanh is no residual addition", async () => {
    const scalars = { k: 0.044715, root: 0.7978846, one: 1, half: 0.5 };
    const constants = new Map(Object.entries(scalars).map(([name, value]) => [name, floatTensor([], [value])]));
    const model = await open(
      network(
        [
          node("Mul", ["c", "c"], ["c2"]),
          node("Mul", ["c2", "c"], ["c3"]),
          node("Mul", ["c3", "k"], ["kc3"]),
          node("Add", ["c", "kc3"], ["inner"]),
          node("Mul", ["inner", "root"], ["scaled"]),
          node("Tanh", ["scaled"], ["t"]),
          node("Add", ["t", "one"], ["t1"]),
          node("Mul", ["c", "half"], ["h"]),
          node("Mul", ["h", "t1"], ["r"]),
        ],
        constants,
      ),
    );
    expect(told(model)).toEqual([["convolution", "r", null, "Gelu", WIDTH]]);
    await expectExact(model);
  });

  test("PRelu belongs to its convolution", async () => {
    const model = await open(
      network([node("PRelu", ["c", "slope"], ["r"])], new Map([["slope", normal(3, [WIDTH, 1, 1])]])),
    );
    expect(told(model)).toEqual([["convolution", "r", null, "PRelu", WIDTH]]);
    await expectExact(model);
  });

  test("channels last: bias and activation behind the transposition back", async () => {
    const model = await open(
      network(
        [
          node("Transpose", ["c"], ["last"], { perm: [0, 2, 3, 1] }),
          node("Add", ["last", "bias"], ["biased"]),
          node("Relu", ["biased"], ["a"]),
          node("Transpose", ["a"], ["r"], { perm: [0, 3, 1, 2] }),
        ],
        new Map([["bias", normal(3, [WIDTH])]]),
      ),
    );
    expect(told(model)).toEqual([["convolution", "a", null, "Relu", WIDTH]]);
    await expectExact(model);
  });

  test("group norm as PyTorch exports it belongs to its convolution", async () => {
    const model = await open(
      network(
        [
          node("Reshape", ["c", "groups"], ["g"]),
          node("InstanceNormalization", ["g", "one", "zero"], ["n"]),
          node("Shape", ["c"], ["size"]),
          node("Reshape", ["n", "size"], ["back"]),
          node("Mul", ["back", "gamma"], ["scaled"]),
          node("Add", ["scaled", "beta"], ["normed"]),
          node("Relu", ["normed"], ["r"]),
        ],
        new Map([
          ["groups", intTensor([0, 2, -1])],
          ["one", floatTensor([2], [1, 1])],
          ["zero", floatTensor([2], [0, 0])],
          ["gamma", normal(4, [WIDTH, 1, 1])],
          ["beta", normal(5, [WIDTH, 1, 1])],
        ]),
      ),
    );
    expect(told(model)).toEqual([["convolution", "r", "GroupNormalization", "Relu", WIDTH]]);
    await expectExact(model);
  });
});

describe("files that ONNX Runtime optimised", () => {
  const opsets = new Map([
    ["", 17],
    ["com.microsoft", 1],
  ]);
  const fused = (inputs: string[], output: string, activation: string): Node => ({
    ...node("FusedConv", inputs, [output], { pads, activation }),
    domain: "com.microsoft",
  });
  const second = { w2: normal(6, [WIDTH, WIDTH, 3, 3]), b2: normal(7, [WIDTH]) };

  test("fused operators are the layers that they stand for", async () => {
    const constants = new Map(Object.entries(second));
    const model = await open(
      networkOf(
        [fused(["input", "w"], "a", "Relu"), fused(["a", "w2", "b2", "a"], "r", "Relu"), ...head],
        { ...weights, ...second },
        { opsets },
      ),
    );
    const meant = await open(
      network(
        [
          node("Relu", ["c"], ["a"]),
          node("Conv", ["a", "w2", "b2"], ["c2"], { pads }),
          node("Add", ["c2", "a"], ["s"]),
          node("Relu", ["s"], ["r"]),
        ],
        constants,
      ),
    );
    expect(model.layers.map(({ kind, units }) => [kind, units])).toEqual(
      meant.layers.map(({ kind, units }) => [kind, units]),
    );
    expect(told(model)).toContainEqual(["addition", "r", null, "Relu", WIDTH]);
    const flips = (lines: readonly string[]): string[] => lines.map((line) => line.replace(/^.*?: /, ""));
    expect(flips(await sweepAll(model, "auto"))).toEqual(flips(await sweepAll(meant, "plain")));
  });

  test("for one machine: refused, with what to do", async () => {
    const bound: Node = { ...node("Conv", ["input", "w"], ["c"]), domain: "com.microsoft.nchwc" };
    const graph = networkOf([bound, node("Relu", ["c"], ["r"]), ...head], weights);
    await expect(open(graph)).rejects.toThrow(
      /node "Conv_c": expected operators of any machine, got com\.microsoft\.nchwc Conv, .*; optimise with level "extended"/,
    );
  });
});

test("nodes that share a name, or have none, run", async () => {
  for (const name of ["node", ""]) {
    const graph = network([node("Relu", ["c"], ["r"])]);
    const model = await open({ ...graph, nodes: graph.nodes.map((each) => ({ ...each, name })) });
    expect(told(model)).toEqual([["convolution", "r", null, "Relu", WIDTH]]);
    await expectExact(model);
  }
});

describe("class tokens", () => {
  const ends = {
    w: normal(1, [WIDTH, 3, 3, 3]),
    fc: normal(2, [WIDTH, CLASSES]),
    minus: intTensor([-1]),
    begin: intTensor([0]),
    two: intTensor([2]),
  };
  /** Tokens `t` [N, 64, 8] behind `tokens`, which gives the class token `token`. */
  const tokenNetwork = (tokens: readonly Node[], more: Graph["constants"], batch: number | "N"): Graph =>
    networkOf(
      [
        conv,
        node("Shape", ["c"], ["size"]),
        node("Slice", ["size", "begin", "two"], ["front"]),
        node("Concat", ["front", "minus"], ["target"], { axis: 0 }),
        node("Reshape", ["c", "target"], ["flat"]),
        node("Transpose", ["flat"], ["t"], { perm: [0, 2, 1] }),
        ...tokens,
        node("Concat", ["token", "t"], ["all"], { axis: 1 }),
        node("Relu", ["all"], ["a"]),
        node("ReduceMean", ["a"], ["m"], { axes: [1], keepdims: 0 }),
        node("MatMul", ["m", "fc"], ["logits"]),
      ],
      { ...ends, ...Object.fromEntries(more) },
      { inputs: [{ name: "input", type: "float32", shape: [batch, 3, 8, 8] }] },
    );
  const expectFree = async (model: Model): Promise<void> => {
    expect(model.batch).toBeNull();
    expect(planSuffix(model, "c").whole).toBeNull();
    await expectExact(model);
  };

  test("that are spread out to the images of a batch", async () => {
    const spread = [
      node("Shape", ["t"], ["sizes"]),
      node("Gather", ["sizes", "begin"], ["count"], { axis: 0 }),
      node("Concat", ["count", "rest"], ["wide"], { axis: 0 }),
      node("Expand", ["cls", "wide"], ["token"]),
    ];
    const constants = new Map([
      ["rest", intTensor([1, WIDTH])],
      ["cls", normal(8, [1, 1, WIDTH])],
    ]);
    await expectFree(await open(tokenNetwork(spread, constants, "N")));
  });

  test("that the exporter stored once for every image of a fixed batch", async () => {
    const row = normal(8, [1, 1, WIDTH]).data as Float32Array;
    const rows = new Float32Array(4 * WIDTH);
    for (let at = 0; at < 4; at++) rows.set(row, at * WIDTH);
    await expectFree(await open(tokenNetwork([], new Map([["token", floatTensor([4, 1, WIDTH], rows)]]), 4)));
    rows[0] += 1; // tokens of their own: what an image gives follows its place
    await expect(open(tokenNetwork([], new Map([["token", floatTensor([4, 1, WIDTH], rows)]]), 4))).rejects.toThrow(
      "expected each image's logits to be its own, got a network of 4 images whose logits depend on each other or on their places",
    );
  });
});

test("a head of one sigmoid a class: the log-probability is the class's own", () => {
  const logits = Float32Array.of(2, -1, 0.5);
  const own = (head: "softmax" | "sigmoid"): number => {
    const [images, classes, into] = [Int32Array.of(0), Int32Array.of(1), companionsFor(1)];
    readCompanions(logits, { images, count: 1, classes, classCount: 3, head, into });
    return into.logProbabilities[0] ?? Number.NaN;
  };
  expect(own("sigmoid")).toBeCloseTo(Math.log(1 / (1 + Math.exp(1))), 12);
  expect(own("softmax")).toBeCloseTo(-1 - Math.log(Math.exp(2) + Math.exp(-1) + Math.exp(0.5)), 12);
  const rows = probabilityRows(logits, { classCount: 3, head: "sigmoid" });
  expect(Array.from(rows)).toEqual(Array.from(logits, (logit) => Math.fround(1 / (1 + Math.exp(-logit)))));
});
