/**
 * An image set out of a Parquet file: a column of images (encoded files or raw pixels, also as Hugging Face's
 * `{bytes, path}`) and one of labels. Images are read one row group at a time, so a large file is never in memory whole.
 */
import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import {
  type AsyncBuffer,
  asyncBufferFromFile,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
} from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { messageOf, throwIfInterrupted, UnitscopeError } from "../errors.ts";
import { diskError } from "../files/disk-error.ts";
import { decodeImage } from "./decode-image.ts";
import type { SourceOptions } from "./file-set.ts";
import { findRepeats } from "./find-repeats.ts";
import type { ImageSet, RgbImage } from "./image-set.ts";
import { joinSets } from "./join-sets.ts";
import { checkLabels } from "./pixel-set.ts";
import { isEncodedImage, rawImage } from "./raw-image.ts";
import { checkImage, firstPerClass, limitPerClass } from "./select-images.ts";

const imageColumn = /^(image|images|img|pixels|x)$/i;
const labelColumn = /^(label|labels|fine_label|y|target|class)$/i;

/** A row as it is read: what is in the columns of images and labels, and of sizes where there are some. */
interface Row {
  readonly image: unknown;
  readonly label: unknown;
  readonly height: unknown;
  readonly width: unknown;
}

/** An opened file and where its columns and row groups are. */
interface Table {
  readonly path: string;
  readonly file: AsyncBuffer;
  readonly metadata: FileMetaData;
  readonly columns: {
    readonly image: string;
    readonly label: string;
    readonly height?: string;
    readonly width?: string;
  };
  /** First row of every row group, and the number of rows at the end. */
  readonly groupStarts: readonly number[];
}

/**
 * Opens a Parquet file of images. Labels are whole numbers or names; the names of numbered classes come from Hugging
 * Face's metadata where the file has it.
 *
 * @throws {UnitscopeError} `file` if it cannot be read, `data` if it is no Parquet file or lacks the columns.
 */
export async function openParquet(
  path: string,
  { name = path, ...options }: SourceOptions & { name?: string } = {},
): Promise<ImageSet> {
  const table = await openTable(path);
  const rowCount = table.groupStarts.at(-1) as number;
  if (rowCount === 0) throw new UnitscopeError("data", `${path}: expected images, got a table without rows`);
  const given: unknown[] = Array.from({ length: rowCount });
  const digests = new Uint8Array(rowCount * 32);
  for (let group = 0; group + 1 < table.groupStarts.length; group++) {
    throwIfInterrupted(options.signal, `data "${name}"`);
    const start = table.groupStarts[group];
    for (const [at, row] of (await readGroup(table, group)).entries()) {
      given[start + at] = row.label;
      const bytes = imageBytes(row.image);
      if (!bytes && !options.tolerant) throw notAnImage(table, start + at, row.image);
      digests.set(
        createHash("sha256")
          .update(bytes ?? "")
          .digest(),
        (start + at) * 32,
      );
    }
    options.progress?.({
      title: `reading ${name}`,
      done: table.groupStarts[group + 1],
      total: rowCount,
      unit: "images",
    });
  }
  const { labels: all, classNames } = toLabels(table, given);
  checkLabels(name, all, classNames.length);
  const rows = options.limit === undefined ? Int32Array.from(all.keys()) : firstPerClass(all, options.limit);
  const labels = rows.map((row) => all[row]);
  const hash = createHash("sha256");
  rows.forEach((row) => hash.update(digests.subarray(row * 32, row * 32 + 32)).update(`${all[row]}\n`));
  const texts = Array.from(rows, (row) => Buffer.from(digests.subarray(row * 32, row * 32 + 32)).toString("latin1"));
  const group = cachedGroups(table);
  return {
    name,
    imageCount: rows.length,
    labels,
    classNames,
    hash: hash.digest("hex"),
    repeats: findRepeats(texts, labels),
    imageName: (image) => `${basename(path)}/${rows[image]}`,
    read: async (image) => {
      checkImage(name, image, rows.length);
      return toImage(table, rows[image], await group(rows[image]), options);
    },
  };
}

/**
 * Opens several files as one set, in their order, as Hugging Face splits its large sets.
 * @throws {UnitscopeError} what `openParquet` throws; `data` if their classes differ.
 */
export async function openParquets(
  paths: readonly string[],
  { name = paths.join(", "), limit, ...options }: SourceOptions & { name?: string } = {},
): Promise<ImageSet> {
  const parts: ImageSet[] = [];
  for (const path of paths) parts.push(await openParquet(path, { name: path, ...options }));
  const joined = joinSets(name, parts);
  return limit === undefined ? joined : limitPerClass(joined, limit);
}

