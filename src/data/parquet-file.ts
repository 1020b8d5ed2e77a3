/** A Parquet file of images as it is on disk: its columns of images and labels, read one row group at a time. */
import { stat } from "node:fs/promises";
import { messageOf, UnitscopeError } from "../errors.ts";
import { diskError } from "../files/disk-error.ts";
import {
  type AsyncBuffer,
  asyncBufferFromFile,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
} from "../files/parquet.ts";
import { nameTheLabel } from "./list-entries.ts";

const imageColumn = /^(image|images|img|pixels|x)$/i;
const labelColumn = /^(label|labels|fine_label|y|target|class)$/i;
const severalColumn = /^(label|labels|fine_label|y|target|class|classes|targets|tags)$/i;

/**
 * A row as it is read: what is in the columns of images and labels, and of sizes where there are some. Of a file whose
 * labels have columns of their own, the label is what stands in all of these.
 */
export interface ParquetRow {
  readonly image: unknown;
  readonly label: unknown;
  readonly height: unknown;
  readonly width: unknown;
}

/** An opened file and where its columns and row groups are. */
export interface ParquetFile {
  readonly path: string;
  readonly file: AsyncBuffer;
  readonly metadata: FileMetaData;
  readonly columns: {
    readonly image: string;
    /** `undefined` where labels have columns of their own. */
    readonly label: string | undefined;
    readonly height?: string;
    readonly width?: string;
  };
  /** Columns of numbers and truth values that may each be a label's, where there is none of labels. */
  readonly flags: readonly string[];
  /** The other columns beside images and labels. */
  readonly others: readonly string[];
  /** First row of every row group, and the number of rows at the end. */
  readonly groupStarts: readonly number[];
}

/**
 * @param severalLabels an image may have several labels, which may have a column each.
 * @throws {UnitscopeError} `file` if it cannot be read, `data` if it is no Parquet file or lacks the columns.
 */
export async function openParquetFile(
  path: string,
  { severalLabels = false }: { severalLabels?: boolean | undefined } = {},
): Promise<ParquetFile> {
  let file: AsyncBuffer;
  try {
    await stat(path);
    file = await asyncBufferFromFile(path);
  } catch (cause) {
    throw diskError(path, cause, { rule: "a Parquet file" });
  }
  let metadata: FileMetaData;
  try {
    metadata = await parquetMetadataAsync(file);
  } catch (cause) {
    throw new UnitscopeError("data", `${path}: expected a Parquet file, got: ${messageOf(cause)}`, { cause });
  }
  const topLevel: string[] = [];
  const numeric: string[] = [];
  const { schema } = metadata;
  for (let at = 1, left = schema[0]?.num_children ?? 0; left > 0 && at < schema.length; left--) {
    const { name, type, num_children: inner } = schema[at];
    topLevel.push(name);
    if (!inner && type !== undefined && /^(BOOLEAN|INT|FLOAT|DOUBLE)/.test(type)) numeric.push(name);
    for (let open = 1; open > 0 && at < schema.length; at++) open += (schema[at].num_children ?? 0) - 1;
  }
  const image = topLevel.find((each) => imageColumn.test(each));
  const label = topLevel.find((each) => (severalLabels ? severalColumn : labelColumn).test(each));
  const others = topLevel.filter((each) => each !== image && each !== label);
  const flags =
    label === undefined ? numeric.filter((each) => others.includes(each) && !/^(height|width)$/.test(each)) : [];
  const rival = severalLabels && others.find((each) => severalColumn.test(each));
  if (rival && label !== undefined) {
    throw new UnitscopeError("data", `${path}: expected one column of labels, got "${label}" and "${rival}"`);
  }
  if (image === undefined || (label === undefined && (!severalLabels || flags.length === 0))) {
    const hint = image !== undefined && flags.length > 1 ? `; ${nameTheLabel}` : "";
    throw new UnitscopeError(
      "data",
      `${path}: expected columns "image" and "label", got ${topLevel.map((each) => `"${each}"`).join(", ")}${hint}`,
    );
  }
  const groupStarts = [0];
  for (const group of metadata.row_groups) groupStarts.push((groupStarts.at(-1) as number) + Number(group.num_rows));
  const hasSize = topLevel.includes("height") && topLevel.includes("width");
  const columns = { image, label, ...(hasSize && { height: "height", width: "width" }) };
  return { path, file, metadata, columns, flags, others, groupStarts };
}

/** Reads the rows of a row group. @throws {UnitscopeError} `data` if they cannot be read. */
export async function readRowGroup(
  { path, file, metadata, columns, flags, groupStarts }: ParquetFile,
  group: number,
): Promise<ParquetRow[]> {
  const rowStart = groupStarts[group];
  const rowEnd = groupStarts[group + 1];
  const { compressors } = await import("hyparquet-compressors");
  try {
    const rows = await parquetReadObjects({
      file,
      metadata,
      columns: [...new Set([...Object.values(columns).filter((each) => each !== undefined), ...flags])],
      rowStart,
      rowEnd,
      compressors,
      utf8: false,
    });
    return rows.map((row) => ({
      image: row[columns.image] as unknown,
      label: columns.label === undefined ? flags.map((each) => row[each] as unknown) : (row[columns.label] as unknown),
      height: columns.height && (row[columns.height] as unknown),
      width: columns.width && (row[columns.width] as unknown),
    }));
  } catch (cause) {
    throw new UnitscopeError(
      "data",
      `${path}: expected rows ${rowStart}..${rowEnd - 1} to be readable, got: ${messageOf(cause)}`,
      { cause },
    );
  }
}

/** The bytes of an image's value: encoded or raw, alone, in Hugging Face's struct, or as (nested) numbers. */
export function imageBytes(value: unknown): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  if (Array.isArray(value)) {
    const numbers = value.flat(2).map(Number);
    return numbers.every((each) => Number.isInteger(each) && each >= 0 && each < 256)
      ? Uint8Array.from(numbers)
      : undefined;
  }
  if (typeof value === "object" && value !== null && "bytes" in value) return imageBytes(value.bytes);
  return undefined;
}

/** What to say of a value that holds no image. */
export function notAnImage(
  { path, columns }: Pick<ParquetFile, "path" | "columns">,
  row: number,
  value: unknown,
): UnitscopeError {
  const got =
    value === null || value === undefined
      ? "none"
      : typeof value === "object"
        ? "a struct without bytes"
        : typeof value;
  return new UnitscopeError("data", `${path}: row ${row}: "${columns.image}": expected an image's bytes, got ${got}`);
}
