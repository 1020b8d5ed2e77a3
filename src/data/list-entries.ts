/** The lines of a list of images: `path label` as Places365 and Caffe have it, or CSV with a header as Kaggle has it. */
import { UnitscopeError } from "../errors.ts";

/** One image of a list. */
export interface ListEntry {
  readonly path: string;
  /** A class index as digits, or a class's name. */
  readonly label: string;
}

/** Columns of paths, the surer names first. */
const pathColumns = [/^(images?|image_?(path|name)|file_?(name|path)?|path)$/i, /^(image_?id|id|name)$/i];
const labelColumn = /^(label|labels|class|class_?name|category|target|wnid|y|predictionstring)$/i;

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
  const header = fields(lines[0] ?? "");
  const columnOf = (pattern: RegExp): number => header.findIndex((name) => pattern.test(name));
  const pathAt = pathColumns.map(columnOf).find((at) => at >= 0) ?? -1;
  const labelAt = columnOf(labelColumn);
  const isCsv = header.length > 1 && pathAt >= 0 && labelAt >= 0;
  const isSolution = isCsv && /^predictionstring$/i.test(header[labelAt]);
  const entries: ListEntry[] = [];
  for (const [at, line] of lines.entries()) {
    if (line === "" || (isCsv && at === 0)) continue;
    const entry = isCsv ? fromCsv(fields(line), { pathAt, labelAt, mayLack: severalLabels }) : fromText(line);
    const first = entries[0]?.label;
    if (!entry || (!severalLabels && first !== undefined && isIndex(first) !== isIndex(entry.label))) {
      const kind = first === undefined || isIndex(first) ? "label with a label from 0" : "label with a class's name";
      throw new UnitscopeError(
        "data",
        `${list}:${at + 1}: expected "path ${kind.replace("label with", 'label" with')}, got ${JSON.stringify(line.slice(0, 80))}`,
      );
    }
    entries.push(isSolution ? { path: `${entry.path}.JPEG`, label: entry.label.split(/\s+/)[0] } : entry);
  }
  return entries;
}

function isIndex(label: string): boolean {
  return /^\d+$/.test(label);
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
function fields(line: string): string[] {
  return Array.from(line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g), ([, quoted, plain]) =>
    (quoted?.replaceAll('""', '"') ?? plain ?? "").trim(),
  );
}
