/**
 * Finds the layers of a graph: tensors whose channels are units, each with its tap.
 *
 * A layer comes from a convolution or a matrix product (tap: after the batch norm and the activation that directly
 * follow), from a residual addition (a block's output), or from a concatenation of channels.
 */
import { listAllowed, UnitscopeError } from "../errors.ts";
import type { Graph, Node } from "./graph.ts";
import { intAttribute } from "./graph.ts";
import { layerNames } from "./layer-names.ts";
import { inferShapes, type Shape } from "./shapes.ts";

/** What a layer is made by. */
export type LayerKind = "convolution" | "linear" | "addition" | "concatenation";

/** One layer: a tensor whose channels can be removed. */
export interface Layer {
  readonly name: string;
  readonly kind: LayerKind;
  /** The tensor that holds the response: `[N, units, height, width]`, or `[N, units]` for a linear layer. */
  readonly tap: string;
  /** The output of the convolution, product, addition or concatenation itself, before batch norm and activation. */
  readonly output: string;
  readonly units: number;
  /** 1 for a linear layer. */
  readonly height: number;
  readonly width: number;
  /** `separate`: a batch norm node follows; `folded`: the exporter merged it into the weights; `none`: neither. */
  readonly batchNorm: "none" | "separate" | "folded";
  /** The activation's operator, as `Relu`; `null` if none follows directly. */
  readonly activation: string | null;
  /** The incoming weights' and bias' tensors, where the layer has its own. */
  readonly weight: string | null;
  readonly bias: string | null;
  /** Whether the tap is the network's output: removing a logit is removing a class. */
  readonly isOutput: boolean;
}

const activations = new Set(
  "Relu LeakyRelu PRelu Elu Selu Celu Sigmoid HardSigmoid HardSwish Tanh Softplus Softsign Mish Gelu Clip ThresholdedRelu".split(
    " ",
  ),
);

/** Every layer, in the order of the graph. Names are unique. */
export function findLayers(graph: Graph, shapes: ReadonlyMap<string, Shape> = inferShapes(graph)): Layer[] {
  const readers = readersOf(graph);
  const outputs = new Set(graph.outputs.map((port) => port.name));
  const found: { node: Node; layer: Omit<Layer, "name"> }[] = [];
  for (const node of graph.nodes) {
    const kind = kindOf(node, graph, shapes);
    if (!kind) continue;
    const output = node.outputs[0];
    const chain = followTap(kind === "linear" ? afterBias(output, readers, graph) : output, kind, readers, outputs);
    const shape = shapes.get(chain.tap);
    if (!shape || (shape.length !== 4 && shape.length !== 2)) continue;
    const [, units, height = 1, width = 1] = shape;
    if (typeof units !== "number" || typeof height !== "number" || typeof width !== "number") continue;
    const { weight, bias } = ownWeights(node, kind, graph, readers);
    const folded = kind === "convolution" && !chain.batchNorm && bias !== null && /^onnx::Conv_\d+$/.test(weight ?? "");
    found.push({
      node,
      layer: {
        kind,
        tap: chain.tap,
        output,
        units,
        height,
        width,
        batchNorm: chain.batchNorm ? "separate" : folded ? "folded" : "none",
        activation: chain.activation,
        weight,
        bias,
        isOutput: outputs.has(chain.tap),
      },
    });
  }
  const kept = found.filter(({ layer }, i) => found.findIndex((other) => other.layer.tap === layer.tap) === i);
  const names = layerNames(kept.map(({ node, layer }) => ({ node, weight: layer.weight, tap: layer.tap })));
  return kept.map(({ layer }, i) => ({ name: names[i], ...layer }));
}

/**
 * The layers that the user named, each by its name or by its tap's or output's tensor.
 * @throws {UnitscopeError} `layer` for a name that none has.
 */
export function pickLayers(layers: readonly Layer[], names: readonly string[]): Layer[] {
  return names.map((name) => {
    const layer =
      layers.find((each) => each.name === name) ??
      layers.find((each) => each.tap === name) ??
      layers.find((each) => each.output === name);
    if (layer) return layer;
    throw new UnitscopeError(
      "layer",
      `layer "${name}": expected one of ${listAllowed(layers.map((each) => each.name))}, got a name that no layer has; list layers with: unitscope layers MODEL`,
      { details: { layer: name } },
    );
  });
}

/** The nodes that read each tensor. */
export function readersOf(graph: Pick<Graph, "nodes">): Map<string, Node[]> {
  const readers = new Map<string, Node[]>();
  for (const node of graph.nodes) {
    for (const input of new Set(node.inputs)) {
      if (input === "") continue;
      const list = readers.get(input);
      if (list) list.push(node);
      else readers.set(input, [node]);
    }
  }
  return readers;
}

