/** JSON with one spelling per value (keys sorted, no spaces), so that equal values have equal hashes. */
import { UnitscopeError } from "../errors.ts";

/** What JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** @throws {UnitscopeError} `internal` for a number that JSON cannot hold (NaN, infinities). */
export function canonicalJson(value: Json): string {
  if (typeof value === "number" && !Number.isFinite(value)) {
    throw new UnitscopeError("internal", `internal: key: expected finite numbers, got ${value}`);
  }
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (isList(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`).join(",")}}`;
}

/**
 * The first difference between two values, as `what expected …, got …`; `undefined` if they are equal.
 *
 * @param what names the value; a dot and the key are added on the way down (`model.sha256`).
 */
export function firstDifference(expected: Json, got: Json, what: string = ""): string | undefined {
  if (canonicalJson(expected) === canonicalJson(got)) return undefined;
  if (isRecord(expected) && isRecord(got)) {
    for (const key of new Set([...Object.keys(expected), ...Object.keys(got)])) {
      const place = what === "" ? key : `${what}.${key}`;
      const difference = firstDifference(expected[key] ?? null, got[key] ?? null, place);
      if (difference) return difference;
    }
  }
  return `expected ${what} ${short(expected)}, got ${short(got)}`;
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function isRecord(value: Json): value is { readonly [key: string]: Json } {
  return value !== null && typeof value === "object" && !isList(value);
}

/** A value for a message: hashes and long lists cut. */
function short(value: Json): string {
  const text = typeof value === "string" ? value : canonicalJson(value);
  if (/^[0-9a-f]{64}$/.test(text)) return `${text.slice(0, 12)}…`;
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
