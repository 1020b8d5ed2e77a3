/** Decodes every image of a set to find what is wrong with it before a long run does. */
import { createHash } from "node:crypto";
import { messageOf, throwIfInterrupted, UnitscopeError } from "../errors.ts";
import { type DataProgress } from "./cache.ts";
import { findRepeats } from "./find-repeats.ts";
import type { ImageSet, Repeats } from "./image-set.ts";
import { imagesPerClass, selectImages } from "./select-images.ts";

/** What an image set holds. */
export interface ImageSetReport {
  readonly name: string;
  readonly hash: string;
  readonly images: number;
  /** None where images have several labels each. */
  readonly classes: readonly { readonly name: string; readonly images: number }[];
  /** Sizes of the images that can be decoded, the most frequent first. */
  readonly sizes: readonly { readonly width: number; readonly height: number; readonly images: number }[];
  /** Images with the same pixels as an earlier one. */
  readonly repeats: Repeats;
  /** Images whose EXIF orientation is not upright. */
  readonly turned: number;
  /** Images that cannot be decoded, in order. */
  readonly undecodable: readonly { readonly image: number; readonly name: string; readonly reason: string }[];
}

/**
 * Decodes every image.
 * @throws {UnitscopeError} `interrupted` if the signal fires.
 */
export async function checkImageSet(
  set: ImageSet,
  { progress, signal }: { progress?: DataProgress | undefined; signal?: AbortSignal | undefined } = {},
): Promise<ImageSetReport> {
  const sizes = new Map<string, { width: number; height: number; images: number }>();
  const undecodable: { image: number; name: string; reason: string }[] = [];
  const digests: (string | undefined)[] = Array.from({ length: set.imageCount }, () => undefined);
  let turned = 0;
  let next = 0;
  const take = async (): Promise<void> => {
    while (next < set.imageCount) {
      throwIfInterrupted(signal, `data "${set.name}"`);
      const image = next++;
      try {
        const { width, height, orientation, data } = await set.read(image);
        digests[image] = createHash("sha1").update(`${width}×${height} `).update(data).digest("base64");
        if (orientation !== undefined) turned++;
        const size = sizes.get(`${width}×${height}`) ?? { width, height, images: 0 };
        size.images++;
        sizes.set(`${width}×${height}`, size);
      } catch (error) {
        if (error instanceof UnitscopeError && error.code === "internal") throw error;
        undecodable.push({ image, name: set.imageName(image), reason: messageOf(error) });
      }
      if (next % 64 === 0 || next === set.imageCount) {
        progress?.({ title: `decoding ${set.name}`, done: next, total: set.imageCount, unit: "images" });
      }
    }
  };
  await Promise.all(Array.from({ length: 4 }, take)); // as many as libuv's default pool has threads
  const counts = imagesPerClass(set);
  return {
    name: set.name,
    hash: set.hash,
    images: set.imageCount,
    classes: set.severalLabels ? [] : set.classNames.map((name, cls) => ({ name, images: counts[cls] })),
    sizes: [...sizes.values()].sort((a, b) => b.images - a.images || a.width - b.width || a.height - b.height),
    repeats: findRepeats(digests, set.labels),
    turned,
    undecodable: undecodable.sort((a, b) => a.image - b.image),
  };
}

/**
 * A set without its images that cannot be decoded; every image is decoded for that.
 * @throws {UnitscopeError} `data` if none is left, `interrupted` if the signal fires.
 */
export async function skipUnreadable(
  set: ImageSet,
  options: { progress?: DataProgress | undefined; signal?: AbortSignal | undefined } = {},
): Promise<ImageSet> {
  const { undecodable } = await checkImageSet(set, options);
  if (undecodable.length === 0) return set;
  const bad = new Set(undecodable.map(({ image }) => image));
  const good = Array.from({ length: set.imageCount }, (_, image) => image).filter((image) => !bad.has(image));
  if (good.length === 0) {
    throw new UnitscopeError("data", `data "${set.name}": expected images that can be read, got none`);
  }
  return { ...selectImages(set, good), skipped: undecodable.map(({ name, reason }) => ({ name, reason })) };
}
