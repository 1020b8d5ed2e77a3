/** Small random networks of every supported kind of operator, for comparing routes. Weights are fixed by the seed. */

import { seededRandom } from "../../src/numeric/random.ts";
import { float, floatTensor, type Graph, type Node, node, type Tensor } from "../../src/onnx/graph.ts";
import { writeModel } from "../../src/onnx/model-file.ts";
import { type Model, modelFromBytes } from "../../src/runtime/open-model.ts";

export interface NetworkRecipe {
  readonly seed: number;
  /** One code per block; see `blocks`. */
  readonly blocks: readonly BlockKind[];
  readonly head: "average" | "max" | "flatten" | "two products" | "convolution";
}

export const blockKinds = [
  "plain",
  "batch norm",
  "leaky",
  "sigmoid",
  "max pool",
  "overlapping pool",
  "average pool",
  "residual",
  "projected residual",
  "concatenation",
  "dense",
  "grouped",
  "depthwise",
  "silu",
  "strided",
  "dilated",
] as const;
export type BlockKind = (typeof blockKinds)[number];

export const CLASSES = 5;
export const SIDE = 8;

/** The recipe's network as a model file and opened. */
export async function randomNetwork(recipe: NetworkRecipe): Promise<{ bytes: Uint8Array; model: Model }> {
  const bytes = writeModel(buildGraph(recipe));
  return { bytes, model: await modelFromBytes(bytes, { path: `random-${recipe.seed}.onnx` }) };
}

/** Images `[count, 3, SIDE, SIDE]`, standard normal. */
export function randomImages(count: number, seed: number): Float32Array {
  const random = seededRandom(seed, 99);
  return Float32Array.from({ length: count * 3 * SIDE * SIDE }, () => random.normal());
}

