/** From what the user calls a data set to an `ImageSet`. */
import { UnitscopeError } from "../errors.ts";
import type { DataProgress } from "./cache.ts";
import type { ImageSet } from "./image-set.ts";
import { namedSource, namedSources, namedSplits, sourceFolder } from "./named-sources.ts";
import { imagesPerClass, limitPerClass } from "./select-images.ts";

/** How to open a data set. */
export interface OpenOptions {
  /** Folder that a list file's paths start from; the list's own folder by default. */
  readonly root?: string | undefined;
  /** The first so many images of every class; all by default. */
  readonly limit?: number | undefined;
  /** The cache folder, instead of the user's. */
  readonly cacheDir?: string | undefined;
  readonly progress?: DataProgress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens a data set: a name with a split (`cifar10:test`).
 *
 * @throws {UnitscopeError} `usage` if there is no such data set, `data` if a class has no image, `download` if it had
 * to be fetched and could not.
 */
export async function openImageSet(spec: string, options: OpenOptions = {}): Promise<ImageSet> {
  const set = await openSource(spec, options);
  const counts = imagesPerClass(set);
  const empty = set.classNames.filter((_, cls) => counts[cls] === 0);
  if (empty.length > 0) {
    throw new UnitscopeError(
      "data",
      `data "${spec}": expected at least one image of each of ${set.classNames.length} classes, got none of class "${empty[0]}"${empty.length > 1 ? ` and ${empty.length - 1} more` : ""}`,
    );
  }
  return options.limit === undefined ? set : limitPerClass(set, options.limit);
}

async function openSource(spec: string, { cacheDir, progress, signal }: OpenOptions): Promise<ImageSet> {
  const named = /^([a-z0-9-]+):(.*)$/.exec(spec);
  if (named && namedSources.some(({ name }) => name === named[1])) {
    const source = namedSource(named[1] as string);
    const split = source.splits.find((each) => each === named[2]);
    if (!split) {
      throw new UnitscopeError(
        "usage",
        `data "${spec}": expected split ${source.splits.join(" or ")}, got "${named[2]}"`,
      );
    }
    return source.open(split, { folder: sourceFolder(source, cacheDir), progress, signal });
  }
  throw new UnitscopeError("usage", `data "${spec}": expected ${namedSplits().join(", ")}, got no such data set`);
}
