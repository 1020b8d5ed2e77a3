/**
 * Tiny-ImageNet's source, on a small archive of the same layout: four classes of five training and two validation
 * images, of which the first three train.
 */
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeImage } from "../../src/data/decode-image.ts";
import { isTinyPulled, openTiny, pullTiny, type TinyChoice } from "../../src/data/tiny-imagenet/open.ts";
import { type TinyImagenetArchive, tinyImagenetArchive } from "../../src/data/tiny-imagenet/published.ts";
import { type Files, tar, zip } from "./archives.ts";
import { noise } from "./pictures.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const wnids = ["n03", "n01", "n04", "n02"]; // the published list is not sorted either
const validation = [
  ["n01", 10],
  ["n02", 3],
  ["n01", 9],
  ["n03", 1],
  ["n04", 2],
  ["n02", 20],
  ["n03", 7],
  ["n04", 5],
] as const;

async function jpeg(seed: number, { gray = false } = {}): Promise<Buffer> {
  const { data, width, height } = noise(seed, 64, 64);
  const image = sharp(data, { raw: { width, height, channels: 3 } });
  return (gray ? image.toColourspace("b-w") : image).jpeg().toBuffer();
}

/** The archive's files, and the same as `train/<wnid>/<file>` and `val/<wnid>/<file>`. */
const layout: Record<string, Buffer | string> = {
  "tiny-imagenet-200/": "",
  "tiny-imagenet-200/wnids.txt": `${wnids.join("\n")}\n`,
  "tiny-imagenet-200/words.txt": "n00\tthing\nn01\tgoldfish, Carassius auratus\nn02\tbee\nn03\tcrane\nn04\tcrane\n",
  "tiny-imagenet-200/val/val_annotations.txt": validation
    .map(([wnid, n]) => `val_${n}.JPEG\t${wnid}\t0\t0\t63\t63\n`)
    .join(""),
  "tiny-imagenet-200/test/images/test_0.JPEG": await jpeg(99),
};
const sorted: Record<string, Buffer> = {};
for (const [cls, wnid] of wnids.entries()) {
  for (let n = 0; n < 5; n++) {
    const file = await jpeg(10 * cls + n, { gray: n === 4 });
    sorted[`train/${wnid}/${wnid}_${n}.JPEG`] = file;
    layout[`tiny-imagenet-200/train/${wnid}/images/${wnid}_${n}.JPEG`] = file;
  }
}
for (const [wnid, n] of validation) {
  const file = await jpeg(100 + n);
  sorted[`val/${wnid}/val_${n}.JPEG`] = file;
  layout[`tiny-imagenet-200/val/images/val_${n}.JPEG`] = file;
}
const half = ["n01", "n03"];
const halfNames = [
  ...half.flatMap((wnid) => [0, 1, 2, 3, 4].map((n) => `train/${wnid}/${wnid}_${n}.JPEG`)),
  ...["val/n01/val_9.JPEG", "val/n01/val_10.JPEG", "val/n03/val_1.JPEG", "val/n03/val_7.JPEG"],
];
const hex = (algorithm: string, bytes: Uint8Array | string): string =>
  createHash(algorithm).update(bytes).digest("hex");
const zipped = zip(layout);
const pins: TinyImagenetArchive = {
  ...tinyImagenetArchive,
  sizeBytes: zipped.length,
  md5: hex("md5", zipped),
  classCount: 4,
  trainFiles: 5,
  trainedOn: 3,
  valFiles: 2,
  halfDigest: hex("sha256", halfNames.map((name) => `${name} ${hex("sha256", sorted[name])}\n`).join("")),
};

let served: Uint8Array = zipped;
let requests = 0;
let status = 200;
let server: Server;
let archive = pins;

