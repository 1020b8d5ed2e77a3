/**
 * Tiny-ImageNet's files wherever they are: the published ZIP, the folder that it unpacks to, or a folder of tars with
 * part of the classes (`train-1.tar` …, `val.tar`, `classes.tsv`).
 */
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { UnitscopeError } from "../../errors.ts";
import { diskError } from "../../files/disk-error.ts";
import { type FileArchive, openFolderArchive } from "../file-archive.ts";
import { openTar } from "../tar.ts";
import { openZip } from "../zip.ts";
import type { TinyImagenetArchive } from "./published.ts";

/** The files of one class, each by its number `n`, ascending: `<wnid>_<n>.JPEG` or `val_<n>.JPEG`. */
export interface TinyClass {
  readonly wnid: string;
  /** The first of its names in the word list. */
  readonly name: string;
  readonly train: readonly NumberedFile[];
  readonly val: readonly NumberedFile[];
}

/** A file of a class. */
export interface NumberedFile {
  readonly number: number;
  /** Where the original has it. */
  readonly path: string;
}

/** Where Tiny-ImageNet is read from. */
export interface TinyOriginal {
  /** What to call it in messages. */
  readonly place: string;
  /** By WordNet id. All of them, or those at even places. */
  readonly classes: readonly TinyClass[];
  readonly isWhole: boolean;
  read(path: string): Promise<Uint8Array>;
  close(): Promise<void>;
}

/**
 * Opens an original and checks that it has every file.
 * @throws {UnitscopeError} `file` if it cannot be read, `data` if it is damaged, incomplete or something else.
 */
export async function openOriginal(path: string, expected: TinyImagenetArchive): Promise<TinyOriginal> {
  const found = await stat(path).catch((cause: unknown) => {
    throw diskError(path, cause, { rule: "Tiny-ImageNet's archive, its unpacked folder, or a folder of its tars" });
  });
  if (!found.isDirectory()) return readLayout(path, await openZip(path), expected);
  const entries = await readdir(path).catch((cause: unknown) => {
    throw diskError(path, cause, { rule: "a folder that can be read" });
  });
  const tars = entries.filter((entry) => /^(train(-\d+)?|val)\.tar$/.test(entry)).sort();
  if (tars.length === 0) return readLayout(path, await openFolderArchive(path), expected);
  return readTars(path, tars, expected);
}

/** The published layout, also where it lies in a folder of its own (`tiny-imagenet-200/`). */
async function readLayout(place: string, archive: FileArchive, expected: TinyImagenetArchive): Promise<TinyOriginal> {
  try {
    const list = archive.names.find((name) => basename(name) === "wnids.txt");
    if (list === undefined) {
      throw new UnitscopeError("data", `${place}: expected Tiny-ImageNet with a file wnids.txt, got none`);
    }
    const top = list.slice(0, -"wnids.txt".length);
    const lines = async (name: string): Promise<string[]> =>
      Buffer.from(await archive.read(top + name))
        .toString("utf8")
        .split(/\r?\n/)
        .filter((line) => line !== "");
    const wnids = await lines("wnids.txt");
    const words = tabbed(await lines("words.txt"));
    const paths = new Map<string, string>();
    for (const name of archive.names) {
      const train = /^train\/(n\d+)\/images\/(n\d+_\d+\.JPEG)$/.exec(name.slice(top.length));
      if (train) paths.set(`train/${train[1]}/${train[2]}`, name);
    }
    for (const [file, wnid] of tabbed(await lines("val/val_annotations.txt"))) {
      paths.set(`val/${wnid.split("\t")[0]}/${file}`, `${top}val/images/${file}`);
    }
    const classes = classesOf(place, { wnids, words, paths, expected });
    return { place, classes, isWhole: true, read: (path) => archive.read(path), close: () => archive.close() };
  } catch (error) {
    await archive.close();
    throw error;
  }
}

async function readTars(folder: string, tars: readonly string[], expected: TinyImagenetArchive): Promise<TinyOriginal> {
  const archives: FileArchive[] = [];
  const close = async (): Promise<void> => {
    for (const archive of archives) await archive.close();
  };
  try {
    const holders = new Map<string, FileArchive>();
    for (const tar of tars) {
      const archive = await openTar(join(folder, tar));
      archives.push(archive);
      for (const name of archive.names) holders.set(name, archive);
    }
    const tsv = Buffer.from(await (await openFolderArchive(folder)).read("classes.tsv")).toString("utf8");
    const words = tabbed(tsv.split(/\r?\n/).filter((line) => /^n\d+\t/.test(line)));
    const paths = new Map([...holders.keys()].map((name) => [name, name]));
    const classes = classesOf(folder, { wnids: [...words.keys()], words, paths, expected });
    const read = async (path: string): Promise<Uint8Array> => {
      const holder = holders.get(path);
      if (!holder) throw new UnitscopeError("data", `${folder}: expected a file "${path}" in its tars, got none`);
      return holder.read(path);
    };
    return { place: folder, classes, isWhole: classes.length === expected.classCount, read, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Lines `<key>\t<rest>`. */
function tabbed(lines: readonly string[]): Map<string, string> {
  return new Map(
    lines.map((line) => {
      const tab = line.indexOf("\t");
      return tab < 0 ? [line, ""] : [line.slice(0, tab), line.slice(tab + 1)];
    }),
  );
}

/** Sorts files into classes and checks that each has all of its own. */
function classesOf(
  place: string,
  {
    wnids,
    words,
    paths,
    expected,
  }: {
    wnids: readonly string[];
    words: ReadonlyMap<string, string>;
    /** From `train/<wnid>/<file>` or `val/<wnid>/<file>` to where the file is. */
    paths: ReadonlyMap<string, string>;
    expected: TinyImagenetArchive;
  },
): TinyClass[] {
  const half = Math.ceil(expected.classCount / 2);
  if (wnids.length !== expected.classCount && wnids.length !== half) {
    throw new UnitscopeError(
      "data",
      `${place}: expected ${expected.classCount} classes, or the ${half} at even places, got ${wnids.length}`,
    );
  }
  const files = new Map<string, NumberedFile[]>();
  for (const [name, path] of paths) {
    const parts = /^((?:train|val)\/n\d+)\/(?:n\d+|val)_(\d+)\.JPEG$/.exec(name);
    if (!parts) continue;
    const own = files.get(parts[1]) ?? [];
    own.push({ number: Number(parts[2]), path });
    files.set(parts[1], own);
  }
  return [...wnids].sort().map((wnid) => {
    const name = words.get(wnid)?.split(",")[0].trim();
    if (!name) throw new UnitscopeError("data", `${place}: expected a name of class ${wnid}, got none`);
    const sorted = (part: "train" | "val"): NumberedFile[] =>
      (files.get(`${part}/${wnid}`) ?? []).sort((a, b) => a.number - b.number);
    const [train, val] = [sorted("train"), sorted("val")];
    if (train.length !== expected.trainFiles || train.some(({ number }, at) => number !== at)) {
      throw new UnitscopeError(
        "data",
        `${place}: expected ${expected.trainFiles} training images ${wnid}_0.JPEG to ${wnid}_${expected.trainFiles - 1}.JPEG, got ${train.length}; is it whole?`,
      );
    }
    if (val.length !== expected.valFiles) {
      throw new UnitscopeError(
        "data",
        `${place}: expected ${expected.valFiles} validation images of class ${wnid}, got ${val.length}; is it whole?`,
      );
    }
    return { wnid, name, train, val };
  });
}
