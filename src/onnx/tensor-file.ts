/** Tensors as they stand in a file ↔ typed arrays. */
import { listAllowed, messageOf, UnitscopeError } from "../errors.ts";
import { BFLOAT16, INT4, typeNumbers, typeOfNumber, UINT4 } from "./element-types.ts";
import type { ElementType, Tensor, TensorData } from "./graph.ts";
import { elementCount } from "./graph.ts";
import { create, type TensorProto, tensorMessage } from "./messages.ts";

/** Tensors of more bytes than this are kept in shared memory. */
const LARGE_TENSOR = 1 << 14;

/** Reads weights that lie beside the model file: `length` bytes (all when absent) of a file, from an offset on. */
export type ExternalData = (location: string, offset: number, length: number | undefined) => Uint8Array;

/** @throws {UnitscopeError} `model` for an element type that is none of ours. */
export function elementTypeOf(number: number, name: string, place: string): ElementType {
  const type = typeOfNumber(number);
  if (type) return type;
  throw new UnitscopeError(
    "model",
    `${place}: tensor "${name}": expected element type ${listAllowed(Object.keys(typeNumbers))}, got ONNX type ${number}`,
  );
}

/** Whether a tensor is stored in 4 bits an element. */
export function isFourBits({ dataType }: Pick<TensorProto, "dataType">): boolean {
  return dataType === INT4 || dataType === UINT4;
}

/**
 * Weights of 4 bits come in 8, which hold the same numbers.
 * @throws {UnitscopeError} `model` for a tensor that is damaged or lies elsewhere.
 */
export function readTensor(proto: TensorProto, place: string, external?: ExternalData): Tensor {
  const eight = proto.dataType === INT4 ? "int8" : "uint8";
  const type = isFourBits(proto) ? eight : elementTypeOf(proto.dataType, proto.name, place);
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
  if (isFourBits(proto)) {
    const halves = fromFourBits(
      raw.length > 0 ? raw : Uint8Array.from(proto.int32Data),
      elementCount(proto.dims.map(Number)),
    );
    return proto.dataType === INT4 ? Int8Array.from(halves, (half) => (half ^ 8) - 8) : halves;
  }
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
    case "uint64":
      return BigUint64Array.from(proto.uint64Data);
    case "uint32":
      return Uint32Array.from(proto.uint64Data, Number);
    case "int64":
      return BigInt64Array.from(proto.int64Data);
    case "int32":
      return Int32Array.from(proto.int32Data);
    case "float16":
    case "uint16":
      return Uint16Array.from(proto.int32Data);
    case "int16":
      return Int16Array.from(proto.int32Data);
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

/** Two elements a byte, the lower half first; as many as there are, up to `count`. */
function fromFourBits(raw: Uint8Array, count: number): Uint8Array {
  const halves = Uint8Array.from({ length: 2 * raw.length }, (_, i) => (raw[i >> 1] >> (4 * (i & 1))) & 15);
  return halves.length === count + 1 ? halves.subarray(0, count) : halves;
}

function bytesToData(buffer: ArrayBufferLike, type: ElementType): TensorData {
  switch (type) {
    case "float32":
      return new Float32Array(buffer);
    case "float64":
      return new Float64Array(buffer);
    case "uint64":
      return new BigUint64Array(buffer);
    case "uint32":
      return new Uint32Array(buffer);
    case "int64":
      return new BigInt64Array(buffer);
    case "int32":
      return new Int32Array(buffer);
    case "float16":
    case "uint16":
      return new Uint16Array(buffer);
    case "int16":
      return new Int16Array(buffer);
    case "int8":
      return new Int8Array(buffer);
    case "uint8":
    case "bool":
      return new Uint8Array(buffer);
  }
}

/** Tensors that a model names and does not hold. */
export interface OutsideData {
  /** The folder of the files. */
  readonly folder: string;
  /** Where a tensor's data lies; `null` if the model has to hold it. */
  placeOf(data: TensorData): { readonly location: string; readonly offset: number; readonly length: number } | null;
}

/** A tensor as it is written. */
export function writeTensor(name: string, tensor: Tensor, outside?: OutsideData): TensorProto {
  const { data } = tensor;
  const kind = { name, dataType: typeNumbers[tensor.type], dims: tensor.dims.map(BigInt) };
  const place = outside?.placeOf(data);
  if (place) {
    const externalData = Object.entries(place).map(([key, value]) => ({ key, value: String(value) }));
    return create(tensorMessage, { ...kind, dataLocation: 1, externalData });
  }
  return create(tensorMessage, {
    ...kind,
    rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  });
}
