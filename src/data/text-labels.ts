/** Labels as text (class indices or names) to class indices. */
import { UnitscopeError } from "../errors.ts";

/**
 * Indices stay what they are, and classes are called by their numbers; names are numbered in sorted order.
 *
 * @param place what to call the images in messages.
 * @throws {UnitscopeError} `data` if an index is out of all bounds.
 */
export function textLabels(given: readonly string[], place: string): { labels: Int32Array; classNames: string[] } {
  if (given.every((label) => /^\d+$/.test(label))) {
    const classCount = given.reduce((most, label) => Math.max(most, Number(label) + 1), 0);
    if (classCount > 1_000_000) {
      throw new UnitscopeError("data", `${place}: expected class indices as labels, got ${classCount - 1}`);
    }
    return {
      labels: Int32Array.from(given, Number),
      classNames: Array.from({ length: classCount }, (_, cls) => `${cls}`),
    };
  }
  const classNames = [...new Set(given)].sort();
  const indices = new Map(classNames.map((name, cls) => [name, cls]));
  return { labels: Int32Array.from(given, (label) => indices.get(label) ?? -1), classNames };
}
