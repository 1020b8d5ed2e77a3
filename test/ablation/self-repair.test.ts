/** Direct effects against finite differences of the plain route; self-repair where it is known. */
import { expect, test } from "vitest";
import { openPlainRoute, openReference } from "../../src/ablation/plain-route.ts";
import type { BlockTensor } from "../../src/ablation/prepared-block.ts";
import { meanResponses } from "../../src/ablation/response-means.ts";
import { measureSelfRepair } from "../../src/ablation/self-repair.ts";
import { switchedTensors } from "../../src/ablation/switched-tensors.ts";
import { continuousDropColumns } from "../../src/analysis/continuous-drops.ts";
import { seededRandom } from "../../src/numeric/random.ts";
import { cutTo } from "../../src/onnx/edit.ts";
import { floatTensor, type Graph, type Node, node } from "../../src/onnx/graph.ts";
import { writeModel } from "../../src/onnx/model-file.ts";
import { type Model, modelFromBytes } from "../../src/runtime/open-model.ts";
import { openSession } from "../../src/runtime/session.ts";
import { CLASSES, randomImages, randomNetwork, SIDE } from "../ablation/random-network.ts";
import { sourceOf } from "../passes/images-in-memory.ts";
import { networkOf, normal, open } from "./all-pairs.ts";
import { lifted } from "./lifted-network.ts";

/** One image a class, so that the sums of a class are those of its image. */
const IMAGES = CLASSES;

test("the direct effect is the derivative of the plain route's lead, for every unit and image", async () => {
  const recipes = [
    { seed: 3, blocks: ["plain"] },
    { seed: 4, blocks: ["overlapping pool"] },
    { seed: 5, blocks: ["residual", "plain"] },
  ] as const;
  const networks = recipes.map(async ({ seed, blocks }) => {
    const { model } = await randomNetwork({ seed, blocks: [...blocks], head: "two products" });
    return { model, layers: model.layers.slice(-2) };
  });
  const normed = await normedClassifier();
  networks.push(
    Promise.resolve({ model: normed, layers: normed.layers.filter(({ tap }) => tap === "r" || tap === "k") }),
  );
  for (const [at, { model, layers }] of (await Promise.all(networks)).entries()) {
    const data = randomImages(IMAGES, at + 3);
    for (const [place, layer] of layers.entries()) {
      const tensor = switchedTensors(model, []).find(({ tap }) => tap === layer.tap);
      if (!tensor) throw new Error("no tensor");
      const reference = openReference(model, []);
      const plain = await openPlainRoute(model, tensor, { reference, isFed: true });
      const session = await openSession(cutTo(model.graph, [layer.tap]));
      const labels = Int32Array.from({ length: IMAGES }, (_, image) => image);
      const source = sourceOf(data, [3, SIDE, SIDE], labels);
      const method = place % 2 === 0 ? "mean" : "zero";
      const [mean] = await meanResponses(model, source, { taps: [layer.tap], workers: 1 });
      const constants = method === "mean" && mean ? mean : new Float32Array(layer.units);
      const replacement = { tap: layer.tap, replacement: constants };
      const { sums } = await measureSelfRepair(
        model,
        source,
        { name: layer.name, method, replacement },
        { workers: 1 },
      );
      for (const label of labels) {
        const size = 3 * SIDE * SIDE;
        const pixels = data.slice(label * size, (label + 1) * size);
        const { [layer.tap]: response } = await session.run({
          [model.input.name]: { type: "float32", dims: [1, 3, SIDE, SIDE], data: pixels },
        });
        const own = { count: 1, imageDims: [3, SIDE, SIDE], data: pixels };
        const dims = response?.dims ?? [];
        const positions = dims.slice(2).reduce((product, size) => product * size, 1);
        // Part of the way from the constants to the response.
        const scaled = (by: number): BlockTensor => ({
          dims,
          data: Float32Array.from((response?.data ?? []) as ArrayLike<number>, (value, index) => {
            const constant = constants[Math.floor(index / positions)] ?? 0;
            return constant + (value - constant) * by;
          }),
        });
        const logitsAt = (unit: number, by: number): Promise<Float32Array> =>
          plain.logits(own, [0], {
            tap: layer.tap,
            units: [unit],
            replacement: replacement.replacement,
            fed: scaled(by),
          });
        for (let unit = 0; unit < layer.units; unit++) {
          const at = (unit * CLASSES + label) * 8;
          const [repaired, total] = [sums[at] - sums[at + 2], sums[at + 4] - sums[at + 6]];
          const intact = await logitsAt(unit, 1);
          const rival = intact.indexOf(Math.max(...intact.map((value, cls) => (cls === label ? -Infinity : value))));
          const lead = (logits: Float32Array): number => logits[label] - logits[rival];
          const scale = Math.max(...intact.map(Math.abs));
          expect(total).toBeCloseTo(lead(intact) - lead(await logitsAt(unit, 0)), 3);
          // A small part of the removal leaves ReLUs and pools where they are.
          const step = 1 / 64;
          const slope = (lead(intact) - lead(await logitsAt(unit, 1 - step))) / step;
          expect(Math.abs(total + repaired - slope)).toBeLessThan(2e-3 * scale + 0.02 * Math.abs(slope));
        }
      }
      await session.close();
      await plain.close();
      await reference.close();
    }
  }
});

