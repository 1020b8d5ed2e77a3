/**
 * Bytes ↔ `Graph`. The wire format is protobuf (`messages.ts`); this file maps messages to plain data
 * and refuses, with a reason, what is not an ONNX classifier that we could work on.
 */
import { UnitscopeError } from "../errors.ts";
import { withCommas } from "../numeric/with-commas.ts";
import { INT4, typeNumbers, UINT4 } from "./element-types.ts";
import { writtenOut } from "./functions.ts";
import {
  type Attribute,
  type Dim,
  type Graph,
  int64,
  intAttribute,
  intTensor,
  type Node,
  type Port,
  type Tensor,
} from "./graph.ts";
import {
  type AttributeProto,
  attributeMessage,
  create,
  fromBinary,
  attributeKinds as Kind,
  type ModelProto,
  modelMessage,
  type NodeProto,
  nodeMessage,
  portMessage,
  type TensorProto,
  toBinary,
  type ValueInfoProto,
} from "./messages.ts";
import { sortNodes } from "./sort.ts";
import {
  type ExternalData,
  elementTypeOf,
  isFourBits,
  type OutsideData,
  readTensor,
  writeTensor,
} from "./tensor-file.ts";

export type { ExternalData } from "./tensor-file.ts";

/** The IR version that we write: old enough for any runtime of the last years, new enough for opset 17. */
const IR_VERSION = 8n;

/**
 * Reads a model.
 *
 * @param bytes the file's content.
 * @param place what to call the file in messages.
 * @param options.external reads weights that lie beside the file.
 * @throws {UnitscopeError} `model` if it is not ONNX, truncated, or uses external data or custom element types.
 */
export function readModel(
  bytes: Uint8Array,
  place: string = "model",
  { external }: { external?: ExternalData | undefined } = {},
): Graph {
  const found = (): string => `${withCommas(bytes.length)} bytes`;
  let model: ModelProto;
  try {
    model = fromBinary(modelMessage, bytes);
  } catch (cause) {
    throw new UnitscopeError(
      "model",
      `${place}: expected an ONNX model, got ${found()} that are truncated or not ONNX; copy or export the file again`,
      {
        cause,
      },
    );
  }
  const proto = model.graph;
  if (!proto || proto.node.length === 0 || model.opsetImport.length === 0) {
    throw new UnitscopeError("model", `${place}: expected an ONNX model with a graph, got ${found()} without one`);
  }
  if (proto.sparseInitializer.length > 0) {
    throw new UnitscopeError("model", `${place}: expected dense weights, got sparse initializers`);
  }
  const { constants, nodes } = readNodes(proto.initializer, writtenOut(model, place), place, external);
  return {
    name: proto.name,
    inputs: proto.input.filter((port) => !constants.has(port.name)).map((port) => readPort(port, place)),
    outputs: proto.output.map((port) => readPort(port, place)),
    nodes: sortNodes(nodes),
    constants,
    opsets: new Map(
      model.opsetImport.map(({ domain, version }) => [domain === "ai.onnx" ? "" : domain, Number(version)]),
    ),
    metadata: new Map(model.metadataProps.map(({ key, value }) => [key, value])),
  };
}

/** A subgraph out of the encoded attribute of an operator. */
export function readBranch(
  attribute: Uint8Array,
  place: string,
): Pick<Graph, "nodes" | "constants"> & { readonly outputs: readonly string[] } {
  const { g } = fromBinary(attributeMessage, attribute);
  const read = readNodes(g?.initializer ?? [], g?.node ?? [], place);
  return { ...read, outputs: (g?.output ?? []).map(({ name }) => name) };
}

function readNodes(
  initializers: readonly TensorProto[],
  protos: readonly NodeProto[],
  place: string,
  external?: ExternalData,
): { constants: Map<string, Tensor>; nodes: Node[] } {
  const constants = new Map<string, Tensor>();
  for (const tensor of initializers) constants.set(tensor.name, readTensor(tensor, place, external));
  const fourBits = new Set(initializers.filter(isFourBits).map(({ name }) => name));
  const nodes: Node[] = [];
  for (const each of protos) {
    const read = readNode(each, place);
    refuseFourBitSteps(read, fourBits, place);
    const constant = read.op === "Constant" && read.domain === "" ? constantOf(read) : undefined;
    if (constant) constants.set(read.outputs[0], constant);
    else nodes.push(read);
  }
  return { constants, nodes };
}

/**
 * Stored weights of 4 bits are numbers like others; rounding to 4 bits is not rounding to 8.
 * @throws {UnitscopeError} `model`
 */
function refuseFourBitSteps(node: Node, fourBits: ReadonlySet<string>, place: string): void {
  if (node.op !== "QuantizeLinear" || node.domain !== "") return;
  if (!fourBits.has(node.inputs[2] ?? "") && ![INT4, UINT4].includes(intAttribute(node, "output_dtype", 0))) return;
  throw new UnitscopeError(
    "model",
    `${place}: node "${node.name}": expected QuantizeLinear to 8 or 16 bits, got 4; quantize activations to 8 bits`,
  );
}

/** Nodes by names that are all different, as the runtime wants them; nameless ones stay so. */
function withOwnNames(nodes: readonly Node[]): Node[] {
  const taken = new Set<string>();
  return nodes.map((each) => {
    let { name } = each;
    for (let n = 2; name !== "" && taken.has(name); n++) name = `${each.name}#${n}`;
    taken.add(name);
    return name === each.name ? each : { ...each, name };
  });
}

