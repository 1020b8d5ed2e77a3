/**
 * From a layer's own operator to its tap: behind the bias, the norm and the activation that directly follow, so that
 * nothing of a removed unit is left. The patterns are those that exporters write; an activation is any region of
 * elementwise operators and scalars that starts and ends in one tensor.
 */
import { type Axes, channelAxis } from "./axes.ts";
import { elementCount, type Graph, intsAttribute, type Node } from "./graph.ts";
import { operatorOf, roleOf } from "./operators.ts";

/** What a tap is followed through. */
export interface TapContext {
  readonly graph: Graph;
  readonly readers: ReadonlyMap<string, Node[]>;
  readonly outputs: ReadonlySet<string>;
  readonly axes: ReadonlyMap<string, Axes>;
}

/** Where a layer's response is read. */
export interface Tap {
  readonly tap: string;
  /** The norm's operator, as `GroupNormalization`; `Mul + Add` for one that is written so; `null` where none follows. */
  readonly norm: string | null;
  /** The activation, as `Relu`; `null` if none follows directly. */
  readonly activation: string | null;
}

/**
 * Follows the tap of a convolution or product. `bias`, norm, and a pool before the activation belong to it; so do they
 * not behind an addition or a concatenation, where a norm is the next layer's (pre-activation ResNet, DenseNet).
 */
export function tapOfProduct(start: string, context: TapContext): Tap {
  // Channels that stand last have their bias and activation behind the transposition back.
  const turned = onlyReader(start, context);
  if (turned?.op === "Transpose") {
    const output = turned.outputs[0] ?? "";
    const tap = tapOfProduct(output, context);
    if (tap.tap !== output) return tap;
  }
  const biased = afterBias(start, context) ?? start;
  const normed = afterNorm(biased, context);
  const tensor = normed?.tensor ?? biased;
  const norm = normed?.norm ?? null;
  const direct = activationRegion(tensor, context);
  if (direct) return { tap: direct.tensor, norm, activation: direct.activation };
  const pooled = onlyReader(tensor, context);
  if (pooled && roleOf(pooled) === "pool") {
    const output = pooled.outputs[0] ?? "";
    const later = norm === null ? afterNorm(output, context) : undefined;
    const behind = activationRegion(later?.tensor ?? output, context);
    if (behind) return { tap: behind.tensor, norm: norm ?? later?.norm ?? null, activation: behind.activation };
  }
  return { tap: tensor, norm, activation: null };
}

/** Follows the tap of an addition: its activation only. */
export function tapOfAddition(start: string, context: TapContext): Tap {
  const region = activationRegion(start, context);
  return { tap: region?.tensor ?? start, norm: null, activation: region?.activation ?? null };
}

/** The constant that is added to a product's channels; it is a bias of its own. */
export function biasAfter(tensor: string, context: TapContext): string | undefined {
  const reader = onlyReader(tensor, context);
  return reader?.op === "Add" ? perChannel(reader, tensor, context) : undefined;
}

function afterBias(tensor: string, context: TapContext): string | undefined {
  return biasAfter(tensor, context) === undefined ? undefined : onlyReader(tensor, context)?.outputs[0];
}

/** The node that alone reads a tensor which is no output. */
function onlyReader(tensor: string, { readers, outputs }: TapContext): Node | undefined {
  const list = readers.get(tensor) ?? [];
  return list.length === 1 && !outputs.has(tensor) ? list[0] : undefined;
}

/** The constant operand that has one value per channel (or one in all). */
function perChannel(node: Node, tensor: string, { graph, axes }: TapContext): string | undefined {
  const name = node.inputs.find((input) => graph.constants.has(input));
  const dims = graph.constants.get(name ?? "")?.dims;
  const labels = axes.get(tensor);
  const axis = channelAxis(labels);
  if (name === undefined || !dims || !labels || axis === undefined || node.inputs.length !== 2) return undefined;
  const fromEnd = labels.length - axis;
  return dims.every((dim, i) => dim === 1 || dims.length - i === fromEnd) ? name : undefined;
}

