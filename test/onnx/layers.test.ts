/** Which layers a graph has, where their taps are, and what they are called. */
import { describe, expect, test } from "vitest";
import { floatTensor, type Graph, intTensor, type Node, node, type Tensor } from "../../src/onnx/graph.ts";
import { findLayers } from "../../src/onnx/layers.ts";
import { pickLayers } from "../../src/onnx/pick-layers.ts";
import { conv, graphOf, norm, ones } from "./build.ts";

const weights = { w1: ones(4, 3, 3, 3), w2: ones(4, 4, 3, 3), w3: ones(6, 4, 3, 3) };
const normed = { g: ones(4), b: ones(4), m: ones(4), v: ones(4) };

/** What matters of each layer, as text: `kind tap units batchNorm activation`. */
function taps(nodes: readonly Node[], constants: Readonly<Record<string, Tensor>>, change?: Partial<Graph>): string[] {
  return findLayers(graphOf(nodes, constants, change)).map(
    ({ kind, tap, units, batchNorm, activation }) => `${kind} ${tap} ${units} ${batchNorm} ${activation}`,
  );
}

describe("taps", () => {
  test("behind the activation, behind batch norm, behind both", () => {
    expect(taps([conv("x", "a", "w1"), node("Relu", ["a"], ["r"])], weights)).toEqual(["convolution r 4 none Relu"]);
    expect(taps([conv("x", "a", "w1"), norm("a", "n")], { ...weights, ...normed })).toEqual([
      "convolution n 4 separate null",
    ]);
    const both = [conv("x", "a", "w1"), norm("a", "n"), node("LeakyRelu", ["n"], ["r"])];
    expect(taps(both, { ...weights, ...normed })).toEqual(["convolution r 4 separate LeakyRelu"]);
  });

  test("behind a gate written as two nodes", () => {
    for (const [gate, activation] of [
      ["Sigmoid", "Silu"],
      ["HardSigmoid", "HardSwish"],
    ] as const) {
      const gated = [conv("x", "a", "w1"), node(gate, ["a"], ["s"]), node("Mul", ["a", "s"], ["y"])];
      expect(taps(gated, weights)).toEqual([`convolution y 4 none ${activation}`]);
    }
  });

  test("before an activation that others read too: that is not the convolution's own", () => {
    const shared = [conv("x", "a", "w1"), node("Relu", ["a"], ["r"]), node("Concat", ["a", "r"], ["y"], { axis: 1 })];
    expect(taps(shared, weights)).toEqual(["convolution a 4 none null", "concatenation y 8 none null"]);
  });

  test("behind a pool before the activation, and at the output itself where the activation's input is an output too", () => {
    const pooled = [
      conv("x", "a", "w1"),
      node("MaxPool", ["a"], ["p"], { kernel_shape: [2, 2] }),
      node("Relu", ["p"], ["r"]),
    ];
    expect(taps(pooled, weights)).toEqual(["convolution r 4 none Relu"]);
    expect(taps(pooled.slice(0, 2), weights)).toEqual(["convolution a 4 none null"]);
    const outputs = ["a", "r"].map((name) => ({ name, type: "float32" as const, shape: null }));
    expect(taps([conv("x", "a", "w1"), node("Relu", ["a"], ["r"])], weights, { outputs })).toEqual([
      "convolution a 4 none null",
    ]);
  });

  test("residual addition: each convolution, then the block's output behind its activation", () => {
    const block = [
      conv("x", "a", "w1"),
      node("Relu", ["a"], ["r"]),
      conv("r", "c", "w2"),
      norm("c", "n"),
      node("Add", ["n", "r"], ["s"]),
      node("Relu", ["s"], ["y"]),
    ];
    expect(taps(block, { ...weights, ...normed })).toEqual([
      "convolution r 4 none Relu",
      "convolution n 4 separate null",
      "addition y 4 none Relu",
    ]);
  });

  test("pre-activation: batch norm behind an addition belongs to the next convolution", () => {
    const block = [
      conv("x", "a", "w1"),
      conv("a", "c", "w2"),
      node("Add", ["a", "c"], ["s"]),
      norm("s", "n"),
      node("Relu", ["n"], ["r"]),
      conv("r", "y", "w3"),
    ];
    expect(taps(block, { ...weights, ...normed })).toEqual([
      "convolution a 4 none null",
      "convolution c 4 none null",
      "addition s 4 none null",
      "convolution y 6 none null",
    ]);
  });

  test("a bias that is added is no layer; a matrix product ends behind it", () => {
    const biased = [
      conv("x", "a", "w1"),
      node("Add", ["a", "bias"], ["c"]),
      node("GlobalAveragePool", ["c"], ["p"]),
      node("Flatten", ["p"], ["f"]),
      node("MatMul", ["f", "m1"], ["d"]),
      node("Add", ["d", "m2"], ["e"]),
      node("Relu", ["e"], ["y"]),
    ];
    const constants = { ...weights, bias: ones(1, 4, 1, 1), m1: ones(4, 5), m2: ones(5) };
    expect(taps(biased, constants)).toEqual(["convolution c 4 none null", "linear y 5 none Relu"]);
    const [, linear] = findLayers(graphOf(biased, constants));
    expect(linear).toMatchObject({ weight: "m1", bias: "m2", isOutput: true, height: 1, width: 1 });
  });

  test("a concatenation and each of its branches", () => {
    const branches = [
      conv("x", "a", "w1"),
      node("Relu", ["a"], ["r"]),
      conv("x", "c", "w1b"),
      node("Relu", ["c"], ["s"]),
      node("Concat", ["r", "s"], ["y"], { axis: 1 }),
    ];
    expect(taps(branches, { ...weights, w1b: ones(5, 3, 3, 3) })).toEqual([
      "convolution r 4 none Relu",
      "convolution s 5 none Relu",
      "concatenation y 9 none null",
    ]);
    const stacked = [conv("x", "a", "w1"), node("Concat", ["a", "a2"], ["y"], { axis: 2 })];
    expect(taps(stacked, { ...weights, a2: ones(1, 4, 1, 8) })).toEqual(["convolution a 4 none null"]);
  });

  test("batch norm that the exporter folded is told from none", () => {
    const folded = [node("Conv", ["x", "onnx::Conv_12", "onnx::Conv_13"], ["a"], { kernel_shape: [1, 1] })];
    const constants = { "onnx::Conv_12": ones(4, 3, 1, 1), "onnx::Conv_13": ones(4) };
    expect(taps(folded, constants)).toEqual(["convolution a 4 folded null"]);
    expect(
      taps([node("Conv", ["x", "w", "b"], ["a"], { kernel_shape: [1, 1] })], { w: ones(4, 3, 1, 1), b: ones(4) }),
    ).toEqual(["convolution a 4 none null"]);
  });
});