function kindOf(node: Node, graph: Graph, shapes: ReadonlyMap<string, Shape>): LayerKind | undefined {
  if (node.domain !== "") return undefined;
  const shape = shapes.get(node.outputs[0] ?? "");
  const dynamic = node.inputs.filter((input) => input !== "" && !graph.constants.has(input));
  switch (node.op) {
    case "Conv":
      return "convolution";
    case "Gemm":
    case "MatMul":
      return shape?.length === 2 && dynamic.length === 1 && node.inputs[0] === dynamic[0] ? "linear" : undefined;
    case "Add":
    case "Sum":
      // A residual addition joins two feature maps of one shape; a bias is a constant.
      return shape?.length === 4 && dynamic.length >= 2 && dynamic.every((name) => sameDims(shapes.get(name), shape))
        ? "addition"
        : undefined;
    case "Concat":
      return shape?.length === 4 && dynamic.length >= 2 && [1, -3].includes(intAttribute(node, "axis", 1))
        ? "concatenation"
        : undefined;
    default:
      return undefined;
  }
}

function sameDims(a: Shape | undefined, b: Shape): boolean {
  return a !== undefined && a.length === b.length && a.every((dim, i) => dim === b[i]);
}

/** A matrix product's bias is a separate addition in many exports. */
function afterBias(output: string, readers: ReadonlyMap<string, Node[]>, graph: Graph): string {
  const [reader, ...others] = readers.get(output) ?? [];
  if (!reader || others.length > 0 || reader.op !== "Add") return output;
  return reader.inputs.some((input) => graph.constants.has(input)) ? reader.outputs[0] : output;
}

/**
 * From an operator's output to the tap. A batch norm belongs to a convolution or product only: behind an addition or a
 * concatenation it is the next layer's (pre-activation ResNet, DenseNet), and so is the activation behind a concatenation.
 */
function followTap(
  start: string,
  kind: LayerKind,
  readers: ReadonlyMap<string, Node[]>,
  outputs: ReadonlySet<string>,
): { tap: string; batchNorm: boolean; activation: string | null } {
  let tap = start;
  let batchNorm = false;
  const only = (): Node | undefined => {
    const list = readers.get(tap) ?? [];
    return list.length === 1 && !outputs.has(tap) ? list[0] : undefined;
  };
  if (kind === "concatenation") return { tap, batchNorm, activation: null };
  const norm = kind === "addition" ? undefined : only();
  if (norm?.op === "BatchNormalization" && norm.inputs[0] === tap) {
    tap = norm.outputs[0];
    batchNorm = true;
  }
  const next = only();
  if (next && activations.has(next.op) && next.inputs[0] === tap) {
    return { tap: next.outputs[0], batchNorm, activation: next.op };
  }
  const gated = outputs.has(tap) ? undefined : selfGate(tap, readers.get(tap) ?? []);
  if (gated) return { tap: gated.product.outputs[0], batchNorm, activation: gated.activation };
  return { tap, batchNorm, activation: null };
}

/** `x · sigmoid(x)` or `x · hardsigmoid(x)`, written as two nodes. */
function selfGate(tensor: string, readers: readonly Node[]): { product: Node; activation: string } | undefined {
  const gate = readers.find((node) => node.op === "Sigmoid" || node.op === "HardSigmoid");
  const product = readers.find((node) => node.op === "Mul");
  if (readers.length !== 2 || !gate || !product) return undefined;
  if (!product.inputs.includes(gate.outputs[0]) || !product.inputs.includes(tensor)) return undefined;
  return { product, activation: gate.op === "Sigmoid" ? "Silu" : "HardSwish" };
}

function ownWeights(
  node: Node,
  kind: LayerKind,
  graph: Graph,
  readers: ReadonlyMap<string, Node[]>,
): { weight: string | null; bias: string | null } {
  if (kind === "addition" || kind === "concatenation") return { weight: null, bias: null };
  const constant = (name: string | undefined): string | null => (name && graph.constants.has(name) ? name : null);
  const weight = constant(node.inputs[1]);
  if (node.op !== "MatMul") return { weight, bias: constant(node.inputs[2]) };
  const [reader] = readers.get(node.outputs[0]) ?? [];
  return {
    weight,
    bias: reader?.op === "Add" ? constant(reader.inputs.find((name) => graph.constants.has(name))) : null,
  };
}