function afterNorm(tensor: string, context: TapContext): { tensor: string; norm: string } | undefined {
  const next = onlyReader(tensor, context) ?? undefined;
  const whole = next ? undefined : writtenLayerNorm(tensor, context);
  if (whole !== undefined) return { tensor: whole, norm: "LayerNormalization" };
  if (!next) return undefined;
  const output = next.outputs[0] ?? "";
  switch (next.op) {
    case "BatchNormalization":
      return next.inputs[0] === tensor ? { tensor: output, norm: next.op } : undefined;
    case "InstanceNormalization":
    case "GroupNormalization":
    case "LayerNormalization":
    case "LRN":
      if (next.op === "LRN" || next.inputs[0] !== tensor) return undefined;
      return { tensor: afterScale(output, context) ?? output, norm: next.op };
    case "Transpose": {
      // Norms over channels that stand first are computed on channels that stand last.
      const turned = afterNorm(output, context);
      return turned?.norm === "LayerNormalization" ? turned : undefined;
    }
    case "Reshape": {
      const inner = onlyReader(output, context);
      const back = inner?.op === "InstanceNormalization" ? onlyReader(inner.outputs[0] ?? "", context) : undefined;
      const restored = back?.op === "Reshape" ? back.outputs[0] : undefined;
      if (restored === undefined) return undefined;
      return { tensor: afterScale(restored, context) ?? restored, norm: "GroupNormalization" };
    }
    case "Mul": {
      const scaled = afterScale(tensor, context);
      return scaled === undefined ? undefined : { tensor: scaled, norm: "Mul + Add" };
    }
    default:
      return undefined;
  }
}

/** Behind a factor and a term per channel. */
function afterScale(tensor: string, context: TapContext): string | undefined {
  const mul = onlyReader(tensor, context);
  if (mul?.op !== "Mul" || perChannel(mul, tensor, context) === undefined) return undefined;
  const scaled = mul.outputs[0] ?? "";
  const add = onlyReader(scaled, context);
  return add?.op === "Add" && perChannel(add, scaled, context) !== undefined ? add.outputs[0] : undefined;
}

/** `(x − mean) / √(variance + ε) · γ + β`, as exporters write it for operator sets below 17. */
function writtenLayerNorm(tensor: string, context: TapContext): string | undefined {
  const readers = context.readers.get(tensor) ?? [];
  const mean = readers.find((node) => node.op === "ReduceMean");
  const centred = readers.find((node) => node.op === "Sub" && node.inputs[0] === tensor);
  if (readers.length !== 2 || !mean || !centred || centred.inputs[1] !== mean.outputs[0]) return undefined;
  const divided = (context.readers.get(centred.outputs[0] ?? "") ?? []).find((node) => node.op === "Div");
  if (!divided || divided.inputs[0] !== centred.outputs[0]) return undefined;
  const normal = divided.outputs[0] ?? "";
  return afterScale(normal, context) ?? normal;
}

/** Operators that leave a straight line straight. */
const straight = new Set("Identity Dropout Neg Cast QuantizeLinear DequantizeLinear".split(" "));
/** More operators than any activation is written with. */
const LARGEST_REGION = 24;

/** The elementwise region that starts at a tensor and through which everything that reads it goes. */
function activationRegion(start: string, context: TapContext): { tensor: string; activation: string } | undefined {
  const { graph, readers, outputs } = context;
  const inside = new Set([start]);
  const nodes: Node[] = [];
  const isScalar = (name: string): boolean => {
    const constant = graph.constants.get(name);
    return name === "" || (constant !== undefined && elementCount(constant.dims) === 1);
  };
  const fits = (node: Node): boolean =>
    !nodes.includes(node) &&
    node.outputs.length === 1 &&
    (node.op === "PRelu"
      ? graph.constants.has(node.inputs[1] ?? "") && inside.has(node.inputs[0] ?? "")
      : (roleOf(node) === "activation" || roleOf(node) === "elementwise" || roleOf(node) === "arithmetic") &&
        node.inputs.every((name) => inside.has(name) || isScalar(name)));
  const isOpen = (tensor: string): boolean =>
    outputs.has(tensor) || (readers.get(tensor) ?? []).some((node) => !nodes.includes(node));
  while (nodes.length < LARGEST_REGION) {
    const next = [...inside].flatMap((tensor) => readers.get(tensor) ?? []).find(fits);
    const output = next?.outputs[0];
    if (!next || output === undefined) return undefined;
    nodes.push(next);
    inside.add(output);
    const rest = [...inside].filter((tensor) => tensor !== output && isOpen(tensor));
    if (rest.length > 0 || !nodes.some((node) => bends(node, inside))) continue;
    const end = nodes.length > 1 ? afterScalars(output, context, isScalar, nodes) : output;
    return { tensor: end, activation: activationName(nodes) };
  }
  return undefined;
}

