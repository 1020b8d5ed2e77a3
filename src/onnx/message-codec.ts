/**
 * Bytes ↔ messages, from a table of fields. It does what `fromBinary` and `toBinary` of @bufbuild/protobuf do, to the
 * byte: these first build descriptors of all messages, which takes longer than everything else before a session opens.
 */
import type { Message, MessageInitShape } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { BinaryReader, BinaryWriter, WireType } from "./proto/wire.ts";

/** What a field holds: a scalar, a closed enumeration of the numbers from 0 on, or a message. */
export type FieldKind =
  | "string"
  | "bytes"
  | "int32"
  | "int64"
  | "uint64"
  | "float"
  | "double"
  | { readonly values: number }
  | (() => MessageType<Message>);

/** A field of a message. */
export interface Field {
  readonly number: number;
  readonly kind: FieldKind;
  readonly repeats: boolean;
  /** Written as one run of numbers. */
  readonly isPacked?: boolean;
  /** Of fields of which at most one is there, what holds it. */
  readonly choice?: string | undefined;
}

/** A kind of message. */
export interface MessageType<T extends Message> {
  readonly name: T["$typeName"];
  /** In the order of their numbers. */
  readonly fields: readonly (readonly [name: string, field: Field])[];
  readonly byNumber: ReadonlyMap<number, readonly [name: string, field: Field]>;
  /** What a message reads as where nothing was set. */
  readonly defaults: object;
}

/** What is set of a message, by the names of fields. */
type Values = Record<string, unknown> & { $unknown?: { no: number; wireType: WireType; data: Uint8Array }[] };

/** Messages in messages, at most so deep. */
const DEEPEST = 100;

/** Describes a kind of message. */
export function messageType<T extends Message>(
  name: T["$typeName"],
  fields: Readonly<Record<string, Field>>,
): MessageType<T> {
  const sorted = Object.entries(fields).sort(([, a], [, b]) => a.number - b.number);
  const defaults: Values = { $typeName: name };
  for (const [own, { kind, repeats, choice }] of sorted) {
    if (choice !== undefined || repeats || typeof kind === "function") continue;
    defaults[own] = emptyOf(kind);
  }
  return { name, fields: sorted, byNumber: new Map(sorted.map((each) => [each[1].number, each])), defaults };
}

function emptyOf(kind: Exclude<FieldKind, () => unknown>): unknown {
  if (kind === "string") return "";
  if (kind === "bytes") return new Uint8Array();
  return kind === "int64" || kind === "uint64" ? 0n : 0;
}

function empty({ defaults, fields }: MessageType<Message>): Values {
  const message = Object.create(defaults) as Values;
  for (const [name, { repeats, choice }] of fields) {
    if (choice !== undefined) message[choice] = { case: undefined };
    else if (repeats) message[name] = [];
  }
  return message;
}

/** Makes a message; messages in it may be given as plain objects, which are written like messages. */
export function create<T extends Message>(type: MessageType<T>, values: MessageInitShape<GenMessage<T>>): T {
  const message = empty(type);
  for (const [name, value] of Object.entries(values)) if (value !== undefined) message[name] = value;
  return message as unknown as T;
}

/** Reads a message. @throws {Error} if the bytes end too early or are none. */
export function fromBinary<T extends Message>(type: MessageType<T>, bytes: Uint8Array): T {
  const message = empty(type);
  readInto(message, type, new BinaryReader(bytes), { length: bytes.byteLength, depth: 1 });
  return message as unknown as T;
}

function readInto(
  message: Values,
  { byNumber, name: typeName }: MessageType<Message>,
  reader: BinaryReader,
  { length, depth }: { length: number; depth: number },
): void {
  if (depth > DEEPEST) throw new Error(`${typeName}: expected messages at most ${DEEPEST} deep`);
  const keep = (no: number, wireType: WireType, data: Uint8Array): void => {
    (message.$unknown ??= []).push({ no, wireType, data });
  };
  for (const end = reader.pos + length; reader.pos < end; ) {
    const [number, wireType] = reader.tag();
    const found = byNumber.get(number);
    if (!found) {
      keep(number, wireType, reader.skip(wireType, number, DEEPEST - depth));
      continue;
    }
    const [name, { kind, repeats, choice }] = found;
    if (typeof kind === "function") {
      const type = kind();
      const before = repeats ? undefined : choice === undefined ? own(message, name) : chosen(message, choice, name);
      const part = before ?? empty(type);
      readInto(part, type, reader, { length: reader.uint32(), depth: depth + 1 });
      put(message, name, { repeats, choice }, part);
    } else if (typeof kind === "object") {
      const value = reader.int32();
      if (value >= 0 && value < kind.values) put(message, name, { repeats, choice }, value);
      else keep(number, wireType, new BinaryWriter().int32(value).finish());
    } else if (repeats && wireType === WireType.LengthDelimited && kind !== "string" && kind !== "bytes") {
      const items = message[name] as unknown[];
      for (const last = reader.uint32() + reader.pos; reader.pos < last; ) items.push(readers[kind](reader));
    } else put(message, name, { repeats, choice }, readers[kind](reader));
  }
}

