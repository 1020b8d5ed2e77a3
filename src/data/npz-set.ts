/** An image set out of NumPy's `.npz`: an array of 8-bit images and one of labels. */
import { basename } from "node:path";
import { UnitscopeError } from "../errors.ts";
import type { FileArchive } from "./file-archive.ts";
import type { ImageSet, PixelArray } from "./image-set.ts";
import { type NpyArray, npyIntegers, npyTexts, readNpy } from "./npy.ts";
import { pixelSet } from "./pixel-set.ts";
import { labelColumns } from "./several-labels.ts";
import { numberedClasses } from "./text-labels.ts";
import { openZip } from "./zip.ts";

/**
 * Names of arrays, with the split before or behind where an archive holds several: `images`, `x`, `X_test`,
 * `train_images`; and `arr_0`, `arr_1`, which `numpy.savez(file, images, labels)` gives.
 */
const imageArray = /^(?:(train|val|test)_)?(?:images?|x|data|arr_0)(?:_(train|val|test))?$/i;
const labelArray = /^(?:(train|val|test)_)?(?:labels?|y|targets?|arr_1)(?:_(train|val|test))?$/i;
const nameArray = /^(?:class_names|classes|categories)$/i;

/**
 * Opens an archive. Images are uint8 `[N, H, W, 3]`, `[N, 3, H, W]`, the same with 4 channels, `[N, H, W]` or `[N, H, W, 1]`, labels whole
 * numbers `[N]`; class names come from an array `class_names`, if there is one.
 *
 * @param severalLabels labels may be a matrix `[N, labels]` of 0 and 1, or of -1 and 1.
 * @param split which arrays, where the archive holds several splits.
 * @throws {UnitscopeError} `data` if the arrays are missing, of another type or shape, or the archive is damaged.
 */
export async function openNpz(
  path: string,
  {
    split,
    name = path,
    severalLabels: isSeveral = false,
  }: { split?: string | undefined; name?: string; severalLabels?: boolean | undefined } = {},
): Promise<ImageSet> {
  const archive = await openZip(path);
  try {
    const imagesName = findArray(archive, path, imageArray, "images", split);
    const labelsName = findArray(archive, path, labelArray, "labels", split);
    const read = async (array: string): Promise<NpyArray> => readNpy(await archive.read(array), `${path}: "${array}"`);
    const pixels = toPixels(await read(imagesName), `${path}: "${imagesName}"`);
    const { labels, matrix } = toLabels(await read(labelsName), `${path}: "${labelsName}"`, isSeveral);
    const count = matrix && matrix.length / Math.max(1, labels.length);
    const namesName = archive.names.find((each) => nameArray.test(each.replace(/\.npy$/, "")));
    const classNames = namesName
      ? npyTexts(await read(namesName), `${path}: "${namesName}"`)
      : count === undefined
        ? numberedClasses(labels, `${path}: "${labelsName}"`)
        : Array.from({ length: count }, (_, cls) => `${cls}`);
    if (count !== undefined && classNames.length !== count) {
      throw new UnitscopeError(
        "data",
        `${path}: "${labelsName}": expected a column for each of ${classNames.length} class names, got ${count}`,
      );
    }
    const imageName = (image: number): string => `${basename(path)}/${image}`;
    const set = pixelSet({ name, pixels, labels, classNames, imageName });
    if (!matrix) return set;
    const table = {
      kind: namesName ? "lists" : "matrix",
      imageCount: labels.length,
      columns: classNames,
      place: `${path}: "${labelsName}"`,
    } as const;
    const several = labelColumns(table, (image, label) => matrix[image * classNames.length + label], imageName);
    return { ...set, severalLabels: several };
  } finally {
    await archive.close();
  }
}

/** The one array of a kind that fits the split. */
function findArray(
  archive: FileArchive,
  path: string,
  pattern: RegExp,
  kind: string,
  split: string | undefined,
): string {
  const found = archive.names.flatMap((file) => {
    const parts = pattern.exec(file.replace(/\.npy$/, ""));
    return parts ? [{ file, split: (parts[1] ?? parts[2])?.toLowerCase() }] : [];
  });
  const fitting = split === undefined ? found : found.filter((each) => each.split === split);
  if (fitting.length === 1 && fitting[0]) return fitting[0].file;
  const names = archive.names.map((each) => each.replace(/\.npy$/, "")).join(", ");
  const splits = found.flatMap((each) => each.split ?? []);
  const hint = fitting.length > 1 && splits.length > 1 ? `; name the split: ${path}:${splits.at(-1)}` : "";
  throw new UnitscopeError(
    "data",
    `${path}: expected one array of ${kind}${split === undefined ? "" : ` of split "${split}"`}, got ${fitting.length} among ${names}${hint}`,
  );
}

/** Labels `[N]`; or a matrix `[N, labels]`, and then none. */
function toLabels(array: NpyArray, place: string, isSeveral: boolean): { labels: Int32Array; matrix?: Int32Array } {
  const [imageCount, count, ...more] = array.shape;
  if (count === undefined || (count === 1 && more.length === 0)) return { labels: npyIntegers(array, place) };
  const values = more.length === 0 && isSeveral ? npyIntegers(array, place) : undefined;
  if (values) return { labels: new Int32Array(imageCount), matrix: values };
  throw new UnitscopeError(
    "data",
    `${place}: expected one label an image, or 0 and 1 for each of several together with option "label", got an array [${array.shape.join(", ")}]`,
  );
}

/** An array of images as planes. */
function toPixels({ type, shape, bytes }: NpyArray, place: string): PixelArray {
  const [, a, b, c] = shape as [number, number, number, number | undefined];
  if (type === "|u1" && (shape.length === 3 || (shape.length === 4 && c === 1))) {
    return { data: bytes, channels: 1, height: a, width: b };
  }
  if (type === "|u1" && shape.length === 4 && (c === 3 || c === 4)) {
    planarize(bytes, { channels: c, plane: a * b });
    return { data: bytes, channels: c, height: a, width: b };
  }
  if (type === "|u1" && shape.length === 4 && c !== undefined && (a === 3 || a === 1 || a === 4)) {
    return { data: bytes, channels: a, height: b, width: c };
  }
  throw new UnitscopeError(
    "data",
    `${place}: expected uint8 images [N, H, W, 3], [N, 3, H, W] (or 4 channels) or [N, H, W], got ${type} [${shape.join(", ")}]`,
  );
}

/** Turns interleaved images into planes, in place, so that a large archive is in memory once. */
function planarize(data: Uint8Array, { channels, plane }: { channels: number; plane: number }): void {
  const image = new Uint8Array(channels * plane);
  for (let start = 0; start < data.length; start += image.length) {
    image.set(data.subarray(start, start + image.length));
    for (let channel = 0; channel < channels; channel++) {
      for (let at = 0; at < plane; at++) data[start + channel * plane + at] = image[channels * at + channel];
    }
  }
}
