/**
 * What holds the same numbers is equal, which is seen at once. Vitest compares number by number, a few microseconds each:
 * it still does where something differs, and says where.
 */
import { expect } from "vitest";

let isTaught = false;

/** Teaches `toEqual` and its kin, once a process. */
export function teachEqualNumbers(): void {
  if (isTaught) return;
  isTaught = true;
  expect.addEqualityTesters([
    (a: unknown, b: unknown): true | undefined => (haveSameBytes(a, b) || haveSameNumbers(a, b) ? true : undefined),
  ]);
}

function haveSameBytes(a: unknown, b: unknown): boolean {
  if (!ArrayBuffer.isView(a) || !ArrayBuffer.isView(b)) return false;
  if (a.constructor !== b.constructor || a.byteLength !== b.byteLength) return false;
  return bytesOf(a).equals(bytesOf(b));
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
}

function haveSameNumbers(a: unknown, b: unknown): boolean {
  if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
  return a.every((value: unknown, at) => typeof value === "number" && Object.is(value, b[at]));
}
