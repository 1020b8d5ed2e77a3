/**
 * The messages of an ONNX file, as `proto/onnx.proto` says; a test compares this table with what is generated from that.
 */
import { type Field, type FieldKind, type MessageType, messageType } from "./message-codec.ts";
import type {
  AttributeProto,
  AttributeProto_AttributeType,
  FunctionProto,
  GraphProto,
  ModelProto,
  NodeProto,
  OperatorSetIdProto,
  SparseTensorProto,
  StringStringEntryProto,
  TensorProto,
  TensorProto_Segment,
  TensorShapeProto,
  TensorShapeProto_Dimension,
  TypeProto,
  TypeProto_Tensor,
  ValueInfoProto,
} from "./proto/onnx_pb.ts";

export { create, fromBinary, toBinary } from "./message-codec.ts";
export type {
  AttributeProto,
  FunctionProto,
  GraphProto,
  ModelProto,
  NodeProto,
  TensorProto,
  ValueInfoProto,
} from "./proto/onnx_pb.ts";

/* oxlint-disable typescript/no-unsafe-enum-assignment -- the enum itself would load the generated module */
/** What an attribute is, by the numbers of `AttributeProto.AttributeType`. */
export const attributeKinds = {
  FLOAT: 1 as AttributeProto_AttributeType.FLOAT,
  INT: 2 as AttributeProto_AttributeType.INT,
  STRING: 3 as AttributeProto_AttributeType.STRING,
  TENSOR: 4 as AttributeProto_AttributeType.TENSOR,
  FLOATS: 6 as AttributeProto_AttributeType.FLOATS,
  INTS: 7 as AttributeProto_AttributeType.INTS,
  STRINGS: 8 as AttributeProto_AttributeType.STRINGS,
};
/* oxlint-enable typescript/no-unsafe-enum-assignment */

const one = (number: number, kind: FieldKind): Field => ({ number, kind, repeats: false });
const many = (number: number, kind: FieldKind): Field => ({ number, kind, repeats: true });
const packed = (number: number, kind: FieldKind): Field => ({ number, kind, repeats: true, isPacked: true });
const choice = (number: number, kind: FieldKind): Field => ({ number, kind, repeats: false, choice: "value" });

const entry: MessageType<StringStringEntryProto> = messageType("onnx.StringStringEntryProto", {
  key: one(1, "string"),
  value: one(2, "string"),
});

const segment: MessageType<TensorProto_Segment> = messageType("onnx.TensorProto.Segment", {
  begin: one(1, "int64"),
  end: one(2, "int64"),
});

/** A tensor's values. */
export const tensorMessage: MessageType<TensorProto> = messageType("onnx.TensorProto", {
  dims: many(1, "int64"),
  dataType: one(2, "int32"),
  segment: one(3, () => segment),
  floatData: packed(4, "float"),
  int32Data: packed(5, "int32"),
  stringData: many(6, "bytes"),
  int64Data: packed(7, "int64"),
  name: one(8, "string"),
  rawData: one(9, "bytes"),
  doubleData: packed(10, "double"),
  uint64Data: packed(11, "uint64"),
  docString: one(12, "string"),
  externalData: many(13, () => entry),
  dataLocation: one(14, "int32"),
  metadataProps: many(16, () => entry),
});

const sparseTensor: MessageType<SparseTensorProto> = messageType("onnx.SparseTensorProto", {
  values: one(1, () => tensorMessage),
  indices: one(2, () => tensorMessage),
  dims: many(3, "int64"),
});

const dimension: MessageType<TensorShapeProto_Dimension> = messageType("onnx.TensorShapeProto.Dimension", {
  dimValue: choice(1, "int64"),
  dimParam: choice(2, "string"),
  denotation: one(3, "string"),
});

const shape: MessageType<TensorShapeProto> = messageType("onnx.TensorShapeProto", { dim: many(1, () => dimension) });

const tensorType: MessageType<TypeProto_Tensor> = messageType("onnx.TypeProto.Tensor", {
  elemType: one(1, "int32"),
  shape: one(2, () => shape),
});

const type: MessageType<TypeProto> = messageType("onnx.TypeProto", {
  tensorType: choice(1, () => tensorType),
  denotation: one(6, "string"),
});

/** An input or output: its name, type and shape. */
export const portMessage: MessageType<ValueInfoProto> = messageType("onnx.ValueInfoProto", {
  name: one(1, "string"),
  type: one(2, () => type),
  docString: one(3, "string"),
  metadataProps: many(4, () => entry),
});

/** An operator's attribute. */
export const attributeMessage: MessageType<AttributeProto> = messageType("onnx.AttributeProto", {
  name: one(1, "string"),
  f: one(2, "float"),
  i: one(3, "int64"),
  s: one(4, "bytes"),
  t: one(5, () => tensorMessage),
  g: one(6, () => graphMessage),
  floats: many(7, "float"),
  ints: many(8, "int64"),
  strings: many(9, "bytes"),
  tensors: many(10, () => tensorMessage),
  graphs: many(11, () => graphMessage),
  docString: one(13, "string"),
  tp: one(14, () => type),
  typeProtos: many(15, () => type),
  type: one(20, { values: 15 }),
  refAttrName: one(21, "string"),
  sparseTensor: one(22, () => sparseTensor),
  sparseTensors: many(23, () => sparseTensor),
});

/** An operator of a graph. */
export const nodeMessage: MessageType<NodeProto> = messageType("onnx.NodeProto", {
  input: many(1, "string"),
  output: many(2, "string"),
  name: one(3, "string"),
  opType: one(4, "string"),
  attribute: many(5, () => attributeMessage),
  docString: one(6, "string"),
  domain: one(7, "string"),
  overload: one(8, "string"),
  metadataProps: many(9, () => entry),
});

const graphMessage: MessageType<GraphProto> = messageType("onnx.GraphProto", {
  node: many(1, () => nodeMessage),
  name: one(2, "string"),
  initializer: many(5, () => tensorMessage),
  docString: one(10, "string"),
  input: many(11, () => portMessage),
  output: many(12, () => portMessage),
  valueInfo: many(13, () => portMessage),
  sparseInitializer: many(15, () => sparseTensor),
  metadataProps: many(16, () => entry),
});

const operatorSet: MessageType<OperatorSetIdProto> = messageType("onnx.OperatorSetIdProto", {
  domain: one(1, "string"),
  version: one(2, "int64"),
});

const functionMessage: MessageType<FunctionProto> = messageType("onnx.FunctionProto", {
  name: one(1, "string"),
  input: many(4, "string"),
  output: many(5, "string"),
  attribute: many(6, "string"),
  node: many(7, () => nodeMessage),
  docString: one(8, "string"),
  opsetImport: many(9, () => operatorSet),
  domain: one(10, "string"),
  attributeProto: many(11, () => attributeMessage),
  overload: one(13, "string"),
});

/** A whole file. */
export const modelMessage: MessageType<ModelProto> = messageType("onnx.ModelProto", {
  irVersion: one(1, "int64"),
  producerName: one(2, "string"),
  producerVersion: one(3, "string"),
  domain: one(4, "string"),
  modelVersion: one(5, "int64"),
  docString: one(6, "string"),
  graph: one(7, () => graphMessage),
  opsetImport: many(8, () => operatorSet),
  metadataProps: many(14, () => entry),
  functions: many(25, () => functionMessage),
});
