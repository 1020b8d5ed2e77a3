/**
 * What is known of operators: one table, one entry an operator. Whoever must know how an operator treats channels,
 * images, shapes or rounding reads it here. An operator that is missing is not refused: shapes then come from the
 * runtime, and a layer before it is measured through the whole network.
 */
import { floatAttribute, intAttribute, type Node } from "./graph.ts";
import type { RowRule } from "./row-facts.ts";
import * as rows from "./row-rules.ts";
import type { ShapeRule } from "./shape-rules.ts";
import * as shapes from "./shape-rules.ts";

/** How an operator treats the axes of its first input. */
export type Role =
  /** Each element alone; `activation` where it ends a layer. */
  | "activation"
  | "elementwise"
  /** Each element with parameters of its channel, axis 1. */
  | "channel"
  /** Elements of several inputs, broadcast. */
  | "arithmetic"
  /** Windows, or all positions, of each channel of axis 1 alone. */
  | "pool"
  | "global pool"
  | "resize"
  | "instance norm"
  /** Linear in its first input, with weights. */
  | "convolution"
  | "product"
  /** Reduces axes. */
  | "reduction"
  /** Moves elements. */
  | "reshape"
  | "transpose"
  | "concat"
  | "slice"
  | "gather"
  | "pad"
  /** Anything else. */
  | "other";

/** One entry. */
export interface Operator {
  readonly role: Role;
  readonly shape?: ShapeRule;
  readonly rows?: RowRule;
  /** Lipschitz constant, elementwise or as a whole; absent where there is none or it depends on more than attributes. */
  readonly gain?: number | ((node: Node) => number);
  /**
   * Where the role does not tell what becomes of places in the image: `kept`, each from the same place of its inputs;
   * `spread`, each goes to several.
   */
  readonly places?: "kept" | "spread";
  /** Of its outputs, `rows` holds for the first alone. */
  readonly isFirstAlone?: true;
  /** A tiny change of its input may change its output by much: rounding then differs between routes. */
  readonly jumps?: true;
}

const activation = (gain?: Operator["gain"]): Operator => ({
  role: "activation",
  shape: shapes.same,
  rows: rows.kept,
  ...(gain !== undefined && { gain }),
});
const elementwise = (more: Partial<Operator> = {}): Operator => ({
  role: "elementwise",
  shape: shapes.same,
  rows: rows.kept,
  ...more,
});
const arithmetic = (more: Partial<Operator> = {}): Operator => ({
  role: "arithmetic",
  shape: shapes.broadcasting,
  rows: rows.broadcasting,
  ...more,
});
/** Of truth values, or a choice by them. */
const logic = (more: Partial<Operator> = {}): Operator => ({ ...arithmetic(more), role: "other", places: "kept" });
const pool: Operator = { role: "pool", shape: shapes.pool, rows: rows.perEntry };
const globalPool: Operator = { role: "global pool", shape: shapes.globalPool, rows: rows.perEntry };
const reduction: Operator = { role: "reduction", shape: shapes.reduction, rows: rows.reduction };
const norm: Operator = { role: "other", shape: shapes.same, rows: rows.layerNorm };
const convolution: Operator = { role: "convolution", shape: shapes.convolution, rows: rows.perEntry };
const product: Operator = { role: "product", shape: shapes.matMul, rows: rows.matMul };
const alpha =
  (fallback: number) =>
  (node: Node): number =>
    Math.max(1, Math.abs(floatAttribute(node, "alpha", fallback)));