/**
 * Writes a model; the same graph always gives the same bytes.
 * @param options.outside tensors that the model names instead of holding them.
 */
export function writeModel(graph: Graph, { outside }: { outside?: OutsideData | undefined } = {}): Uint8Array {
  const model = create(modelMessage, {
    irVersion: IR_VERSION,
    producerName: "unitscope",
    graph: {
      name: graph.name || "graph",
      node: withOwnNames(graph.nodes).map(writeNode),
      initializer: [...graph.constants].map(([name, tensor]) => writeTensor(name, tensor, outside)),
      input: graph.inputs.map(writePort),
      output: graph.outputs.map(writePort),
    },
    opsetImport: [...graph.opsets].map(([domain, version]) => ({ domain, version: BigInt(version) })),
    metadataProps: [...graph.metadata].map(([key, value]) => ({ key, value })),
  });
  return toBinary(modelMessage, model);
}

function readNode(proto: NodeProto, place: string): Node {
  const attributes: Record<string, Attribute> = {};
  for (const attribute of proto.attribute) attributes[attribute.name] = readAttribute(attribute, place);
  return {
    name: proto.name,
    op: proto.opType,
    domain: proto.domain === "ai.onnx" ? "" : proto.domain,
    inputs: proto.input,
    outputs: proto.output,
    attributes,
  };
}

function writeNode(node: Node): NodeProto {
  return create(nodeMessage, {
    name: node.name,
    opType: node.op,
    domain: node.domain,
    input: [...node.inputs],
    output: [...node.outputs],
    attribute: Object.entries(node.attributes).map(([name, attribute]) => writeAttribute(name, attribute)),
  });
}

function readAttribute(proto: AttributeProto, place: string): Attribute {
  switch (proto.type) {
    case Kind.FLOAT:
      return { kind: "float", value: proto.f };
    case Kind.INT:
      return { kind: "int", value: Number(proto.i) };
    case Kind.STRING:
      return { kind: "string", value: new TextDecoder().decode(proto.s) };
    case Kind.FLOATS:
      return { kind: "floats", value: proto.floats };
    case Kind.INTS:
      return { kind: "ints", value: proto.ints.map(Number) };
    case Kind.STRINGS:
      return { kind: "strings", value: proto.strings.map((text) => new TextDecoder().decode(text)) };
    case Kind.TENSOR:
      if (proto.t) return { kind: "tensor", value: readTensor(proto.t, place) };
      break;
  }
  return { kind: "encoded", value: toBinary(attributeMessage, proto) };
}

function writeAttribute(name: string, attribute: Attribute): AttributeProto {
  switch (attribute.kind) {
    case "float":
      return create(attributeMessage, { name, type: Kind.FLOAT, f: attribute.value });
    case "int":
      return create(attributeMessage, { name, type: Kind.INT, i: int64(attribute.value) });
    case "string":
      return create(attributeMessage, { name, type: Kind.STRING, s: new TextEncoder().encode(attribute.value) });
    case "floats":
      return create(attributeMessage, { name, type: Kind.FLOATS, floats: [...attribute.value] });
    case "ints":
      return create(attributeMessage, { name, type: Kind.INTS, ints: attribute.value.map(int64) });
    case "strings":
      return create(attributeMessage, {
        name,
        type: Kind.STRINGS,
        strings: attribute.value.map((text) => new TextEncoder().encode(text)),
      });
    case "tensor":
      return create(attributeMessage, { name, type: Kind.TENSOR, t: writeTensor("", attribute.value) });
    case "encoded":
      return fromBinary(attributeMessage, attribute.value);
  }
}

function constantOf(node: Node): Tensor | undefined {
  const { value, value_float, value_int, value_floats, value_ints } = node.attributes;
  if (value?.kind === "tensor") return value.value;
  if (value_float?.kind === "float") return { type: "float32", dims: [], data: Float32Array.of(value_float.value) };
  if (value_int?.kind === "int") return { type: "int64", dims: [], data: BigInt64Array.of(int64(value_int.value)) };
  if (value_floats?.kind === "floats") {
    return { type: "float32", dims: [value_floats.value.length], data: Float32Array.from(value_floats.value) };
  }
  if (value_ints?.kind === "ints") {
    return intTensor(value_ints.value);
  }
  return undefined;
}

function readPort(proto: ValueInfoProto, place: string): Port {
  const tensor = proto.type?.value.case === "tensorType" ? proto.type.value.value : undefined;
  if (!tensor) {
    throw new UnitscopeError("model", `${place}: port "${proto.name}": expected a tensor, got another type`);
  }
  const shape = tensor.shape?.dim.map((dim): Dim => {
    if (dim.value.case === "dimValue") return Number(dim.value.value);
    return dim.value.case === "dimParam" && dim.value.value !== "" ? dim.value.value : null;
  });
  return { name: proto.name, type: elementTypeOf(tensor.elemType, proto.name, place), shape: shape ?? null };
}

function writePort(port: Port): ValueInfoProto {
  return create(portMessage, {
    name: port.name,
    type: {
      value: {
        case: "tensorType",
        value: {
          elemType: typeNumbers[port.type],
          ...(port.shape && {
            shape: {
              dim: port.shape.map((dim) => ({
                value:
                  typeof dim === "number"
                    ? { case: "dimValue" as const, value: BigInt(dim) }
                    : typeof dim === "string"
                      ? { case: "dimParam" as const, value: dim }
                      : { case: undefined },
              })),
            },
          }),
        },
      },
    },
  });
}