describe("names", () => {
  const named = (name: string, weight: string): string | undefined =>
    findLayers(graphOf([conv("x", "a", weight, name)], { [weight]: ones(4, 3, 3, 3) }))[0]?.name;

  test("from the exporter's scopes", () => {
    expect(named("/conv1/Conv", "onnx::Conv_1")).toBe("conv1");
    expect(named("/layer2/layer2.1/conv1/Conv", "onnx::Conv_1")).toBe("layer2.1.conv1");
    expect(named("/features/features.10/Conv", "features.10.weight")).toBe("features.10");
    expect(named("/features/features.1/conv/conv.0/conv.0.0/Conv", "w")).toBe("features.1.conv.0.0");
    expect(named("/inception5b/branch3/branch3.1/conv/Conv", "w")).toBe("inception5b.branch3.1.conv");
    expect(named("/conv1/conv1_1/Conv", "w")).toBe("conv1.conv1_1");
  });

  test("else from the weight, else from the tensor", () => {
    expect(named("Conv_0", "features.10.weight")).toBe("features.10");
    expect(named("", "onnx::Conv_17")).toBe("a");
    expect(named("Conv_0", "kernel")).toBe("a");
  });

  test("are all different: a block's output, and a scope that is used twice", () => {
    const twice = [
      conv("x", "a", "w1", "/block/conv/Conv"),
      conv("a", "c", "w2", "/block/conv/Conv_1"),
      node("Add", ["a", "c"], ["s"], {}, "/block/Add"),
      conv("s", "d", "w2b", "/block/conv/Conv"),
    ];
    const names = findLayers(graphOf(twice, { ...weights, w2b: ones(4, 4, 3, 3) })).map(({ name }) => name);
    expect(names).toEqual(["block.conv", "block.conv.Conv_1", "block", "block.conv.Conv"]);
  });

  test("a tensor's own name is accepted everywhere", () => {
    const layers = findLayers(
      graphOf([conv("x", "/a/out", "w1", "/a/Conv"), node("Relu", ["/a/out"], ["/r"])], weights),
    );
    expect(pickLayers(layers, ["a", "/r", "/a/out"]).map(({ name }) => name)).toEqual(["a", "a", "a"]);
    expect(() => pickLayers(layers, ["b"])).toThrow(/^layer "b": expected one of a, got a name that no layer has/);
    expect(() => pickLayers(layers, ["/a/put"])).toThrow('(did you mean "/a/out"?)');
  });
});

