/** Short ways to write graphs in tests. */
import { float, floatTensor, type Graph, type Node, node, type Tensor } from "../../src/onnx/graph.ts";

/** A float32 constant of ones. */
export function ones(...dims: number[]): Tensor {
  return floatTensor(dims, new Float32Array(dims.reduce((a, b) => a * b, 1)).fill(1));
}

/** A graph over one image input `x` [N, 3, 8, 8]; what is not given is as plain as can be. */
export function graphOf(
  nodes: readonly Node[],
  constants: Readonly<Record<string, Tensor>>,
  change: Partial<Graph> = {},
): Graph {
  const last = nodes.at(-1)?.outputs[0] ?? "y";
  return {
    name: "test",
    inputs: [{ name: "x", type: "float32", shape: ["N", 3, 8, 8] }],
    outputs: [{ name: last, type: "float32", shape: null }],
    nodes,
    constants: new Map(Object.entries(constants)),
    opsets: new Map([["", 13]]),
    metadata: new Map(),
    ...change,
  };
}

/** A 3×3 convolution that keeps the size. */
export function conv(input: string, output: string, weight: string, name?: string): Node {
  return node("Conv", [input, weight], [output], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }, name);
}

/** A batch norm with constants `g`, `b`, `m`, `v`. */
export function norm(input: string, output: string): Node {
  return node("BatchNormalization", [input, "g", "b", "m", "v"], [output], { epsilon: float(1e-5) });
}