beforeAll(async () => {
  server = createServer((_, response) => {
    requests++;
    response.writeHead(status, { "content-length": served.length });
    response.end(served);
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  archive = { ...pins, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/tiny-imagenet-200.zip` };
});
afterAll(() => new Promise((closed) => server.close(closed)));

async function write(files: Files): Promise<string> {
  const folder = await temporaryFolder();
  for (const [name, content] of Object.entries(files)) {
    if (name.endsWith("/")) continue;
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return folder;
}
const whole = (): TinyChoice => ({ name: "tiny-imagenet", archive });
const evens = (): TinyChoice => ({ name: "tiny-imagenet-100", archive });
const tarFolder = (): Promise<string> => {
  const of = (prefix: string): Files =>
    Object.fromEntries(Object.entries(sorted).filter(([n]) => n.startsWith(prefix)));
  const [first, second] = half.map((wnid) => tar(of(`train/${wnid}/`)));
  return write({
    "train-1.tar": first,
    "train-2.tar": second,
    "val.tar": tar({ ...of("val/n01/"), ...of("val/n03/") }),
    "classes.tsv": "wnid\tname\nn01\tgoldfish, Carassius auratus\nn03\tcrane\n",
  });
};

describe("Tiny-ImageNet", () => {
  it("is fetched, split by file names, and decoded once", async () => {
    const folder = await temporaryFolder();
    const titles = new Set<string>();
    const options = { folder, progress: ({ title }: { title: string }) => void titles.add(title) };
    const test = await openTiny(whole(), "test", options);
    expect([...titles]).toEqual([`fetching ${archive.url}`, "checking tiny-imagenet"]);
    expect(test.classNames).toEqual(["goldfish", "bee", "crane (n03)", "crane (n04)"]);
    expect(test.imageCount).toBe(16);
    expect([...test.labels]).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]);
    const first = ["train/n01/n01_3.JPEG", "train/n01/n01_4.JPEG", "val/n01/val_9.JPEG", "val/n01/val_10.JPEG"];
    expect([0, 1, 2, 3].map((image) => test.imageName(image))).toEqual(first);
    const before = requests;
    const train = await openTiny(whole(), "train", options);
    expect(requests).toBe(before);
    expect(train.imageCount).toBe(12);
    expect([0, 3, 11].map((image) => train.imageName(image))).toEqual([
      "train/n01/n01_0.JPEG",
      "train/n02/n02_0.JPEG",
      "train/n04/n04_2.JPEG",
    ]);
    for (const set of [train, test]) {
      for (let image = 0; image < set.imageCount; image++) {
        const name = set.imageName(image);
        expect(await set.read(image)).toEqual(await decodeImage(sorted[name], name));
      }
    }
    expect((await readdir(folder)).filter((name) => name.includes("part"))).toEqual([]);
  });

  it("is the same from the archive, its folder and tars", async () => {
    const zipPath = join(await write({ "a.zip": zipped }), "a.zip");
    const hashes: string[][] = [];
    for (const from of [
      zipPath,
      await write(layout),
      join(await write(layout), "tiny-imagenet-200"),
      await tarFolder(),
    ]) {
      const folder = await temporaryFolder();
      const before = requests;
      await pullTiny(evens(), { folder, from });
      expect(await isTinyPulled(evens(), folder)).toBe(true);
      const set = await openTiny(evens(), "test", { folder });
      expect(set.classNames).toEqual(["goldfish", "crane"]);
      expect(set.imageCount).toBe(8);
      hashes.push([set.hash, (await openTiny(evens(), "train", { folder })).hash]);
      expect(requests).toBe(before);
    }
    expect(new Set(hashes.map((pair) => pair.join())).size).toBe(1);
  });

  it("has all classes only from all of it", async () => {
    const folder = await temporaryFolder();
    await pullTiny(evens(), { folder, from: await tarFolder() });
    expect(await isTinyPulled(whole(), folder)).toBe(false);
    await pullTiny(whole(), { folder });
    expect(await isTinyPulled(whole(), folder)).toBe(true);
  });

  it("fetches again what was damaged on the disk", async () => {
    const folder = await temporaryFolder();
    const { hash } = await openTiny(evens(), "test", { folder });
    const path = join(folder, "n03.test.rgb");
    const pixels = await readFile(path);
    pixels[5] ^= 1;
    await writeFile(path, pixels);
    const before = requests;
    expect((await openTiny(evens(), "test", { folder })).hash).toBe(hash);
    expect(requests).toBe(before + 1);
  });

  it("refuses what a server sends damaged, cut off, or not at all", async () => {
    const pull = async (): Promise<void> => pullTiny(whole(), { folder: await temporaryFolder() });
    const rule = `expected ${zipped.length} bytes with MD5 ${pins.md5}, got`;
    served = Buffer.from(zipped).fill(0x55, 5000, 5001);
    await expect(pull()).rejects.toThrow(`${rule} ${zipped.length} bytes, MD5 `);
    served = zipped.subarray(0, 5000);
    await expect(pull()).rejects.toThrow(`${rule} 5000 bytes, MD5 `);
    served = zipped;
    status = 404;
    await expect(pull()).rejects.toThrow(`${rule} HTTP status 404`);
    status = 200;
    const nowhere = { ...archive, url: "http://127.0.0.1:1/tiny.zip" };
    await expect(
      pullTiny({ name: "tiny-imagenet", archive: nowhere }, { folder: await temporaryFolder() }),
    ).rejects.toMatchObject({ code: "download" });
    const abort = new AbortController();
    abort.abort();
    await expect(pullTiny(whole(), { folder: await temporaryFolder(), signal: abort.signal })).rejects.toMatchObject({
      code: "interrupted",
    });
  });

  it("refuses a copy that is damaged, cut off, incomplete or changed, and keeps nothing of it", async () => {
    const refuse = async (from: string, message: string): Promise<void> => {
      const folder = await temporaryFolder();
      await expect(pullTiny(evens(), { folder, from })).rejects.toThrow(message);
      expect(await readdir(folder)).toEqual([]);
    };
    const file = async (name: string, bytes: Uint8Array): Promise<string> => join(await write({ [name]: bytes }), name);
    await refuse(await file("cut.zip", zipped.subarray(0, -100)), `got ${zipped.length - 100} bytes; is it whole?`);
    await refuse(await file("bad.zip", Buffer.from(zipped).fill(0x55, 5000, 5001)), `got ${zipped.length} bytes with `);
    const { "tiny-imagenet-200/train/n02/images/n02_1.JPEG": gone, ...missing } = layout;
    await refuse(await write(missing), "expected 5 training images n02_0.JPEG to n02_4.JPEG, got 4; is it whole?");
    const swapped = { ...layout, "tiny-imagenet-200/train/n01/images/n01_1.JPEG": gone };
    await refuse(await write(swapped), "expected the published files in the classes at even places");
    const undecodable = { ...layout, "tiny-imagenet-200/train/n02/images/n02_1.JPEG": "no picture" };
    await refuse(await write(undecodable), "n02_1.JPEG: expected an image that can be decoded");
    await refuse(await write({ "a/1.png": "" }), "expected Tiny-ImageNet with a file wnids.txt, got none");
    await refuse(
      "/nowhere",
      "/nowhere: expected Tiny-ImageNet's archive, its unpacked folder, or a folder of its tars",
    );
    const tars = await tarFolder();
    const second = await readFile(join(tars, "train-2.tar"));
    await writeFile(join(tars, "train-2.tar"), second.subarray(0, second.length / 2));
    await refuse(tars, "train-2.tar: expected a whole archive, got a truncated one");
  });
});
