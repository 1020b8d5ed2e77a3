/** Pairs of any units in one run, against the plain network: windows of every form, full packs. */
import { expect, test } from "vitest";
import { openFastRoute } from "../../src/ablation/fast-route.ts";
import { openReference } from "../../src/ablation/plain-route.ts";
import { planSuffix } from "../../src/ablation/suffix-plan.ts";
import { switchedTensors } from "../../src/ablation/switched-tensors.ts";
import { seededRandom } from "../../src/numeric/random.ts";
import { floatTensor, type Graph, type Node, node, type Tensor } from "../../src/onnx/graph.ts";
import { writeModel } from "../../src/onnx/model-file.ts";
import { type Model, modelFromBytes } from "../../src/runtime/open-model.ts";
import { blockOf } from "../passes/images-in-memory.ts";

const random = seededRandom(5);
const constants = new Map<string, Tensor>();
const normal = (dims: number[], name = `w${constants.size}`): string => {
  const size = dims.reduce((a, b) => a * b, 1);
  constants.set(
    name,
    floatTensor(
      dims,
      Float32Array.from({ length: size }, () => random.normal() / Math.sqrt(size / dims[0])),
    ),
  );
  return name;
};
async function network(nodes: Node[]): Promise<Model> {
  const graph: Graph = {
    name: "forms",
    nodes,
    constants,
    inputs: [{ name: "input", type: "float32", shape: ["N", 3, 9, 7] }],
    outputs: [{ name: "logits", type: "float32", shape: ["N", 4] }],
    opsets: new Map([["", 17]]),
    metadata: new Map(),
  };
  return await modelFromBytes(writeModel(graph), { path: "forms.onnx" });
}

const start = [
  node("Conv", ["input", normal([5, 3, 3, 3]), normal([5])], ["c"], { pads: [1, 1, 1, 1] }),
  node("Relu", ["c"], ["r"]),
];
const windowed = [
  ...start,
  node("Conv", ["r", normal([18, 5, 3, 2]), normal([18])], ["d"], {
    strides: [2, 1],
    pads: [1, 0, 2, 1],
    dilations: [1, 2],
  }),
  node("MaxPool", ["d"], ["p"], { kernel_shape: [2, 3], strides: [2, 2], pads: [0, 1, 1, 1], ceil_mode: 1 }),
  node("Relu", ["p"], ["q"]),
  node("GlobalAveragePool", ["q"], ["g"]),
  node("Flatten", ["g"], ["f"]),
  node("Gemm", ["f", normal([4, 18]), normal([4])], ["logits"], { transB: 1 }),
];
/** Logits without each of the layer's 5 units, of any pairs in any order, against those of the plain network. */
async function compare(nodes: Node[], byImage: boolean): Promise<void> {
  const model = await network(nodes);
  const images = 23;
  const data = Float32Array.from({ length: images * 189 }, () => random.normal());
  const layer = model.layers.find(({ tap }) => tap === "r");
  if (!layer) throw new Error("no layer");
  const replacement = Float32Array.from({ length: 5 }, () => random.uniform());
  const fast = await openFastRoute(model, [{ plan: planSuffix(model, "r"), replacement }]);
  const { pairs } = fast.layers[0] ?? {};
  if (!pairs) throw new Error("expected pairs of any units");
  expect(pairs.byImage).toBe(byImage);
  const block = blockOf(data, [3, 9, 7], new Int32Array(images));
  const prepared = await fast.prepare(block);
  const all = Array.from({ length: images * 5 }, (_, i) => ({ row: i % images, unit: i % 5 }));
  const expected = new Map<string, Float32Array>();
  const reference = openReference(model, switchedTensors(model, ["r"]));
  for (const { row, unit } of all) {
    const logits = await reference.logits(block, row, { tap: "r", units: [unit], replacement });
    expected.set(`${unit}/${row}`, logits.slice());
  }
  // More than a pack holds, in an order of neither units nor images, and two calls at once.
  const many = Array.from({ length: pairs.pack + 100 }, (_, i) => all[(i * 7) % all.length]);
  const run = (some: typeof many): Promise<Float32Array> =>
    pairs.remove(
      prepared,
      Int32Array.from(some, ({ unit }) => unit),
      Int32Array.from(some, ({ row }) => row),
    );
  const [found, again] = await Promise.all([run(many), run(all)]);
  for (const [got, some] of [
    [found, many],
    [again, all],
  ] as const) {
    // A fifth of the 3e-5 of the largest logit within which predictions are decided the plain way.
    some.forEach(({ unit, row }, i) => {
      const logits = expected.get(`${unit}/${row}`) ?? new Float32Array();
      const scale = Math.max(...logits.map(Math.abs));
      logits.forEach((logit, cls) => expect(Math.abs(got[i * 4 + cls] - logit)).toBeLessThanOrEqual(6e-6 * scale));
    });
  }
  await fast.close();
  await reference.close();
}

test("windows that are not square, dilated, padded unevenly, pooled before the ReLU", async () => {
  await compare(windowed, true);
});

test("a map of fewer places than the weights have taps, windows of one row", async () => {
  const small = [
    node("Conv", ["input", normal([5, 3, 3, 3]), normal([5])], ["c"], { pads: [1, 1, 1, 1], strides: [4, 4] }),
    node("Relu", ["c"], ["r"]),
    node("Conv", ["r", normal([21, 5, 3, 3]), normal([21])], ["d"], { pads: [1, 1, 1, 1] }),
    node("Relu", ["d"], ["q"]),
    node("MaxPool", ["q"], ["p"], { kernel_shape: [1, 2], strides: [1, 1] }),
    node("GlobalAveragePool", ["p"], ["g"]),
    node("Flatten", ["g"], ["f"]),
    node("Gemm", ["f", normal([4, 21]), normal([4])], ["logits"], { transB: 1 }),
  ];
  await compare(small, false);
});