/** A network with batch norms between its convolution and the pool, and between the products of its classifier. */
function normedClassifier(): Promise<Model> {
  const units = 6;
  const positive = (seed: number, dims: number[]) => {
    const values = normal(seed, dims).data as Float32Array;
    return floatTensor(
      dims,
      values.map((value) => 0.5 + Math.abs(value)),
    );
  };
  const norm = (x: string, name: string): Node =>
    node("BatchNormalization", [x, `${name}_scale`, `${name}_shift`, `${name}_mean`, `${name}_var`], [name]);
  const parts = ["wide", "flat"].flatMap((name, at) => [
    [`${name}_scale`, positive(10 + at, [units])] as const,
    [`${name}_shift`, normal(20 + at, [units])] as const,
    [`${name}_mean`, normal(30 + at, [units])] as const,
    [`${name}_var`, positive(40 + at, [units])] as const,
  ]);
  return open(
    networkOf(
      [
        node("Conv", ["input", "w"], ["c"], { pads: [1, 1, 1, 1] }),
        node("Relu", ["c"], ["r"]),
        norm("r", "wide"),
        node("GlobalAveragePool", ["wide"], ["g"]),
        node("Flatten", ["g"], ["f"]),
        node("Gemm", ["f", "a"], ["h"]),
        node("Relu", ["h"], ["k"]),
        norm("k", "flat"),
        node("Gemm", ["flat", "b"], ["logits"]),
      ],
      {
        w: normal(1, [units, 3, 3, 3]),
        a: normal(2, [units, units]),
        b: normal(3, [units, CLASSES]),
        ...Object.fromEntries(parts),
      },
    ),
  );
}

/** Logits a + max(0, c − a), 0 of a response a ≥ 0: the second term makes up for the first once a is below c. */
function repairing(c: number): Uint8Array {
  const graph: Graph = {
    name: "repairing",
    inputs: [{ name: "input", type: "float32", shape: ["N", 1, 2, 2] }],
    outputs: [{ name: "logits", type: "float32", shape: ["N", 2] }],
    nodes: [
      node("Conv", ["input", "one"], ["mixed"], { kernel_shape: [1, 1] }),
      node("Relu", ["mixed"], ["units"]),
      node("Conv", ["units", "next", "shift"], ["second"], { kernel_shape: [1, 1] }),
      node("Relu", ["second"], ["kept"]),
      node("GlobalAveragePool", ["kept"], ["averaged"]),
      node("Flatten", ["averaged"], ["flat"], { axis: 1 }),
      node("Gemm", ["flat", "read"], ["logits"], { transB: 1 }),
    ],
    constants: new Map([
      ["one", floatTensor([1, 1, 1, 1], [1])],
      ["next", floatTensor([2, 1, 1, 1], [1, -1])],
      ["shift", floatTensor([2], [0, c])],
      ["read", floatTensor([2, 2], [1, 1, 0, 0])],
    ]),
    opsets: new Map([["", 13]]),
    metadata: new Map(),
  };
  return writeModel(graph);
}

/** Repair and test of the only unit's effect on class 0, on images of brightness about 1. */
async function repairOf(c: number) {
  const model = await modelFromBytes(repairing(c), { path: "repairing.onnx" });
  const random = seededRandom(8);
  const count = 200;
  const data = new Float32Array(count * 4);
  for (let image = 0; image < count; image++) data.fill(1 + 0.2 * random.uniform(), image * 4, image * 4 + 4);
  const labels = new Int32Array(count);
  const [layer] = model.layers;
  if (!layer) throw new Error("no layer");
  const replacement = { tap: layer.tap, replacement: new Float32Array(1) };
  const changes = await measureSelfRepair(
    model,
    sourceOf(data, [1, 2, 2], labels),
    { name: layer.name, method: "zero", replacement },
    { workers: 1 },
  );
  const counts = {
    unitCount: 1,
    classCount: 2,
    images: Int32Array.of(count, 0),
    correct: new Int32Array(2),
    lost: new Int32Array(2),
    gained: new Int32Array(2),
  };
  const columns = continuousDropColumns(counts, changes);
  const first = (name: string): number => (columns[name] as Float64Array)[0];
  return { repaired: first("logprob_drop"), total: first("margin_drop"), p: first("logprob_p_value") };
}

test("a later unit that opens makes up for half, and the test says so", async () => {
  const { repaired, total, p } = await repairOf(0.5);
  expect(repaired).toBeCloseTo(0.5, 5);
  expect(total).toBeCloseTo(0.6, 1);
  expect(p).toBeLessThan(1e-6);
});

test("where nothing opens, nothing is repaired", async () => {
  const { repaired, total, p } = await repairOf(-1);
  expect(repaired).toBe(0);
  expect(total).toBeCloseTo(1.1, 1);
  expect(p).toBe(1);
});

test("what rounding does is no repair, and a network where that is too much is refused", async () => {
  const count = 40;
  const source = sourceOf(randomImages(count, 9), [3, SIDE, SIDE], new Int32Array(count));
  const repair = async (by: number) => {
    const model = await lifted(by);
    const layer = model.layers.find(({ name }) => name === "r");
    if (!layer) throw new Error("no layer");
    const replacement = { tap: layer.tap, replacement: new Float32Array(layer.units) };
    return await measureSelfRepair(model, source, { name: "r", method: "zero", replacement }, { workers: 1 });
  };
  // All behind the layer is linear, so that the direct effect is the total one.
  const { sums } = await repair(3e3);
  const repaired = sums.filter((_, at) => at % 8 < 4);
  const total = sums.filter((_, at) => at % 8 >= 4);
  expect(Math.max(...repaired)).toBe(0);
  expect(Math.max(...total)).toBeGreaterThan(0);
  await expect(repair(3e6)).rejects.toThrow(/^model ".*": expected logits that rounding hardly moves/);
});
