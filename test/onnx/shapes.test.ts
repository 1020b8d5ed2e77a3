/** Shapes that follow from the operators, against those that ONNX Runtime computes; reshapes that are computed. */
import { describe, expect, test } from "vitest";
import { freeDim } from "../../src/onnx/dims.ts";
import { freeBatch } from "../../src/onnx/free-batch.ts";
import { type Graph, intTensor, type Node, node, type Tensor } from "../../src/onnx/graph.ts";
import { writeModel } from "../../src/onnx/model-file.ts";
import { resolveShapes } from "../../src/onnx/resolve-shapes.ts";
import { inferShapes } from "../../src/onnx/shapes.ts";
import { modelFromBytes } from "../../src/runtime/open-model.ts";
import { floatValue, openSession } from "../../src/runtime/session.ts";
import { conv, graphOf, ones } from "./build.ts";

const pool = (attributes: Parameters<typeof node>[3]): Node =>
  node("MaxPool", ["x"], ["y"], { kernel_shape: [3, 3], ...attributes });
const cases: Readonly<
  Record<string, { nodes: readonly Node[]; constants?: Readonly<Record<string, Tensor>>; opset?: number }>
> = {
  "convolution, strided and dilated": {
    nodes: [
      node("Conv", ["x", "w"], ["y"], { kernel_shape: [3, 3], strides: [2, 2], dilations: [2, 2], pads: [1, 2, 0, 1] }),
    ],
    constants: { w: ones(5, 3, 3, 3) },
  },
  "convolution without attributes": { nodes: [node("Conv", ["x", "w"], ["y"])], constants: { w: ones(5, 3, 3, 2) } },
  "convolution, auto_pad": {
    nodes: [node("Conv", ["x", "w"], ["y"], { auto_pad: "SAME_UPPER", strides: [3, 3] })],
    constants: { w: ones(5, 3, 3, 3) },
  },
  "convolution, grouped": {
    nodes: [node("Conv", ["x", "w"], ["y"], { group: 3 })],
    constants: { w: ones(6, 1, 3, 3) },
  },
  "transposed convolution": {
    nodes: [
      node("ConvTranspose", ["x", "w"], ["y"], {
        strides: [2, 3],
        pads: [1, 0, 0, 1],
        output_padding: [1, 0],
        dilations: [1, 2],
      }),
    ],
    constants: { w: ones(3, 5, 3, 2) },
  },
  "transposed convolution, grouped": {
    nodes: [node("ConvTranspose", ["x", "w"], ["y"], { group: 3, strides: [2, 2] })],
    constants: { w: ones(3, 2, 2, 2) },
  },
  "pool, floor": { nodes: [pool({ strides: [2, 2] })] },
  "pool, ceil": { nodes: [pool({ strides: [2, 2], ceil_mode: 1 })] },
  "pool, ceil with a window that would start outside": {
    nodes: [pool({ strides: [4, 4], pads: [1, 1, 1, 1], ceil_mode: 1 })],
  },
  "pool, same": { nodes: [pool({ strides: [2, 2], auto_pad: "SAME_LOWER" })] },
  "pool, valid": { nodes: [pool({ auto_pad: "VALID" })] },
  "average pool": { nodes: [node("AveragePool", ["x"], ["y"], { kernel_shape: [2, 2], strides: [2, 2] })] },
  "global pool, flattened": { nodes: [node("GlobalMaxPool", ["x"], ["p"]), node("Flatten", ["p"], ["y"])] },
  "flatten at another axis": { nodes: [node("Flatten", ["x"], ["y"], { axis: 3 })] },
  "flatten at a negative axis": { nodes: [node("Flatten", ["x"], ["y"], { axis: -3 })] },
  "reshape with -1": { nodes: [node("Reshape", ["x", "s"], ["y"])], constants: { s: intTensor([0, 6, -1]) } },
  "reshape with 0": { nodes: [node("Reshape", ["x", "s"], ["y"])], constants: { s: intTensor([0, 0, 64]) } },
  transpose: { nodes: [node("Transpose", ["x"], ["y"], { perm: [0, 2, 3, 1] })] },
  "transpose without order": { nodes: [node("Transpose", ["x"], ["y"])] },
  "reduce, kept": { nodes: [node("ReduceMean", ["x"], ["y"], { axes: [2, 3] })] },
  "reduce, dropped": { nodes: [node("ReduceMax", ["x"], ["y"], { axes: [-1, -2], keepdims: 0 })] },
  "squeeze and unsqueeze, axes as inputs": {
    nodes: [
      node("GlobalAveragePool", ["x"], ["p"]),
      node("Squeeze", ["p", "a"], ["q"]),
      node("Unsqueeze", ["q", "b"], ["y"]),
    ],
    constants: { a: intTensor([2, 3]), b: intTensor([0]) },
  },
  "squeeze, axes as an attribute": {
    nodes: [node("GlobalAveragePool", ["x"], ["p"]), node("Squeeze", ["p"], ["y"], { axes: [-1, -2] })],
    opset: 11,
  },
  "pad as an input": { nodes: [node("Pad", ["x", "p"], ["y"])], constants: { p: intTensor([0, 1, 2, 0, 0, 0, 1, 3]) } },
  "pad as an attribute": { nodes: [node("Pad", ["x"], ["y"], { pads: [0, 0, 1, 1, 0, 0, 1, 1] })], opset: 10 },
  "pad of named axes": {
    nodes: [node("Pad", ["x", "p", "", "a"], ["y"])],
    constants: { p: intTensor([1, 2, 0, 3]), a: intTensor([-1, 2]) },
    opset: 18,
  },
  "pad of named axes, all of them": {
    nodes: [node("Pad", ["x", "p", "", "a"], ["y"])],
    constants: { p: intTensor([1, 2, 0, 0, 0, 3, 0, 1]), a: intTensor([3, 2, 0, 1]) },
    opset: 18,
  },
  "slice with steps": {
    nodes: [node("Slice", ["x", "s", "e", "a", "t"], ["y"])],
    constants: { s: intTensor([1, -5]), e: intTensor([100, -1]), a: intTensor([2, 3]), t: intTensor([2, 1]) },
  },
  "split in halves": { nodes: [node("Split", ["x"], ["y", "z"], { axis: 3 })] },
  "split by sizes": {
    nodes: [node("Split", ["x", "s"], ["y", "z"], { axis: 2 })],
    constants: { s: intTensor([5, 3]) },
  },
  concatenation: { nodes: [node("Concat", ["x", "x"], ["y"], { axis: -3 })] },
  broadcast: { nodes: [node("Mul", ["w", "x"], ["y"])], constants: { w: ones(3, 1, 1) } },
  "matrix product with bias": {
    nodes: [node("Flatten", ["x"], ["f"]), node("Gemm", ["f", "w", "b"], ["y"], { transB: 1 })],
    constants: { w: ones(7, 192), b: ones(7) },
  },
  "product of many dimensions": { nodes: [node("MatMul", ["x", "w"], ["y"])], constants: { w: ones(8, 5) } },
};

