/**
 * WebDataset's tars: files of one sample share a name up to the first dot: `0001.jpg` and its label in `0001.cls` (a class
 * index), `0001.txt` or `0001.json` (`label`, `cls` or `class`; several as a list, or 0 and 1 for each). Images are read
 * from the archive when they are needed.
 */
import { createHash } from "node:crypto";
import { basename } from "node:path";
import { messageOf, throwIfInterrupted, UnitscopeError } from "../errors.ts";
import { decodeImage, imageExtensions } from "./decode-image.ts";
import type { FileArchive } from "./file-archive.ts";
import type { SourceOptions } from "./file-set.ts";
import { findRepeats } from "./find-repeats.ts";
import type { ImageSet } from "./image-set.ts";
import { labelsOfValues } from "./label-values.ts";
import { nameTheLabel } from "./list-entries.ts";
import { checkImage, firstPerClass } from "./select-images.ts";
import { labelColumns, labelsOfImages, type SeveralLabels } from "./several-labels.ts";
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
  {
    name = paths.join(", "),
    severalLabels = false,
    ...options
  }: SourceOptions & { name?: string; severalLabels?: boolean | undefined } = {},
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
  const { labels: all, classNames, several } = await (severalLabels ? labelsOf : classesOf)(samples, name);
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
    ...(several && { severalLabels: labelsOfImages(several, chosen) }),
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

/** Labels of all samples, and what they are called. */
interface Labels {
  readonly labels: Int32Array;
  readonly classNames: readonly string[];
  readonly several?: SeveralLabels;
}

async function classesOf(samples: readonly Sample[], name: string): Promise<Labels> {
  const given: string[] = [];
  for (const sample of samples) given.push(await classOf(sample));
  return textLabels(given, name);
}

async function classOf(sample: Sample): Promise<string> {
  const value = await valueOf(sample);
  const text = typeof value === "number" ? String(value) : value;
  if (typeof text === "string" && !/[;|\n]/.test(text)) return text;
  throw new UnitscopeError(
    "data",
    `"${sample.label}": expected one label, got ${JSON.stringify(value).slice(0, 80)}; ${nameTheLabel}`,
  );
}

/** Lists of labels, or an object from every label to 0 or 1 in each sample. */
async function labelsOf(samples: readonly Sample[], name: string): Promise<Labels> {
  const values: unknown[] = [];
  for (const sample of samples) values.push(await valueOf(sample, { isSeveral: true }));
  const labels = new Int32Array(samples.length);
  const where = (image: number): string => `"${samples[image].label}"`;
  const place = `data "${name}"`;
  if (!values.every(isRecord)) return { labels, ...labelsOfValues(values, { place, where }) };
  const records = values.map((value) => new Map(Object.entries(value)));
  const columns = [...new Set(records.flatMap((record) => [...record.keys()]))].sort();
  const table = { kind: "columns", imageCount: records.length, columns, place } as const;
  const several = labelColumns(table, (image, label) => records[image].get(columns[label]), where);
  return { labels, classNames: columns, several };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const labelKey = /^(label|cls|class|target)$/i;
const severalKey = /^(labels?|cls|class|classes|targets?|tags)$/i;

/** What a sample's file says: the text, or the label in its JSON; of several labels, the JSON itself where none is called so. */
async function valueOf(
  { archive, label }: Sample,
  { isSeveral = false }: { isSeveral?: boolean } = {},
): Promise<unknown> {
  const text = Buffer.from(await archive.read(label))
    .toString("utf8")
    .trim();
  // Numbers may have commas or blanks between them, which names may hold.
  if (!label.endsWith(".json")) return isSeveral && /^\d+([\s,]+\d+)+$/.test(text) ? text.split(/[\s,]+/) : text;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new UnitscopeError("data", `"${label}": expected JSON with a "label", got: ${messageOf(cause)}`, { cause });
  }
  if (isRecord(value)) {
    const found = Object.entries(value).filter(
      ([key, each]) => (isSeveral ? severalKey : labelKey).test(key) && each !== null,
    );
    if (found.length > 1 && isSeveral) {
      const keys = found.map(([key]) => `"${key}"`).join(" and ");
      throw new UnitscopeError("data", `"${label}": expected labels in one place, got ${keys}`);
    }
    if (found[0]) return found[0][1];
  }
  if (isSeveral && (Array.isArray(value) || isRecord(value))) return value;
  throw new UnitscopeError("data", `"${label}": expected a "label" in it, got ${text.slice(0, 80)}`);
}
