/**
 * An image set's classes as a network's: matched by WordNet id, by name, or by number. A set may have some of them only.
 */
import { distance } from "fastest-levenshtein";
import { UnitscopeError } from "../../errors.ts";
import { sha256 } from "../../files/hash.ts";
import type { ImageSet } from "../image-set.ts";
import { bytesOf } from "../select-images.ts";
import { type ClassList, classNamesOf, type ListedClass, listOf } from "./class-list.ts";

/**
 * For every class of a set, the network's class.
 *
 * Sets whose classes are numbers are matched by number, if the network's are not. Otherwise each class is looked up by
 * its WordNet id, by the network's name for it as it stands, by the network's first words, then by all of its words,
 * ignoring case, accents and punctuation.
 *
 * @returns class indices of the network, one for each of `names`.
 * @throws {UnitscopeError} `data` if a class is unknown or could be several, or two are the same; the message names it
 *   and the nearest.
 */
export function matchClasses(names: readonly string[], network: ClassList, place: string): Int32Array {
  const byNumber = names.every(isNumber) && !network.classes.every(({ words }) => isNumber(words[0]));
  const find = byNumber ? numberFinder(network, place) : nameFinder(network, place);
  const owners = new Map<number, string>();
  return Int32Array.from(names, (name) => {
    const cls = find(name);
    const other = owners.get(cls);
    if (other !== undefined) {
      throw new UnitscopeError(
        "data",
        `${place}: expected one class for "${classNamesOf(network)[cls]}" of ${network.place}, got "${other}" and "${name}"`,
      );
    }
    owners.set(cls, name);
    return cls;
  });
}

/**
 * The same images under the network's classes: labels are its indices, and classes without images are among the names.
 * A set that has all classes in the network's order keeps its hash.
 */
export function relabel(set: ImageSet, classes: Int32Array, network: ClassList): ImageSet {
  const classNames = classNamesOf(network);
  const isSame = classes.length === classNames.length && classes.every((cls, at) => cls === at);
  if (isSame) return { ...set, classNames };
  const labels = set.labels.map((label) => classes[label]);
  return { ...set, classNames, labels, hash: sha256(set.hash, bytesOf(labels), `${classNames.length}`) };
}

/** Lower case, letters and digits of any script, one blank between words; Places365's leading letter dropped. */
function plain(text: string): string {
  return text
    .replace(/^\/?[a-z]\/(?=.)/, "")
    .normalize("NFKD")
    .replaceAll(/\p{M}/gu, "")
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}

function isNumber(text: string): boolean {
  return /^\d+$/.test(text);
}

function numberFinder({ place: list, classes }: ClassList, place: string): (name: string) => number {
  return (name) => {
    if (Number(name) < classes.length) return Number(name);
    throw new UnitscopeError(
      "data",
      `${place}: expected class numbers in 0..${classes.length - 1} of ${list}, got ${name}`,
    );
  };
}

/**
 * The columns of a table that may stand for one class of a network: by its WordNet id, its words, or its number; where
 * some stand for it and no other, these.
 * @returns their places.
 */
export function columnsFor(names: readonly string[], network: ClassList, cls: number): number[] {
  const isNumbered = network.classes.every(({ words }) => isNumber(words[0]));
  const find = candidateFinder(network);
  const found = names.map((name) => {
    if (isNumber(name) && !isNumbered) return [Number(name)];
    return plain(name) === "" ? [] : find(name, "a table").candidates;
  });
  const places = [...names.keys()].filter((at) => found[at].includes(cls));
  const sure = places.filter((at) => found[at].length === 1);
  return sure.length > 0 ? sure : places;
}

/** Of some names, the one of least edit distance. */
export function nearestName(name: string, names: readonly string[]): string | undefined {
  return names[nearest(plain(name), listOf(names, "names").classes)];
}

function nameFinder(network: ClassList, place: string): (name: string) => number {
  const names = classNamesOf(network);
  const find = candidateFinder(network);
  return (name) => {
    const { candidates, isSure } = find(name, place);
    if (isSure) return candidates[0];
    const rule = `${place}: expected classes of ${network.place}, got "${name}"`;
    if (candidates.length > 1) {
      const meant = candidates.map((cls) => `"${names[cls]}"`).join(" or ");
      throw new UnitscopeError("data", `${rule}, which may be ${meant}; use the WordNet id or the number`);
    }
    throw new UnitscopeError("data", `${rule}; the nearest is "${names[nearest(plain(name), network.classes)]}"`);
  };
}

/** From a name to the classes that it may mean. */
function candidateFinder(
  network: ClassList,
): (name: string, place: string) => { candidates: readonly number[]; isSure: boolean } {
  const ids = new Map(network.classes.flatMap(({ id }, cls) => (id ? [[id, cls]] : [])));
  const written = new Map(classNamesOf(network).map((name, cls) => [name.normalize("NFC"), cls]));
  const whole = index(network.classes, ({ words }) => [words.join(" ")]);
  // A class's only word may be the first of another's: `maillot` and `maillot, tank suit`.
  const first = index(network.classes, ({ words }) => [words[0]]);
  const any = index(network.classes, ({ words }) => words);
  return (name, place) => {
    const { id, words } = listOf([name], place).classes[0];
    const byId = id === undefined ? undefined : ids.get(id);
    if (byId !== undefined) return { candidates: [byId], isSure: true };
    const own = id === undefined ? written.get(name.normalize("NFC")) : undefined;
    if (own !== undefined) return { candidates: [own], isSure: true };
    const [all, one] = [whole.get(plain(words.join(" "))), plain(words[0])];
    const found = [words.length > 1 ? all : undefined, first.get(one), all, any.get(one)];
    const candidates = found.find((each) => each !== undefined) ?? [];
    return { candidates, isSure: candidates.length === 1 && !(id && ids.size > 0) };
  };
}

/** From every plain word to the classes that have it. */
function index(
  classes: readonly ListedClass[],
  wordsOf: (listed: ListedClass) => readonly string[],
): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const [cls, listed] of classes.entries()) {
    for (const word of new Set(wordsOf(listed).map(plain))) found.set(word, [...(found.get(word) ?? []), cls]);
  }
  return found;
}

/** The class with the word of least edit distance, in shares of the longer of both. */
function nearest(name: string, classes: readonly ListedClass[]): number {
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (const [cls, { id, words }] of classes.entries()) {
    for (const word of [...words.map(plain), ...(id ? [id] : [])]) {
      const far = distance(name, word) / Math.max(name.length, word.length, 1);
      if (far >= least) continue;
      least = far;
      best = cls;
    }
  }
  return best;
}
