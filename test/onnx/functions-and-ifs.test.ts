/** A model's own functions are written out, and an If is the branch that is taken. */
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { type Attribute, float, floatTensor, type Graph, intTensor, type Node, node } from "../../src/onnx/graph.ts";
import { readModel, writeModel } from "../../src/onnx/model-file.ts";
import {
  AttributeProtoSchema,
  AttributeProto_AttributeType as Kind,
  type ModelProto,
  ModelProtoSchema,
} from "../../src/onnx/proto/onnx_pb.ts";
import { modelFromBytes } from "../../src/runtime/open-model.ts";
import { open } from "../ablation/all-pairs.ts";
import { expectExact, network, told, WIDTH } from "./conv-network.ts";

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

  test("in an If reads what its branch has computed", async () => {
    const own = { opType: "Identity", input: ["own"], output: ["inner"] };
    const inner = (name: string, op: string): MessageInitShape<typeof AttributeProtoSchema> => ({
      name,
      type: Kind.GRAPH,
      g: { name, node: [own, { opType: op, input: ["inner"], output: [name] }], output: [{ name }] },
    });
    const outer = (name: string, op: string): Attribute => {
      const both = [inner("then_branch", op), inner("else_branch", "Abs")];
      const node = [
        { opType: "Identity", input: ["c"], output: ["own"] },
        { opType: "If", input: ["condition"], output: ["chosen"], attribute: both },
      ];
      const g = { name, node, output: [{ name: "chosen" }] };
      const proto = create(AttributeProtoSchema, { name, type: Kind.GRAPH, g });
      return { kind: "encoded", value: toBinary(AttributeProtoSchema, proto) };
    };
    const attributes = { then_branch: outer("then_branch", "Relu"), else_branch: outer("else_branch", "Neg") };
    const condition = { type: "bool", dims: [], data: Uint8Array.of(1) } as const;
    const nested = network([{ ...node("If", ["condition"], ["r"]), attributes }], new Map([["condition", condition]]));
    const model = await open(nested);
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
