/** Image sets whose images are files: what folders and list files have in common. */
import { createHash } from "node:crypto";
import { throwIfInterrupted } from "../errors.ts";
import { diskError } from "../files/disk-error.ts";
import { readRegular } from "../files/read-regular.ts";
import { type DataProgress } from "./cache.ts";
import { type DecodeOptions, decodeImageFile } from "./decode-image.ts";
import { findRepeats } from "./find-repeats.ts";
import type { ImageSet } from "./image-set.ts";
import { checkLabels } from "./pixel-set.ts";
import { checkImage, firstPerClass } from "./select-images.ts";
import type { SeveralLabels } from "./several-labels.ts";

/** Image files with labels, before anything but their names was read. */
export interface FileList {
  readonly name: string;
  readonly paths: readonly string[];
  /** What to call each image: its path as the user would write it. */
  readonly imageNames: readonly string[];
  readonly labels: Int32Array;
  readonly severalLabels?: SeveralLabels | undefined;
  readonly classNames: readonly string[];
}

/** How a set is made of sources that are read while opening. */
export interface SourceOptions extends DecodeOptions {
  /** The first so many images of every class. */
  readonly limit?: number | undefined;
  /** Leaves images that cannot be read to `read` to refuse, for a check that wants to find all of them. */
  readonly tolerant?: boolean | undefined;
  readonly progress?: DataProgress | undefined;
  readonly signal?: AbortSignal | undefined;
}

const READERS = 4;

/**
 * An image set over files. Its hash is over the files' contents and labels, in order, so it is the same wherever the
 * files lie and changes when one of them does; reading them once costs a few per cent of decoding them.
 *
 * @throws {UnitscopeError} `file` if one cannot be read, `value` if a label is not a class index.
 */
export async function fileSet(list: FileList, options: SourceOptions = {}): Promise<ImageSet> {
  checkLabels(list.name, list.labels, list.classNames.length);
  const { name, paths, imageNames, labels, classNames } = options.limit ? limitFiles(list, options.limit) : list;
  const { hash, digests } = await hashFiles(name, paths, labels, options);
  return {
    name,
    imageCount: paths.length,
    labels,
    classNames,
    hash,
    ...(list.severalLabels && { severalLabels: list.severalLabels }),
    repeats: findRepeats(digests, labels),
    imageName: (image) => imageNames[image] ?? `image ${image}`,
    read: async (image) => {
      checkImage(name, image, paths.length);
      return decodeImageFile(paths[image], options);
    },
  };
}

function limitFiles(list: FileList, limit: number): FileList {
  const chosen = [...firstPerClass(list.labels, limit)];
  return {
    name: list.name,
    paths: chosen.map((image) => list.paths[image]),
    imageNames: chosen.map((image) => list.imageNames[image]),
    labels: Int32Array.from(chosen, (image) => list.labels[image]),
    classNames: list.classNames,
  };
}

async function hashFiles(
  name: string,
  paths: readonly string[],
  labels: Int32Array,
  { tolerant = false, progress, signal }: SourceOptions,
): Promise<{ hash: string; digests: (string | undefined)[] }> {
  const all = createHash("sha256");
  const found: (string | undefined)[] = [];
  const digests: (Promise<Uint8Array> | undefined)[] = [];
  const digest = async (path: string): Promise<Uint8Array> => {
    try {
      return createHash("sha256")
        .update(await readRegular(path))
        .digest();
    } catch (cause) {
      if (tolerant) return new Uint8Array(32);
      throw diskError(path, cause, { rule: "an image file" });
    }
  };
  for (let image = 0; image < paths.length; image++) {
    throwIfInterrupted(signal, `data "${name}"`);
    for (let ahead = image; ahead < Math.min(image + READERS, paths.length); ahead++) {
      if (digests[ahead]) continue;
      digests[ahead] = digest(paths[ahead]);
      digests[ahead]?.catch(() => undefined); // awaited in its turn
    }
    const own = (await digests[image]) ?? new Uint8Array(32);
    found.push(own.some((byte) => byte !== 0) ? Buffer.from(own).toString("latin1") : undefined);
    all.update(own).update(`${labels[image]}\n`);
    digests[image] = undefined;
    if (image % 32 === 31 || image === paths.length - 1) {
      progress?.({ title: `reading ${name}`, done: image + 1, total: paths.length, unit: "images" });
    }
  }
  return { hash: all.digest("hex"), digests: found };
}
