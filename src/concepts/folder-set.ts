/**
 * A folder of images beside a folder of label PNGs of the same names, as ADE20K, CamVid and Pascal VOC come: the PNGs
 * hold indices, gray levels or colours, and a list in the folder names them.
 */
import { readdir, readFile } from "node:fs/promises";
import { basename, extname, join, relative, sep } from "node:path";
import { decodeImageFile, imageExtensions } from "../data/decode-image.ts";
import { UnitscopeError } from "../errors.ts";
import { sha256 } from "../files/hash.ts";
import type { ConceptSplit } from "./broden.ts";
import { type Concept, type ConceptSet, MAX_CONCEPTS, makeLabelMaps } from "./concept-set.ts";
import { fingerprintFiles } from "./file-fingerprint.ts";
import { type LabelName, meansNothing, readLabelNames } from "./label-names.ts";
import { type PngSamples, readPng } from "./png-labels.ts";

const imageFolders = ["images", "JPEGImages", "img", "701_StillsRaw_full"];
const labelFolders = ["labels", "annotations", "SegmentationClass", "masks", "LabeledApproved_full"];

/** An image with its label PNG, both relative to the set's folder. */
interface ImagePair {
  readonly image: string;
  readonly labels: string;
}

/**
 * Opens a folder of images and label PNGs.
 *
 * Images without labels are left out; labels without an image are an error. Value 0, value 255 without a name of its
 * own, and names like `void` or `background` are no label. Splits are subfolders `training` or `train` and `validation`
 * or `val`, or Pascal VOC's `ImageSets/Segmentation/*.txt`.
 *
 * @throws {UnitscopeError} `data` naming the file that does not fit.
 */
export async function openFolderSet(
  folder: string,
  { split = "all" }: { split?: ConceptSplit } = {},
): Promise<ConceptSet> {
  const { labels, file: listFile } = await readLabelNames(folder);
  const named = labels.filter((label) => !meansNothing(label));
  const concepts: Concept[] = named.map(({ name, category, number }) => ({ name, category, number }));
  if (concepts.length === 0 || concepts.length > MAX_CONCEPTS) {
    throw new UnitscopeError("data", `${listFile}: expected 1..${MAX_CONCEPTS} labels, got ${concepts.length}`);
  }
  const lookup = lookupOf(labels, named);
  const pairs = await pairFiles(folder, split);
  const files = pairs.flatMap(({ image, labels: map }) => [image, map].map((file) => ({ file, place: folder })));
  return {
    name: folder,
    format: "folder",
    concepts,
    imageCount: pairs.length,
    hash: sha256(JSON.stringify(labels), await fingerprintFiles(folder, files)),
    imageName: (image) => pairs[image]?.image ?? `image ${image}`,
    read: async (image) => decodeImageFile(join(folder, pairs[image]?.image ?? "")),
    labels: async (image) => {
      const path = join(folder, pairs[image]?.labels ?? "");
      const png = await readPng(path);
      return makeLabelMaps(path, png.height, png.width, [labelMap(png, path, listFile, lookup)]);
    },
  };
}

/** 1 + place of every value or colour that has a meaning; 0 for those that mean nothing. */
interface Lookup {
  readonly byNumber: ReadonlyMap<number, number>;
  readonly byColor: ReadonlyMap<number, number> | undefined;
}

function lookupOf(labels: readonly LabelName[], named: readonly LabelName[]): Lookup {
  const places = new Map(named.map((label, place) => [label, place + 1]));
  const colors = labels.flatMap((label): [number, number][] =>
    label.color === undefined ? [] : [[label.color, places.get(label) ?? 0]],
  );
  const numbers: [number, number][] = labels.map((label) => [label.number, places.get(label) ?? 0]);
  return {
    byNumber: new Map([[0, 0], [255, 0], ...numbers]),
    byColor: colors.length > 0 ? new Map(colors) : undefined,
  };
}