describe("shapes that follow from the operators are those of ONNX Runtime", () => {
  for (const [name, { nodes, constants = {}, opset = 13 }] of Object.entries(cases)) {
    test(name, async () => {
      const outputs = [{ name: "y", type: "float32" as const, shape: null }];
      const graph = graphOf(nodes, constants, { outputs, opsets: new Map([["", opset]]) });
      const session = await openSession(graph);
      const batch = 2;
      const values = await session.run({ x: floatValue([batch, 3, 8, 8], new Float32Array(batch * 192)) });
      await session.close();
      const inferred = inferShapes(graph).get("y");
      expect(inferred).toBeDefined();
      // The free dimension: N stands for the batch; where it was multiplied with others nothing is claimed.
      const expected = values["y"]?.dims ?? [];
      const sizes = inferred?.map((dim, axis) => {
        const free = freeDim(dim);
        return free ? free.factor * batch : (dim ?? expected[axis]);
      });
      expect(sizes).toEqual(expected);
      expect(inferred?.filter((dim) => dim === null).length).toBeLessThanOrEqual(1);
    });
  }
});

/** `x.view(x.size(0), -1)` and its kin, as PyTorch exports them: the target of a reshape computed from a shape. */
function viewed(target: readonly (number | "batch" | "channels")[], features: number): Graph {
  const nodes: Node[] = [conv("x", "a", "w"), node("Shape", ["a"], ["shape"])];
  const constants: Record<string, Tensor> = { w: ones(4, 3, 3, 3), fc: ones(features, 5), axis: intTensor([0]) };
  const parts = target.map((part, at) => {
    if (typeof part === "number") {
      constants[`part${at}`] = intTensor([part]);
      return `part${at}`;
    }
    constants[`index${at}`] = intTensor([part === "batch" ? 0 : 1], []);
    nodes.push(node("Gather", ["shape", `index${at}`], [`size${at}`], { axis: 0 }));
    nodes.push(node("Unsqueeze", [`size${at}`, "axis"], [`part${at}`]));
    return `part${at}`;
  });
  nodes.push(node("Concat", parts, ["target"], { axis: 0 }), node("Reshape", ["a", "target"], ["flat"]));
  nodes.push(node("MatMul", ["flat", "fc"], ["y"]));
  return graphOf(nodes, constants);
}

