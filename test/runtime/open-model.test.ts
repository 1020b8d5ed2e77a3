/** What counts as a classifier: its input, its logits, and the operator sets that we insert nodes into. */
import { describe, expect, test } from "vitest";
import { planSuffix } from "../../src/ablation/suffix-plan.ts";
import { allRoutes, openBlockSweep } from "../../src/ablation/sweep-block.ts";
import { switchedTensors } from "../../src/ablation/switched-tensors.ts";
import { chooseLayers } from "../../src/commands/choose-layers.ts";
import { seededRandom } from "../../src/numeric/random.ts";
import { floatTensor, type Graph, intTensor, type Node, node, type Tensor } from "../../src/onnx/graph.ts";
import { writeModel } from "../../src/onnx/model-file.ts";
import { type Model, modelFromBytes } from "../../src/runtime/open-model.ts";
import { openSession } from "../../src/runtime/session.ts";
import { conv, graphOf } from "../onnx/build.ts";
import { blockOf } from "../passes/images-in-memory.ts";

const random = seededRandom(4);
const noise = (...dims: number[]) =>
  floatTensor(
    dims,
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.normal()),
  );
// Each unit speaks for one class, so that removing the strongest unit of an image changes its prediction.
const fc = floatTensor([4, 5], [1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0]);
const constants = { w: noise(4, 3, 3, 3), fc };
const body = [conv("x", "a", "w"), node("Relu", ["a"], ["r"]), node("GlobalAveragePool", ["r"], ["p"])];
const head = [...body, node("Flatten", ["p"], ["f"]), node("MatMul", ["f", "fc"], ["logits"])];
const open = (graph: Graph): Promise<Model> => modelFromBytes(writeModel(graph), { path: "m.onnx" });

/** The logits of three images of noise. */
async function logitsOf({ graph, logits, classCount }: Model): Promise<number[][]> {
  const session = await openSession(graph);
  const { data } = floatTensor(
    [3, 3, 8, 8],
    Float32Array.from({ length: 576 }, (_, at) => ((at * 37) % 101) / 50 - 1),
  );
  const result = await session.run({ x: { type: "float32", dims: [3, 3, 8, 8], data } });
  await session.close();
  const all = Array.from(result[logits]?.data as Float32Array);
  return [0, 1, 2].map((row) => all.slice(row * classCount, (row + 1) * classCount));
}

