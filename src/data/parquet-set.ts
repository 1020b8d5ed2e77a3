/**
 * An image set out of a Parquet file: a column of images (encoded files or raw pixels, also as Hugging Face's
 * `{bytes, path}`) and one of labels. Images are read one row group at a time, so a large file is never in memory whole.
 */
import { createHash } from "node:crypto";
import { basename } from "node:path";
import { UnitscopeError } from "../errors.ts";
import type { FileMetaData } from "../files/parquet.ts";
import { decodeImage } from "./decode-image.ts";
import type { SourceOptions } from "./file-set.ts";
import { findRepeats } from "./find-repeats.ts";
import type { ImageSet, RgbImage } from "./image-set.ts";
import { joinSets } from "./join-sets.ts";
import { labelsOfValues } from "./label-values.ts";
import { nameTheLabel } from "./list-entries.ts";
import {
  imageBytes,
  notAnImage,
  openParquetFile,
  type ParquetFile,
  type ParquetRow,
  readRowGroup,
} from "./parquet-file.ts";
import { scanParquet } from "./parquet-scan.ts";
import { checkLabels } from "./pixel-set.ts";
import { isEncodedImage, rawImage } from "./raw-image.ts";
import { checkImage, firstPerClass, limitPerClass } from "./select-images.ts";
import { labelColumns, labelsOfImages, type SeveralLabels } from "./several-labels.ts";
import { namedLabels } from "./text-labels.ts";

/** How files are opened. */
interface ParquetOptions extends SourceOptions {
  readonly name?: string;
  /** Images may have several labels. */
  readonly severalLabels?: boolean | undefined;
}

/**
 * Opens a Parquet file of images. Labels are whole numbers or names; the names of numbered classes come from Hugging
 * Face's metadata where the file has it. Several labels an image are lists of these or of 0 and 1, or columns of 0 and 1.
 *
 * @throws {UnitscopeError} `file` if it cannot be read, `data` if it is no Parquet file or lacks the columns.
 */
export async function openParquet(
  path: string,
  { name = path, severalLabels = false, ...options }: ParquetOptions = {},
): Promise<ImageSet> {
  const { tolerant = false, signal, progress } = options;
  const { labels: given, digests } = await scanParquet(
    { path, tolerant, severalLabels },
    { signal, progress: (done, total) => progress?.({ title: `reading ${name}`, done, total, unit: "images" }) },
  );
  if (given.length === 0) throw new UnitscopeError("data", `${path}: expected images, got a table without rows`);
  const table = await openParquetFile(path, { severalLabels });
  const { labels: all, classNames, several } = severalLabels ? toSeveral(table, given) : toLabels(table, given);
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
    ...(several && { severalLabels: labelsOfImages(several, rows) }),
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
  { name = paths.join(", "), limit, ...options }: ParquetOptions = {},
): Promise<ImageSet> {
  const parts: ImageSet[] = [];
  for (const path of paths) parts.push(await openParquet(path, { name: path, ...options }));
  const joined = joinSets(name, parts);
  return limit === undefined ? joined : limitPerClass(joined, limit);
}

/** Bytes of row groups that stay in memory: blocks of images in random order come back to all of them. */
const keptBytes = 512 << 20;

/** A reader of rows that keeps the row groups that were used last: two at least, images are read by several at a time. */
function cachedGroups(table: ParquetFile): (row: number) => Promise<ParquetRow> {
  const sizes = table.metadata.row_groups.map((group) => Number(group.total_byte_size));
  const kept = new Map<number, Promise<ParquetRow[]>>();
  return async (row) => {
    const group = table.groupStarts.findLastIndex((start) => start <= row);
    let rows = kept.get(group);
    if (rows) kept.delete(group);
    else rows = readRowGroup(table, group);
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

/** Labels of all rows, and what they are called. */
interface Labels {
  readonly labels: Int32Array;
  readonly classNames: readonly string[];
  readonly several?: SeveralLabels;
}

function toSeveral(
  { path, columns: { label }, flags, others, metadata }: ParquetFile,
  given: readonly unknown[],
): Labels {
  const labels = new Int32Array(given.length);
  const where = (row: number): string => `${path}: row ${row}`;
  if (label !== undefined) {
    const names = huggingFaceNames(metadata, label);
    const read = labelsOfValues(given, { place: `${path}: "${label}"`, where, names, beside: others });
    return { labels, ...read };
  }
  const rows = given as readonly (readonly unknown[])[];
  const table = { kind: "columns", imageCount: rows.length, columns: flags, place: path } as const;
  return { labels, classNames: flags, several: labelColumns(table, (row, at) => rows[row][at], where) };
}

function toLabels({ path, columns: { label: column = "" }, metadata }: ParquetFile, given: readonly unknown[]): Labels {
  if (given.every((label) => typeof label === "string")) return namedLabels(given);
  const labels = Int32Array.from(given, (label, row) => {
    const index = typeof label === "bigint" ? Number(label) : label;
    if (typeof index === "number" && Number.isInteger(index) && index >= 0 && index < 1_000_000) return index;
    throw new UnitscopeError(
      "data",
      `${path}: row ${row}: "${column}": expected a class index or name, got ${String(label)}${Array.isArray(label) ? `; ${nameTheLabel}` : ""}`,
    );
  });
  const classCount = labels.reduce((most, label) => Math.max(most, label + 1), 0);
  return {
    labels,
    classNames: huggingFaceNames(metadata, column) ?? Array.from({ length: classCount }, (_, cls) => `${cls}`),
  };
}

/** Class names that Hugging Face's `datasets` writes into the file's metadata. */
function huggingFaceNames(metadata: FileMetaData, column: string): string[] | undefined {
  const text = metadata.key_value_metadata?.find(({ key }) => key === "huggingface")?.value;
  if (text === undefined) return undefined;
  try {
    const feature = JSON.parse(text)?.info?.features?.[column];
    const names: unknown = feature?.names ?? feature?.feature?.names ?? feature?.[0]?.names; // or those of a list
    return Array.isArray(names) && names.every((each) => typeof each === "string") ? names : undefined;
  } catch {
    return undefined; // metadata of another shape: the classes keep their numbers
  }
}

async function toImage(
  table: ParquetFile,
  row: number,
  { image, height, width }: ParquetRow,
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
