/** Networks as exporters and optimisers write them: the layers are those of the network that was meant. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { companions } from "../../src/ablation/predictions.ts";
import { planSuffix } from "../../src/ablation/suffix-plan.ts";
import { float, floatTensor, type Graph, intTensor, type Node, node } from "../../src/onnx/graph.ts";
import { readModel, writeModel } from "../../src/onnx/model-file.ts";
import {
  AttributeProtoSchema,
  AttributeProto_AttributeType as Kind,
  type ModelProto,
  ModelProtoSchema,
} from "../../src/onnx/proto/onnx_pb.ts";
import { probabilityRows } from "../../src/responses/softmax.ts";
import { type Model, modelFromBytes } from "../../src/runtime/open-model.ts";
import { CLASSES, networkOf, normal, open, sweepAll } from "../ablation/all-pairs.ts";

const WIDTH = 8;
const pads = [1, 1, 1, 1];
const head = [
  node("GlobalAveragePool", ["r"], ["p"]),
  node("Flatten", ["p"], ["f"]),
  node("MatMul", ["f", "fc"], ["logits"]),
];
const weights = { w: normal(1, [WIDTH, 3, 3, 3]), fc: normal(2, [WIDTH, CLASSES]) };
const conv = node("Conv", ["input", "w"], ["c"], { pads });

/** A convolution, the given operators from `c` to `r`, and a head. */
function network(
  middle: readonly Node[],
  constants: Graph["constants"] = new Map(),
  change: Partial<Graph> = {},
): Graph {
  return networkOf([conv, ...middle, ...head], { ...weights, ...Object.fromEntries(constants) }, change);
}

function told({ layers }: Model): unknown {
  return layers
    .filter(({ isOutput }) => !isOutput)
    .map(({ kind, tap, norm, activation, units }) => [kind, tap, norm, activation, units]);
}

async function expectExact(model: Model): Promise<void> {
  const plain = await sweepAll(model, "plain");
  expect(plain.join()).toContain("→");
  expect(await sweepAll(model, "auto")).toEqual(plain);
}

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

describe("a model's own functions", () => {
  /** The network with its activation as a call of a function of two operators, one attribute given by the caller. */
  const withFunction = (change: (model: ModelProto) => void = () => {}): Uint8Array => {
    const graph = network([{ ...node("Scaled", ["c"], ["r"], { slope: float(0.25) }, "act"), domain: "own" }]);
    const model = fromBinary(ModelProtoSchema, writeModel(graph));
    model.opsetImport.push({ ...model.opsetImport[0], domain: "own", version: 1n });
    const shell = create(ModelProtoSchema, {
      functions: [
        {
          name: "Scaled",
          domain: "own",
          input: ["x"],
          output: ["y"],
          attribute: ["slope"],
          opsetImport: [{ domain: "", version: 17n }],
          node: [
            { opType: "Identity", name: "pass", input: ["x"], output: ["inner"] },
            {
              opType: "LeakyRelu",
              name: "leaky",
              input: ["inner"],
              output: ["y"],
              attribute: [{ name: "alpha", type: Kind.FLOAT, refAttrName: "slope" }],
            },
          ],
        },
      ],
    });
    model.functions = shell.functions;
    change(model);
    return toBinary(ModelProtoSchema, model);
  };

  test("are written out, with the caller's attributes", async () => {
    const graph = readModel(withFunction());
    const leaky = graph.nodes.find(({ op }) => op === "LeakyRelu");
    expect(leaky).toMatchObject({ name: "/act/leaky", inputs: ["act/inner"], outputs: ["r"] });
    expect(leaky?.attributes).toEqual({ alpha: float(0.25) });
    const model = await modelFromBytes(withFunction());
    expect(told(model)).toEqual([["convolution", "r", null, expect.stringContaining("LeakyRelu"), WIDTH]]);
    await expectExact(model);
  });

  test("that call themselves, or need another operator set, are refused by name", () => {
    const endless = withFunction((model) => {
      model.functions[0].node[1].opType = "Scaled";
      model.functions[0].node[1].domain = "own";
    });
    expect(() => readModel(endless)).toThrow(/function "own:Scaled": expected an end, got one that calls itself/);
    const other = withFunction((model) => {
      model.functions[0].opsetImport[0].version = 12n;
    });
    expect(() => readModel(other)).toThrow(
      /function "own:Scaled": expected operator set ai\.onnx 17 as the model, got 12/,
    );
  });
});

