/** The lists that say what the values of label PNGs mean: ours, and those that ADE20K, CamVid and Pascal VOC come with. */
import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import { UnitscopeError } from "../errors.ts";
import { diskError } from "../files/disk-error.ts";
import { type CsvRow, integerField, readCsv } from "./csv.ts";

/** One value of the label PNGs. */
export interface LabelName {
  /** The value in an indexed or gray PNG, or its place in the list of colours; 0 is no label. */
  readonly number: number;
  readonly name: string;
  readonly category: string;
  /** The colour in an RGB PNG, `R << 16 | G << 8 | B`. */
  readonly color?: number;
}

const pascalNames =
  "aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse motorbike person pottedplant sheep sofa train tvmonitor";

/** Names that stand for "no label" in lists of colours. */
const nothing = /^(void|unlabell?ed|background|ignore|_background_)$/i;

/**
 * Reads the list of a folder: `labels.csv`, `classes.csv` or `class_dict.csv` (columns `name`, and `number` or `r,g,b`,
 * and perhaps `category`), CamVid's `label_colors.txt`, ADE20K's `objectInfo150.txt`, or `labels.txt` with one name a
 * line, the first for value 0. A folder with `SegmentationClass` and none of these is Pascal VOC.
 *
 * @returns labels without the ones that mean nothing, and the colours that mean nothing.
 * @throws {UnitscopeError} `data` naming file and row.
 */
export async function readLabelNames(folder: string): Promise<{ labels: LabelName[]; file: string }> {
  for (const [name, read] of Object.entries(readers)) {
    const file = join(folder, name);
    const there = await access(file).then(
      () => true,
      () => false,
    );
    if (there) return { labels: await read(file), file };
  }
  const pascal = await access(join(folder, "SegmentationClass")).then(
    () => true,
    () => false,
  );
  if (pascal) {
    const labels = pascalNames.split(" ").map((name, i) => ({ number: i + 1, name, category: "object" }));
    return { labels, file: folder };
  }
  throw new UnitscopeError(
    "data",
    `${folder}: expected a list of label names, got none of ${Object.keys(readers).join(", ")}`,
  );
}

const readers: Readonly<Record<string, (file: string) => Promise<LabelName[]>>> = {
  "labels.csv": readTable,
  "classes.csv": readTable,
  "class_dict.csv": readTable,
  "label_colors.txt": readColors,
  "objectInfo150.txt": readAde,
  "labels.txt": readLines,
};

async function readTable(file: string): Promise<LabelName[]> {
  const labels: LabelName[] = [];
  for await (const row of readCsv(file, ["name"])) {
    const { name = "", category = "object", number, r } = row.fields;
    if (number === undefined && r === undefined) {
      throw new UnitscopeError(
        "data",
        `${file}: expected columns number or r,g,b, got ${Object.keys(row.fields).join(", ")}`,
      );
    }
    labels.push({
      number: number === undefined ? labels.length + 1 : integerField(file, row, "number"),
      name,
      category,
      ...(r !== undefined && { color: colorOf(file, row) }),
    });
  }
  return labels;
}

function colorOf(file: string, row: CsvRow): number {
  return (integerField(file, row, "r") << 16) | (integerField(file, row, "g") << 8) | integerField(file, row, "b");
}

/** `R G B<tab>Name` a line. */
async function readColors(file: string): Promise<LabelName[]> {
  return (await linesOf(file)).map(([line, text]) => {
    const [, r, g, b, name] = /^(\d+)\s+(\d+)\s+(\d+)\s+(.+)$/.exec(text) ?? [];
    if (name === undefined)
      throw new UnitscopeError("data", `${file}: row ${line}: expected "R G B name", got "${text}"`);
    return { number: line, name, category: "object", color: (Number(r) << 16) | (Number(g) << 8) | Number(b) };
  });
}

/** `Idx<tab>Ratio<tab>Train<tab>Val<tab>Name, synonym, …` a line. */
async function readAde(file: string): Promise<LabelName[]> {
  return (await linesOf(file)).slice(1).map(([line, text]) => {
    const fields = text.split("\t");
    const number = Number(fields[0]);
    const name = fields.at(-1)?.split(/[,;]/)[0]?.trim();
    if (!Number.isInteger(number) || !name || fields.length < 2) {
      throw new UnitscopeError("data", `${file}: row ${line}: expected a number and names, got "${text}"`);
    }
    return { number, name, category: "object" };
  });
}

async function readLines(file: string): Promise<LabelName[]> {
  return (await linesOf(file)).map(([line, name]) => ({ number: line - 1, name, category: "object" }));
}

/** Lines that are not empty, with their numbers from 1. */
async function linesOf(file: string): Promise<[line: number, text: string][]> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    throw diskError(file, cause, { rule: "a list of label names" });
  }
  return text
    .split(/\r?\n/)
    .map((line, i): [number, string] => [i + 1, line.trim()])
    .filter(([, line]) => line !== "");
}

/** Whether a label stands for "no label". */
export function meansNothing({ number, name }: LabelName): boolean {
  return number === 0 || nothing.test(name);
}
