/** Operators behind a response that look as if they kept channels apart, or as if they could not amplify a change. */
import { describe, expect, test } from "vitest";
import { boundSuffix } from "../../src/ablation/suffix-bound.ts";
import { planSuffix } from "../../src/ablation/suffix-plan.ts";
import { allRoutes, openBlockSweep } from "../../src/ablation/sweep-block.ts";
import { switchedTensors } from "../../src/ablation/switched-tensors.ts";
import { seededRandom } from "../../src/numeric/random.ts";
import { float, floatTensor, type Graph, intTensor, type Node, node, type Tensor } from "../../src/onnx/graph.ts";
import { writeModel } from "../../src/onnx/model-file.ts";
import { type Model, modelFromBytes } from "../../src/runtime/open-model.ts";
import { blockOf } from "../passes/images-in-memory.ts";

const SIDE = 8;
const CLASSES = 5;
const IMAGES = 40;

function weights(seed: number, ...dims: number[]): Tensor {
  const random = seededRandom(seed);
  const size = dims.reduce((a, b) => a * b, 1);
  return floatTensor(
    dims,
    Float32Array.from({ length: size }, () => random.normal()),
  );
}

/** A convolution to as many channels as the image is wide, and the given end. */
function network(end: readonly Node[], constants: Readonly<Record<string, Tensor>>, opset = 13): Promise<Model> {
  const pads = [1, 1, 1, 1];
  const graph: Graph = {
    name: "unusual",
    opsets: new Map([["", opset]]),
    metadata: new Map(),
    inputs: [{ name: "input", type: "float32", shape: ["N", 3, SIDE, SIDE] }],
    outputs: [{ name: "logits", type: "float32", shape: ["N", CLASSES] }],
    nodes: [node("Conv", ["input", "w"], ["r"], { pads }), ...end],
    constants: new Map(Object.entries({ w: weights(1, SIDE, 3, 3, 3), ...constants })),
  };
  return modelFromBytes(writeModel(graph));
}

async function flips(model: Model, engine: "auto" | "plain"): Promise<string> {
  const plan = planSuffix(model, "r");
  const sweep = await openBlockSweep(model, [{ plan, replacement: new Float32Array(plan.units) }], {
    switched: switchedTensors(model, ["r"]),
    bounds: [await boundSuffix(model, plan)],
    options: { engine, routes: allRoutes, continuous: false, verify: 0, seed: 1, threads: 1, provider: "cpu" },
  });
  const data = weights(5, IMAGES * 3 * SIDE * SIDE).data as Float32Array;
  const { layers } = await sweep.sweep(blockOf(data, [3, SIDE, SIDE]));
  await sweep.close();
  const [layer] = layers;
  return Array.from(layer?.unit ?? [], (unit, i) => `${unit}/${layer?.image[i]}→${layer?.prediction[i]}`).join(" ");
}

describe("a reduction over channels is not one over positions, although its result has the same shape", () => {
  const fc = weights(2, SIDE, CLASSES);
  for (const op of ["ReduceMean", "ReduceSum"]) {
    test(`${op} over channels and height`, async () => {
      const reduce = node(op, ["r"], ["p"], { axes: [1, 2], keepdims: 0 });
      const model = await network([reduce, node("MatMul", ["p", "fc"], ["logits"])], { fc }, 11);
      const plain = await flips(model, "plain");
      expect(plain).toContain("→");
      expect(await flips(model, "auto")).toBe(plain);
    });
  }

  test("over height and width, axes as an input", async () => {
    const reduce = node("ReduceMean", ["r", "axes"], ["p"], { keepdims: 0 });
    const model = await network(
      [reduce, node("MatMul", ["p", "fc"], ["logits"])],
      { fc, axes: intTensor([-1, -2]) },
      18,
    );
    const plan = planSuffix(model, "r");
    expect(plan.frontiers.map((frontier) => frontier.node.op)).toEqual(["MatMul"]);
    expect(await flips(model, "auto")).toBe(await flips(model, "plain"));
  });
});

