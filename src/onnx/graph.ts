/**
 * The graph that the rest of the package works on: plain data, small, and close to ONNX.
 *
 * A model is read into it (`readModel`), changed as data (split, extended, differentiated), and written back
 * (`writeModel`). Nothing here runs anything.
 */

/** Element types that networks and our own insertions use. */
export type ElementType =
  | "float32"
  | "float64"
  | "float16"
  | "int64"
  | "int32"
  | "int16"
  | "int8"
  | "uint64"
  | "uint32"
  | "uint16"
  | "uint8"
  | "bool";

/** Elements of a tensor; `float16` is kept as its bits, `bool` as 0 and 1. */
export type TensorData =
  | Float32Array
  | Float64Array
  | Uint16Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint8Array;

/** A constant of the graph, row-major. */
export interface Tensor {
  readonly type: ElementType;
  readonly dims: readonly number[];
  readonly data: TensorData;
}

/** What an operator's attribute may hold. Strings are text; integers must be safe integers. */
export type Attribute =
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "int"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "tensor"; readonly value: Tensor }
  | { readonly kind: "floats"; readonly value: readonly number[] }
  | { readonly kind: "ints"; readonly value: readonly number[] }
  | { readonly kind: "strings"; readonly value: readonly string[] }
  /** Anything else (subgraphs, sparse tensors), kept as its encoded bytes. */
  | { readonly kind: "encoded"; readonly value: Uint8Array };

/** One operator. An empty input name is an absent optional input. */
export interface Node {
  readonly name: string;
  readonly op: string;
  /** Empty for the standard operators. */
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** A dimension: its size, or its name where it is free (`"N"`), or `null` where nothing is known. */
export type Dim = number | string | null;

/** An input or output of the graph. */
export interface Port {
  readonly name: string;
  readonly type: ElementType;
  /** `null` when even the rank is unknown. */
  readonly shape: readonly Dim[] | null;
}

/** A whole model. `nodes` are in topological order. */
export interface Graph {
  readonly name: string;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly nodes: readonly Node[];
  /** Weights and other constants, by tensor name; `Constant` nodes are folded into it on reading. */
  readonly constants: ReadonlyMap<string, Tensor>;
  /** Operator set version by domain; `""` is the standard one. */
  readonly opsets: ReadonlyMap<string, number>;
  /** The model's metadata properties. */
  readonly metadata: ReadonlyMap<string, string>;
}

/** A node; attributes are given as plain values: integers and integer lists become `int`s, strings `string`s. */
export function node(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Record<string, Attribute | number | string | readonly number[]> = {},
  name: string = `${op}_${outputs[0] ?? ""}`,
): Node {
  const typed: Record<string, Attribute> = {};
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "number") typed[key] = { kind: "int", value };
    else if (typeof value === "string") typed[key] = { kind: "string", value };
    else if (Array.isArray(value)) typed[key] = { kind: "ints", value: value as number[] };
    else typed[key] = value as Attribute;
  }
  return { name, op, domain: "", inputs, outputs, attributes: typed };
}

/** A float attribute (plain numbers become integers in `node`). */
export function float(value: number): Attribute {
  return { kind: "float", value };
}

/** A float32 constant. */
export function floatTensor(dims: readonly number[], data: Float32Array | readonly number[]): Tensor {
  return { type: "float32", dims, data: data instanceof Float32Array ? data : Float32Array.from(data) };
}

/** An int64 constant; one-dimensional unless `dims` says otherwise. */
export function intTensor(values: readonly number[], dims: readonly number[] = [values.length]): Tensor {
  return { type: "int64", dims, data: BigInt64Array.from(values, int64) };
}

/** A whole number as an int64: "to the end" is the largest there is, which no double holds, and stays the largest. */
export function int64(value: number): bigint {
  return value >= 2 ** 63 ? 2n ** 63n - 1n : BigInt(value);
}

/** The elements of an integer or float constant as numbers. */
export function plainValues(tensor: Tensor): number[] {
  return Array.from(tensor.data as ArrayLike<number | bigint>, Number);
}

/** Number of elements of a shape. */
export function elementCount(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/** An integer attribute, or its default. */
export function intAttribute(of: Node, name: string, fallback: number): number {
  const attribute = of.attributes[name];
  return attribute?.kind === "int" ? attribute.value : fallback;
}

/** A float attribute, or its default. */
export function floatAttribute(of: Node, name: string, fallback: number): number {
  const attribute = of.attributes[name];
  return attribute?.kind === "float" ? attribute.value : fallback;
}

/** An integer-list attribute, or its default. */
export function intsAttribute(of: Node, name: string, fallback: readonly number[]): readonly number[] {
  const attribute = of.attributes[name];
  return attribute?.kind === "ints" ? attribute.value : fallback;
}

/** A string attribute, or its default. */
export function stringAttribute(of: Node, name: string, fallback: string): string {
  const attribute = of.attributes[name];
  return attribute?.kind === "string" ? attribute.value : fallback;
}