/** A PNG's label map: by colour if the list has colours, else by number. */
function labelMap(png: PngSamples, path: string, listFile: string, { byNumber, byColor }: Lookup): Uint16Array {
  const map = new Uint16Array(png.width * png.height);
  if (!byColor && png.channels === 3) {
    throw new UnitscopeError(
      "data",
      `${path}: expected an indexed or gray PNG, since ${listFile} has no colours, got RGB`,
    );
  }
  for (let pixel = 0; pixel < map.length; pixel++) {
    const key = byColor ? colorAt(png, pixel, path) : png.data[pixel];
    const label = (byColor ?? byNumber).get(key);
    if (label === undefined) {
      const [x, y] = [pixel % png.width, Math.floor(pixel / png.width)];
      const value = byColor ? `colour ${key >> 16} ${(key >> 8) & 255} ${key & 255}` : `value ${key}`;
      throw new UnitscopeError("data", `${path}: pixel ${x}, ${y}: expected a label of ${listFile}, got ${value}`);
    }
    map[pixel] = label;
  }
  return map;
}

function colorAt({ channels, data, palette }: PngSamples, pixel: number, path: string): number {
  const [bytes, at] = channels === 3 ? [data, 3 * pixel] : palette ? [palette, 3 * data[pixel]] : [undefined, 0];
  if (!bytes) return data[pixel] * 0x01_01_01;
  if (at + 2 >= bytes.length) {
    throw new UnitscopeError(
      "data",
      `${path}: expected colours of its palette, got ${data[pixel]} of ${bytes.length / 3}`,
    );
  }
  return (bytes[at] << 16) | (bytes[at + 1] << 8) | bytes[at + 2];
}

async function pairFiles(folder: string, split: ConceptSplit): Promise<ImagePair[]> {
  const [imageFolder, images] = await firstFolder(folder, imageFolders, imageExtensions);
  const [labelFolder, maps] = await firstFolder(folder, labelFolders, [".png"]);
  const byName = new Map(images.map((file) => [stemOf(file), file]));
  const chosen = await splitFilter(folder, split);
  const pairs: ImagePair[] = [];
  for (const file of maps) {
    const stem = stemOf(file).replace(/_L$/, ""); // CamVid's label files end so
    const image = byName.get(stem) ?? byName.get(stemOf(file));
    if (image === undefined) {
      throw new UnitscopeError(
        "data",
        `${join(folder, labelFolder, file)}: expected an image ${join(imageFolder, stem)}.*, got none`,
      );
    }
    if (chosen(stem)) pairs.push({ image: join(imageFolder, image), labels: join(labelFolder, file) });
  }
  if (pairs.length === 0) throw new UnitscopeError("data", `${folder}: expected images of split ${split}, got none`);
  return pairs;
}

async function firstFolder(
  folder: string,
  names: readonly string[],
  extensions: readonly string[],
): Promise<[name: string, files: string[]]> {
  for (const name of names) {
    const entries = await readdir(join(folder, name), { recursive: true, withFileTypes: true }).catch(() => undefined);
    if (!entries) continue;
    const files = entries
      .filter((entry) => entry.isFile() && extensions.includes(extname(entry.name).toLowerCase()))
      .map((entry) => relative(join(folder, name), join(entry.parentPath, entry.name)))
      .sort();
    return [name, files];
  }
  throw new UnitscopeError("data", `${folder}: expected a subfolder ${names.join(", ")}, got none of them`);
}

function stemOf(file: string): string {
  return file.slice(0, file.length - extname(file).length);
}

/** Whether an image belongs to the split. */
async function splitFilter(folder: string, split: ConceptSplit): Promise<(stem: string) => boolean> {
  if (split === "all") return () => true;
  const lists = join(folder, "ImageSets", "Segmentation");
  const list = await readFile(join(lists, `${split}.txt`), "utf8").catch(() => undefined);
  if (list !== undefined) {
    const names = new Set(list.split(/\s+/));
    return (stem) => names.has(basename(stem));
  }
  const folders = split === "train" ? ["train", "training"] : ["val", "validation"];
  return (stem) => folders.includes(stem.split(sep)[0] ?? "");
}
