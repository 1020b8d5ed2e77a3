/** Readers of images and image sets, with sound files for each and damage that fits their formats. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { parquetWriteBuffer } from "hyparquet-writer";
import sharp from "sharp";
import { classNamesOf, openClassList } from "../../src/data/classes/class-list.ts";
import { decodeImageFile } from "../../src/data/decode-image.ts";
import { idxImageSet, readIdx, writeIdx } from "../../src/data/idx-files.ts";
import type { ImageSet } from "../../src/data/image-set.ts";
import { openImageSet } from "../../src/data/open-image-set.ts";
import { parsePreprocessing } from "../../src/data/parse-preprocessing.ts";
import { readTar } from "../../src/data/tar.ts";
import { openZip } from "../../src/data/zip.ts";
import { sha256 } from "../../src/files/hash.ts";
import { seededRandom } from "../../src/numeric/random.ts";
import { tar } from "../data/archives.ts";
import { npz } from "../data/npz.ts";
import { damagePng, damageTar, rezip, withNpyHeader } from "./containers.ts";
import { damageAny, damageBytes, damageJson, damageText, type Files, hostileNumber, pick } from "./mutate.ts";
import { checkThat, type Reader } from "./reader.ts";

const WIDTH = 9;
const HEIGHT = 7;

function pixels(seed: number, count: number = 3 * WIDTH * HEIGHT): Uint8Array {
  const random = seededRandom(seed);
  return Uint8Array.from({ length: count }, () => random.integer(256));
}

/** A picture as a file. */
export async function picture(
  seed: number,
  format: "png" | "jpeg" | "webp" | "gif" | "tiff" | "avif" = "png",
): Promise<Buffer> {
  const raw = { width: WIDTH, height: HEIGHT, channels: 3 } as const;
  return await sharp(pixels(seed), { raw }).toFormat(format).toBuffer();
}

/** Reads a set whole and says what was in it. */
async function readSet(set: ImageSet): Promise<string> {
  checkThat(set.labels.length === set.imageCount, "as many labels as images");
  checkThat(
    set.labels.every((label) => label >= 0 && label < set.classNames.length),
    "labels of its classes",
  );
  checkThat(set.classNames.length <= 1_000_000, "a million classes at most");
  const parts: (string | Uint8Array)[] = [set.classNames.join("\n"), set.labels.join(), set.hash];
  for (let image = 0; image < Math.min(set.imageCount, 12); image++) {
    const { width, height, data } = await set.read(image);
    checkThat(width > 0 && height > 0 && data.length === 3 * width * height, "three bytes for every pixel");
    parts.push(`${width}×${height}`, data);
  }
  return sha256(...parts);
}

const encoded = (format: "png" | "jpeg" | "webp" | "gif" | "tiff" | "avif"): Reader => ({
  name: format,
  build: async () => ({ [`a.${format}`]: await picture(1, format) }),
  damage: (random, files) => {
    const name = `a.${format}`;
    if (format === "png" && random.integer(3) > 0) return { [name]: damagePng(random, files[name]) };
    return damageAny(random, files);
  },
  read: async (folder) => {
    const { width, height, data } = await decodeImageFile(join(folder, `a.${format}`));
    checkThat(width > 0 && height > 0 && data.length === 3 * width * height, "three bytes for every pixel");
    return sha256(`${width}×${height}`, data);
  },
});

const images = { dims: [4, HEIGHT, WIDTH, 3], data: pixels(5, 4 * 3 * WIDTH * HEIGHT) };
const labels = { dims: [4], data: Int32Array.of(0, 2, 1, 2) };

/** Members of an archive of arrays. */
function arraysOf(zip: Uint8Array): Record<string, Buffer> {
  const bytes = Buffer.from(zip);
  const members: Record<string, Buffer> = {};
  for (let at = 0; bytes.readUInt32LE(at) === 0x04034b50; ) {
    const [size, nameLength] = [bytes.readUInt32LE(at + 18), bytes.readUInt16LE(at + 26)];
    const start = at + 30 + nameLength;
    members[bytes.toString("utf8", at + 30, start)] = bytes.subarray(start, start + size);
    at = start + size;
  }
  return members;
}

const npzReader: Reader = {
  name: "npz",
  build: async () => ({ "a.npz": npz({ images, labels }) }),
  damage: (random, files) => {
    if (random.integer(3) === 0) return damageAny(random, files);
    const members = arraysOf(files["a.npz"]);
    const name = pick(random, Object.keys(members));
    const dims = Array.from({ length: 1 + random.integer(5) }, () => hostileNumber(random)).join(", ");
    members[name] =
      random.integer(3) === 0
        ? damageBytes(random, members[name])
        : withNpyHeader(members[name], (header) =>
            random.integer(2) === 0
              ? damageText(random, header)
              : pick(random, [
                  header.replace(/\(.*\)/, `(${dims})`),
                  header.replace(
                    /'descr': '[^']*'/,
                    `'descr': '${pick(random, ["|O", "<U8", "<i8", "<u8", ">i4", "|S3", "<U0", "|b1", "<f8", "|V9999999999"])}'`,
                  ),
                  header.replace(/\((.*)\)/, (_, shape: string) => `(${shape.replace(/^(\d+), (\d+)/, "-$1, -$2")})`),
                ]),
          );
    return { "a.npz": rezip(members, { isPacked: random.integer(2) === 0 }) };
  },
  read: async (folder) => await readSet(await openImageSet(join(folder, "a.npz"))),
};

