/**
 * Finds the layers of a graph: tensors whose channels are units, each with its tap and the axis of its units.
 *
 * A layer comes from a convolution or a matrix product (tap: after the norm and the activation that directly follow),
 * from a residual addition (a block's output), from a concatenation of channels, or from the heads of an attention.
 */
import { traceAxes } from "./axes.ts";
import { producersOf, readersOf } from "./edit.ts";
import { inferTypes } from "./element-types.ts";
import type { Dim, Graph, Node } from "./graph.ts";
import { findHeads } from "./heads.ts";
import { kindOf, type LayerKind } from "./layer-kind.ts";
import { layerNames } from "./layer-names.ts";
import { type LayerSize, sizeOf } from "./layer-size.ts";
import { roleOf } from "./operators.ts";
import { responseName } from "./response-views.ts";
import type { RowFact } from "./rows.ts";
import { inferShapes, type Shape } from "./shapes.ts";
import { biasAfter, type Tap, type TapContext, tapOfAddition, tapOfProduct } from "./taps.ts";

/** One layer: a tensor whose channels can be removed. */
export interface Layer extends LayerSize {
  readonly name: string;
  readonly kind: LayerKind;
  /** The tensor that holds the response. */
  readonly tap: string;
  /** The output of the convolution, product, addition or concatenation itself, before norm and activation. */
  readonly output: string;
  /** The tensor in which the response is read as `[N, units, height, width]`; see `responseOf`. */
  readonly response: string | null;
  /** Consecutive entries of the axis of the units that are one unit: 1, or the length of an attention head. */
  readonly unitSize: number;
  /** `separate`: a batch norm node follows; `folded`: the exporter merged it into the weights; `none`: neither. */
  readonly batchNorm: "none" | "separate" | "folded";
  /** The norm's operator, where one follows directly. */
  readonly norm: string | null;
  /** The activation's operator, as `Relu`; `null` if none follows directly. */
  readonly activation: string | null;
  /** The incoming weights' and bias' tensors, where the layer has its own. */
  readonly weight: string | null;
  readonly bias: string | null;
  /** Whether the units are the network's outputs: removing a logit is removing a class. */
  readonly isOutput: boolean;
}

/** What looks like a layer and is none. */
export interface LeftOut {
  readonly tensor: string;
  readonly reason: string;
  /** Whether it cannot be a layer by its tensor's name either, since images stand along the axis of its units. */
  readonly isMixed?: boolean;
}

/** What layers are found from. */
export interface LayerContext {
  readonly shapes?: ReadonlyMap<string, Shape>;
  /** The image input; by default the graph's first, channels first. */
  readonly input?: { readonly name: string; readonly layout: "nchw" | "nhwc" };
  readonly logits?: string;
  /** Where the images stand; by default first. */
  readonly rows?: ReadonlyMap<string, RowFact>;
  /** Images that one run takes. */
  readonly batch?: number | null;
}

/** Every layer, in the order of the graph. Names are unique. */
export function findLayers(graph: Graph, context: LayerContext = {}): Layer[] {
  return surveyLayers(graph, context).layers;
}

