/** Labels as text (class indices or names) to class indices. */
import { UnitscopeError } from "../errors.ts";
import { classIndex } from "./list-entries.ts";

/**
 * Indices stay what they are, and classes are called by their numbers; names are numbered in sorted order.
 *
 * @param place what to call the images in messages.
 * @throws {UnitscopeError} `data` if an index is out of all bounds.
 */
export function textLabels(given: readonly string[], place: string): { labels: Int32Array; classNames: string[] } {
  if (given.every((label) => classIndex.test(label))) {
    const indices = given.map(Number);
    return { classNames: numberedClasses(indices, place), labels: Int32Array.from(indices) };
  }
  return namedLabels(given);
}

/** Names, numbered in sorted order; an accent may be a sign of its own (NFD) or not (NFC), which reads the same. */
export function namedLabels(given: readonly string[]): { labels: Int32Array; classNames: string[] } {
  const names = given.map((name) => name.normalize("NFC"));
  const classNames = [...new Set(names)].sort();
  const indices = new Map(classNames.map((name, cls) => [name, cls]));
  return { labels: Int32Array.from(names, (name) => indices.get(name) as number), classNames };
}

/**
 * The same of images that may have several labels each, or none.
 * @param given of every image, its labels.
 * @throws {UnitscopeError} `data` if an index is out of all bounds, an image has a label twice, or none has any.
 */
export function textLabelLists(
  given: readonly (readonly string[])[],
  place: string,
): { lists: Int32Array[]; classNames: string[] } {
  const { labels, classNames } = textLabels(given.flat(), place);
  if (labels.length === 0 && given.length > 0)
    throw new UnitscopeError("data", `${place}: expected labels, got none on any image`);
  let at = 0;
  const lists = given.map(({ length }) => labels.subarray(at, (at += length)));
  const twice = lists.findIndex((list) => new Set(list).size < list.length);
  if (twice < 0) return { lists, classNames };
  throw new UnitscopeError(
    "data",
    `${place}: expected each label of an image once, got ${JSON.stringify(given[twice].join(";").slice(0, 80))}`,
  );
}

/** The labels in a text, with `;`, `|` or line ends between them. */
export function splitLabels(text: string): string[] {
  return text.split(/[;|\n]/).flatMap((label) => label.trim() || []);
}

/** More classes than this are a mistake. */
const MAX_CLASSES = 1_000_000;

/**
 * Names of classes that have none: their numbers, as many as the labels need.
 * @throws {UnitscopeError} `data` if a label is out of all bounds.
 */
export function numberedClasses(labels: ArrayLike<number>, place: string): string[] {
  let count = 0;
  for (let at = 0; at < labels.length; at++) count = Math.max(count, labels[at] + 1);
  if (count <= MAX_CLASSES) return Array.from({ length: count }, (_, cls) => `${cls}`);
  throw new UnitscopeError("data", `${place}: expected class indices as labels, got ${count - 1}`);
}
