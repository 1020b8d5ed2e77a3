/**
 * The classes of a network in the order of its outputs: from a text or JSON file in any of the forms in which they are
 * passed around, from a model's metadata, or built in (`classes/README.md` says where that list is from).
 */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { messageOf, UnitscopeError } from "../../errors.ts";
import { diskError } from "../../files/disk-error.ts";

/** One class. */
export interface ListedClass {
  /** Its WordNet id, where known: `n01440764`. */
  readonly id?: string | undefined;
  /** What it is called, as it stands in the list: `tench, Tinca tinca`. */
  readonly name: string;
  /** The parts between its commas, which are its synonyms where the list is WordNet's. */
  readonly words: readonly string[];
}

/** The classes of a network, in the order of its outputs. */
export interface ClassList {
  /** What to call the list in messages. */
  readonly place: string;
  readonly classes: readonly ListedClass[];
}

const wordnetId = /^n\d{8}$/;

/** The class that ImageNet's lists begin with, or have behind the background. */
const firstOfImagenet = "tench, Tinca tinca";

/** Lists that are built in: their files in `classes/`, and what to call them in messages. */
const builtIn = {
  imagenet: { file: "imagenet-1k.txt", place: "ImageNet's classes" },
  places365: { file: "places365.txt", place: "Places365's classes" },
} as const;

/** Whether a name is that of a built-in list: `imagenet`, `places365`. */
export function isBuiltInList(name: string): name is keyof typeof builtIn {
  return Object.hasOwn(builtIn, name);
}

/**
 * A list by name (`imagenet`, `places365`) or file.
 * @throws {UnitscopeError} `file` if it cannot be read, `data` if it is no list of classes.
 */
export async function openClassList(nameOrPath: string): Promise<ClassList> {
  if (isBuiltInList(nameOrPath)) return builtInClasses(nameOrPath);
  return parseClassList(await readText(nameOrPath), nameOrPath);
}

/** ImageNet's 1,000 classes, or the 365 scenes of Places365-Standard. */
export async function builtInClasses(name: keyof typeof builtIn): Promise<ClassList> {
  const { file, place } = builtIn[name];
  const path = fileURLToPath(new URL(`../../../classes/${file}`, import.meta.url));
  return parseClassList(await readText(path), place);
}

/** ImageNet's 1,000 classes. */
export async function imagenetClasses(): Promise<ClassList> {
  return await builtInClasses("imagenet");
}

/** A list for networks with one more output, whose first is the background (TensorFlow's older ones). */
export function withBackground({ place, classes }: ClassList): ClassList {
  return { place, classes: [{ name: "background", words: ["background"] }, ...classes] };
}

/**
 * The names for tables: of WordNet's classes the first synonym, of others the whole name; where several share one, with
 * the WordNet id or number. WordNet's are those with an id, and ImageNet's as others publish them, without ids.
 */
export function classNamesOf({ classes }: ClassList): string[] {
  const isImagenet = classes.slice(0, 2).some(({ name }) => name === firstOfImagenet);
  const names = classes.map(({ id, name, words }) => (isImagenet || id !== undefined ? words[0] : name));
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return classes.map(({ id }, cls) => (counts.get(names[cls]) === 1 ? names[cls] : `${names[cls]} (${id ?? cls})`));
}

/**
 * Reads a list: one class a line, alone (`tench`), behind its WordNet id (`n01440764 tench, Tinca tinca`), before or
 * behind its index (`/a/airfield 0`, `0: airfield`); or JSON: an array, an object from index to name or to
 * `[id, name]` (Keras), from name to index, or with such an object in `id2label` (Hugging Face).
 *
 * @param place what to call it in messages.
 * @throws {UnitscopeError} `data` if it is none of these.
 */
export function parseClassList(text: string, place: string): ClassList {
  const names = text.normalize("NFC");
  const entries = /^\s*[[{]/.test(names) ? fromJson(names, place) : fromLines(names);
  if (entries.length === 0) throw new UnitscopeError("data", `${place}: expected class names, got none`);
  const missing = Array.from(entries, (entry) => entry === undefined).indexOf(true);
  if (missing >= 0) throw new UnitscopeError("data", `${place}: expected a name of class ${missing}, got none`);
  return { place, classes: entries.map(toClass) };
}

/** Names without what identifies them, `path label` lists and metadata alike. */
export function listOf(names: readonly string[], place: string): ClassList {
  return { place, classes: names.map(toClass) };
}

/** `n01440764 tench, Tinca tinca`, `crane (n03126707)`, `/a/airfield`, `airplane`. */
function toClass(entry: string): ListedClass {
  const parts = entry.split(/\s+/);
  const behind = /^(.*\S)\s+\((n\d{8})\)$/.exec(entry);
  const id = wordnetId.test(parts[0]) ? parts[0] : behind?.[2];
  const rest = behind ? behind[1] : id ? parts.slice(1).join(" ") : entry.replace(/^\/[a-z]\//, "");
  const words = rest
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
  return { id, name: rest === "" ? entry : rest, words: words.length > 0 ? words : [entry] };
}

function fromLines(text: string): string[] {
  const lines = text
    .replace(/^\uFEFF/, "")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  for (const form of [/^(?<name>.*\S)[\s,]+(?<index>\d+)$/, /^(?<index>\d+)(?:\s*[:,]\s*|\s+)(?<name>\S.*)$/]) {
    const entries: string[] = [];
    for (const line of lines) {
      const parts = form.exec(line)?.groups;
      if (parts && Number(parts["index"]) < lines.length) entries[Number(parts["index"])] = parts["name"];
    }
    if (Object.keys(entries).length === lines.length) return entries; // every line has an index of its own
  }
  return lines;
}

function fromJson(text: string, place: string): string[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new UnitscopeError("data", `${place}: expected JSON, got: ${messageOf(cause)}`, { cause });
  }
  const inner = isObject(value) && isObject(value["id2label"]) ? value["id2label"] : value;
  const pairs = Object.entries(isObject(inner) || Array.isArray(inner) ? inner : {});
  const entries: string[] = [];
  for (const [key, each] of pairs) {
    if (typeof each === "number") entries[each] = key;
    else if (typeof each === "string") entries[Number(key)] = each;
    else if (Array.isArray(each) && each.every((part) => typeof part === "string")) {
      entries[Number(key)] = each.join(" ").replaceAll("_", " ");
    }
  }
  if (pairs.length > 0 && Object.keys(entries).length === pairs.length && entries.length === pairs.length)
    return entries;
  throw new UnitscopeError(
    "data",
    `${place}: expected an array of class names, or an object from every index to its name, got something else`,
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw diskError(path, cause, { rule: "a list of classes (imagenet, places365, or a file)" });
  }
}