const standard: Readonly<Record<string, Operator>> = {
  Relu: activation(1),
  LeakyRelu: activation(alpha(0.01)),
  Elu: activation(alpha(1)),
  Selu: activation(),
  Celu: activation(),
  Sigmoid: activation(0.25),
  HardSigmoid: activation((node) => Math.abs(floatAttribute(node, "alpha", 0.2))),
  HardSwish: activation(1.5),
  Tanh: activation(1),
  Softplus: activation(1),
  Softsign: activation(1),
  Mish: activation(),
  Gelu: activation(1.13),
  Clip: activation(1),
  ThresholdedRelu: { ...activation(), jumps: true },
  Shrink: { ...activation(), jumps: true },
  PRelu: { role: "channel", shape: shapes.same, rows: rows.kept },
  BatchNormalization: { role: "channel", shape: shapes.same, rows: rows.batchNorm },

  Exp: elementwise(),
  Log: elementwise(),
  Sqrt: elementwise(),
  Neg: elementwise({ gain: 1 }),
  Abs: elementwise({ gain: 1 }),
  Erf: elementwise({ gain: 1.13 }),
  Identity: elementwise({ gain: 1 }),
  Dropout: elementwise({ gain: 1 }),
  Reciprocal: elementwise(),
  Sin: elementwise({ gain: 1 }),
  Cos: elementwise({ gain: 1 }),
  Atan: elementwise({ gain: 1 }),
  Cast: elementwise(),
  Not: elementwise(),
  IsNaN: elementwise(),
  Floor: elementwise({ jumps: true }),
  Ceil: elementwise({ jumps: true }),
  Round: elementwise({ jumps: true }),
  Sign: elementwise({ jumps: true }),
  QuantizeLinear: elementwise({ jumps: true }),
  DequantizeLinear: elementwise(),
  DynamicQuantizeLinear: { role: "other", jumps: true },

  Add: arithmetic(),
  Sub: arithmetic(),
  Mul: arithmetic(),
  Div: arithmetic(),
  Pow: arithmetic(),
  Max: arithmetic(),
  Min: arithmetic(),
  Sum: arithmetic(),
  Mean: arithmetic(),
  Mod: arithmetic({ jumps: true }),
  Where: logic(),
  And: logic(),
  Or: logic(),
  Xor: logic(),
  Equal: logic({ jumps: true }),
  Less: logic({ jumps: true }),
  LessOrEqual: logic({ jumps: true }),
  Greater: logic({ jumps: true }),
  GreaterOrEqual: logic({ jumps: true }),

  MaxPool: { ...pool, isFirstAlone: true }, // indices count from the first image of the batch on
  AveragePool: pool,
  LpPool: pool,
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
  GlobalLpPool: globalPool,
  Resize: { role: "resize", rows: rows.perEntry },
  Upsample: { role: "resize", rows: rows.perEntry },
  InstanceNormalization: { role: "instance norm", shape: shapes.same, rows: rows.perEntry },
  GroupNormalization: { role: "other", shape: shapes.same, rows: rows.perEntry },
  LRN: { role: "other", shape: shapes.same, rows: rows.perEntry, places: "kept" },
  LayerNormalization: norm,
  RMSNormalization: norm,
  MeanVarianceNormalization: { role: "other", shape: shapes.same },
  LpNormalization: { role: "other", shape: shapes.same, rows: rows.alongAxis },
  Softmax: { role: "other", shape: shapes.same, rows: rows.softmax },
  LogSoftmax: { role: "other", shape: shapes.same, rows: rows.softmax },
  Hardmax: { role: "other", shape: shapes.same, rows: rows.softmax, jumps: true },
  CumSum: { role: "other", shape: shapes.same },

  Conv: convolution,
  ConvTranspose: { ...convolution, shape: shapes.transposedConvolution, places: "spread" },
  Gemm: { role: "product", shape: shapes.gemm, rows: rows.gemm },
  MatMul: product,
  MatMulInteger: { ...product, role: "other" },
  ConvInteger: { ...convolution, role: "other" },
  QLinearConv: { role: "other", rows: rows.perEntry, jumps: true },
  Einsum: { role: "other", rows: rows.einsum },

  ReduceMean: reduction,
  ReduceSum: reduction,
  ReduceMax: reduction,
  ReduceMin: reduction,
  ReduceProd: reduction,
  ReduceL1: reduction,
  ReduceL2: reduction,
  ReduceSumSquare: reduction,
  ReduceLogSum: reduction,
  ReduceLogSumExp: reduction,
  ArgMax: { role: "other", shape: shapes.argument, rows: rows.argument, jumps: true },
  ArgMin: { role: "other", shape: shapes.argument, rows: rows.argument, jumps: true },
  TopK: { role: "other", rows: rows.alongAxis, jumps: true },

  Flatten: { role: "reshape", shape: shapes.flatten, rows: rows.reshape, gain: 1 },
  Reshape: { role: "reshape", shape: shapes.reshape, rows: rows.reshape, gain: 1 },
  Squeeze: { role: "reshape", shape: shapes.squeeze, rows: rows.squeeze, gain: 1 },
  Unsqueeze: { role: "reshape", shape: shapes.unsqueeze, rows: rows.unsqueeze, gain: 1 },
  Transpose: { role: "transpose", shape: shapes.transpose, rows: rows.transpose, gain: 1 },
  Concat: { role: "concat", shape: shapes.concat, rows: rows.concat },
  Split: { role: "other", shape: shapes.split, rows: rows.split },
  Slice: { role: "slice", shape: shapes.slice, rows: rows.slice },
  Gather: { role: "gather", shape: shapes.gather, rows: rows.gather },
  Pad: { role: "pad", shape: shapes.pad, rows: rows.pad },
  Expand: { role: "other", shape: shapes.expand, rows: rows.repeated },
  Tile: { role: "other", rows: rows.repeated },
  DepthToSpace: { role: "other", shape: shapes.depthToSpace, rows: rows.perEntry, gain: 1 },
  SpaceToDepth: { role: "other", shape: shapes.spaceToDepth, rows: rows.perEntry, gain: 1 },
  Shape: { role: "other", shape: shapes.shapeOf },
};

/** Operators that ONNX Runtime's own optimiser writes. */
const microsoft: Readonly<Record<string, Operator>> = {
  FusedConv: { ...convolution, role: "other" },
  FusedGemm: { role: "other", shape: shapes.gemm, rows: rows.gemm },
  Gelu: activation(1.13),
  QuickGelu: activation(),
  FastGelu: { role: "other", shape: shapes.same, rows: rows.kept, places: "kept" },
  BiasGelu: { role: "other", shape: shapes.same, rows: rows.kept, places: "kept" },
  LayerNormalization: norm,
  SimplifiedLayerNormalization: norm,
};

/** What is known of a node's operator; undefined where it is not in the table. */
export function operatorOf({ op, domain }: Pick<Node, "op" | "domain">): Operator | undefined {
  const table = domain === "" ? standard : domain === "com.microsoft" ? microsoft : undefined;
  return table && Object.hasOwn(table, op) ? table[op] : undefined;
}

/** A node's role. */
export function roleOf(node: Pick<Node, "op" | "domain">): Role {
  return operatorOf(node)?.role ?? "other";
}

/** Whether a node computes each element of its output from one element of its first input, all in the same way. */
export function isElementwise(node: Pick<Node, "op" | "domain">): boolean {
  const role = roleOf(node);
  return role === "activation" || role === "elementwise";
}

/** The Lipschitz constant of a node, where the table has one. */
export function gainOf(node: Node): number | undefined {
  const gain = operatorOf(node)?.gain;
  return typeof gain === "function" ? gain(node) : gain;
}

/** Whether an operator may turn a rounding difference into a large one. */
export function mayJump(node: Node): boolean {
  if (node.op === "Cast") return ![1, 10, 11, 16].includes(intAttribute(node, "to", 1)); // any but floats
  return operatorOf(node)?.jumps === true;
}
