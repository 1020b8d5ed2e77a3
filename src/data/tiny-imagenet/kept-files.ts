/**
 * Tiny-ImageNet in the cache folder: per class and split one file of decoded pixels, uint8 `[images, 3, 64, 64]`, and
 * an index with the digest of each. Decoded once, since decoding 35,000 JPEGs anew would starve a training.
 */

import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "../../files/atomic-file.ts";
import { diskError, systemCode } from "../../files/disk-error.ts";
import { sha256 } from "../../files/hash.ts";
import * as z from "../../files/zod.ts";
import { cacheElsewhere } from "../cache.ts";

/** One split of one class. */
export interface KeptSplit {
  /** SHA-256 (hex) over lines `<name> <sha256 of the JPEG>\n` of its images: what the published files are. */
  readonly content: string;
  /** SHA-256 (hex) of the file of pixels: what this machine's decoder made of them. */
  readonly pixels: string;
}

/** One class. */
export interface KeptClass {
  readonly wnid: string;
  readonly name: string;
  readonly train: KeptSplit;
  readonly test: KeptSplit;
  /** Numbers of its validation images. */
  readonly val: readonly number[];
}

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const split = z.object({ content: digest, pixels: digest });
const kept = z.object({ wnid: z.string(), name: z.string(), train: split, test: split, val: z.array(z.int()) });
const indexSchema = z.object({ version: z.literal(1), classes: z.array(kept) });

/** The name of a class's file of pixels. */
export function keptFile(wnid: string, part: "train" | "test"): string {
  return `${wnid}.${part}.rgb`;
}

/** The classes in a cache folder, by WordNet id; `undefined` without a sound index. */
export async function readIndex(folder: string): Promise<readonly KeptClass[] | undefined> {
  const path = join(folder, "index.json");
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    if (systemCode(cause) === "ENOENT") return undefined;
    throw diskError(path, cause, { rule: "a file that can be read" });
  }
  try {
    return indexSchema.parse(JSON.parse(text)).classes;
  } catch {
    return undefined; // damaged, or of another version: it is made again
  }
}

/** Writes the index; after it the files count. */
export function writeIndex(folder: string, classes: readonly KeptClass[]): void {
  const text = `${JSON.stringify({ version: 1, classes }, undefined, 1)}\n`;
  writeFileAtomic(join(folder, "index.json"), text, { elsewhere: cacheElsewhere });
}

/** Tells whether the files of all classes are there, by their names. */
export async function hasFiles(folder: string, classes: readonly KeptClass[]): Promise<boolean> {
  for (const { wnid } of classes) {
    for (const part of ["train", "test"] as const) {
      if (!(await stat(join(folder, keptFile(wnid, part))).catch(() => undefined))) return false;
    }
  }
  return true;
}

/** The pixels of some classes' split, one class after the other; `undefined` if a file is missing or damaged. */
export async function readPixels(
  folder: string,
  classes: readonly KeptClass[],
  part: "train" | "test",
): Promise<Uint8Array | undefined> {
  let all: Uint8Array | undefined;
  let at = 0;
  for (const cls of classes) {
    const pixels = await readFile(join(folder, keptFile(cls.wnid, part))).catch(() => undefined);
    if (!pixels || sha256(pixels) !== cls[part].pixels) return undefined;
    all ??= new Uint8Array(pixels.length * classes.length); // every class has as many images
    all.set(pixels, at);
    at += pixels.length;
  }
  return all;
}