function buildGraph({ seed, blocks, head }: NetworkRecipe): Graph {
  const random = seededRandom(seed);
  const nodes: Node[] = [];
  const constants = new Map<string, Tensor>();
  let count = 0;
  const name = (): string => `t${count++}`;
  const op = (kind: string, inputs: string[], attributes: Parameters<typeof node>[3] = {}): string => {
    const output = name();
    nodes.push(node(kind, inputs, [output], attributes));
    return output;
  };
  const weights = (dims: number[], scale: number): string => {
    const tensor = `w${count++}`;
    const size = dims.reduce((a, b) => a * b, 1);
    constants.set(
      tensor,
      floatTensor(
        dims,
        Float32Array.from({ length: size }, () => scale * random.normal()),
      ),
    );
    return tensor;
  };
  const conv = (x: string, from: number, to: number, options: ConvOptions = {}): string => {
    const { kernel = 3, stride = 1, group = 1, dilation = 1, bias = true } = options;
    const pad = (dilation * (kernel - 1)) / 2;
    const w = weights([to, from / group, kernel, kernel], 1.4 / Math.sqrt((from / group) * kernel * kernel));
    return op("Conv", bias ? [x, w, weights([to], 0.2)] : [x, w], {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [pad, pad, pad, pad],
      dilations: [dilation, dilation],
      group,
    });
  };
  const norm = (x: string, channels: number): string =>
    op(
      "BatchNormalization",
      [x, positive([channels]), weights([channels], 0.3), weights([channels], 0.3), positive([channels])],
      {
        epsilon: float(1e-5),
      },
    );
  const positive = (dims: number[]): string => {
    const tensor = `w${count++}`;
    constants.set(
      tensor,
      floatTensor(
        dims,
        Float32Array.from({ length: dims[0] }, () => 0.5 + random.uniform()),
      ),
    );
    return tensor;
  };
  const relu = (x: string): string => op("Relu", [x]);

  let channels = 4 + random.integer(3);
  let side = SIDE;
  let x = relu(conv("input", 3, channels));
  for (const block of blocks) {
    const width = 4 + random.integer(4);
    const stride = block === "strided" && side > 2 ? 2 : 1;
    switch (block) {
      case "plain":
      case "strided":
        x = relu(conv(x, channels, width, { stride }));
        channels = width;
        side = Math.ceil(side / stride);
        break;
      case "dilated":
        x = relu(conv(x, channels, width, { dilation: 2 }));
        channels = width;
        break;
      case "batch norm":
        x = relu(norm(conv(x, channels, width, { bias: false }), width));
        channels = width;
        break;
      case "leaky":
        x = op("LeakyRelu", [conv(x, channels, width)], { alpha: float(0.1) });
        channels = width;
        break;
      case "sigmoid":
        x = op("Sigmoid", [conv(x, channels, width)]);
        channels = width;
        break;
      case "silu": {
        const inner = conv(x, channels, width);
        x = op("Mul", [inner, op("Sigmoid", [inner])]);
        channels = width;
        break;
      }
      case "max pool":
      case "overlapping pool":
      case "average pool": {
        if (side < 4) break;
        const kernel = block === "overlapping pool" ? 3 : 2;
        const pad = kernel === 3 ? 1 : 0;
        x = op(block === "average pool" ? "AveragePool" : "MaxPool", [x], {
          kernel_shape: [kernel, kernel],
          strides: [2, 2],
          pads: [pad, pad, pad, pad],
        });
        side = Math.floor((side + 2 * pad - kernel) / 2) + 1;
        break;
      }
      case "residual": {
        const inner = norm(
          conv(relu(norm(conv(x, channels, width, { bias: false }), width)), width, channels),
          channels,
        );
        x = relu(op("Add", [inner, x]));
        break;
      }
      case "projected residual": {
        const inner = conv(relu(conv(x, channels, width)), width, width);
        x = relu(op("Add", [inner, conv(x, channels, width, { kernel: 1 })]));
        channels = width;
        break;
      }
      case "concatenation": {
        const left = relu(conv(x, channels, 3, { kernel: 1 }));
        const right = relu(conv(x, channels, width));
        x = op("Concat", [left, right], { axis: 1 });
        channels = 3 + width;
        break;
      }
      case "dense": {
        // DenseNet: the input goes on beside what is computed from it, through a batch norm that both share.
        x = op("Concat", [x, conv(relu(norm(x, channels)), channels, 3, { bias: false })], { axis: 1 });
        channels += 3;
        break;
      }
      case "grouped": {
        const group = channels % 2 === 0 ? 2 : 1;
        x = relu(conv(x, channels, group * 3, { group }));
        channels = group * 3;
        break;
      }
      case "depthwise":
        x = relu(
          conv(relu(norm(conv(x, channels, channels, { group: channels, bias: false }), channels)), channels, width, {
            kernel: 1,
          }),
        );
        channels = width;
        break;
    }
  }
  let logits: string;
  if (head === "convolution") {
    logits = op("Flatten", [op("GlobalAveragePool", [conv(x, channels, CLASSES, { kernel: 1 })])]);
  } else {
    const pooled = head === "average" ? op("GlobalAveragePool", [x]) : head === "max" ? op("GlobalMaxPool", [x]) : x;
    let features = channels * (pooled === x ? side * side : 1);
    let flat = op("Flatten", [pooled]);
    if (head === "two products") {
      flat = relu(
        op("Gemm", [flat, weights([7, features], 1.4 / Math.sqrt(features)), weights([7], 0.2)], { transB: 1 }),
      );
      features = 7;
    }
    const product = op("MatMul", [flat, weights([features, CLASSES], 1.5 / Math.sqrt(features))]);
    logits = op("Add", [product, weights([CLASSES], 0.2)]);
  }
  return {
    name: "random",
    inputs: [{ name: "input", type: "float32", shape: ["N", 3, SIDE, SIDE] }],
    outputs: [{ name: logits, type: "float32", shape: ["N", CLASSES] }],
    nodes,
    constants,
    opsets: new Map([["", seed % 2 === 0 ? 13 : 18]]),
    metadata: new Map(),
  };
}

interface ConvOptions {
  readonly kernel?: number;
  readonly stride?: number;
  readonly group?: number;
  readonly dilation?: number;
  readonly bias?: boolean;
}
