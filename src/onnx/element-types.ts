/** Element types of the tensors of a graph, and a graph computed in 32-bit floats throughout. */
import type { Attribute, ElementType, Graph, Node, Port, Tensor } from "./graph.ts";
import { intAttribute } from "./graph.ts";

/** ONNX's numbers of element types (TensorProto.DataType). */
export const typeNumbers: Readonly<Record<ElementType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
};
const typeNames = new Map(Object.entries(typeNumbers).map(([name, number]) => [number, name as ElementType]));
/** ONNX's number of bfloat16, which is read as float32. */
export const BFLOAT16 = 16;

/** ONNX's numbers of whole numbers of 4 bits, which are read as 8. */
export const UINT4 = 21;
export const INT4 = 22;

/** The type of an ONNX number; undefined for one that we do not hold. */
export function typeOfNumber(number: number): ElementType | undefined {
  return number === BFLOAT16 ? "float32" : typeNames.get(number);
}

/** Types by tensor name, by what the standard says of each operator; most keep the type of their first input. */
export function inferTypes(graph: Graph): Map<string, ElementType> {
  const types = new Map<string, ElementType>();
  for (const [name, tensor] of graph.constants) types.set(name, tensor.type);
  for (const port of graph.inputs) types.set(port.name, port.type);
  for (const node of graph.nodes) {
    const of = (i: number): ElementType | undefined => types.get(node.inputs[i] ?? "");
    node.outputs.forEach((name, i) => {
      if (name !== "") types.set(name, outputType(node, i, of) ?? "float32");
    });
  }
  return types;
}

const integers = new Set("Shape Size ArgMax ArgMin NonZero NonMaxSuppression SequenceLength".split(" "));
const truths = new Set("Equal Less LessOrEqual Greater GreaterOrEqual Not And Or Xor IsNaN IsInf".split(" "));

function outputType(node: Node, output: number, of: (i: number) => ElementType | undefined): ElementType | undefined {
  const { op } = node;
  if (integers.has(op) || (output === 1 && (op === "TopK" || op === "MaxPool")) || (output > 0 && op === "Unique")) {
    return "int64";
  }
  if (truths.has(op)) return "bool";
  switch (op) {
    case "Cast":
      return typeOfNumber(intAttribute(node, "to", 1));
    case "CastLike":
      return of(1);
    case "EyeLike":
      return typeOfNumber(intAttribute(node, "dtype", 0)) ?? of(0);
    case "HannWindow":
    case "HammingWindow":
    case "BlackmanWindow":
      return typeOfNumber(intAttribute(node, "output_datatype", 1));
    case "Where":
    case "OneHot":
      return of(op === "Where" ? 1 : 2);
    case "QuantizeLinear":
      return of(2) ?? typeOfNumber(intAttribute(node, "output_dtype", 0)) ?? "uint8";
    case "DequantizeLinear":
      return of(1);
    case "DynamicQuantizeLinear":
      return output === 1 ? "float32" : "uint8";
    case "MatMulInteger":
    case "ConvInteger":
      return "int32";
    case "QLinearConv":
    case "QLinearMatMul":
      return of(7);
    case "Dropout":
      return output === 1 ? "bool" : of(0);
    case "ConstantOfShape": {
      const value = node.attributes["value"];
      return value?.kind === "tensor" ? value.value.type : "float32";
    }
    default:
      return of(0);
  }
}

/** Whether a graph holds floats of another width than 32 bits. */
export function hasOtherFloats(graph: Graph): boolean {
  const ports = [...graph.inputs, ...graph.outputs];
  return (
    [...graph.constants.values(), ...ports].some(({ type }) => isOtherFloat(type)) || graph.nodes.some(castsToOther)
  );
}

/**
 * The graph with every float of 16 or 64 bits as one of 32. Taps, masks and replacements are then of one type; sums of
 * 16-bit networks are rounded less than they were.
 */
export function inSinglePrecision(graph: Graph): Graph {
  const port = (each: Port): Port => (isOtherFloat(each.type) ? { ...each, type: "float32" } : each);
  return {
    ...graph,
    inputs: graph.inputs.map(port),
    outputs: graph.outputs.map(port),
    constants: new Map([...graph.constants].map(([name, tensor]) => [name, single(tensor)])),
    nodes: graph.nodes.map((node) => {
      const changed = Object.entries(node.attributes).filter(
        ([name, attribute]) =>
          isOtherCast(name, attribute) || (attribute.kind === "tensor" && isOtherFloat(attribute.value.type)),
      );
      if (changed.length === 0) return node;
      const attributes: Record<string, Attribute> = { ...node.attributes };
      for (const [name, attribute] of changed) {
        attributes[name] =
          attribute.kind === "tensor" ? { kind: "tensor", value: single(attribute.value) } : { kind: "int", value: 1 };
      }
      return { ...node, attributes };
    }),
  };
}

function castsToOther(node: Node): boolean {
  return Object.entries(node.attributes).some(([name, attribute]) => isOtherCast(name, attribute));
}

/** Attributes that hold the type of an output. */
const typed = new Set(["to", "dtype", "output_datatype"]);

function isOtherCast(name: string, attribute: Attribute): boolean {
  return typed.has(name) && attribute.kind === "int" && [10, 11, BFLOAT16].includes(attribute.value);
}

function isOtherFloat(type: ElementType): boolean {
  return type === "float16" || type === "float64";
}

function single(tensor: Tensor): Tensor {
  if (!isOtherFloat(tensor.type)) return tensor;
  const { dims, data } = tensor;
  const buffer = new SharedArrayBuffer(4 * data.length);
  const floats = new Float32Array(buffer);
  if (tensor.type === "float64") floats.set(data as Float64Array);
  else for (let i = 0; i < data.length; i++) floats[i] = halfToSingle((data as Uint16Array)[i]);
  return { type: "float32", dims, data: floats };
}

/** IEEE 754 binary16, given as its bits. */
export function halfToSingle(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