test("a transposed convolution in the middle", async () => {
  const model = await network(
    [
      node("ConvTranspose", ["r", "up"], ["u"], { strides: [2, 2], output_padding: [1, 0] }),
      node("GlobalAveragePool", ["u"], ["p"]),
      node("Flatten", ["p"], ["f"]),
      node("MatMul", ["f", "fc"], ["logits"]),
    ],
    { up: weights(3, SIDE, 4, 3, 3), fc: weights(4, 4, CLASSES) },
  );
  const plain = await flips(model, "plain");
  expect(plain).toContain("→");
  expect(await flips(model, "auto")).toBe(plain);
});

describe("bounds know that an operator may amplify", () => {
  const gain = async (middle: Node): Promise<number> => {
    const model = await network(
      [
        node("Flatten", ["r"], ["f"]),
        node("MatMul", ["f", "fc6"], ["h"]),
        middle,
        node("MatMul", ["a", "fc7"], ["logits"]),
      ],
      { fc6: weights(6, SIDE * SIDE * SIDE, 6), fc7: weights(7, 6, CLASSES) },
    );
    const plan = planSuffix(model, "r");
    return (await boundSuffix(model, plan))?.gains[0]?.[0] ?? Number.NaN;
  };

  test("ELU by its alpha, hard sigmoid by its slope", async () => {
    const relu = await gain(node("Relu", ["h"], ["a"]));
    expect(relu).toBeGreaterThan(0);
    expect(await gain(node("Elu", ["h"], ["a"], { alpha: float(3) }))).toBeCloseTo(3 * relu, 6);
    expect(await gain(node("Elu", ["h"], ["a"]))).toBeCloseTo(relu, 6);
    expect(await gain(node("HardSigmoid", ["h"], ["a"], { alpha: float(2) }))).toBeCloseTo(2 * relu, 6);
  });
});

describe("without a bias nothing is left where the last responding unit is removed: a tie, not a rest of rounding", () => {
  const relu = node("Relu", ["r"], ["a"]);
  const pool = node("ReduceMean", ["a"], ["p"], { axes: [2, 3], keepdims: 0 });
  const ends: readonly [string, readonly Node[], Readonly<Record<string, Tensor>>][] = [
    [
      "one product over all positions",
      [node("Flatten", ["a"], ["f"]), node("MatMul", ["f", "fc"], ["logits"])],
      { fc: weights(31, SIDE ** 3, CLASSES) },
    ],
    [
      "a hidden layer",
      [
        node("MatMul", ["p", "fc"], ["h"]),
        node("Relu", ["h"], ["active"]),
        node("MatMul", ["active", "out"], ["logits"]),
      ],
      { fc: weights(32, SIDE, 16), out: weights(33, 16, CLASSES) },
    ],
    [
      "a convolution",
      [
        node("Conv", ["a", "next"], ["c"], { pads: [1, 1, 1, 1] }),
        node("Relu", ["c"], ["active"]),
        node("ReduceMean", ["active"], ["q"], { axes: [2, 3], keepdims: 0 }),
        node("MatMul", ["q", "out"], ["logits"]),
      ],
      { next: weights(34, 16, SIDE, 3, 3), out: weights(35, 16, CLASSES) },
    ],
  ];
  for (const [name, end, constants] of ends) {
    test(name, async () => {
      // All units but one see nothing.
      const alone = weights(1, SIDE, 3, 3, 3);
      (alone.data as Float32Array).fill(0, 27);
      const nodes = end[0]?.op !== "MatMul" ? [relu, ...end] : [relu, pool, ...end];
      const model = await network(nodes, { ...constants, w: alone }, 11);
      const plain = await flips(model, "plain");
      expect(plain).toContain("→0");
      expect(await flips(model, "auto")).toBe(plain);
    });
  }
});