/** The same, with what was left out. */
export function surveyLayers(
  graph: Graph,
  { shapes = inferShapes(graph), input, logits = graph.outputs[0]?.name, rows, batch = null }: LayerContext = {},
): { layers: Layer[]; leftOut: LeftOut[] } {
  const image = input ?? { name: graph.inputs[0]?.name ?? "", layout: "nchw" as const };
  const axes = traceAxes(graph, { input: image, shapes });
  const readers = readersOf(graph);
  const context: TapContext = { graph, readers, outputs: new Set(graph.outputs.map((port) => port.name)), axes };
  const types = inferTypes(graph);
  const producers = producersOf(graph);
  const heads = findHeads(graph, { producers, shapes });
  const standing = (tensor: string): { fact: RowFact; first: Dim | undefined; batch: number | null } => ({
    fact: rows ? rows.get(tensor) : firstRows,
    first: shapes.get(tensor)?.[0],
    batch,
  });
  const found: { node: Node; kind: LayerKind; layer: Omit<Layer, "name"> }[] = [];
  const leftOut: LeftOut[] = [];
  const add = (
    node: Node,
    kind: LayerKind,
    tap: Tap,
    { unitSize = 1, output = node.outputs[0] ?? "", named = node }: Partial<Layer> & { named?: Node } = {},
  ): void => {
    const sized = sizeOf(tap.tap, { shapes, axes, types, unitSize, isLast: kind === "attention" });
    if (typeof sized === "string") {
      leftOut.push({ tensor: tap.tap, reason: sized });
      return;
    }
    const weights = ownWeights(node, kind, context);
    const folded =
      kind === "convolution" &&
      tap.norm === null &&
      weights.bias !== null &&
      /^onnx::Conv_\d+$/.test(weights.weight ?? "");
    const own = folded ? "folded" : "none";
    const batchNorm: Layer["batchNorm"] = tap.norm === "BatchNormalization" ? "separate" : own;
    const isOutput = logits !== undefined && isLogit(tap.tap, logits, context);
    const response = responseName({ ...tap, ...sized, unitSize }, standing(tap.tap));
    const layer = { kind, output, ...tap, ...sized, unitSize, response, ...weights, batchNorm, isOutput };
    found.push({ node: named, kind, layer });
  };
  for (const node of graph.nodes) {
    const head = heads.find((each) => each.node === node);
    if (head) {
      const { tensor, unitSize, mix } = head;
      const tap = { tap: tensor, norm: null, activation: null };
      add(node, "attention", tap, { unitSize, output: tensor, named: mix });
    }
    const kind = kindOf(node, { graph, shapes, axes, producers });
    if (kind === undefined) continue;
    if (typeof kind === "object") leftOut.push({ tensor: node.outputs[0] ?? "", reason: kind.reason });
    else add(node, kind, tapOf(node, kind, context));
  }
  const kept = found.filter(({ layer }, i) => found.findIndex((other) => isSameTap(other.layer, layer)) === i);
  const names = layerNames(kept.map(({ node, kind, layer }) => ({ node, kind, weight: layer.weight, tap: layer.tap })));
  return { layers: kept.map(({ layer }, i) => ({ name: names[i] ?? layer.tap, ...layer })), leftOut };
}

/** A tensor that the user named, as a layer; a text says why it cannot be one. */
export function tensorLayer(
  graph: Graph,
  tensor: string,
  { shapes = inferShapes(graph), input, logits, rows, batch = null }: LayerContext,
): Layer | string {
  const image = input ?? { name: graph.inputs[0]?.name ?? "", layout: "nchw" as const };
  const axes = traceAxes(graph, { input: image, shapes });
  const sized = sizeOf(tensor, { shapes, axes, types: inferTypes(graph), unitSize: 1, isLast: false });
  if (typeof sized === "string") return sized;
  const plain = { norm: null, activation: null, weight: null, bias: null, batchNorm: "none" as const, unitSize: 1 };
  const fact = rows ? rows.get(tensor) : firstRows;
  const view = responseName({ tap: tensor, ...sized, unitSize: 1 }, { fact, first: shapes.get(tensor)?.[0], batch });
  const response = view === tensor ? tensor : null;
  const own = { name: tensor, kind: "tensor" as const, tap: tensor, output: tensor, response };
  return { ...own, ...sized, ...plain, isOutput: tensor === logits };
}

const firstRows: RowFact = { axis: 0, outer: 1, inner: 1 };

function tapOf(node: Node, kind: LayerKind, context: TapContext): Tap {
  const output = node.outputs[0] ?? "";
  if (kind === "concatenation") return { tap: output, norm: null, activation: null };
  return kind === "addition" ? tapOfAddition(output, context) : tapOfProduct(output, context);
}

function isSameTap(a: Omit<Layer, "name">, b: Omit<Layer, "name">): boolean {
  return a.tap === b.tap && a.unitSize === b.unitSize;
}

/** Whether a tensor is the logits, or becomes them by nothing but shapes and scalars. */
function isLogit(tensor: string, logits: string, { readers, graph }: TapContext): boolean {
  let at = tensor;
  while (at !== logits) {
    const [reader, ...others] = readers.get(at) ?? [];
    if (!reader || others.length > 0) return false;
    const scales =
      roleOf(reader) === "arithmetic" && reader.inputs.some((name) => graph.constants.get(name)?.data.length === 1);
    if (!scales && roleOf(reader) !== "reshape" && reader.op !== "Identity" && reader.op !== "Dropout") return false;
    at = reader.outputs[0] ?? "";
  }
  return true;
}

function ownWeights(node: Node, kind: LayerKind, context: TapContext): { weight: string | null; bias: string | null } {
  if (kind !== "convolution" && kind !== "linear") return { weight: null, bias: null };
  const { graph } = context;
  const constant = (name: string | undefined): string | null => (name && graph.constants.has(name) ? name : null);
  const own = node.op === "MatMul" ? null : constant(node.inputs[2]);
  return { weight: constant(node.inputs[1]), bias: own ?? biasAfter(node.outputs[0] ?? "", context) ?? null };
}