describe("logits", () => {
  for (const op of ["Softmax", "LogSoftmax"]) {
    test(`before a final ${op}`, async () => {
      const model = await open(graphOf([...head, node(op, ["logits"], ["y"], { axis: 1 })], constants));
      expect([model.logits, model.classCount]).toEqual(["logits", 5]);
      expect(model.graph.nodes.at(-1)?.op).toBe("MatMul");
      expect(model.layers.at(-1)).toMatchObject({ kind: "linear", isOutput: true });
    });
  }

  test("among several outputs, the one of shape [N, classes]", async () => {
    const outputs = [
      { name: "r", type: "float32" as const, shape: ["N", 4, 8, 8] },
      { name: "logits", type: "float32" as const, shape: ["N", 5] },
    ];
    expect((await open(graphOf(head, constants, { outputs }))).logits).toBe("logits");
  });

  test("among several heads, the one that is named; else it is asked for", async () => {
    const both = [...head, node("MatMul", ["f", "fc"], ["second"])];
    const outputs = ["logits", "second"].map((name) => ({ name, type: "float32" as const, shape: null }));
    const graph = graphOf(both, constants, { outputs });
    await expect(open(graph)).rejects.toThrow(
      'expected to know which output holds the classes, got "logits" and "second"',
    );
    const second = await modelFromBytes(writeModel(graph), { output: "second" });
    expect(second.logits).toBe("second");
    await expect(modelFromBytes(writeModel(graph), { output: "third" })).rejects.toThrow('an output named "third"');
  });

  test("behind an embedding that is an output too, and as wide as the classes", async () => {
    const outputs = ["f", "logits"].map((name) => ({ name, type: "float32" as const, shape: null }));
    const wide = { ...constants, fc: noise(4, 4) };
    const model = await open(graphOf(head, wide, { outputs }));
    expect(model.logits).toBe("logits");
    expect(model.notes).toEqual(['output "logits" was taken of "f", "logits"']);
  });

  test("before a softmax that is written out, or is followed by a shape", async () => {
    const written = [
      ...head,
      node("ReduceMax", ["logits"], ["most"], { axes: [1], keepdims: 1 }),
      node("Sub", ["logits", "most"], ["less"]),
      node("Exp", ["less"], ["e"]),
      node("ReduceSum", ["e", "one"], ["sum"], { keepdims: 1 }),
      node("Div", ["e", "sum"], ["y"]),
    ];
    expect((await open(graphOf(written, { ...constants, one: intTensor([1]) }))).logits).toBe("logits");
    const shaped = [...head, node("Softmax", ["logits"], ["s"], { axis: 1 }), node("Identity", ["s"], ["i"])];
    const flat = [...shaped, node("Reshape", ["i", "target"], ["y"])];
    expect((await open(graphOf(flat, { ...constants, target: intTensor([0, 5]) }))).logits).toBe("logits");
  });

  test("before a sigmoid a class; one logit means two classes; maps of one place are flattened", async () => {
    const labels = await open(graphOf([...head, node("Sigmoid", ["logits"], ["y"])], constants));
    expect([labels.logits, labels.head, labels.classCount]).toEqual(["logits", "sigmoid", 5]);
    const binary = await open(
      graphOf([...head, node("Sigmoid", ["logits"], ["y"])], { ...constants, fc: noise(4, 1) }),
    );
    expect([binary.classCount, binary.head]).toEqual([2, "softmax"]);
    const maps = await open(graphOf(body, constants));
    expect([maps.classCount, maps.logits]).toEqual([4, "unitscope/logits/flat"]);
  });

  describe("one number an image, [N]", () => {
    const column = {
      ...constants,
      fc: noise(4, 1),
      last: intTensor([-1]),
      first: intTensor([1]),
      zero: intTensor([0], []),
    };
    const squeezed = (from: string, to = "y"): Node => node("Reshape", [from, "last"], [to]);
    test.each<[string, Node[]]>([
      ["reshaped", [squeezed("logits")]],
      ["squeezed", [node("Squeeze", ["logits", "first"], ["y"])]],
      ["squeezed before its sigmoid", [squeezed("logits", "z"), node("Sigmoid", ["z"], ["y"])]],
      ["squeezed behind its sigmoid", [node("Sigmoid", ["logits"], ["s"]), squeezed("s")]],
      ["gathered", [node("Gather", ["logits", "zero"], ["y"], { axis: 1 })]],
    ])("is one logit: %s", async (_, nodes) => {
      const model = await open(graphOf([...head, ...nodes], column));
      expect([model.classCount, model.head]).toEqual([2, "softmax"]);
      const plain = await logitsOf(await open(graphOf(head, column)));
      expect(await logitsOf(model)).toEqual(plain);
    });

    test("is the classifier behind an embedding that is an output too", async () => {
      const outputs = ["f", "y"].map((name) => ({ name, type: "float32" as const, shape: null }));
      const model = await open(graphOf([...head, squeezed("logits")], column, { outputs }));
      expect(model.notes[0]).toBe('output "y" was taken of "f", "y"');
      expect(model.classCount).toBe(2);
    });

    test("but all classes of a single image, [classes], are these", async () => {
      const inputs = [{ name: "x", type: "float32" as const, shape: [1, 3, 8, 8] }];
      const all = graphOf([...head, squeezed("logits")], { ...constants, last: intTensor([-1]) }, { inputs });
      const model = await open(all);
      expect([model.classCount, model.logits]).toEqual([5, "logits"]);
      const slices = { last: intTensor([-1]), from: intTensor([0]), to: intTensor([4]) };
      const cut = [...head, squeezed("logits", "all"), node("Slice", ["all", "from", "to"], ["y"])];
      await expect(open(graphOf(cut, { ...constants, ...slices }, { inputs }))).rejects.toThrow(
        'expected logits of shape [N, classes], got output "y" of shape [',
      );
    });
  });

  test("logarithms of probabilities that no softmax at the end makes, seen by running the network", async () => {
    const two = [...head, node("MatMul", ["f", "fc2"], ["second"])];
    const soft = (from: string, to: string): Node => node("Softmax", [from], [to], { axis: 1 });
    const values = { ...constants, fc2: noise(4, 5), half: floatTensor([], [0.5]) };
    const mean = [
      ...[...two, soft("logits", "a1"), soft("second", "a2"), node("Add", ["a1", "a2"], ["sum"])],
      node("Mul", ["sum", "half"], ["y"]),
    ];
    const model = await open(graphOf(mean, values));
    expect([model.head, model.classCount]).toEqual(["softmax", 5]);
    expect(model.notes.at(-1)).toMatch(/^output "y" holds probabilities, by Softmax .*: logits are their logarithms$/);
    const rows = await logitsOf(model);
    for (const row of rows) expect(row.reduce((sum, z) => sum + Math.exp(z), 0)).toBeCloseTo(1, 5);
    const exponential = [...head, node("LogSoftmax", ["logits"], ["l"], { axis: 1 }), node("Exp", ["l"], ["y"])];
    const plain = await logitsOf(await open(graphOf([...head, soft("logits", "y")], constants)));
    const logs = await logitsOf(await open(graphOf(exponential, constants)));
    for (const [row, own] of logs.entries()) {
      const sum = Math.log(plain[row].reduce((all, z) => all + Math.exp(z), 0));
      for (const [cls, z] of own.entries()) expect(z).toBeCloseTo(plain[row][cls] - sum, 4);
    }
  });

  test("odds of probabilities of their own: clipped sigmoids, and the second of two classes alone", async () => {
    const bounds = { low: floatTensor([], [1e-7]), high: floatTensor([], [1 - 1e-7]) };
    const clipped = [...head, node("Sigmoid", ["logits"], ["s"]), node("Clip", ["s", "low", "high"], ["y"])];
    const labels = await open(graphOf(clipped, { ...constants, ...bounds }));
    expect([labels.head, labels.classCount]).toEqual(["sigmoid", 5]);
    const plain = await logitsOf(await open(graphOf(head, constants)));
    const odds = await logitsOf(labels);
    odds.forEach((row, at) => row.forEach((z, cls) => expect(z).toBeCloseTo(plain[at][cls], 3)));
    const second = [
      ...[...head, node("Softmax", ["logits"], ["s"], { axis: 1 })],
      node("Slice", ["s", "one", "two", "one"], ["y"]),
    ];
    const ends = { one: intTensor([1]), two: intTensor([2]) };
    const binary = await open(graphOf(second, { ...constants, fc: noise(4, 2), ...ends }));
    expect([binary.classCount, binary.head]).toEqual([2, "softmax"]);
    const both = await logitsOf(
      await open(graphOf(head, { ...constants, fc: binary.graph.constants.get("fc") as Tensor })),
    );
    const own = await logitsOf(binary);
    own.forEach(([zero, z], at) =>
      expect([Math.abs(zero), z]).toEqual([0, expect.closeTo(both[at][1] - both[at][0], 4)]),
    );
  });

  test("an output between 0 and 1 is logits where nothing of the head makes probabilities", async () => {
    const bounds = { low: floatTensor([], [0]), high: floatTensor([], [1]) };
    const model = await open(
      graphOf([...head, node("Clip", ["logits", "low", "high"], ["y"])], { ...constants, ...bounds }),
    );
    expect([model.logits, model.notes]).toEqual(["y", []]);
  });

  test("of each image's own: not the same turned round, as CLIP's logits per text", async () => {
    const nodes = [...head, node("Transpose", ["logits"], ["turned"], { perm: [1, 0] })];
    const outputs = ["logits", "turned"].map((name) => ({ name, type: "float32" as const, shape: null }));
    const model = await open(graphOf(nodes, constants, { outputs }));
    expect([model.logits, model.classCount, model.batch]).toEqual(["logits", 5, null]);
    await expect(open(graphOf(nodes, constants))).rejects.toThrow(
      'expected logits of shape [N, classes], got output "turned" of shape [5, N]',
    );
  });

  test("a softmax over the images of a batch is not one over the classes", async () => {
    const model = await open(graphOf([...head, node("Softmax", ["logits"], ["y"], { axis: 0 }, "over")], constants));
    expect(model.logits).not.toBe("logits");
    expect(model.notes.join()).toContain('images of a batch are mixed (Softmax "over")');
  });

  test("not an output of another shape", async () => {
    await expect(open(graphOf(body.slice(0, 2), constants))).rejects.toThrow(
      'model "m.onnx": expected logits of shape [N, classes], got output "r" of shape [N, 4, 8, 8]',
    );
  });
});

