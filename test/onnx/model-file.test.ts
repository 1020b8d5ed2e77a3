/** Bytes ↔ graph: nothing is lost on the way, and what is no model is refused. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { type Attribute, float, type Graph, intTensor, node, type Tensor } from "../../src/onnx/graph.ts";
import { readModel, writeModel } from "../../src/onnx/model-file.ts";
import {
  AttributeProtoSchema,
  AttributeProto_AttributeType as Kind,
  ModelProtoSchema,
} from "../../src/onnx/proto/onnx_pb.ts";
import { conv, graphOf, ones } from "./build.ts";

const attributes: Readonly<Record<string, Attribute>> = {
  float: float(0.1),
  int: { kind: "int", value: -(2 ** 40) },
  string: { kind: "string", value: "größer" },
  tensor: { kind: "tensor", value: intTensor([1, -2, 3], [3, 1]) },
  floats: { kind: "floats", value: [0.5, -1.5] },
  ints: { kind: "ints", value: [0, -1, 7] },
  strings: { kind: "strings", value: ["", "b"] },
  encoded: {
    kind: "encoded",
    value: toBinary(
      AttributeProtoSchema,
      create(AttributeProtoSchema, { name: "encoded", type: Kind.GRAPH, g: { name: "inner" } }),
    ),
  },
};

const constants: Readonly<Record<string, Tensor>> = {
  w: ones(4, 3, 3, 3),
  scalar: { type: "float32", dims: [], data: Float32Array.of(Math.fround(1e-30)) },
  empty: { type: "int64", dims: [0], data: new BigInt64Array() },
  long: { type: "int64", dims: [2], data: BigInt64Array.of(-1n, 2n ** 62n) },
  double: { type: "float64", dims: [1], data: Float64Array.of(Math.PI) },
  half: { type: "float16", dims: [3], data: Uint16Array.of(0x3c00, 0x7bff, 1) },
  whole: { type: "int32", dims: [1, 2], data: Int32Array.of(-5, 5) },
  short: { type: "int16", dims: [2], data: Int16Array.of(-32768, 32767) },
  shortest: { type: "uint16", dims: [2], data: Uint16Array.of(0, 65535) },
  natural: { type: "uint32", dims: [1], data: Uint32Array.of(2 ** 32 - 1) },
  longest: { type: "uint64", dims: [1], data: BigUint64Array.of(2n ** 64n - 1n) },
  small: { type: "int8", dims: [2], data: Int8Array.of(-128, 127) },
  byte: { type: "uint8", dims: [2], data: Uint8Array.of(0, 255) },
  flag: { type: "bool", dims: [2], data: Uint8Array.of(1, 0) },
};

describe("a round trip", () => {
  const strange = { ...node("Strange", ["a", "", "scalar"], ["y", ""], attributes, "odd name"), domain: "org.example" };
  const graph: Graph = graphOf([conv("x", "a", "w"), strange], constants, {
    inputs: [{ name: "x", type: "float32", shape: ["N", 3, null, 8] }],
    outputs: [
      { name: "y", type: "float32", shape: null },
      { name: "a", type: "float32", shape: [] },
    ],
    opsets: new Map([
      ["", 17],
      ["org.example", 2],
    ]),
    metadata: new Map([
      ["unitscope.classes", '["cat","dog"]'],
      ["leer", ""],
    ]),
  });

  test("keeps every kind of attribute, constant, port and dimension", () => {
    const back = readModel(writeModel(graph));
    const single = back.nodes[1]?.attributes["float"];
    expect(single).toEqual(float(Math.fround(0.1)));
    const nodes = back.nodes.map((each) =>
      each.op === "Strange" ? { ...each, attributes: { ...each.attributes, float: float(0.1) } } : each,
    );
    expect({ ...back, nodes }).toEqual(graph);
  });

  test("gives the same bytes again", () => {
    const bytes = writeModel(graph);
    expect(Buffer.compare(writeModel(readModel(bytes)), bytes)).toBe(0);
  });
});

describe("models of other writers", () => {
  /** The bytes of a model with its message changed. */
  function rewritten(
    graph: Graph,
    change: (model: ReturnType<typeof create<typeof ModelProtoSchema>>) => void,
  ): Uint8Array {
    const model = fromBinary(ModelProtoSchema, writeModel(graph));
    change(model);
    return toBinary(ModelProtoSchema, model);
  }
  const graph = graphOf([conv("x", "a", "w"), node("Relu", ["a"], ["y"])], { w: ones(4, 3, 3, 3) });

  test("initializers that are listed as inputs too are constants (IR version 3)", () => {
    const bytes = rewritten(graph, (model) => {
      const weight = fromBinary(
        ModelProtoSchema,
        writeModel({ ...graph, inputs: [{ name: "w", type: "float32", shape: [4, 3, 3, 3] }] }),
      );
      model.irVersion = 3n;
      model.graph?.input.push(...(weight.graph?.input ?? []));
    });
    expect(readModel(bytes).inputs.map(({ name }) => name)).toEqual(["x"]);
  });

  test("Constant nodes in all their forms become constants", () => {
    const forms: [string, Attribute, number[], (number | bigint)[]][] = [
      ["value", { kind: "tensor", value: intTensor([4, 5]) }, [2], [4n, 5n]],
      ["value_float", float(2), [], [2]],
      ["value_int", { kind: "int", value: 3 }, [], [3n]],
      ["value_floats", { kind: "floats", value: [1, 2] }, [2], [1, 2]],
      ["value_ints", { kind: "ints", value: [1, 2] }, [2], [1n, 2n]],
    ];
    const nodes = forms.map(([name, value], at) => node("Constant", [], [`c${at}`], { [name]: value }));
    const back = readModel(writeModel({ ...graph, nodes: [...nodes, ...graph.nodes] }));
    expect(back.nodes.map(({ op }) => op)).toEqual(["Conv", "Relu"]);
    for (const [at, [, , dims, data]] of forms.entries()) {
      const constant = back.constants.get(`c${at}`);
      expect([constant?.dims, [...(constant?.data ?? [])]]).toEqual([dims, data]);
    }
  });

  test("the largest int64, which stands for the end of an axis, is read and written as it is", () => {
    const largest = { kind: "ints", value: [1, 2 ** 63] } as const; // what a double makes of 2 ** 63 - 1
    const nodes = [
      node("Constant", [], ["ends"], { value_ints: largest }),
      node("Constant", [], ["end"], { value_int: { kind: "int", value: 2 ** 63 } }),
      node("Slice", ["x"], ["part"], { starts: [0, 0], ends: largest }),
    ];
    const back = readModel(writeModel({ ...graph, nodes: [...nodes, ...graph.nodes] }));
    const last = 2n ** 63n - 1n;
    expect([...(back.constants.get("ends")?.data ?? [])]).toEqual([1n, last]);
    expect([...(back.constants.get("end")?.data ?? [])]).toEqual([last]);
    expect(back.nodes[0]?.attributes["ends"]).toEqual(largest);
  });

  test("data outside raw bytes is read", () => {
    const bytes = rewritten(graph, (model) => {
      const weight = model.graph?.initializer[0];
      if (!weight) throw new Error("no weight");
      weight.rawData = new Uint8Array();
      weight.floatData = Array.from({ length: 108 }, (_, i) => i);
    });
    expect(readModel(bytes).constants.get("w")?.data[107]).toBe(107);
  });

  test("nodes out of order are sorted, the domain ai.onnx is the standard one", () => {
    const bytes = rewritten(graph, (model) => {
      model.graph?.node.reverse();
      if (model.opsetImport[0]) model.opsetImport[0].domain = "ai.onnx";
      for (const each of model.graph?.node ?? []) each.domain = "ai.onnx";
    });
    const back = readModel(bytes);
    expect(back.nodes.map(({ op, domain }) => [op, domain])).toEqual([
      ["Conv", ""],
      ["Relu", ""],
    ]);
    expect(back.opsets).toEqual(new Map([["", 13]]));
  });

  test.each([
    [22, [1, -2, 7, -8, 0]], // int4
    [21, [1, 14, 7, 8, 0]], // uint4
  ])("weights of 4 bits (type %i) are read in 8, the lower half of a byte first", (dataType, values) => {
    const stored = [Uint8Array.of(0xe1, 0x87, 0x00), new Uint8Array()];
    for (const rawData of stored) {
      const bytes = rewritten(graph, (model) => {
        const weight = model.graph?.initializer[0];
        const int32Data = rawData.length > 0 ? [] : [0xe1, 0x87, 0x00];
        if (weight) Object.assign(weight, { dataType, dims: [5n], rawData, int32Data });
      });
      const read = readModel(bytes).constants.get("w");
      expect([read?.type, [...(read?.data ?? [])]]).toEqual([dataType === 22 ? "int8" : "uint8", values]);
    }
  });

  test("values that a network rounds to 4 bits are refused", () => {
    const rounding = { ...node("QuantizeLinear", ["x", "w"], ["y"], { output_dtype: 22 }), name: "round" };
    expect(() => readModel(writeModel({ ...graph, nodes: [rounding] }), "m")).toThrow(
      'm: node "round": expected QuantizeLinear to 8 or 16 bits, got 4',
    );
    const zero = rewritten({ ...graph, nodes: [node("QuantizeLinear", ["x", "s", "w"], ["y"])] }, (model) => {
      const weight = model.graph?.initializer[0];
      if (weight) Object.assign(weight, { dataType: 21, dims: [2n], rawData: Uint8Array.of(0x12) });
    });
    expect(() => readModel(zero, "m")).toThrow("expected QuantizeLinear to 8 or 16 bits, got 4");
  });

  const refusals: [string, RegExp, Parameters<typeof rewritten>[1]][] = [
    [
      "external data",
      /tensor "w": expected weights inside the file, got external data; save the model as one file$/,
      (model) => {
        for (const tensor of model.graph?.initializer ?? []) tensor.dataLocation = 1;
      },
    ],
    [
      "a type that we lack",
      /tensor "w": expected element type .*, got ONNX type 8$/,
      (model) => {
        for (const tensor of model.graph?.initializer ?? []) tensor.dataType = 8;
      },
    ],
    [
      "too few elements",
      /tensor "w": expected 108 elements for shape \[4, 3, 3, 3\], got 107$/,
      (model) => {
        for (const tensor of model.graph?.initializer ?? []) tensor.rawData = tensor.rawData.slice(4);
      },
    ],
    [
      "no graph",
      /expected an ONNX model with a graph, got [\d,]+ bytes without one$/,
      (model) => {
        delete model.graph;
      },
    ],
  ];
  for (const [name, message, change] of refusals) {
    test(`${name} is refused`, () => {
      expect(() => readModel(rewritten(graph, change), "m")).toThrow(message);
    });
  }

  test("a file cut anywhere is refused or, between two fields, read as what it says it is", () => {
    const bytes = writeModel(graph);
    for (let length = 0; length < bytes.length; length += 7) {
      try {
        readModel(bytes.subarray(0, length), "m");
      } catch (error) {
        expect((error as Error).message).toMatch(/^m: expected an ONNX model/);
      }
    }
  });
});