function bends(node: Node, inside: ReadonlySet<string>): boolean {
  if (roleOf(node) === "arithmetic")
    return node.op === "Pow" || node.inputs.filter((name) => inside.has(name)).length > 1;
  return !straight.has(node.op);
}

/** A factor or a sign that ends a written activation (`0.5 · x · (1 + erf(x / √2))`). */
function afterScalars(start: string, context: TapContext, isScalar: (name: string) => boolean, nodes: Node[]): string {
  let tensor = start;
  for (;;) {
    const next = onlyReader(tensor, context);
    const isScaling =
      next && ["Mul", "Div"].includes(next.op) && next.inputs.some((name) => name !== tensor && isScalar(name));
    if (!next || !(isScaling || next.op === "Neg")) return tensor;
    nodes.push(next);
    tensor = next.outputs[0] ?? "";
  }
}

/** What people call a region. */
function activationName(nodes: readonly Node[]): string {
  const [first] = nodes;
  if (first && nodes.length === 1) return first.op;
  const ops = new Set(nodes.map((node) => node.op));
  const has = (...names: string[]): boolean => names.every((name) => ops.has(name));
  if (has("Erf", "Mul")) return "Gelu";
  if (has("Softplus", "Tanh", "Mul")) return "Mish";
  if (has("Tanh", "Mul") && nodes.length > 3) return "Gelu";
  if (has("HardSigmoid", "Mul") || (has("Add", "Mul") && (has("Clip") || has("Relu")))) return "HardSwish";
  if (has("Sigmoid", "Mul")) return nodes.length === 2 ? "Silu" : "QuickGelu";
  if (has("Abs", "Div")) return "Softsign";
  if (has("Softplus", "Neg")) return "LogSigmoid";
  const bent = nodes.filter((node) => roleOf(node) === "activation" || operatorOf(node)?.role === "elementwise");
  return [...new Set(bent.map((node) => node.op).filter((op) => !straight.has(op)))].join(" + ") || "written out";
}

/** Whether an addition joins what was computed of one tensor, element by element: part of an activation, no residual. */
export function isOfOneTensor(
  addition: Node,
  { graph, producers }: { graph: Graph; producers: ReadonlyMap<string, Node> },
): boolean {
  const isScalar = (name: string): boolean => {
    const constant = graph.constants.get(name);
    return name === "" || (constant !== undefined && elementCount(constant.dims) === 1);
  };
  const within = new Set<Node>([addition]);
  const sources = new Set<string>();
  for (const node of within) {
    for (const input of node.inputs) {
      if (isScalar(input)) continue;
      const producer = producers.get(input);
      const role = producer && roleOf(producer);
      const isInside = role === "elementwise" || role === "activation" || role === "arithmetic";
      // What others read too is where the region starts.
      if (producer && isInside && within.size < LARGEST_REGION && !isShared(input, within, graph)) within.add(producer);
      else sources.add(input);
    }
  }
  return sources.size === 1;
}

/** Whether anything outside reads a tensor, too. */
function isShared(tensor: string, within: ReadonlySet<Node>, graph: Graph): boolean {
  return graph.nodes.some((node) => node.inputs.includes(tensor) && !within.has(node));
}

/** Whether a transposition leaves the last axis last. */
export function keepsLast(node: Node, rank: number): boolean {
  const reversed = Array.from({ length: rank }, (_, i) => rank - 1 - i);
  return intsAttribute(node, "perm", reversed).at(-1) === rank - 1;
}
