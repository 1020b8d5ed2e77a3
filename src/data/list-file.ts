/** A list file: `path label` a line, as Places365 and ImageNet ship their validation sets, or CSV with a header. */
import { access, readdir } from "node:fs/promises";
import { basename, dirname, isAbsolute, join } from "node:path";
import { UnitscopeError } from "../errors.ts";
import { diskError } from "../files/disk-error.ts";
import { insideFolder } from "../files/inside-folder.ts";
import { readRegular } from "../files/read-regular.ts";
import { classNamesOf, parseClassList } from "./classes/class-list.ts";
import { devkitEntries, devkitTable, isBareNumbers, refuseDevkitNumbers } from "./devkit-list.ts";
import type { FileList } from "./file-set.ts";
import { labelTableHeader, readLabelTable } from "./label-table.ts";
import { listEntries, otherColumns } from "./list-entries.ts";
import { labelLists } from "./several-labels.ts";
import { splitLabels, textLabelLists, textLabels } from "./text-labels.ts";

/** Files beside a list that are taken for its class names. */
const categoryFile = /^(categories.*|classes|class_names|synset_words)\.txt$/i;

/**
 * Reads a list file. Labels are class indices or names.
 *
 * @param severalLabels an image may have several labels, with `;` or `|` between them, or in CSV none; or there is a
 * column of 0 and 1 for each label.
 * @param root folder that the paths start from, even those that begin with a slash (as in Places365), and do not leave;
 * without it, relative paths start from the list's own folder.
 * @throws {UnitscopeError} `data` if a line is not a path and a label, or the class names do not cover the labels, or a
 * path leads out of `root`;
 * `file` if it cannot be read.
 */