describe("the image input", () => {
  const input = (shape: (number | string | null)[], type: "float32" | "uint8" = "float32"): Partial<Graph> => ({
    inputs: [{ name: "x", type, shape }],
  });

  test("channels last", async () => {
    const turned = [node("Transpose", ["x"], ["t"], { perm: [0, 3, 1, 2] }), conv("t", "a", "w"), ...head.slice(1)];
    const model = await open(graphOf(turned, constants, input([1, 8, 6, 3])));
    expect(model.input).toEqual({ name: "x", layout: "nhwc", channels: 3, height: 8, width: 6 });
    expect(model.layers[0]).toMatchObject({ units: 4, height: 8, width: 6 });
  });

  test("one gray channel, first or last", async () => {
    const gray = { w: noise(4, 1, 3, 3), fc };
    const first = await open(graphOf(head, gray, input(["N", 1, 8, 6])));
    expect(first.input).toEqual({ name: "x", layout: "nchw", channels: 1, height: 8, width: 6 });
    const turned = [node("Transpose", ["x"], ["t"], { perm: [0, 3, 1, 2] }), conv("t", "a", "w"), ...head.slice(1)];
    expect((await open(graphOf(turned, gray, input(["N", 8, 6, 1])))).input).toMatchObject({
      layout: "nhwc",
      channels: 1,
    });
  });

  test("of any size: the layers' sizes are unknown, which is said", async () => {
    await expect(open(graphOf(head, constants, input(["N", 3, "H", "W"])))).rejects.toThrow(
      'model "m.onnx": expected an image input of fixed size, got "x" float32 [N, 3, H, W]; give option "size", or export the model with it',
    );
  });

  test("of any size, with a size that is given", async () => {
    const graph = graphOf(head, constants, input([null, null, null, null]));
    const model = await modelFromBytes(writeModel(graph), { size: [10, 12] });
    expect(model.input).toMatchObject({ channels: 3, layout: "nchw", height: 10, width: 12 });
    expect(model.layers[0]).toMatchObject({ height: 10, width: 12 });
  });

  test("bytes are taken as floats and rounded", async () => {
    const cast = [node("Cast", ["x"], ["float"], { to: 1 }), conv("float", "a", "w"), ...head.slice(1)];
    const { graph, input: image } = await open(graphOf(cast, constants, input(["N", 3, 8, 8], "uint8")));
    expect(graph.inputs).toEqual([{ name: "x", type: "float32", shape: ["N", 3, 8, 8] }]);
    expect(image.channels).toBe(3);
  });

  test("an input that no output needs is none; two that are needed are refused", async () => {
    const two = { inputs: ["x", "q"].map((name) => ({ name, type: "float32" as const, shape: ["N", 3, 8, 8] })) };
    const outputs = [{ name: "logits", type: "float32" as const, shape: null }];
    const unused = await open(graphOf([...head, node("Identity", ["q"], ["z"])], constants, { ...two, outputs }));
    expect(unused.graph.inputs.map((port) => port.name)).toEqual(["x"]);
    const joined = [node("Add", ["x", "q"], ["s"]), conv("s", "a", "w"), ...head.slice(1)];
    await expect(open(graphOf(joined, constants, two))).rejects.toThrow("expected one image input");
  });

  test("control flow is refused", async () => {
    const looped = [...head.slice(0, 1), node("If", ["a"], ["q"]), node("Relu", ["q"], ["r"]), ...head.slice(2)];
    await expect(open(graphOf(looped, constants))).rejects.toThrow(/expected an If whose condition is constant/);
    const scanned = [...head.slice(0, 1), node("Scan", ["a"], ["q"]), node("Relu", ["q"], ["r"]), ...head.slice(2)];
    await expect(open(graphOf(scanned, constants))).rejects.toThrow(/expected a graph without loops, got Scan/);
  });
});

