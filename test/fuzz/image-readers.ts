/** Readers of folders and lists of images, and of the small files that say what images are: classes, preprocessing. */
import { join } from "node:path";
import { classNamesOf, openClassList } from "../../src/data/classes/class-list.ts";
import { openImageSet } from "../../src/data/open-image-set.ts";
import { parsePreprocessing } from "../../src/data/parse-preprocessing.ts";
import { sha256 } from "../../src/files/hash.ts";
import { withNpyHeader } from "./containers.ts";
import { damageAny, damageJson, damageText, type Files, pick } from "./mutate.ts";
import { picture } from "./picture-readers.ts";
import { readSet } from "./read-set.ts";
import type { Reader } from "./reader.ts";

const listReader: Reader = {
  name: "list",
  build: async () => ({
    "list.txt": Buffer.from("images/a.png 0\nimages/b c.png 2\nimages/d.jpg 1\n"),
    "classes.txt": Buffer.from("cat\ndog\nship, big\n"),
    "images/a.png": await picture(1),
    "images/b c.png": await picture(2),
    "images/d.jpg": await picture(3, "jpeg"),
  }),
  damage: (random, files) => {
    const name = pick(random, ["list.txt", "list.txt", "classes.txt"]);
    return { ...files, [name]: Buffer.from(damageText(random, Buffer.from(files[name]).toString())) };
  },
  read: async (folder) => await readSet(await openImageSet(join(folder, "list.txt"), { root: folder })),
};

const csvReader: Reader = {
  ...listReader,
  name: "csv",
  build: async () => ({
    "list.csv": Buffer.from('filename,label,x\nimages/a.png,"dog, big",1\nimages/d.jpg,cat,2\n'),
    "images/a.png": await picture(1),
    "images/d.jpg": await picture(3, "jpeg"),
  }),
  damage: (random, files) => ({
    ...files,
    "list.csv": Buffer.from(damageText(random, Buffer.from(files["list.csv"]).toString())),
  }),
  read: async (folder) => await readSet(await openImageSet(join(folder, "list.csv"), { root: folder })),
};

const classesReader: Reader = {
  name: "classes",
  build: async () => ({
    "a.txt": Buffer.from("n01440764 tench, Tinca tinca\nn01443537 goldfish\n"),
    "b.json": Buffer.from('{"0": ["n01440764", "tench"], "1": ["n01443537", "goldfish"]}'),
    "c.json": Buffer.from('["cat", "dog", "ship"]'),
  }),
  damage: (random, files) => {
    const name = pick(random, Object.keys(files));
    const text = Buffer.from(files[name]).toString();
    return { [name]: Buffer.from(name.endsWith("json") ? damageJson(random, text) : damageText(random, text)) };
  },
  read: async (folder, names) => {
    const found = await Promise.all(names.map(async (name) => classNamesOf(await openClassList(join(folder, name)))));
    return sha256(JSON.stringify(found));
  },
};

const preprocessingReader: Reader = {
  name: "preprocessing",
  build: async () => {
    const values = new Float32Array(3 * 4 * 4).fill(0.5);
    const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4, 4), }".padEnd(117) + "\n";
    const start = Buffer.from(`\x93NUMPY\x01\x00\x76\x00${header}`, "latin1");
    const blob = [Buffer.from([0x08, 1, 0x10, 3, 0x18, 4, 0x20, 4, 0x2a, 0xc0, 0x01]), Buffer.from(values.buffer)];
    return {
      "p.json": Buffer.from(
        '{"resize": 256, "crop": [224], "mean": [0.4, 0.5, 0.6], "mean_image": "m.npy"}'.replace("[224]", "224"),
      ),
      "q.json": Buffer.from('{"preset": "caffe", "mean_image": "m.binaryproto"}'),
      "m.npy": Buffer.concat([start, Buffer.from(values.buffer)]),
      "m.binaryproto": Buffer.concat(blob),
    };
  },
  damage: (random, files) => {
    const name = pick(random, Object.keys(files));
    if (name === "m.npy" && random.integer(2) === 0)
      return { ...files, [name]: withNpyHeader(files[name], (header) => damageText(random, header)) };
    if (!name.endsWith("json")) return damageAny(random, files, [name]);
    return { ...files, [name]: Buffer.from(damageJson(random, Buffer.from(files[name]).toString())) };
  },
  read: async (folder) => {
    const found = [await parsePreprocessing(join(folder, "p.json")), await parsePreprocessing(join(folder, "q.json"))];
    return sha256(JSON.stringify(found).replaceAll(folder, ""));
  },
  mayLeave: true, // the mean image of somebody's own preprocessing may be anywhere
};

const folderReader: Reader = {
  name: "folder",
  build: async (): Promise<Files> => ({
    "cat/a.png": await picture(1),
    "dog/b.jpg": await picture(2, "jpeg"),
    "dog/more/c.webp": await picture(3, "webp"),
  }),
  damage: (random, files) => damageAny(random, files),
  read: async (folder) => await readSet(await openImageSet(folder)),
};

/** All of them. */
export const imageReaders: readonly Reader[] = [
  listReader,
  csvReader,
  classesReader,
  preprocessingReader,
  folderReader,
];