export async function readListFile(
  list: string,
  {
    root,
    name = list,
    severalLabels: isSeveral = false,
  }: { root?: string | undefined; name?: string; severalLabels?: boolean | undefined } = {},
): Promise<FileList> {
  const lines = await readLines(list);
  if (/^(\[\s*([[{]|$)|\{\s*("|$))/.test(lines.find((line) => line !== "") ?? "")) {
    throw new UnitscopeError("data", `${list}: expected a list file ("path label" lines or CSV), got JSON`);
  }
  const { imageNames, labels, severalLabels, classNames } = isSeveral
    ? listedLabels(lines, list)
    : await listedClasses(lines, list);
  if (imageNames.length === 0) {
    throw new UnitscopeError("data", `${list}: expected "path label" lines, got an empty file`);
  }
  const placeOf = (path: string): string => {
    if (root !== undefined) return insideFolder(root, path.replace(/^\/+/, ""), list);
    return isAbsolute(path) ? path : join(dirname(list), path);
  };
  const paths: string[] = [];
  for (const path of imageNames) paths.push(hasAccents(path) ? await storedPath(path, placeOf) : placeOf(path));
  const isNumbered = severalLabels?.kind !== "columns" && classNames.every((cls, at) => cls === `${at}`);
  const found = isNumbered ? await findClassNames(list, classNames.length) : undefined;
  return { name, paths, imageNames, labels, severalLabels, classNames: found ?? classNames };
}

function hasAccents(path: string): boolean {
  return path.normalize("NFC") !== path.normalize("NFD");
}

/** Where a file is whose name the disk may store in the other way of Unicode, as what macOS packed does; else as listed. */
async function storedPath(path: string, placeOf: (path: string) => string): Promise<string> {
  for (const form of [path, path.normalize("NFC"), path.normalize("NFD")]) {
    const place = placeOf(form);
    if (
      await access(place).then(
        () => true,
        () => false,
      )
    )
      return place;
  }
  return placeOf(path);
}

/** Images with their labels, as a list has them. */
interface Listed extends Pick<FileList, "imageNames" | "labels" | "severalLabels" | "classNames"> {}

async function listedClasses(lines: readonly string[], list: string): Promise<Listed> {
  if (!isBareNumbers(lines)) refuseTable(lines, list);
  const entries = isBareNumbers(lines)
    ? devkitEntries(lines, list, await findDevkitTable(list))
    : listEntries(lines, list);
  refuseDevkitNumbers(entries, list);
  const given = entries.map(({ label }) => label);
  return { imageNames: entries.map(({ path }) => path), ...textLabels(given, list) };
}

function listedLabels(lines: readonly string[], list: string): Listed {
  const table = readLabelTable(lines, list);
  if (table) {
    const { paths, columns, several } = table;
    return { imageNames: paths, labels: new Int32Array(paths.length), classNames: columns, severalLabels: several };
  }
  const entries = listEntries(lines, list, { severalLabels: true });
  refuseDevkitNumbers(entries, list);
  const given = entries.map(({ label }) => splitLabels(label));
  const { lists, classNames } = textLabelLists(given, list);
  return {
    imageNames: entries.map(({ path }) => path),
    labels: new Int32Array(entries.length),
    classNames,
    severalLabels: labelLists(lists, otherColumns(lines, list)),
  };
}

/** @throws {UnitscopeError} `data` for a table with a column for each label. */
function refuseTable(lines: readonly string[], list: string): void {
  const names = labelTableHeader(lines)?.slice(1);
  if (!names) return;
  const shown = names.slice(0, 3).map((name) => `"${name}"`);
  throw new UnitscopeError(
    "data",
    `${list}: expected a column of labels ("label", "class", …), got ${shown.join(", ")}${names.length > 3 ? ", …" : ""}; where every label has a column of 0 and 1, name the one to measure with option "label"`,
  );
}

/** The table of the development kit's numbers in the list's folder, if there is one. */
async function findDevkitTable(list: string): Promise<{ lines: string[]; place: string } | undefined> {
  const found = (await readdir(dirname(list))).find((each) => devkitTable.test(each));
  if (found === undefined) return undefined;
  const place = join(dirname(list), found);
  return { lines: await readLines(place), place };
}

/** Class names from a categories file in the list's folder, if there is one. */
async function findClassNames(list: string, classCount: number): Promise<string[] | undefined> {
  const folder = dirname(list);
  const found = (await readdir(folder)).filter((each) => categoryFile.test(each) && each !== basename(list)).sort();
  if (found.length > 1) {
    throw new UnitscopeError(
      "data",
      `${folder}: expected one file of class names beside the list, got ${found.join(", ")}`,
    );
  }
  if (!found[0]) return undefined;
  const file = join(folder, found[0]);
  const names = classNamesOf(parseClassList((await readLines(file)).join("\n"), file));
  if (names.length < classCount) {
    throw new UnitscopeError(
      "data",
      `${file}: expected names for at least ${classCount} classes, since ${list} has label ${classCount - 1}, got ${names.length}`,
    );
  }
  return names;
}

/** Where the bytes stop being UTF-8. */
function firstBad(bytes: Buffer): number {
  const decoded = Buffer.from(bytes.toString("utf8")); // has U+FFFD there
  let at = 0;
  while (at < bytes.length && bytes[at] === decoded[at]) at++;
  return at;
}

/** The lines of a text file without blanks at their ends. */
async function readLines(path: string): Promise<string[]> {
  let bytes: Buffer;
  try {
    bytes = await readRegular(path);
  } catch (cause) {
    throw diskError(path, cause, { rule: "a text file" });
  }
  if (bytes.subarray(0, 4096).includes(0)) {
    throw new UnitscopeError(
      "data",
      `${path}: expected a list file, .parquet or .npz, got ${bytes.length} bytes that are no text`,
    );
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    const line = bytes.subarray(0, firstBad(bytes)).toString("latin1").split("\n").length;
    throw new UnitscopeError(
      "data",
      `${path}:${line}: expected text in UTF-8, got other bytes; save the file as UTF-8`,
      {
        cause,
      },
    );
  }
  return text.split("\n").map((line) => line.trim());
}