describe("nodes that we insert are of the model's own operator set", () => {
  for (const opset of [7, 9, 11, 12, 13, 15, 18, 21]) {
    test(`opset ${opset}: plain and fast routes run, and agree`, async () => {
      const model = await open(graphOf(head, constants, { opsets: new Map([["", opset]]) }));
      const [layer] = model.layers;
      if (!layer) throw new Error("no layer");
      const plan = planSuffix(model, layer.tap);
      const planned = [{ plan, replacement: new Float32Array(layer.units) }];
      const data = Float32Array.from({ length: 12 * 192 }, () => random.normal());
      const block = blockOf(data, [3, 8, 8]);
      const results = [];
      for (const engine of ["plain", "auto"] as const) {
        const options = {
          engine,
          routes: allRoutes,
          continuous: false,
          verify: 0,
          seed: 1,
          threads: 1,
          provider: "cpu",
        } as const;
        const sweep = await openBlockSweep(model, planned, {
          switched: switchedTensors(model, [layer.tap]),
          bounds: [],
          options,
        });
        const { unit, image, prediction } = (await sweep.sweep(block)).layers[0] ?? {};
        results.push({ unit, image, prediction });
        await sweep.close();
      }
      expect(results[1]).toEqual(results[0]);
      expect(results[0]?.unit).toHaveLength(12);
    });
  }
});

