import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { receptiveField } from "../../src/concepts/receptive-field.ts";
import { floatTensor, type Graph, intTensor, type Node, node, type Tensor } from "../../src/onnx/graph.ts";
import { operatorOf } from "../../src/onnx/operators.ts";

/** A graph over a one-channel image of 24×24. */
function graphOf(
  nodes: Node[],
  constants: Record<string, Tensor> = {},
  shape: (number | string)[] = ["N", 1, 24, 24],
): Graph {
  return {
    name: "test",
    inputs: [{ name: "x", type: "float32", shape }],
    outputs: [],
    nodes,
    constants: new Map(
      Object.entries({ w1: kernel(1), w2: kernel(2), w3: kernel(3), w5: kernel(5), w11: kernel(11), ...constants }),
    ),
    opsets: new Map([["", 17]]),
    metadata: new Map(),
  };
}

function kernel(size: number): Tensor {
  return floatTensor([1, 1, size, size], new Float32Array(size * size));
}

const conv = (from: string, weight: string, to: string, attributes: Record<string, number[] | string> = {}): Node =>
  node("Conv", [from, weight], [to], attributes);

describe("receptiveField", () => {
  it("is AlexNet's: 163 pixels, 16 apart, for its fifth convolution", () => {
    // conv 11/4, pool 3/2, conv 5 pad 2, pool 3/2, three convs 3 pad 1: 1 + 10 + 2·4 + 4·8 + 2·8 + 3·2·16 = 163
    const pool = { kernel_shape: [3, 3], strides: [2, 2] };
    const same3 = { pads: [1, 1, 1, 1] };
    const graph = graphOf(
      [
        conv("x", "w11", "c1", { strides: [4, 4], pads: [2, 2, 2, 2] }),
        node("MaxPool", ["c1"], ["p1"], pool),
        conv("p1", "w5", "c2", { pads: [2, 2, 2, 2] }),
        node("MaxPool", ["c2"], ["p2"], pool),
        conv("p2", "w3", "c3", same3),
        conv("c3", "w3", "c4", same3),
        conv("c4", "w3", "c5", same3),
      ],
      {},
      ["N", 1, 224, 224],
    );
    const { rows, columns } = receptiveField(graph, "c5", [224, 224]);
    expect(rows).toEqual({ offset: 5 - 2 + 4 + 8, stride: 16, size: 163, imageSize: 224 });
    expect(columns).toEqual(rows);
  });

  it("agrees with what pixels a response really depends on", () => {
    // Backwards by hand: position i of b reads 2i-1..2i+1 of a (stride 2, pad 1), position j of a reads j..j+1 of x
    // dilated by 3: pixels j and j + 3.
    const graph = graphOf([
      conv("x", "w2", "a", { dilations: [3, 3] }),
      conv("a", "w3", "b", { strides: [2, 2], pads: [1, 1, 1, 1] }),
    ]);
    const { rows } = receptiveField(graph, "b", [24, 24]);
    const [first, last] = [-1, 1 + 3];
    expect(rows).toMatchObject({ offset: (first + last) / 2, size: last - first + 1, stride: 2 });
  });

  it("joins branches: the smallest field that holds them all", () => {
    const graph = graphOf(
      [
        conv("x", "w1", "a"),
        conv("x", "w5", "b", { pads: [2, 2, 2, 2] }),
        node("Concat", ["a", "b"], ["joined"], { axis: 1 }),
        node("Slice", ["joined", "starts", "ends", "axes", "steps"], ["half"]),
        conv("joined", "w3", "c", { strides: [2, 2], pads: [1, 1, 1, 1] }),
        node("Add", ["c", "half"], ["sum"]),
      ],
      { starts: intTensor([0, 0]), ends: intTensor([99, 99]), axes: intTensor([2, 3]), steps: intTensor([2, 2]) },
    );
    expect(receptiveField(graph, "joined", [24, 24]).rows).toMatchObject({ offset: 0, stride: 1, size: 5 });
    expect(receptiveField(graph, "sum", [24, 24]).columns).toMatchObject({ offset: 0, stride: 2, size: 7 });
  });

  it("follows padding, SAME, transposes and channel shuffles", () => {
    const graph = graphOf(
      [
        node("Transpose", ["x"], ["nchw"], { perm: [0, 3, 1, 2] }),
        node("Pad", ["nchw", "pads"], ["padded"]),
        conv("padded", "w3", "a", { auto_pad: "SAME_UPPER", strides: [2, 2] }),
        node("Reshape", ["a", "groups"], ["split"]),
        node("Transpose", ["split"], ["swapped"], { perm: [0, 2, 1, 3, 4] }),
        node("Reshape", ["swapped", "back"], ["shuffled"]),
      ],
      {
        pads: intTensor([0, 0, 1, 0, 0, 0, 1, 0]),
        groups: intTensor([0, 1, 1, 13, 12]),
        back: intTensor([0, 1, 13, 12]),
      },
      ["N", 24, 24, 1],
    );
    const { rows, columns } = receptiveField(graph, "shuffled", [24, 24], { spatialAxes: [1, 2] });
    // 26 rows to 13 need one row of padding, 24 columns to 12 too; SAME_UPPER puts it at the end
    expect(rows).toEqual({ offset: 0, stride: 2, size: 3, imageSize: 24 });
    expect(columns).toEqual({ offset: 1, stride: 2, size: 3, imageSize: 24 });
  });

  it("puts a gate's and a dense layer's response in the middle, and a gated map where it was", () => {
    const graph = graphOf([
      conv("x", "w3", "a"),
      node("GlobalAveragePool", ["a"], ["pooled"]),
      conv("pooled", "w1", "gate"),
      node("Mul", ["a", "gate"], ["gated"]),
      node("Flatten", ["pooled"], ["flat"], { axis: 1 }),
    ]);
    expect(receptiveField(graph, "gated", [24, 24]).rows).toMatchObject({ offset: 1, stride: 1, size: 3 });
    for (const tensor of ["gate", "flat"]) {
      expect(receptiveField(graph, tensor, [24, 24]).rows).toEqual({
        offset: 11.5,
        stride: 24,
        size: 24,
        imageSize: 24,
      });
    }
  });

  it("names the operator that it does not know, and branches that disagree", () => {
    const graph = graphOf([
      node("ConvTranspose", ["x", "w3"], ["a"], {}, "up"),
      conv("a", "w1", "b"),
      conv("x", "w3", "c", { strides: [2, 2] }),
      conv("x", "w1", "d"),
    ]);
    expect(() => receptiveField(graph, "b", [24, 24])).toThrow('got ConvTranspose "up"; use half-pixel upsampling');
    const torn = { ...graph, nodes: [...graph.nodes, node("Concat", ["c", "d"], ["e"], { axis: 1 }, "join")] };
    expect(() => receptiveField(torn, "e", [24, 24])).toThrow(
      'node "join": expected branches of one stride, got 2 and 1',
    );
    expect(receptiveField(torn, "c", [24, 24]).rows.stride).toBe(2); // what lies elsewhere does not matter
    expect(() => receptiveField(graph, "w3", [24, 24])).toThrow("expected one that depends on the input");
  });

  it("keeps places where an operator of the table works at each of them alone", () => {
    const ofOne =
      "Relu LeakyRelu PRelu Elu Selu Celu Sigmoid HardSigmoid HardSwish Tanh Softplus Softsign Mish Gelu Clip Exp Log " +
      "Sqrt Neg Abs Erf Identity Dropout BatchNormalization LRN Cast ThresholdedRelu Reciprocal Floor Ceil Round Sign " +
      "QuantizeLinear DequantizeLinear Shrink Sin Cos Atan Not IsNaN";
    const ofTwo =
      "Add Sub Mul Div Pow Max Min Sum Mean Where Concat Mod Equal Less LessOrEqual Greater GreaterOrEqual And Or Xor";
    for (const op of ofOne.split(" ")) {
      const graph = graphOf([conv("x", "w3", "a", { strides: [2, 2] }), node(op, ["a"], ["b"])]);
      expect(receptiveField(graph, "b", [24, 24]).rows, op).toEqual({ offset: 1, stride: 2, size: 3, imageSize: 24 });
    }
    for (const op of ofTwo.split(" ")) {
      const branches = [conv("x", "w3", "a"), conv("x", "w5", "b", { pads: [2, 2, 2, 2] })];
      const graph = graphOf([...branches, node(op, ["a", "b"], ["c"], op === "Concat" ? { axis: 1 } : {})]);
      // pixels 0..2 and -2..2
      expect(receptiveField(graph, "c", [24, 24]).rows, op).toEqual({ offset: 0, stride: 1, size: 5, imageSize: 24 });
    }
    const gelu = { ...node("Gelu", ["a"], ["b"]), domain: "com.microsoft" };
    expect(receptiveField(graphOf([conv("x", "w3", "a"), gelu]), "b", [24, 24]).rows.size).toBe(3);
  });

  it("slides the window of every pool", () => {
    for (const op of ["MaxPool", "AveragePool", "LpPool"]) {
      const graph = graphOf([node(op, ["x"], ["a"], { kernel_shape: [3, 5], strides: [2, 1] })]);
      const { rows, columns } = receptiveField(graph, "a", [24, 24]);
      expect(rows, op).toEqual({ offset: 1, stride: 2, size: 3, imageSize: 24 });
      expect(columns, op).toEqual({ offset: 2, stride: 1, size: 5, imageSize: 24 });
    }
  });

  it("puts what has no places in the middle, and refuses maps that mix them", () => {
    const middle = { offset: 11.5, stride: 24, size: 24, imageSize: 24 };
    const constants = {
      axes: intTensor([2, 3]),
      matrix: floatTensor([576, 3], new Float32Array(1728)),
      target: intTensor([0, -1]),
      ones: intTensor([1]),
    };
    const gone = { axes: [2, 3], keepdims: 0 };
    const kept = { axes: [2, 3], keepdims: 1 };
    const ways: Record<string, Node[]> = {
      GlobalAveragePool: [node("GlobalAveragePool", ["x"], ["y"])],
      GlobalMaxPool: [node("GlobalMaxPool", ["x"], ["y"])],
      GlobalLpPool: [node("GlobalLpPool", ["x"], ["y"])],
      ReduceMean: [node("ReduceMean", ["x"], ["y"], gone)],
      ReduceSum: [node("ReduceSum", ["x", "axes"], ["y"], { keepdims: 1 })],
      ReduceMax: [node("ReduceMax", ["x"], ["y"], kept)],
      ReduceL2: [node("ReduceL2", ["x"], ["y"], gone)],
      Flatten: [node("Flatten", ["x"], ["y"])],
      Reshape: [node("Reshape", ["x", "target"], ["y"])],
      Gemm: [node("Flatten", ["x"], ["flat"]), node("Gemm", ["flat", "matrix"], ["y"])],
      MatMul: [node("Flatten", ["x"], ["flat"]), node("MatMul", ["flat", "matrix"], ["y"])],
      Softmax: [node("Flatten", ["x"], ["flat"]), node("Softmax", ["flat"], ["y"])],
      LogSoftmax: [node("Flatten", ["x"], ["flat"]), node("LogSoftmax", ["flat"], ["y"])],
      Squeeze: [node("GlobalAveragePool", ["x"], ["pooled"]), node("Squeeze", ["pooled", "axes"], ["y"])],
    };
    for (const [op, nodes] of Object.entries(ways)) {
      expect(receptiveField(graphOf(nodes, constants), "y", [24, 24]).rows, op).toEqual(middle);
    }
    const mixing =
      "Softmax LogSoftmax InstanceNormalization GroupNormalization Resize Einsum DepthToSpace CumSum Unheard";
    for (const op of mixing.split(" ")) {
      expect(() => receptiveField(graphOf([node(op, ["x"], ["y"])]), "y", [24, 24]), op).toThrow(`got ${op} "`);
    }
  });

  it("asks the table of operators, and names none itself", () => {
    const source = readFileSync(new URL("../../src/concepts/receptive-field.ts", import.meta.url), "utf8");
    const code = source.replaceAll(/\/\*[^]*?\*\//g, "").replaceAll(/\/\/.*/g, "");
    const words = [...code.matchAll(/"[^"]*"|`[^`]*`/g)].flatMap(([text]) => text.match(/\w+/g) ?? []);
    expect(words).toContain("kernel_shape");
    expect(words.filter((op) => operatorOf({ op, domain: "" }))).toEqual([]);
  });
});