async function openTable(path: string): Promise<Table> {
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
  for (let at = 1, left = metadata.schema[0]?.num_children ?? 0; left > 0; left--) {
    topLevel.push(metadata.schema[at]?.name ?? "");
    for (let open = 1; open > 0; at++) open += (metadata.schema[at]?.num_children ?? 0) - 1;
  }
  const image = topLevel.find((each) => imageColumn.test(each));
  const label = topLevel.find((each) => labelColumn.test(each));
  if (image === undefined || label === undefined) {
    throw new UnitscopeError(
      "data",
      `${path}: expected columns "image" and "label", got ${topLevel.map((each) => `"${each}"`).join(", ")}`,
    );
  }
  const groupStarts = [0];
  for (const group of metadata.row_groups) groupStarts.push((groupStarts.at(-1) as number) + Number(group.num_rows));
  const hasSize = topLevel.includes("height") && topLevel.includes("width");
  const columns = { image, label, ...(hasSize && { height: "height", width: "width" }) };
  return { path, file, metadata, columns, groupStarts };
}

async function readGroup({ path, file, metadata, columns, groupStarts }: Table, group: number): Promise<Row[]> {
  const rowStart = groupStarts[group];
  const rowEnd = groupStarts[group + 1];
  try {
    const rows = await parquetReadObjects({
      file,
      metadata,
      columns: Object.values(columns),
      rowStart,
      rowEnd,
      compressors,
      utf8: false,
    });
    return rows.map((row) => ({
      image: row[columns.image] as unknown,
      label: row[columns.label] as unknown,
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

/** Bytes of row groups that stay in memory: blocks of images in random order come back to all of them. */
const keptBytes = 512 << 20;

/** A reader of rows that keeps the row groups that were used last: two at least, images are read by several at a time. */
function cachedGroups(table: Table): (row: number) => Promise<Row> {
  const sizes = table.metadata.row_groups.map((group) => Number(group.total_byte_size));
  const kept = new Map<number, Promise<Row[]>>();
  return async (row) => {
    const group = table.groupStarts.findLastIndex((start) => start <= row);
    let rows = kept.get(group);
    if (rows) kept.delete(group);
    else rows = readGroup(table, group);
    kept.set(group, rows);
    let bytes = 0;
    for (const each of kept.keys()) bytes += sizes[each] ?? 0;
    for (const oldest of kept.keys()) {
      if (kept.size <= 2 || bytes <= keptBytes) break;
      kept.delete(oldest);
      bytes -= sizes[oldest] ?? 0;
    }
    return (await rows)[row - table.groupStarts[group]];
  };
}

function toLabels(
  { path, columns, metadata }: Table,
  given: readonly unknown[],
): { labels: Int32Array; classNames: string[] } {
  if (given.every((label) => typeof label === "string")) {
    const classNames = [...new Set(given)].sort();
    const indices = new Map(classNames.map((each, index) => [each, index]));
    return { labels: Int32Array.from(given, (label) => indices.get(label) as number), classNames };
  }
  const labels = Int32Array.from(given, (label, row) => {
    const index = typeof label === "bigint" ? Number(label) : label;
    if (typeof index === "number" && Number.isInteger(index) && index >= 0 && index < 1_000_000) return index;
    throw new UnitscopeError(
      "data",
      `${path}: row ${row}: "${columns.label}": expected a class index or name, got ${String(label)}`,
    );
  });
  const classCount = labels.reduce((most, label) => Math.max(most, label + 1), 0);
  return {
    labels,
    classNames: huggingFaceNames(metadata, columns.label) ?? Array.from({ length: classCount }, (_, cls) => `${cls}`),
  };
}

/** Class names that Hugging Face's `datasets` writes into the file's metadata. */
function huggingFaceNames(metadata: FileMetaData, column: string): string[] | undefined {
  const text = metadata.key_value_metadata?.find(({ key }) => key === "huggingface")?.value;
  if (text === undefined) return undefined;
  try {
    const names: unknown = JSON.parse(text)?.info?.features?.[column]?.names;
    return Array.isArray(names) && names.every((each) => typeof each === "string") ? names : undefined;
  } catch {
    return undefined; // metadata of another shape: the classes keep their numbers
  }
}

/** The bytes of an image's value: encoded or raw, alone, in Hugging Face's struct, or as (nested) numbers. */
function imageBytes(value: unknown): Uint8Array | undefined {
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

async function toImage(
  table: Table,
  row: number,
  { image, height, width }: Row,
  options: SourceOptions,
): Promise<RgbImage> {
  const bytes = imageBytes(image);
  const place = `${table.path}: row ${row}`;
  if (!bytes) throw notAnImage(table, row, image);
  if (!Array.isArray(image) && isEncodedImage(bytes)) return decodeImage(bytes, place, options);
  if (Array.isArray(image) && Array.isArray(image[0])) {
    return rawImage(bytes, { height: image.length, width: (image[0] as unknown[]).length }, place);
  }
  return rawImage(bytes, height === undefined ? undefined : { height: Number(height), width: Number(width) }, place);
}

function notAnImage({ path, columns }: Table, row: number, value: unknown): UnitscopeError {
  const got =
    value === null || value === undefined
      ? "none"
      : typeof value === "object"
        ? "a struct without bytes"
        : typeof value;
  return new UnitscopeError("data", `${path}: row ${row}: "${columns.image}": expected an image's bytes, got ${got}`);
}