test("channels of single images are no units: a convolution over the channels of all images of a fixed batch", async () => {
  const own = noise(4, 4, 3, 3).data as Float32Array;
  const all = floatTensor(
    [16, 4, 3, 3],
    Float32Array.from({ length: 4 * own.length }, (_, at) => own[at % own.length]),
  );
  const nodes = [
    ...[conv("x", "a", "w"), node("Relu", ["a"], ["r"]), node("Reshape", ["r", "one"], ["wide"])],
    node("Conv", ["wide", "all"], ["c"], { kernel_shape: [3, 3], pads: [1, 1, 1, 1], group: 4 }),
    ...[node("Reshape", ["c", "four"], ["b"]), node("GlobalAveragePool", ["b"], ["p"])],
    ...[node("Flatten", ["p"], ["f"]), node("MatMul", ["f", "fc"], ["logits"])],
  ];
  const shapes = { all, one: intTensor([1, 16, 8, 8]), four: intTensor([4, 4, 8, 8]) };
  const inputs = [{ name: "x", type: "float32" as const, shape: [4, 3, 8, 8] }];
  const model = await open(graphOf(nodes, { ...constants, ...shapes }, { inputs }));
  expect([model.batch, model.layers.map(({ tap }) => tap)]).toEqual([4, ["r", "logits"]]);
  expect(model.leftOut).toEqual([
    { tensor: "c", reason: "the images of a batch of 4 stand along the axis of its units", isMixed: true },
  ]);
  expect(() => chooseLayers(model, { layers: ["c"] })).toThrow("stand along the axis of its units");
});
