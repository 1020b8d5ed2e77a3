/** Readers of images packed into one file: archives, arrays, tables. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { parquetWriteBuffer } from "hyparquet-writer";
import { idxImageSet, readIdx, writeIdx } from "../../src/data/idx-files.ts";
import { openImageSet } from "../../src/data/open-image-set.ts";
import { readTar } from "../../src/data/tar.ts";
import { openZip } from "../../src/data/zip.ts";
import { sha256 } from "../../src/files/hash.ts";
import { tar, zip } from "../data/archives.ts";
import { npz } from "../data/npz.ts";
import { damageParquet, damageTar, withNpyHeader } from "./containers.ts";
import { damageAny, damageBytes, damageText, hostileNumber, pick } from "./mutate.ts";
import { HEIGHT, picture, pixels, WIDTH } from "./picture-readers.ts";
import { readSet } from "./read-set.ts";
import type { Reader } from "./reader.ts";

const images = { dims: [4, HEIGHT, WIDTH, 3], data: pixels(5, 4 * 3 * WIDTH * HEIGHT) };
const labels = { dims: [4], data: Int32Array.of(0, 2, 1, 2) };

/** Members of an archive of arrays. */
function arraysOf(archive: Uint8Array): Record<string, Buffer> {
  const bytes = Buffer.from(archive);
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
    return { "a.npz": zip(members, { isPacked: random.integer(2) === 0 }) };
  },
  read: async (folder) => await readSet(await openImageSet(join(folder, "a.npz"))),
};

const zipReader: Reader = {
  name: "zip",
  build: async () => ({ "a.zip": zip({ "a/b.txt": pixels(3), "c.bin": pixels(4, 4000) }, { isPacked: true }) }),
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

/** All of them. */
export const archiveReaders: readonly Reader[] = [npzReader, zipReader, tarReader, npmReader, idxReader, parquetReader];
