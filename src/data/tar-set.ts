/**
 * WebDataset's tars: files of one sample share a name up to the first dot: `0001.jpg` and its label in `0001.cls` (a class
 * index), `0001.txt` or `0001.json` (`label`, `cls` or `class`). Images are read from the archive when they are needed.
 */
import { createHash } from "node:crypto";
import { basename } from "node:path";
import { messageOf, throwIfInterrupted, UnitscopeError } from "../errors.ts";
import { decodeImage, imageExtensions } from "./decode-image.ts";
import type { FileArchive } from "./file-archive.ts";
import type { SourceOptions } from "./file-set.ts";
import { findRepeats } from "./find-repeats.ts";
import type { ImageSet } from "./image-set.ts";
import { checkImage, firstPerClass } from "./select-images.ts";
import { openTar } from "./tar.ts";
import { textLabels } from "./text-labels.ts";

/** An image and its label's file, in one of the archives. */
interface Sample {
  readonly archive: FileArchive;
  readonly image: string;
  readonly label: string;
}

/**
 * Opens tars as one set, in their order.
 * @throws {UnitscopeError} `file` if one cannot be read, `data` if one is no tar or an image has no label.
 */
export async function openTars(
  paths: readonly string[],
  { name = paths.join(", "), ...options }: SourceOptions & { name?: string } = {},
): Promise<ImageSet> {
  const samples: Sample[] = [];
  for (const path of paths) {
    const archive = await openTar(path);
    const byKey = new Map<string, string[]>();
    for (const file of archive.names) {
      const key = /^(?:.*\/)?[^./]*/.exec(file)?.[0] ?? file;
      byKey.set(key, [...(byKey.get(key) ?? []), file]);
    }
    for (const [key, files] of byKey) {
      const image = files.find((file) => imageExtensions.some((ending) => file.toLowerCase().endsWith(ending)));
      if (image === undefined) continue;
      const label = ["cls", "json", "txt"].map((ending) => `${key}.${ending}`).find((file) => files.includes(file));
      if (label === undefined) {
        throw new UnitscopeError(
          "data",
          `${path}: "${image}": expected its label in ${key}.cls, .json or .txt, got none`,
        );
      }
      samples.push({ archive, image, label });
    }
  }
  if (samples.length === 0) throw new UnitscopeError("data", `data "${name}": expected images, got none`);
  const given: string[] = [];
  for (const sample of samples) given.push(await labelOf(sample));
  const { labels: all, classNames } = textLabels(given, name);
  const chosen = options.limit === undefined ? Int32Array.from(all.keys()) : firstPerClass(all, options.limit);
  const labels = chosen.map((at) => all[at]);
  const hash = createHash("sha256");
  const digests: string[] = [];
  for (const [image, at] of chosen.entries()) {
    throwIfInterrupted(options.signal, `data "${name}"`);
    const { archive, image: file } = samples[at];
    const digest = createHash("sha256")
      .update(await archive.read(file))
      .digest();
    hash.update(digest).update(`${labels[image]}\n`);
    digests.push(digest.toString("base64"));
    options.progress?.({ title: `reading ${name}`, done: image + 1, total: chosen.length, unit: "images" });
  }
  return {
    name,
    imageCount: chosen.length,
    labels,
    classNames,
    hash: hash.digest("hex"),
    repeats: findRepeats(digests, labels),
    imageName: (image) => samples[chosen[image]].image,
    read: async (image) => {
      checkImage(name, image, chosen.length);
      const { archive, image: file } = samples[chosen[image]];
      return decodeImage(await archive.read(file), `${basename(name)}: ${file}`, options);
    },
  };
}

async function labelOf({ archive, label }: Sample): Promise<string> {
  const text = Buffer.from(await archive.read(label))
    .toString("utf8")
    .trim();
  if (!label.endsWith(".json")) return text;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new UnitscopeError("data", `"${label}": expected JSON with a "label", got: ${messageOf(cause)}`, { cause });
  }
  if (typeof value === "object" && value !== null) {
    for (const [key, each] of Object.entries(value)) {
      if (/^(label|cls|class|target)$/i.test(key) && (typeof each === "string" || typeof each === "number")) {
        return String(each);
      }
    }
  }
  throw new UnitscopeError("data", `"${label}": expected a "label" in it, got ${text.slice(0, 80)}`);
}