describe("reshapes whose target is computed from a shape", () => {
  for (const target of [
    ["batch", -1],
    ["batch", 256],
    [-1, 256],
  ] as const) {
    test(`view(${target.join(", ")}) becomes Flatten, and nothing of the bookkeeping is left`, async () => {
      const model = await modelFromBytes(writeModel(viewed(target, 256)));
      expect(model.graph.nodes.map(({ op }) => op)).toEqual(["Conv", "Flatten", "MatMul"]);
      expect(model.classCount).toBe(5);
      expect(model.layers.map(({ kind, units }) => [kind, units])).toEqual([
        ["convolution", 4],
        ["linear", 5],
      ]);
    });
  }

  test("the result is that of the graph as it was", async () => {
    const graph = viewed(["batch", -1], 256);
    const data = Float32Array.from({ length: 3 * 192 }, (_, i) => Math.sin(i));
    const logits = await Promise.all(
      [graph, (await modelFromBytes(writeModel(graph))).graph].map(async (each) => {
        const session = await openSession(each);
        const { y } = await session.run({ x: floatValue([3, 3, 8, 8], data) });
        await session.close();
        return y?.data;
      }),
    );
    expect(logits[1]).toEqual(logits[0]);
  });

  test("a channel shuffle keeps its reshape, with a constant target", () => {
    const graph = resolveShapes(viewed(["batch", 2, 2, 64], 64));
    const reshape = graph.nodes.find(({ op }) => op === "Reshape");
    const target = graph.constants.get(reshape?.inputs[1] as string);
    expect([...(target?.data ?? [])].map(Number)).toEqual([0, 2, 2, 64]);
    const channels = resolveShapes(viewed(["batch", "channels", 64], 64));
    const shape = inferShapes(channels).get("flat");
    expect(shape).toEqual(["N", 4, 64]);
  });

  test("a target that mixes images is left alone", () => {
    const mixed = viewed([-1, 128], 128);
    expect(resolveShapes(mixed).nodes.map(({ op }) => op)).toContain("Reshape");
  });
});

describe("a batch dimension that is fixed, or has no name", () => {
  const fixed = (batch: number | null, target: number[]): Graph =>
    graphOf(
      [
        conv("x", "a", "w"),
        node("Reshape", ["a", "target"], ["flat"]),
        node("MatMul", ["flat", "fc"], ["y"]),
        node("Reshape", ["table", "target"], ["reshaped"]),
      ].slice(0, 3),
      { w: ones(4, 3, 3, 3), fc: ones(256, 5), target: intTensor(target), table: ones(1, 256) },
      {
        inputs: [{ name: "x", type: "float32", shape: [batch, 3, 8, 8] }],
        outputs: [{ name: "y", type: "float32", shape: [batch, 5] }],
      },
    );

  for (const [batch, target] of [
    [1, [1, -1]],
    [1, [1, 256]],
    [16, [16, 256]],
    [null, [-1, 256]],
  ] as const) {
    test(`${batch} with a reshape to [${target.join(", ")}]`, async () => {
      const model = await modelFromBytes(writeModel(fixed(batch, [...target])));
      expect(model.graph.inputs[0]?.shape).toEqual(["N", 3, 8, 8]);
      expect(model.graph.nodes.map(({ op }) => op)).toEqual(["Conv", "Flatten", "MatMul"]);
      const session = await openSession(model.graph);
      const values = await session.run({ x: floatValue([3, 3, 8, 8], new Float32Array(3 * 192)) });
      await session.close();
      expect(values["y"]?.dims).toEqual([3, 5]);
    });
  }

  test("the same constant, where it reshapes weights, stays", () => {
    const graph = fixed(1, [1, 256]);
    const nodes = [
      ...graph.nodes,
      node("Reshape", ["table", "target"], ["rows"]),
      node("MatMul", ["y", "rows"], ["z"]),
    ];
    const freed = freeBatch({ ...graph, nodes });
    const [images, weights] = freed.nodes.filter(({ op }) => op === "Reshape");
    expect(freed.constants.get(images?.inputs[1])?.data[0]).toBe(-1n);
    expect(freed.constants.get(weights?.inputs[1])?.data[0]).toBe(1n);
  });
});

test("pools over three axes", () => {
  const pool = node("AveragePool", ["v"], ["p"], {
    kernel_shape: [3, 1, 1],
    pads: [1, 0, 0, 0, 0, 0],
    strides: [2, 1, 1],
  });
  const nodes = [node("Unsqueeze", ["x", "one"], ["v"]), pool];
  expect(inferShapes(graphOf(nodes, { one: intTensor([1]) })).get("p")).toEqual(["N", 1, 1, 8, 8]);
});
