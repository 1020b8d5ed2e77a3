/** From what the user calls a data set to an `ImageSet`. */
import type { Stats } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { UnitscopeError } from "../errors.ts";
import { diskError, systemCode } from "../files/disk-error.ts";
import type { SourceOptions } from "./file-set.ts";
import type { ImageSet } from "./image-set.ts";
import { type NamedSource, namedSources, namedSplits, sourceFolder } from "./named-sources.ts";
import { limitPerClass } from "./select-images.ts";

/** How to open a data set. */
export interface OpenOptions extends SourceOptions {
  /** Folder that a list file's paths start from; the list's own folder by default. */
  readonly root?: string | undefined;
  /**
   * Images may have several labels, or none: in a list file or a `.tar` with `;` or `|` between them, in Parquet and JSON
   * as lists, in `.npz` as a matrix of 0 and 1, or with a column of 0 and 1 for each label. They are then in
   * `severalLabels`, which sources that have one label an image may lack.
   */
  readonly severalLabels?: boolean | undefined;
  /** Decode every image first and leave out those that cannot be. */
  readonly skipUnreadable?: boolean | undefined;
  /** The cache folder, instead of the user's. */
  readonly cacheDir?: string | undefined;
}

/**
 * Opens a data set: a name with a split (`cifar10:test`), a folder with one subfolder per class, a list file
 * (`path label` a line, or CSV), a `.parquet` or a WebDataset `.tar` (or a folder of several), or a `.npz` of arrays
 * (`file.npz:test` where it holds several splits).
 *
 * @throws {UnitscopeError} `usage` if there is no such data set, `file` or `data` if it cannot be read or is not what
 * it should be; `download` if it had to be fetched and could not.
 */
export async function openImageSet(spec: string, options: OpenOptions = {}): Promise<ImageSet> {
  const { limit } = options;
  if (limit !== undefined && (!Number.isInteger(limit) || limit < 1)) {
    throw new UnitscopeError(
      "usage",
      `option "limit": expected a whole number of images per class from 1, got ${limit}`,
    );
  }
  const { skipUnreadable: isSkipping = false, ...rest } = options;
  if (limit !== undefined && options.severalLabels) {
    throw new UnitscopeError("usage", `option "limit": expected none with several labels an image, got ${limit}`);
  }
  const opened = await openSource(spec, isSkipping ? { ...rest, tolerant: true } : rest);
  const set = isSkipping ? await (await import("./check-image-set.ts")).skipUnreadable(opened, options) : opened;
  return limit === undefined ? set : limitPerClass(set, limit);
}

/**
 * Says at once where a data set is not there; no more than its name or path is looked at.
 * @throws {UnitscopeError} `usage` if there is none, `file` if the system refuses to say.
 */
export async function requireSource(spec: string): Promise<void> {
  if (!splitNamed(spec)) await findSource(spec);
}

/** The same data set from any folder: a name as it is, a path made absolute. */
export function absoluteSource(spec: string): string {
  return splitNamed(spec) ? spec : resolve(spec);
}

/** The known name and what follows its colon. */
function splitNamed(spec: string): { source: NamedSource; split: string } | undefined {
  const parts = /^([a-z0-9-]+):(.*)$/.exec(spec);
  const source = parts && namedSources.find(({ name }) => name === parts[1]);
  return source ? { source, split: parts[2] } : undefined;
}

/** What reads each kind of source; loaded when one is met. */
const readers = {
  files: () => import("./file-set.ts"),
  folder: () => import("./folder.ts"),
  list: () => import("./list-file.ts"),
  npz: () => import("./npz-set.ts"),
  parquet: () => import("./parquet-set.ts"),
  tar: () => import("./tar-set.ts"),
};

async function openSource(spec: string, { root, cacheDir, severalLabels, ...options }: OpenOptions): Promise<ImageSet> {
  const named = splitNamed(spec);
  if (named) {
    const { source } = named;
    const split = source.splits.find((each) => each === named.split);
    if (!split) {
      const splits = source.splits.map((each) => `${source.name}:${each}`).join(" or ");
      throw new UnitscopeError("usage", `data "${spec}": expected ${splits}, got split "${named.split}"`);
    }
    const { progress, signal } = options;
    return source.open(split, { folder: sourceFolder(source, cacheDir), progress, signal });
  }
  const described = { name: spec, severalLabels, ...options };
  const { path, npz, found } = await findSource(spec);
  if (found.isDirectory()) {
    const files = await readdir(path);
    const partsOf = async (ending: string): Promise<string[]> => {
      const parts = files.filter((file) => file.toLowerCase().endsWith(ending)).sort();
      return parts.length === 0 || (await hasSubfolders(path)) ? [] : parts.map((file) => join(path, file));
    };
    const parquets = await partsOf(".parquet");
    if (parquets.length > 0) return (await readers.parquet()).openParquets(parquets, described);
    const tars = await partsOf(".tar");
    if (tars.length > 0) return (await readers.tar()).openTars(tars, described);
  }
  if (path.toLowerCase().endsWith(".tar")) return (await readers.tar()).openTars([path], described);
  if (found.isDirectory()) {
    return (await readers.files()).fileSet(await (await readers.folder()).listFolder(path, spec), options);
  }
  if (npz) return (await readers.npz()).openNpz(path, { name: spec, split: npz[2]?.toLowerCase(), severalLabels });
  if (path.toLowerCase().endsWith(".parquet")) return (await readers.parquet()).openParquet(path, described);
  const list = await (await readers.list()).readListFile(path, { name: spec, root, severalLabels });
  return (await readers.files()).fileSet(list, options);
}

/** The file or folder that a data set is. */
async function findSource(spec: string): Promise<{ path: string; npz: RegExpExecArray | null; found: Stats }> {
  const npz = /^(.*\.npz)(?::(train|val|test))?$/i.exec(spec);
  const path = npz?.[1] ?? spec;
  const found = await stat(path).catch((cause: unknown) => {
    if (systemCode(cause) === "ENOENT") return undefined;
    throw diskError(path, cause, { rule: "a data set that can be read" });
  });
  if (found) return { path, npz, found };
  const { adviceOnSource } = await import("./nearest-source.ts");
  throw new UnitscopeError(
    "usage",
    `data "${spec}": expected ${namedSplits().join(", ")}, a folder, a list file, a .parquet, .tar or .npz, got none of these; ${await adviceOnSource(spec)}`,
  );
}

async function hasSubfolders(folder: string): Promise<boolean> {
  return (await readdir(folder, { withFileTypes: true })).some(
    (entry) => entry.isDirectory() && !entry.name.startsWith("."),
  );
}
