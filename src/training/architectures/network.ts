/** What an architecture is made of, and the writer that architectures are written with. */

import { UnitscopeError } from "../../errors.ts";
import { seededRandom } from "../../numeric/random.ts";
import { float, floatTensor, type Graph, type Node, node, type Port } from "../../onnx/graph.ts";
import type { Shape } from "../graph-builder.ts";

/** A tensor of a network that training changes. */
export interface Parameter {
  readonly name: string;
  readonly shape: Shape;
  /** How it starts: normal with this standard deviation, or a constant. */
  readonly start: { readonly deviation: number } | { readonly value: number };
  /** `running`: a statistic that the forward pass updates, without a gradient. */
  readonly role: "weight" | "bias" | "norm" | "running";
}

/** A random mask that the training graph multiplies by: 0 with probability `probability`, else 1 / (1 − probability). */
export interface Mask {
  readonly name: string;
  /** Without the batch axis. */
  readonly shape: Shape;
  readonly probability: number;
}

/** A network at fixed image size: the same layers in the form to train and in the form to keep. */
export interface Network {
  readonly parameters: readonly Parameter[];
  readonly masks: readonly Mask[];
  /** Layer name → tensor of its response, in the inference graph. */
  readonly layers: Readonly<Record<string, string>>;
  /** Side of the input images in pixels. */
  readonly imageSize: number;
  readonly classCount: number;
  /**
   * Input `input` `[N, 3, S, S]`, then all parameters and masks; output `logits` `[N, K]` and, for every running
   * statistic, `new/<name>`. Batch normalisation uses the statistics of the batch.
   */
  readonly trainingGraph: Graph;
  /** Input `input`, then all parameters; output `logits`. No dropout; batch normalisation by running statistics. */
  readonly inferenceGraph: Graph;
}

/** Writes one network in both forms at once. Every method returns the tensor that it makes. */
export interface NetworkWriter {
  /**
   * A convolution. `scope` and `name` make the node's name as PyTorch's exporter does (`/layer1/layer1.0`, `conv1`);
   * weights are called by the scope's last part and the name (`layer1.0.conv1.weight`), a name with a dot is whole.
   */
  conv(
    scope: string,
    name: string,
    x: string,
    shape: { inputs: number; outputs: number; kernel: number; stride?: number; pad?: number; bias?: boolean },
  ): string;
  batchNorm(scope: string, name: string, x: string, channels: number): string;
  relu(scope: string, name: string, x: string): string;
  maxPool(name: string, x: string, window: { kernel: number; stride: number; pad: number }): string;
  globalAveragePool(name: string, x: string): string;
  flatten(name: string, x: string): string;
  add(scope: string, left: string, right: string): string;
  linear(name: string, x: string, shape: { inputs: number; outputs: number; last?: boolean }): string;
  /** Multiplies by a mask while training; `shape` is one image's. Nothing when `probability` is 0. */
  dropout(name: string, x: string, shape: Shape, probability: number): string;
  /** Names a tensor as the response of a layer. */
  layer(name: string, tensor: string): void;
}

