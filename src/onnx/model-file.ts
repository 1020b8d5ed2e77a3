/**
 * Bytes ↔ `Graph`. The wire format is protobuf (`proto/onnx_pb.ts`, generated); this file maps messages to plain data
 * and refuses, with a reason, what is not an ONNX classifier that we could work on.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { listAllowed, messageOf, UnitscopeError } from "../errors.ts";
import { BFLOAT16, typeNumbers, typeOfNumber } from "./element-types.ts";
import type { Attribute, Dim, ElementType, Graph, Node, Port, Tensor, TensorData } from "./graph.ts";
import { elementCount } from "./graph.ts";
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as Kind,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "./proto/onnx_pb.ts";
import { sortNodes } from "./sort.ts";

/** Tensors of more bytes than this are kept in shared memory. */
const LARGE_TENSOR = 1 << 14;

/** The IR version that we write: old enough for any runtime of the last years, new enough for opset 17. */
const IR_VERSION = 8n;

/** Reads weights that lie beside the model file: `length` bytes (all when absent) of a file, from an offset on. */
export type ExternalData = (location: string, offset: number, length: number | undefined) => Uint8Array;

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
  const found = `${bytes.length.toLocaleString("en")} bytes`;
  let model: ReturnType<typeof create<typeof ModelProtoSchema>>;
  try {
    model = fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    throw new UnitscopeError(
      "model",
      `${place}: expected an ONNX model, got ${found} that are truncated or not ONNX; copy or export the file again`,
      {
        cause,
      },
    );
  }
  const proto = model.graph;
  if (!proto || proto.node.length === 0 || model.opsetImport.length === 0) {
    throw new UnitscopeError("model", `${place}: expected an ONNX model with a graph, got ${found} without one`);
  }
  if (proto.sparseInitializer.length > 0) {
    throw new UnitscopeError("model", `${place}: expected dense weights, got sparse initializers`);
  }
  const constants = new Map<string, Tensor>();
  for (const tensor of proto.initializer) constants.set(tensor.name, readTensor(tensor, place, external));
  const nodes: Node[] = [];
  for (const each of proto.node) {
    const read = readNode(each, place);
    const constant = read.op === "Constant" && read.domain === "" ? constantOf(read) : undefined;
    if (constant) constants.set(read.outputs[0], constant);
    else nodes.push(read);
  }
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

