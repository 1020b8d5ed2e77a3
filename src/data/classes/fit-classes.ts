/** Which classes a network's outputs are, and an image set under them. */
import { UnitscopeError } from "../../errors.ts";
import type { ImageSet } from "../image-set.ts";
import { imagesPerClass } from "../select-images.ts";
import { builtInClasses, type ClassList, listOf, openClassList, parseClassList, withBackground } from "./class-list.ts";
import { matchClasses, relabel } from "./map-classes.ts";

/** What is known of a network's outputs. */
export interface Outputs {
  /** What to call the network in messages. */
  readonly place: string;
  readonly classCount: number;
  /** The model file's metadata. */
  readonly metadata: ReadonlyMap<string, string>;
}

/** Metadata keys that hold class names: our own, Ultralytics', and those of common exporters. */
const metadataKeys = ["unitscope.classes", "names", "classes", "class_names", "labels", "id2label"];

/**
 * Puts a set's labels in terms of the network's outputs.
 *
 * The network's classes are those of `given` (a file, `imagenet` or `places365`), else of its metadata, else, with
 * 1,000, 1,001 or 365 outputs and a set whose classes all are ImageNet's or Places365's, those. If nothing says what they are, a set with as many classes
 * is taken in its own order, and one whose classes are numbers by number.
 *
 * @returns the set under the network's classes; `undefined` if nothing tells which is which.
 * @throws {UnitscopeError} `data` if a class of the set is none of the network's, or of a built-in list that most are of.
 */
export async function fitClasses(
  set: ImageSet,
  outputs: Outputs,
  { given }: { given?: string | undefined } = {},
): Promise<ImageSet | undefined> {
  const { place, classCount } = outputs;
  const data = `data "${set.name}"`;
  const known = await knownClasses(outputs, given);
  if (known) return relabel(set, matchClasses(set.classNames, known, data), known);
  const usual = await asBuiltIn(set, classCount);
  if (usual) return usual;
  if (set.classNames.length === classCount) return set;
  if (set.classNames.every((name) => /^\d+$/.test(name))) {
    const numbers = listOf(
      Array.from({ length: classCount }, (_, cls) => `${cls}`),
      place,
    );
    return relabel(set, matchClasses(set.classNames, numbers, data), numbers);
  }
  return undefined;
}

/**
 * The network's classes as `given`, else as in its metadata; `undefined` if neither says.
 * @throws {UnitscopeError} `data` if the given ones are not as many as its outputs.
 */
export async function knownClasses(outputs: Outputs, given: string | undefined): Promise<ClassList | undefined> {
  return classesOf(outputs, given === undefined ? undefined : await openClassList(given));
}

/** The same of a list that was opened. @throws {UnitscopeError} `data` if its classes are not as many as the outputs. */
export function classesOf(outputs: Outputs, given: ClassList | undefined): ClassList | undefined {
  return given ? sized(given, outputs) : fromMetadata(outputs);
}

/** Classes of a set that have no image, by name. */
export function emptyClasses(set: ImageSet): string[] {
  const counts = imagesPerClass(set);
  return set.classNames.filter((_, cls) => counts[cls] === 0);
}

function sized(list: ClassList, { place, classCount }: Outputs): ClassList {
  if (list.classes.length === classCount) return list;
  if (list.classes.length === classCount - 1 && classCount === 1001) return withBackground(list);
  throw new UnitscopeError(
    "data",
    `${list.place}: expected ${classCount} classes for the outputs of ${place}, got ${list.classes.length}`,
  );
}

/** The names in a model file's metadata, if it has as many as outputs. */
function fromMetadata({ place, classCount, metadata }: Outputs): ClassList | undefined {
  for (const key of metadataKeys) {
    const text = metadata.get(key);
    if (text === undefined) continue;
    try {
      const list = parseClassList(asJson(text), place);
      if (list.classes.length === classCount) return list;
    } catch {
      // Metadata is free text: what is no list of classes says nothing about them.
    }
  }
  return undefined;
}

/** Python's notation of a dictionary (`{0: 'person', 1: 'bicycle'}`) as JSON. */
function asJson(text: string): string {
  if (!/^\{\s*\d+\s*:/.test(text)) return text;
  const quoted = text.replaceAll(/'((?:[^'\\]|\\.)*)'/g, (_, inner: string) => JSON.stringify(inner));
  return quoted.replaceAll(/([{,]\s*)(\d+)\s*:/g, '$1"$2":');
}

/**
 * A set under a built-in list, if the network has as many outputs and all of the set's classes are among them.
 * @throws {UnitscopeError} `data` if most are, and one is not: then it is misspelt rather than another list's.
 */
async function asBuiltIn(set: ImageSet, classCount: number): Promise<ImageSet | undefined> {
  if (set.classNames.every((name) => /^\d+$/.test(name))) return undefined;
  const list = await listOfSize(classCount);
  if (!list) return undefined;
  try {
    return relabel(set, matchClasses(set.classNames, list, set.name), list);
  } catch (error) {
    if (!(error instanceof UnitscopeError)) throw error;
    const known = set.classNames.filter((name) => isAmong(name, list)).length;
    if (2 * known < set.classNames.length) return undefined;
    const hint = `${error.message}; if the network's classes are others, say which with option "classes"`;
    throw new UnitscopeError("data", hint, { cause: error });
  }
}

function isAmong(name: string, list: ClassList): boolean {
  try {
    return matchClasses([name], list, "a set").length === 1;
  } catch {
    return false;
  }
}

async function listOfSize(classCount: number): Promise<ClassList | undefined> {
  if (classCount === 365) return builtInClasses("places365");
  if (classCount === 1000) return builtInClasses("imagenet");
  return classCount === 1001 ? withBackground(await builtInClasses("imagenet")) : undefined;
}