/** Writes a network. `logits` is what `write` returns. */
export function writeNetwork(
  { name, imageSize, classCount }: { name: string; imageSize: number; classCount: number },
  write: (writer: NetworkWriter) => string,
): Network {
  const training: Node[] = [];
  const inference: Node[] = [];
  const parameters: Parameter[] = [];
  const masks: Mask[] = [];
  const layers: Record<string, string> = {};
  /** Tensors that only the training graph has, by what stands for them in the inference graph. */
  const behindDropout = new Map<string, string>();

  const both = (made: Node): string => {
    training.push({ ...made, inputs: made.inputs.map((input) => behindDropout.get(input) ?? input) });
    inference.push(made);
    return made.outputs[0];
  };
  const parameter = (added: Parameter): string => {
    parameters.push(added);
    return added.name;
  };
  const dotted = (scope: string, own: string): string => {
    const parts = scope.split("/");
    if (own.includes(".")) return [parts.at(-2), own].filter((part) => part !== "").join(".");
    const last = parts.at(-1) ?? "";
    return last === "" ? own : `${last}.${own}`;
  };
  const named = (
    scope: string,
    own: string,
    op: string,
    inputs: string[],
    attributes: Parameters<typeof node>[3] = {},
  ) => {
    const path = `${scope}/${own === "" ? op : `${own}/${op}`}`;
    return node(op, inputs, [`${path}_output_0`], attributes, path);
  };

  const writer: NetworkWriter = {
    conv(scope, own, x, { inputs, outputs, kernel, stride = 1, pad = 0, bias = true }) {
      const key = dotted(scope, own);
      const deviation = Math.sqrt(2 / (inputs * kernel * kernel)); // He et al. 2015
      const shape = [outputs, inputs, kernel, kernel];
      const w = parameter({ name: `${key}.weight`, shape, start: { deviation }, role: "weight" });
      const operands = [x, w];
      if (bias) {
        operands.push(parameter({ name: `${key}.bias`, shape: [outputs], start: { value: 0 }, role: "bias" }));
      }
      const attributes = {
        dilations: [1, 1],
        group: 1,
        kernel_shape: [kernel, kernel],
        pads: [pad, pad, pad, pad],
        strides: [stride, stride],
      };
      return both(named(scope, own, "Conv", operands, attributes));
    },
    batchNorm(scope, own, x, channels) {
      const key = dotted(scope, own);
      const vector = (suffix: string, value: number, role: Parameter["role"]): string =>
        parameter({ name: `${key}.${suffix}`, shape: [channels], start: { value }, role });
      const operands = [
        x,
        vector("weight", 1, "norm"),
        vector("bias", 0, "norm"),
        vector("running_mean", 0, "running"),
        vector("running_var", 1, "running"),
      ];
      const shared = { epsilon: float(1e-5), momentum: float(0.9) };
      const made = named(scope, own, "BatchNormalization", operands, shared);
      inference.push(made);
      const [y = ""] = made.outputs;
      training.push({
        ...named(scope, own, "BatchNormalization", operands, { ...shared, training_mode: 1 }),
        inputs: operands.map((input) => behindDropout.get(input) ?? input),
        outputs: [y, `new/${key}.running_mean`, `new/${key}.running_var`],
      });
      return y;
    },
    relu: (scope, own, x) => both(named(scope, own, "Relu", [x])),
    maxPool: (own, x, { kernel, stride, pad }) =>
      both(
        named("", own, "MaxPool", [x], {
          kernel_shape: [kernel, kernel],
          pads: [pad, pad, pad, pad],
          strides: [stride, stride],
        }),
      ),
    globalAveragePool: (own, x) => both(named("", own, "GlobalAveragePool", [x])),
    flatten: (own, x) => both(named("", own, "Flatten", [x], { axis: 1 })),
    add: (scope, left, right) => both(named(scope, "", "Add", [left, right])),
    linear(own, x, { inputs, outputs, last = false }) {
      // Small logits, so that the first loss is about ln K.
      const deviation = last ? 0.01 * Math.min(1, 256 / inputs) : Math.sqrt(2 / inputs);
      const w = parameter({ name: `${own}.weight`, shape: [outputs, inputs], start: { deviation }, role: "weight" });
      const b = parameter({ name: `${own}.bias`, shape: [outputs], start: { value: 0 }, role: "bias" });
      const made = named("", own, "Gemm", [x, w, b], { alpha: float(1), beta: float(1), transB: 1 });
      return both(last ? { ...made, outputs: ["logits"] } : made);
    },
    dropout(own, x, shape, probability) {
      if (probability === 0) return x;
      const mask: Mask = { name: `mask/${own}`, shape, probability };
      masks.push(mask);
      const y = `/${own}/Mul_output_0`;
      training.push(node("Mul", [behindDropout.get(x) ?? x, mask.name], [y], {}, `/${own}/Mul`));
      behindDropout.set(x, y);
      return x;
    },
    layer(own, tensor) {
      layers[own] = tensor;
    },
  };
  write(writer);

  const images: Port = { name: "input", type: "float32", shape: ["N", 3, imageSize, imageSize] };
  const logits: Port = { name: "logits", type: "float32", shape: ["N", classCount] };
  const ports = parameters.map((each): Port => ({ name: each.name, type: "float32", shape: each.shape }));
  const running = parameters.filter(({ role }) => role === "running");
  const graph = (nodes: Node[]): Graph => ({
    name,
    inputs: [images, ...ports],
    outputs: [logits],
    nodes,
    constants: new Map(),
    opsets: new Map([["", 17]]),
    metadata: new Map(),
  });
  const train = graph(training);
  return {
    parameters,
    masks,
    layers,
    imageSize,
    classCount,
    inferenceGraph: graph(inference),
    trainingGraph: {
      ...train,
      inputs: [
        ...train.inputs,
        ...masks.map((mask): Port => ({ name: mask.name, type: "float32", shape: ["N", ...mask.shape] })),
      ],
      outputs: [
        logits,
        ...running.map((each): Port => ({ name: `new/${each.name}`, type: "float32", shape: each.shape })),
      ],
    },
  };
}

/** First values of all parameters; fixed by the seed, each parameter from a stream of its own. */
export function startParameters(network: Network, seed: number): Map<string, Float32Array> {
  return new Map(
    network.parameters.map(({ name, shape, start }, i) => {
      const values = new Float32Array(shape.reduce((product, dim) => product * dim, 1));
      if ("value" in start) return [name, values.fill(start.value)];
      const random = seededRandom(seed, 1000 + i);
      return [name, values.map(() => random.normal() * start.deviation)];
    }),
  );
}

/**
 * The parameters that gradients change: those of the named layers, or all where none are named. A name stands for every
 * parameter below it: `layer4` for `layer4.0.conv1.weight`.
 * @throws {UnitscopeError} `layer` if a name stands for none.
 */
export function trainedParameters({ parameters }: Network, layers?: readonly string[]): readonly Parameter[] {
  const learning = parameters.filter(({ role }) => role !== "running");
  if (!layers) return learning;
  const isOf = ({ name }: Parameter, layer: string): boolean => name.startsWith(`${layer}.`);
  const unknown = layers.find((layer) => !learning.some((parameter) => isOf(parameter, layer)));
  if (unknown !== undefined || layers.length === 0) {
    const known = [...new Set(learning.map(({ name }) => name.replace(/\.[^.]+$/, "")))];
    throw new UnitscopeError(
      "layer",
      `train only: expected layers with weights (${known.join(", ")}), got ${unknown === undefined ? "none" : `"${unknown}"`}`,
    );
  }
  return learning.filter((parameter) => layers.some((layer) => isOf(parameter, layer)));
}

/** A network's inference graph with its parameters in it: what is written to disk. */
export function withParameters(network: Network, values: ReadonlyMap<string, Float32Array>): Graph {
  const graph = network.inferenceGraph;
  const constants = new Map(
    network.parameters.map(({ name, shape }) => [name, floatTensor(shape, values.get(name) ?? [])]),
  );
  return { ...graph, inputs: graph.inputs.filter(({ name }) => !constants.has(name)), constants };
}
