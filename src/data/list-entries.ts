/** The lines of a list of images: `path label` as Places365 and Caffe have it, or CSV with a header as Kaggle has it. */
import { UnitscopeError } from "../errors.ts";

/** One image of a list. */
export interface ListEntry {
  readonly path: string;
  /** A class index as digits, or a class's name. */
  readonly label: string;
}

/** Columns of paths, the surer names first. */
const pathColumns = [/^(images?|image_?(path|name)|file_?(name|path)?|path)$/i, /^(image[_ ]?(id|index)|id|name)$/i];
const labelColumn = /^(labels?|class|class_?name|category|target|wnid|y|predictionstring|tags|finding[_ ]labels)$/i;

/** Where paths and labels stand in a header's columns; -1 where there is none. */
export function columnsOf(header: readonly string[]): { pathAt: number; labelAt: number } {
  const columnOf = (pattern: RegExp): number => header.findIndex((name) => pattern.test(name));
  return { pathAt: pathColumns.map(columnOf).find((at) => at >= 0) ?? -1, labelAt: columnOf(labelColumn) };
}

/**
 * Names of the columns of CSV beside those of paths and labels.
 * @param list what to call the file in messages.
 * @throws {UnitscopeError} `data` if there is another column of labels.
 */
export function otherColumns(lines: readonly string[], list: string): string[] {
  const header = fields(lines[0] ?? "", separatorOf(lines));
  const { pathAt, labelAt } = columnsOf(header);
  if (pathAt < 0 || labelAt < 0) return [];
  const others = header.filter((_, at) => at !== pathAt && at !== labelAt);
  const rival = others.find((name) => labelColumn.test(name));
  if (rival === undefined) return others;
  throw new UnitscopeError("data", `${list}: expected one column of labels, got "${header[labelAt]}" and "${rival}"`);
}

/** What to do with images of several labels where one is expected. */
export const nameTheLabel = 'where images have several labels or none, name the one to measure with option "label"';

/**
 * Reads the lines. In CSV the label of ImageNet's `LOC_val_solution.csv` is the first word of its `PredictionString`, and
 * its images, which are named without an ending, end in `.JPEG`.
 *
 * @param list what to call the file in messages.
 * @param options.severalLabels a label may be several, or in CSV none.
 * @throws {UnitscopeError} `data` for a line that has no label, or a name where the first has a number.
 */
export function listEntries(
  lines: readonly string[],
  list: string,
  { severalLabels = false }: { severalLabels?: boolean } = {},
): ListEntry[] {
  const separator = separatorOf(lines);
  const header = fields(lines[0] ?? "", separator);
  const { pathAt, labelAt } = columnsOf(header);
  const isCsv = header.length > 1 && pathAt >= 0 && labelAt >= 0;
  const isSolution = isCsv && /^predictionstring$/i.test(header[labelAt]);
  const rivalAt = header.findIndex((name, at) => at !== pathAt && at !== labelAt && labelColumn.test(name));
  const entries: ListEntry[] = [];
  const rivals: string[] = [];
  for (const [at, line] of lines.entries()) {
    if (line === "" || (isCsv && at === 0)) continue;
    const values = isCsv ? fields(line, separator) : [];
    if (isCsv && values.slice(header.length).some((value) => value !== "")) {
      throw new UnitscopeError(
        "data",
        `${list}:${at + 1}: expected ${header.length} fields, as the header has, got ${values.length}: ${JSON.stringify(line.slice(0, 80))}; put a name with separators into quotes`,
      );
    }
    const entry = isCsv ? fromCsv(values, { pathAt, labelAt, mayLack: severalLabels }) : fromText(line);
    const first = entries[0]?.label;
    const isOther = first !== undefined && entry !== undefined && isIndex(first) !== isIndex(entry.label);
    const isSeveral = entry !== undefined && /[;|]/.test(entry.label);
    if (!entry || (!severalLabels && (isOther || isSeveral))) {
      const kind = first === undefined || isIndex(first) ? "a label from 0" : "a class's name";
      const hint = isSeveral || isCsv ? `; ${nameTheLabel}` : "";
      throw new UnitscopeError(
        "data",
        `${list}:${at + 1}: expected "path label" with ${isSeveral ? "one label" : kind}, got ${JSON.stringify(line.slice(0, 80))}${hint}`,
      );
    }
    if (rivalAt >= 0) rivals.push(values[rivalAt] ?? "");
    entries.push(isSolution ? { path: `${entry.path}.JPEG`, label: entry.label.split(/\s+/)[0] } : entry);
  }
  if (isCsv && rivalAt >= 0 && !severalLabels) {
    requireSameClasses(entries, rivals, `${list}: expected one column of labels, or two that say the same`, [
      header[labelAt],
      header[rivalAt],
    ]);
  }
  return entries;
}

/** @throws {UnitscopeError} `data` where another column puts images into other classes than the labels do. */
function requireSameClasses(
  entries: readonly ListEntry[],
  rivals: readonly string[],
  rule: string,
  [own, other]: readonly [string, string],
): void {
  const there = new Map<string, string>();
  const back = new Map<string, string>();
  for (const [at, { label }] of entries.entries()) {
    const rival = rivals[at];
    if ((there.get(label) ?? rival) === rival && (back.get(rival) ?? label) === label) {
      there.set(label, rival);
      back.set(rival, label);
      continue;
    }
    throw new UnitscopeError(
      "data",
      `${rule}, got "${own}" and "${other}", which differ for "${entries[at].path}"; leave one of them out`,
    );
  }
}

function isIndex(label: string): boolean {
  return classIndex.test(label);
}

/** Class indices as text; tables whose numbers were once floating-point have a point and zeros. */
export const classIndex: RegExp = /^\d+(\.0*)?$/;

/** What stands between the fields of CSV: what its header has, a comma if it does not tell. */
export function separatorOf(lines: readonly string[]): string {
  const fits = (separator: string): boolean => {
    const header = fields(lines[0] ?? "", separator);
    return header.length > 1 && columnsOf(header).pathAt >= 0;
  };
  return [",", "\t", ";"].find(fits) ?? ",";
}

/** The label is what follows the last blank, tab or comma, so paths may have blanks in them. */
function fromText(line: string): ListEntry | undefined {
  const parts = /^(.*\S)[\s,]+([^\s,]+)$/.exec(line);
  return parts ? { path: parts[1].replace(/,$/, ""), label: parts[2] } : undefined;
}

function fromCsv(
  values: readonly string[],
  { pathAt, labelAt, mayLack }: { pathAt: number; labelAt: number; mayLack: boolean },
): ListEntry | undefined {
  const [path, label] = [values[pathAt], values[labelAt]];
  return path && (label || (mayLack && label === "")) ? { path, label } : undefined;
}

/** A line's fields, RFC 4180's quotes taken off. */
export function fields(line: string, separator: string = ","): string[] {
  const field = new RegExp(`${separator}(?:"((?:[^"]|"")*)"|([^${separator}]*))`, "g");
  return Array.from(`${separator}${line}`.matchAll(field), ([, quoted, plain]) =>
    (quoted?.replaceAll('""', '"') ?? plain ?? "").trim(),
  );
}