const zipReader: Reader = {
  name: "zip",
  build: async () => ({ "a.zip": rezip({ "a/b.txt": pixels(3), "c.bin": pixels(4, 4000) }, { isPacked: true }) }),
  damage: (random, files) => {
    const bytes = files["a.zip"];
    const tail = bytes.lastIndexOf(0x50, bytes.length - 20);
    return {
      "a.zip":
        random.integer(2) === 0 ? damageBytes(random, bytes, Math.max(0, tail - 130)) : damageBytes(random, bytes),
    };
  },
  read: async (folder) => {
    const archive = await openZip(join(folder, "a.zip"));
    try {
      const parts: (string | Uint8Array)[] = [];
      for (const name of archive.names) parts.push(name, await archive.read(name));
      return sha256(...parts);
    } finally {
      await archive.close();
    }
  },
};

const tarReader: Reader = {
  name: "tar",
  build: async () => {
    const [a, b] = [await picture(1), await picture(2)];
    return { "a.tar": tar({ "x/1.png": a, "x/1.cls": "2", "x/2.png": b, "x/2.json": '{"label": 1}' }) };
  },
  damage: (random, files) =>
    random.integer(3) === 0 ? damageAny(random, files) : { "a.tar": damageTar(random, files["a.tar"]) },
  read: async (folder) => await readSet(await openImageSet(join(folder, "a.tar"))),
};

const npmReader: Reader = {
  name: "tgz",
  build: async () => ({ "a.tgz": gzipSync(tar({ "package/a.png": await picture(1), "package/b.json": "[1, 2]" })) }),
  damage: (random, files) => {
    if (random.integer(3) === 0) return damageAny(random, files);
    const whole = tar({ "package/a.png": pixels(1), "package/b.json": "[1, 2]" });
    return { "a.tgz": gzipSync(random.integer(3) === 0 ? damageBytes(random, whole) : damageTar(random, whole)) };
  },
  read: async (folder) => {
    const parts: (string | Uint8Array)[] = [];
    for await (const { path, bytes } of readTar(join(folder, "a.tgz"), () => true)) parts.push(path, bytes);
    return sha256(...parts);
  },
};

const idxReader: Reader = {
  name: "idx",
  build: async () => ({
    images: writeIdx({ dims: [4, 5, 6], data: pixels(1, 120) }),
    labels: writeIdx({ dims: [4], data: Uint8Array.of(0, 1, 2, 1) }),
  }),
  damage: (random, files) => {
    const name = pick(random, Object.keys(files));
    return { ...files, [name]: damageBytes(random, files[name], 0, random.integer(2) === 0 ? 16 : files[name].length) };
  },
  read: async (folder) => {
    const [a, b] = await Promise.all(
      ["images", "labels"].map(async (name) => readIdx(await readFile(join(folder, name)), name)),
    );
    return await readSet(idxImageSet("x:test", { images: a, labels: b, classNames: ["a", "b", "c"], hash: "" }));
  },
};

const parquetReader: Reader = {
  name: "parquet",
  build: async () => {
    const files = [await picture(1), await picture(2, "jpeg"), await picture(3)];
    const columnData = [
      { name: "image", data: files.map((bytes) => new Uint8Array(bytes)), type: "BYTE_ARRAY" as const },
      { name: "label", data: [0, 1, 2], type: "INT32" as const },
    ];
    return { "a.parquet": new Uint8Array(parquetWriteBuffer({ columnData })) };
  },
  damage: (random, files) => ({ "a.parquet": damageParquet(random, files["a.parquet"]) }),
  read: async (folder) => await readSet(await openImageSet(join(folder, "a.parquet"))),
};

/** A Parquet file with its footer or its pages damaged; the footer's length stays right. */
export function damageParquet(random: Parameters<Reader["damage"]>[0], file: Uint8Array): Buffer {
  const bytes = Buffer.from(file);
  const footer = bytes.readUInt32LE(bytes.length - 8);
  const start = bytes.length - 8 - footer;
  if (random.integer(4) === 0) return damageBytes(random, bytes);
  if (random.integer(3) === 0)
    return Buffer.concat([damageBytes(random, bytes.subarray(0, start)), bytes.subarray(start)]);
  const own = damageBytes(random, bytes.subarray(start, start + footer));
  const end = Buffer.alloc(8);
  end.writeUInt32LE(own.length, 0);
  end.write("PAR1", 4);
  return Buffer.concat([bytes.subarray(0, start), own, end]);
}

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
  ...(["png", "jpeg", "webp", "gif", "tiff", "avif"] as const).map(encoded),
  npzReader,
  zipReader,
  tarReader,
  npmReader,
  idxReader,
  parquetReader,
  listReader,
  csvReader,
  classesReader,
  preprocessingReader,
  folderReader,
];