describe("units on other axes than the second", () => {
  test("tokens: the hidden units of a product, its addition, and the grid of their patches", () => {
    const nodes = [
      node("Conv", ["x", "p"], ["a"], { strides: [4, 4] }),
      node("Reshape", ["a", "flat"], ["b"]),
      node("Transpose", ["b"], ["t"], { perm: [0, 2, 1] }),
      node("MatMul", ["t", "m1"], ["h"]),
      node("Add", ["h", "b1"], ["hb"]),
      node("Div", ["hb", "root"], ["d"]),
      node("Erf", ["d"], ["e"]),
      node("Add", ["e", "one"], ["f"]),
      node("Mul", ["hb", "f"], ["g"]),
      node("Mul", ["g", "half"], ["u"]),
      node("MatMul", ["u", "m2"], ["v"]),
      node("Add", ["t", "v"], ["y"]),
    ];
    const constants = {
      p: ones(6, 3, 4, 4),
      flat: intTensor([0, 6, -1]),
      m1: ones(6, 10),
      b1: ones(10),
      root: floatTensor([], [Math.SQRT2]),
      one: floatTensor([], [1]),
      half: floatTensor([], [0.5]),
      m2: ones(10, 6),
    };
    const found = findLayers(graphOf(nodes, constants));
    expect(found.map(({ kind, tap, units, axis, activation }) => [kind, tap, units, axis, activation])).toEqual([
      ["convolution", "a", 6, 1, null],
      ["linear", "u", 10, 2, "Gelu"],
      ["linear", "v", 6, 2, null],
      ["addition", "y", 6, 2, null],
    ]);
    expect(found[1]).toMatchObject({ height: 2, width: 2, isMap: true, skip: 0, response: "unitscope/response/u" });
  });

  test("channels last: an addition's units are its channels, whatever the rank", () => {
    const nodes = [
      conv("x", "a", "w1"),
      node("Transpose", ["a"], ["l"], { perm: [0, 2, 3, 1] }),
      conv("x", "b", "w1"),
      node("Transpose", ["b"], ["r"], { perm: [0, 2, 3, 1] }),
      node("Add", ["l", "r"], ["s"]),
    ];
    const [, , addition] = findLayers(graphOf(nodes, weights));
    expect(addition).toMatchObject({ kind: "addition", units: 4, axis: 3, height: 8, width: 8, isMap: true });
  });
});

test("norms and biases that follow belong to the convolution", () => {
  const constants = { ...weights, ...normed, c: ones(4, 1, 1), d: ones(1, 4, 1, 1) };
  const tap = (...nodes: Node[]): string | undefined => taps([conv("x", "a", "w1"), ...nodes], constants)[0];
  expect(tap(node("InstanceNormalization", ["a", "g", "b"], ["n"]), node("Relu", ["n"], ["y"]))).toBe(
    "convolution y 4 none Relu",
  );
  expect(tap(node("Add", ["a", "c"], ["e"]), node("Mul", ["e", "d"], ["f"]), node("Add", ["f", "d"], ["n"]))).toBe(
    "convolution n 4 none null",
  );
  expect(tap(node("Abs", ["a"], ["e"]), node("Add", ["e", "s"], ["f"]), node("Div", ["a", "f"], ["y"]))).toBeDefined();
});
