/** From Tiny-ImageNet's JPEGs, fetched or at hand, to the decoded files in the cache folder. */

import { mkdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { throwIfInterrupted, UnitscopeError } from "../../errors.ts";
import { writeFileAtomic } from "../../files/atomic-file.ts";
import { digestFile, sha256 } from "../../files/hash.ts";
import { withTemporaryFolder } from "../../files/temporary-folder.ts";
import { cacheElsewhere } from "../cache.ts";
import { decodeImage } from "../decode-image.ts";
import { download } from "../download.ts";
import { forEachImage } from "../for-each-image.ts";
import type { CacheOptions } from "../pinned-files.ts";
import { type KeptClass, type KeptSplit, keptFile, readIndex, writeIndex } from "./kept-files.ts";
import { openOriginal, type TinyClass, type TinyOriginal } from "./originals.ts";
import { evenPlaces, type TinyImagenetArchive, tinySide } from "./published.ts";

const PLANE = tinySide * tinySide;

/**
 * Fetches the archive, or takes it from `from`, checks it and keeps its decoded images. What was kept before stays
 * whole until everything new is checked.
 *
 * @param options.from the archive, the folder that it unpacks to, or a folder of its tars.
 * @throws {UnitscopeError} `download`, `file` or `data` if it cannot be had or is not what was published.
 */
export async function pullTinyImagenet(
  archive: TinyImagenetArchive,
  { from, ...options }: CacheOptions & { readonly from?: string | undefined },
): Promise<void> {
  await mkdir(options.folder, { recursive: true });
  await withTemporaryFolder(options.folder, async (temporary) => {
    let path = from;
    if (path === undefined) {
      path = join(temporary, "archive.zip");
      await download(archive, path, options);
    } else await checkArchiveFile(path, archive);
    const original = await openOriginal(path, archive);
    try {
      await keep(original, archive, temporary, options);
    } finally {
      await original.close();
    }
  });
}

/** A ZIP at hand must be the published one. */
async function checkArchiveFile(path: string, { sizeBytes, md5 }: TinyImagenetArchive): Promise<void> {
  const found = await stat(path).catch(() => undefined); // opening it says what is wrong
  if (!found?.isFile()) return;
  const got = found.size === sizeBytes ? await digestFile(path, "md5") : undefined;
  if (got === md5) return;
  throw new UnitscopeError(
    "data",
    `${path}: expected Tiny-ImageNet's archive of ${sizeBytes} bytes with MD5 ${md5}, got ${found.size} bytes${got ? ` with ${got}` : ""}; is it whole?`,
  );
}

async function keep(
  original: TinyOriginal,
  archive: TinyImagenetArchive,
  temporary: string,
  { folder, progress, signal }: CacheOptions,
): Promise<void> {
  const { classes, isWhole } = original;
  const half = new Set((isWhole ? evenPlaces(classes) : classes).map(({ wnid }) => wnid));
  const lines: Record<"train" | "val", string[]> = { train: [], val: [] };
  const kept: KeptClass[] = [];
  for (const [at, cls] of classes.entries()) {
    const read = await readClass(original, cls, signal);
    if (half.has(cls.wnid)) {
      for (const part of ["train", "val"] as const) lines[part].push(...read[part].map(({ line }) => line));
    }
    const { trainedOn } = archive;
    const splits = {
      train: read.train.slice(0, trainedOn),
      test: [...read.train.slice(trainedOn), ...read.val],
    };
    const write = async (split: "train" | "test"): Promise<KeptSplit> => {
      const pixels = Buffer.concat(splits[split].map((image) => image.pixels));
      writeFileAtomic(join(temporary, keptFile(cls.wnid, split)), pixels, { elsewhere: cacheElsewhere });
      return { content: sha256(splits[split].map(({ line }) => line).join("")), pixels: sha256(pixels) };
    };
    const val = cls.val.map(({ number }) => number);
    kept.push({ wnid: cls.wnid, name: cls.name, train: await write("train"), test: await write("test"), val });
    progress?.({ title: "checking tiny-imagenet", done: at + 1, total: classes.length, unit: "classes" });
  }
  const digest = sha256(lines.train.join(""), lines.val.join(""));
  if (digest !== archive.halfDigest) {
    throw new UnitscopeError(
      "data",
      `${original.place}: expected the published files in the classes at even places (SHA-256 over them ${archive.halfDigest.slice(0, 12)}…), got others (${digest.slice(0, 12)}…)`,
    );
  }
  const before = isWhole ? undefined : await readIndex(folder);
  if (before && before.length > kept.length) return; // all of it is there already, these classes among them
  await rm(join(folder, "index.json"), { force: true });
  for (const { wnid } of kept) {
    for (const split of ["train", "test"] as const)
      await rename(join(temporary, keptFile(wnid, split)), join(folder, keptFile(wnid, split)));
  }
  writeIndex(folder, kept);
}

/** An image's pixels, planar `[3, 64, 64]`, and its line in a digest. */
interface ReadImage {
  readonly line: string;
  readonly pixels: Uint8Array;
}

async function readClass(
  original: TinyOriginal,
  { wnid, train, val }: TinyClass,
  signal: AbortSignal | undefined,
): Promise<Record<"train" | "val", ReadImage[]>> {
  const files = [
    ...train.map(({ number, path }) => ({ name: `train/${wnid}/${wnid}_${number}.JPEG`, path })),
    ...val.map(({ number, path }) => ({ name: `val/${wnid}/val_${number}.JPEG`, path })),
  ];
  const images: ReadImage[] = [];
  throwIfInterrupted(signal, original.place);
  await forEachImage(files.length, { signal, place: original.place }, async (at) => {
    const { name, path } = files[at];
    const bytes = await original.read(path);
    images[at] = {
      line: `${name} ${sha256(bytes)}\n`,
      pixels: await decodePlanes(bytes, `${original.place}: ${path}`),
    };
  });
  return { train: images.slice(0, train.length), val: images.slice(train.length) };
}

async function decodePlanes(bytes: Uint8Array, place: string): Promise<Uint8Array> {
  const { width, height, data } = await decodeImage(bytes, place);
  if (width !== tinySide || height !== tinySide) {
    throw new UnitscopeError("data", `${place}: expected ${tinySide}×${tinySide} pixels, got ${width}×${height}`);
  }
  const planes = new Uint8Array(3 * PLANE);
  for (let channel = 0; channel < 3; channel++) {
    for (let pixel = 0; pixel < PLANE; pixel++) planes[channel * PLANE + pixel] = data[3 * pixel + channel];
  }
  return planes;
}
