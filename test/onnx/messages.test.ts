/** The table of messages is the schema's, and bytes and messages are those of the library's own codec. */
import { readFileSync } from "node:fs";
import type { DescField, DescMessage, Message } from "@bufbuild/protobuf";
import { fromBinary as libraryFromBinary, toBinary as libraryToBinary, ScalarType } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import type { Field, MessageType } from "../../src/onnx/message-codec.ts";
import { attributeMessage, fromBinary, modelMessage, toBinary } from "../../src/onnx/messages.ts";
import { AttributeProtoSchema, ModelProtoSchema } from "../../src/onnx/proto/onnx_pb.ts";
import { randomNetwork } from "../ablation/random-network.ts";

/** A field of the table in words. */
function described({ number, kind, repeats, isPacked = false, choice }: Field): object {
  const what = typeof kind === "function" ? kind().name : typeof kind === "object" ? `0 to ${kind.values - 1}` : kind;
  return { number, what, repeats, isPacked, choice };
}

/** The same of a field of the generated schema. */
function generated(field: DescField): object {
  const { number, message, oneof } = field;
  const scalar = field.scalar === undefined ? undefined : ScalarType[field.scalar].toLowerCase();
  const numbers = field.enum?.values.map((value) => value.number) ?? [];
  expect(numbers).toEqual(numbers.map((_, at) => at));
  return {
    number,
    what: message?.typeName ?? scalar ?? `0 to ${numbers.length - 1}`,
    repeats: field.fieldKind === "list",
    isPacked: field.fieldKind === "list" && field.packed,
    choice: oneof?.localName,
  };
}

function compare(type: MessageType<Message>, schema: DescMessage, seen: Set<string>): void {
  if (seen.has(type.name)) return;
  seen.add(type.name);
  expect([type.name, Object.fromEntries(type.fields.map(([name, field]) => [name, described(field)]))]).toEqual([
    schema.typeName,
    Object.fromEntries(schema.fields.map((field) => [field.localName, generated(field)])),
  ]);
  for (const [name, { kind }] of type.fields) {
    const inner = schema.fields.find(({ localName }) => localName === name)?.message;
    if (typeof kind === "function" && inner) compare(kind(), inner, seen);
  }
}

test("every message has the fields of onnx.proto", () => {
  const seen = new Set<string>();
  compare(modelMessage, ModelProtoSchema, seen);
  expect(seen.size).toBe(15);
});

/** What is set of a message, without what the library adds. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Uint8Array || typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, part]) => (name === "$typeName" ? [] : [[name, plain(part)]])),
  );
}

const shipped = readFileSync(new URL("../../models/alexnet-cifar10.onnx", import.meta.url));

describe("bytes and messages", () => {
  it("are the library's for networks", async () => {
    const recipe = { seed: 3, blocks: ["batch norm", "max pool", "residual"], head: "average" } as const;
    for (const bytes of [shipped, (await randomNetwork(recipe)).bytes]) {
      const [own, expected] = [fromBinary(modelMessage, bytes), libraryFromBinary(ModelProtoSchema, bytes)];
      expect(plain(own)).toEqual(plain(expected));
      expect(Buffer.compare(toBinary(modelMessage, own), libraryToBinary(ModelProtoSchema, expected))).toBe(0);
    }
  });

  /** Fields of any number and any wire type, known or not, right or wrong. */
  const record = fc.tuple(
    fc.oneof(fc.integer({ min: 1, max: 24 }), fc.constantFrom(5, 6, 14, 20)),
    fc.constantFrom(WireType.Varint, WireType.Bit64, WireType.LengthDelimited, WireType.Bit32),
    fc.uint8Array({ minLength: 8, maxLength: 24 }),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  );
  const written = fc.array(record, { maxLength: 6 }).map((records) => {
    const writer = new BinaryWriter();
    for (const [number, wireType, bytes, integer] of records) {
      writer.tag(number, wireType);
      if (wireType === WireType.Varint) writer.int64(integer);
      else if (wireType === WireType.LengthDelimited) writer.bytes(bytes);
      else writer.raw(bytes.subarray(0, wireType === WireType.Bit64 ? 8 : 4));
    }
    return writer.finish();
  });

  /** What came of it, or that it was refused. */
  function outcome(read: () => { message: unknown; bytes: Uint8Array }): unknown {
    try {
      const { message, bytes } = read();
      return { message: plain(message), bytes: [...bytes] };
    } catch {
      return "refused";
    }
  }

  it("are the library's for attributes of anything, and refused where it refuses", () => {
    fc.assert(
      fc.property(written, fc.nat({ max: 100 }), (bytes, cut) => {
        const given = cut < 30 ? bytes.subarray(0, cut) : bytes;
        const own = outcome(() => {
          const message = fromBinary(attributeMessage, given);
          return { message, bytes: toBinary(attributeMessage, message) };
        });
        // Beside other unknown fields the library loses a number that is none of an enumeration.
        const unknown = (own as { message?: { $unknown?: { no: number }[] } }).message?.$unknown ?? [];
        fc.pre(unknown.length < 2 || unknown.every(({ no }) => no !== 20));
        const expected = outcome(() => {
          const message = libraryFromBinary(AttributeProtoSchema, given);
          return { message, bytes: libraryToBinary(AttributeProtoSchema, message) };
        });
        expect(own).toEqual(expected);
      }),
      { numRuns: 1000 },
    );
  });
});