/** Writes a model; the same graph always gives the same bytes. */
export function writeModel(graph: Graph): Uint8Array {
  const model = create(ModelProtoSchema, {
    irVersion: IR_VERSION,
    producerName: "unitscope",
    graph: {
      name: graph.name || "graph",
      node: graph.nodes.map(writeNode),
      initializer: [...graph.constants].map(([name, tensor]) => writeTensor(name, tensor)),
      input: graph.inputs.map(writePort),
      output: graph.outputs.map(writePort),
    },
    opsetImport: [...graph.opsets].map(([domain, version]) => ({ domain, version: BigInt(version) })),
    metadataProps: [...graph.metadata].map(([key, value]) => ({ key, value })),
  });
  return toBinary(ModelProtoSchema, model);
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
  return create(NodeProtoSchema, {
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
  return { kind: "encoded", value: toBinary(AttributeProtoSchema, proto) };
}

function writeAttribute(name: string, attribute: Attribute): AttributeProto {
  switch (attribute.kind) {
    case "float":
      return create(AttributeProtoSchema, { name, type: Kind.FLOAT, f: attribute.value });
    case "int":
      return create(AttributeProtoSchema, { name, type: Kind.INT, i: BigInt(attribute.value) });
    case "string":
      return create(AttributeProtoSchema, { name, type: Kind.STRING, s: new TextEncoder().encode(attribute.value) });
    case "floats":
      return create(AttributeProtoSchema, { name, type: Kind.FLOATS, floats: [...attribute.value] });
    case "ints":
      return create(AttributeProtoSchema, { name, type: Kind.INTS, ints: attribute.value.map(BigInt) });
    case "strings":
      return create(AttributeProtoSchema, {
        name,
        type: Kind.STRINGS,
        strings: attribute.value.map((text) => new TextEncoder().encode(text)),
      });
    case "tensor":
      return create(AttributeProtoSchema, { name, type: Kind.TENSOR, t: writeTensor("", attribute.value) });
    case "encoded":
      return fromBinary(AttributeProtoSchema, attribute.value);
  }
}

function constantOf(node: Node): Tensor | undefined {
  const { value, value_float, value_int, value_floats, value_ints } = node.attributes;
  if (value?.kind === "tensor") return value.value;
  if (value_float?.kind === "float") return { type: "float32", dims: [], data: Float32Array.of(value_float.value) };
  if (value_int?.kind === "int") return { type: "int64", dims: [], data: BigInt64Array.of(BigInt(value_int.value)) };
  if (value_floats?.kind === "floats") {
    return { type: "float32", dims: [value_floats.value.length], data: Float32Array.from(value_floats.value) };
  }
  if (value_ints?.kind === "ints") {
    return { type: "int64", dims: [value_ints.value.length], data: BigInt64Array.from(value_ints.value.map(BigInt)) };
  }
  return undefined;
}

function elementTypeOf(number: number, name: string, place: string): ElementType {
  const type = typeOfNumber(number);
  if (type) return type;
  throw new UnitscopeError(
    "model",
    `${place}: tensor "${name}": expected element type ${listAllowed(Object.keys(typeNumbers))}, got ONNX type ${number}`,
  );
}

function readTensor(proto: TensorProto, place: string, external?: ExternalData): Tensor {
  const type = elementTypeOf(proto.dataType, proto.name, place);
  const dims = proto.dims.map(Number);
  if (proto.dataLocation === 1 && external) {
    const told = new Map(proto.externalData.map(({ key, value }) => [key, value]));
    const [offset, length] = [Number(told.get("offset") ?? 0), told.get("length")];
    const raw = external(told.get("location") ?? "", offset, length === undefined ? undefined : Number(length));
    const data = tensorData({ ...proto, rawData: raw }, type, place);
    return checked({ type, dims, data }, proto.name, place);
  }
  if (proto.dataLocation === 1) {
    throw new UnitscopeError(
      "model",
      `${place}: tensor "${proto.name}": expected weights inside the file, got external data; save the model as one file`,
    );
  }
  return checked({ type, dims, data: tensorData(proto, type, place) }, proto.name, place);
}

function checked(tensor: Tensor, name: string, place: string): Tensor {
  const { dims, data } = tensor;
  if (data.length === elementCount(dims)) return tensor;
  throw new UnitscopeError(
    "model",
    `${place}: tensor "${name}": expected ${elementCount(dims)} elements for shape [${dims.join(", ")}], got ${data.length}`,
  );
}

function tensorData(proto: Omit<TensorProto, "$typeName" | "$unknown">, type: ElementType, place: string): TensorData {
  const raw = proto.rawData;
  if (proto.dataType === BFLOAT16) return fromBfloat16(raw.length > 0 ? raw : Uint16Array.from(proto.int32Data));
  if (raw.length > 0) {
    try {
      return bytesToData(copied(raw), type);
    } catch (cause) {
      throw new UnitscopeError("model", `${place}: tensor "${proto.name}": ${messageOf(cause)}`, { cause });
    }
  }
  switch (type) {
    case "float32":
      return Float32Array.from(proto.floatData);
    case "float64":
      return Float64Array.from(proto.doubleData);
    case "int64":
      return BigInt64Array.from(proto.int64Data);
    case "int32":
      return Int32Array.from(proto.int32Data);
    case "float16":
      return Uint16Array.from(proto.int32Data);
    case "int8":
      return Int8Array.from(proto.int32Data);
    case "uint8":
    case "bool":
      return Uint8Array.from(proto.int32Data);
  }
}

/**
 * A copy of a tensor's bytes, since elements must be aligned; large ones in shared memory, so that worker threads that
 * are sent the graph read the same weights. Browsers have shared memory on pages with certain headers only.
 */
function copied(raw: Uint8Array): ArrayBufferLike {
  const isShared = raw.length > LARGE_TENSOR && typeof SharedArrayBuffer !== "undefined";
  const buffer = isShared ? new SharedArrayBuffer(raw.length) : new ArrayBuffer(raw.length);
  new Uint8Array(buffer).set(raw);
  return buffer;
}

/** The upper halves of 32-bit floats. */
function fromBfloat16(raw: Uint8Array | Uint16Array): Float32Array {
  const halves = raw instanceof Uint16Array ? raw : new Uint16Array(copied(raw));
  const bits = new Uint32Array(new SharedArrayBuffer(4 * halves.length));
  halves.forEach((half, i) => {
    bits[i] = half << 16;
  });
  return new Float32Array(bits.buffer);
}

function bytesToData(buffer: ArrayBufferLike, type: ElementType): TensorData {
  switch (type) {
    case "float32":
      return new Float32Array(buffer);
    case "float64":
      return new Float64Array(buffer);
    case "int64":
      return new BigInt64Array(buffer);
    case "int32":
      return new Int32Array(buffer);
    case "float16":
      return new Uint16Array(buffer);
    case "int8":
      return new Int8Array(buffer);
    case "uint8":
    case "bool":
      return new Uint8Array(buffer);
  }
}

function writeTensor(name: string, tensor: Tensor): TensorProto {
  const { data } = tensor;
  return create(TensorProtoSchema, {
    name,
    dataType: typeNumbers[tensor.type],
    dims: tensor.dims.map(BigInt),
    rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  });
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
  return create(ValueInfoProtoSchema, {
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