function own(message: Values, name: string): Values | undefined {
  return Object.hasOwn(message, name) ? (message[name] as Values | undefined) : undefined;
}

function chosen(message: Values, choice: string, name: string): Values | undefined {
  const { case: is, value } = message[choice] as { case: string | undefined; value: Values };
  return is === name ? value : undefined;
}

function put(
  message: Values,
  name: string,
  { repeats, choice }: Pick<Field, "repeats" | "choice">,
  value: unknown,
): void {
  if (repeats) (message[name] as unknown[]).push(value);
  else if (choice === undefined) message[name] = value;
  else message[choice] = { case: name, value };
}

type Scalar = Extract<FieldKind, string>;

const readers: Readonly<Record<Scalar, (reader: BinaryReader) => unknown>> = {
  string: (reader) => reader.string(),
  bytes: (reader) => reader.bytes(),
  int32: (reader) => reader.int32(),
  int64: (reader) => reader.int64(),
  uint64: (reader) => reader.uint64(),
  float: (reader) => reader.float(),
  double: (reader) => reader.double(),
};

/** Writes a message: its fields in the order of their numbers, then what was read and is not known. */
export function toBinary<T extends Message>(type: MessageType<T>, message: T): Uint8Array {
  const writer = new BinaryWriter();
  write(message as unknown as Values, type, writer);
  return writer.finish();
}

function write(message: Values, { fields }: MessageType<Message>, writer: BinaryWriter): void {
  for (const [name, field] of fields) {
    const { number, kind, repeats, isPacked = false, choice } = field;
    if (choice !== undefined) {
      const held = message[choice] as { case: string | undefined; value: unknown } | undefined;
      if (held?.case === name) writeField(held.value, kind, number, writer);
      continue;
    }
    const value = Object.hasOwn(message, name) ? message[name] : undefined;
    if (value === undefined) continue;
    if (!repeats) writeField(value, kind, number, writer);
    else if (!isPacked || typeof kind !== "string") {
      for (const item of value as unknown[]) writeField(item, kind, number, writer);
    } else if ((value as unknown[]).length > 0) {
      writer.tag(number, WireType.LengthDelimited).fork();
      for (const item of value as unknown[]) writers[kind][1](writer, item as never);
      writer.join();
    }
  }
  for (const { no, wireType, data } of message.$unknown ?? []) writer.tag(no, wireType).raw(data);
}

function writeField(value: unknown, kind: FieldKind, number: number, writer: BinaryWriter): void {
  if (typeof kind === "function") {
    writer.tag(number, WireType.LengthDelimited).fork();
    write(value as Values, kind(), writer);
    writer.join();
    return;
  }
  const [wireType, put] = writers[typeof kind === "object" ? "int32" : kind];
  put(writer.tag(number, wireType), value as never);
}

const writers: Readonly<Record<Scalar, readonly [WireType, (writer: BinaryWriter, value: never) => unknown]>> = {
  string: [WireType.LengthDelimited, (writer, value: string) => writer.string(value)],
  bytes: [WireType.LengthDelimited, (writer, value: Uint8Array) => writer.bytes(value)],
  int32: [WireType.Varint, (writer, value: number) => writer.int32(value)],
  int64: [WireType.Varint, (writer, value: bigint) => writer.int64(value)],
  uint64: [WireType.Varint, (writer, value: bigint) => writer.uint64(value)],
  float: [WireType.Bit32, (writer, value: number) => writer.float(value)],
  double: [WireType.Bit64, (writer, value: number) => writer.double(value)],
};
