/** The float32 values that a session gave for a tensor. */
import { UnitscopeError } from "../errors.ts";
import type { Value } from "../runtime/session.ts";

/** @throws {UnitscopeError} `model` if the tensor is missing or of another type. */
export function floatsOf(values: Readonly<Record<string, Value>>, tensor: string): Float32Array {
  const value = values[tensor];
  if (value?.data instanceof Float32Array) return value.data;
  throw new UnitscopeError("model", `tensor "${tensor}": expected float32, got ${value?.type ?? "nothing"}`);
}
