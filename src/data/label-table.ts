/** Tables of images in text, with a column of 0 and 1 for each of several labels, as CelebA and CheXpert ship theirs. */
import { UnitscopeError } from "../errors.ts";
import { columnsOf, fields, separatorOf } from "./list-entries.ts";
import { labelColumns, type SeveralLabels } from "./several-labels.ts";

/** What a table holds. */
export interface LabelTable {
  /** Paths of the images. */
  readonly paths: readonly string[];
  /** Names of its other columns, some of which may be no labels. */
  readonly columns: readonly string[];
  readonly several: SeveralLabels;
}

/**
 * The names of a table's columns, that of the paths first: CSV with a header that has a column of paths and none of
 * labels, or CelebA's own form, the number of images in the first line and the names in the second.
 * @returns `undefined` if the lines are no such table.
 */
export function labelTableHeader(lines: readonly string[]): readonly string[] | undefined {
  if (isCelebA(lines)) return ["image", ...words(lines[1])];
  const header = fields(lines[0] ?? "", separatorOf(lines));
  const { pathAt, labelAt } = columnsOf(header);
  if (header.length < 2 || pathAt < 0 || labelAt >= 0) return undefined;
  return [header[pathAt], ...header.filter((_, at) => at !== pathAt)];
}

/**
 * Reads the table.
 * @param list what to call the file in messages.
 * @returns `undefined` if the lines are no such table.
 * @throws {UnitscopeError} `data` for a line with more or fewer fields than the header.
 */
export function readLabelTable(lines: readonly string[], list: string): LabelTable | undefined {
  const names = labelTableHeader(lines);
  if (!names) return undefined;
  const isSpaced = isCelebA(lines);
  const separator = separatorOf(lines);
  const pathAt = isSpaced ? 0 : columnsOf(fields(lines[0], separator)).pathAt;
  const rows: { line: number; path: string; values: readonly string[] }[] = [];
  for (const [at, line] of lines.entries()) {
    if (line === "" || at < (isSpaced ? 2 : 1)) continue;
    const values = isSpaced ? words(line) : fields(line, separator);
    if (values.length !== names.length || values[pathAt] === "") {
      throw new UnitscopeError(
        "data",
        `${list}:${at + 1}: expected an image's path and ${names.length - 1} more fields, as the header has, got ${JSON.stringify(line.slice(0, 80))}`,
      );
    }
    rows.push({ line: at + 1, path: values[pathAt], values: values.filter((_, field) => field !== pathAt) });
  }
  const columns = names.slice(1);
  return {
    paths: rows.map(({ path }) => path),
    columns,
    several: labelColumns(
      { kind: "columns", imageCount: rows.length, columns, place: list },
      (image, label) => rows[image].values[label],
      (image) => `${list}:${rows[image].line}`,
    ),
  };
}

/** `list_attr_celeba.txt`. */
function isCelebA(lines: readonly string[]): boolean {
  const [count, header, first] = lines;
  return (
    first !== undefined &&
    /^\d+$/.test(count) &&
    !/^\d+$/.test(header) &&
    words(first).length === words(header).length + 1
  );
}

function words(line: string): string[] {
  return line.split(/\s+/).filter((word) => word !== "");
}