describe("an If", () => {
  /** `r` is one of two activations of `c`, by the condition. */
  const withIf = (condition: readonly Node[], constants: Graph["constants"] = new Map()): Graph => {
    const branch = (name: string, op: string): Node["attributes"] => ({
      [name]: {
        kind: "encoded",
        value: toBinary(
          AttributeProtoSchema,
          create(AttributeProtoSchema, {
            name,
            type: Kind.GRAPH,
            g: {
              name,
              node: [
                { opType: "Identity", input: ["c"], output: ["own"] },
                { opType: op, input: ["own"], output: ["chosen"] },
              ],
              output: [{ name: "chosen" }],
            },
          }),
        ),
      },
    });
    const choice: Node = {
      ...node("If", ["condition"], ["r"]),
      attributes: { ...branch("then_branch", "Relu"), ...branch("else_branch", "Neg") },
    };
    return network([...condition, choice], constants);
  };

  test("of a constant condition is the branch that is taken", async () => {
    for (const [value, op] of [
      [1, "Relu"],
      [0, "Neg"],
    ] as const) {
      const condition = { type: "bool", dims: [], data: Uint8Array.of(value) } as const;
      const model = await open(withIf([], new Map([["condition", condition]])));
      expect(model.graph.nodes.map((each) => each.op)).toContain(op);
      await expectExact(model);
    }
  });

  test("of a condition that follows from known shapes, too", async () => {
    const model = await open(
      withIf(
        [
          node("Shape", ["c"], ["size"]),
          node("Gather", ["size", "second"], ["channels"]),
          node("Equal", ["channels", "width"], ["condition"]),
        ],
        new Map([
          ["second", intTensor([1], [])],
          ["width", intTensor([WIDTH], [])],
        ]),
      ),
    );
    expect(model.graph.nodes.map((each) => each.op)).toContain("Relu");
    await expectExact(model);
  });

  test("of a condition that depends on the image is refused by name", async () => {
    const graph = withIf(
      [node("ReduceMax", ["c"], ["most"], { keepdims: 0 }), node("Greater", ["most", "limit"], ["condition"])],
      new Map([["limit", floatTensor([], [0])]]),
    );
    await expect(open(graph)).rejects.toThrow(/node "If_r": expected an If whose condition is constant/);
  });
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
    rows[0] += 1; // tokens of their own: not the same network for any number of images
    const own = await open(tokenNetwork([], new Map([["token", floatTensor([4, 1, WIDTH], rows)]]), 4));
    expect(own.batch).toBe(4);
  });
});

test("a head of one sigmoid a class: the log-probability is the class's own", () => {
  const logits = Float32Array.of(2, -1, 0.5);
  const own = (head: "softmax" | "sigmoid"): number =>
    companions(logits, 0, { classCount: 3, cls: 1, head }).logProbability;
  expect(own("sigmoid")).toBeCloseTo(Math.log(1 / (1 + Math.exp(1))), 12);
  expect(own("softmax")).toBeCloseTo(-1 - Math.log(Math.exp(2) + Math.exp(-1) + Math.exp(0.5)), 12);
  const rows = probabilityRows(logits, { classCount: 3, head: "sigmoid" });
  expect(Array.from(rows)).toEqual(Array.from(logits, (logit) => Math.fround(1 / (1 + Math.exp(-logit)))));
});
