/** The data sets that are known by name, and where each is fetched from. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { UnitscopeError } from "../errors.ts";
import { cacheFolder } from "./cache.ts";
import { cifar10Classes, cifar10Files, cifar10Package, openCifar10, pullCifar10 } from "./cifar10.ts";
import type { ImageSet } from "./image-set.ts";
import {
  fashionMnistClasses,
  fashionMnistFiles,
  fashionMnistPackage,
  mnistClasses,
  mnistFiles,
  mnistPackage,
  openFashionMnist,
  openMnist,
  pullFashionMnist,
  pullMnist,
} from "./mnist.ts";
import type { PinnedPackage } from "./npm-package.ts";
import { type CacheOptions, type PinnedFile, presentFiles, readPinned } from "./pinned-files.ts";

/** A data set known by name. */
export interface NamedSource {
  readonly name: string;
  readonly description: string;
  readonly splits: readonly ("train" | "test")[];
  readonly classNames: readonly string[];
  readonly package: PinnedPackage;
  readonly files: Readonly<Record<"train" | "test", readonly PinnedFile[]>>;
  pull(options: CacheOptions): Promise<void>;
  open(split: "train" | "test", options: CacheOptions): Promise<ImageSet>;
}

export const namedSources: readonly NamedSource[] = [
  {
    name: "cifar10",
    description: "CIFAR-10: 50,000 training and 10,000 test colour images of 32×32",
    splits: ["train", "test"],
    classNames: cifar10Classes,
    package: cifar10Package,
    files: cifar10Files,
    pull: pullCifar10,
    open: openCifar10,
  },
  {
    name: "mnist",
    description: "MNIST: 60,000 training and 10,000 test gray images of digits, 28×28",
    splits: ["train", "test"],
    classNames: mnistClasses,
    package: mnistPackage,
    files: mnistFiles,
    pull: pullMnist,
    open: openMnist,
  },
  {
    name: "fashion-mnist",
    description: "Fashion-MNIST: 60,000 training and 10,000 test gray images of clothes, 28×28, in class order",
    splits: ["train", "test"],
    classNames: fashionMnistClasses,
    package: fashionMnistPackage,
    files: fashionMnistFiles,
    pull: pullFashionMnist,
    open: openFashionMnist,
  },
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
  return join(cacheDir, "data", source.name);
}

/** Tells whether all of a data set's files are in the cache and are what was published. */
export async function isPulled(source: NamedSource, cacheDir?: string): Promise<boolean> {
  const files = Object.values(source.files).flat();
  return (await presentFiles(files, sourceFolder(source, cacheDir))).every(Boolean);
}

/**
 * Fetches a data set unless all of it is in the cache and sound.
 * @throws {UnitscopeError} `download` if that fails, `file` if the cache folder cannot be used.
 */
export async function pullSource(
  source: NamedSource,
  { cacheDir, ...options }: { cacheDir?: string } & Omit<CacheOptions, "folder"> = {},
): Promise<void> {
  const files = Object.values(source.files).flat();
  await readPinned(files, source.pull, { folder: sourceFolder(source, cacheDir), ...options });
}

/** Removes a data set from the cache. */
export async function removePulled(source: NamedSource, cacheDir?: string): Promise<void> {
  await rm(sourceFolder(source, cacheDir), { recursive: true, force: true });
}
