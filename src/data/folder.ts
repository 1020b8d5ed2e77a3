/** A folder with one subfolder per class, read as torchvision's `ImageFolder` reads it. */
import { readdir, realpath, stat } from "node:fs/promises";
import { extname, join, relative, sep } from "node:path";
import { UnitscopeError } from "../errors.ts";
import { diskError, systemCode } from "../files/disk-error.ts";
import { imageExtensions } from "./decode-image.ts";
import type { FileList } from "./file-set.ts";

/**
 * Lists a folder's images: classes are the subfolders by name (in NFC, however the disk stores accents), images the files
 * of each by path, in sorted order;
 * subfolders of a class belong to it; hidden files and files that are no images are passed over.
 *
 * @throws {UnitscopeError} `data` if there are no subfolders or no images, `file` if it cannot be read.
 */
export async function listFolder(folder: string, name: string = folder): Promise<FileList> {
  const { folders, files } = await listEntries(folder);
  await refuseSplits(folder, folders);
  if (folders.length === 0) {
    throw new UnitscopeError(
      "data",
      `${folder}: expected one subfolder per class, got ${files.length} files and no subfolder`,
    );
  }
  const classes = folders.map((cls) => ({ cls, name: cls.normalize("NFC") })).sort(byName);
  const twice = classes.find(({ name: own }, at) => own === classes[at + 1]?.name);
  if (twice) {
    throw new UnitscopeError(
      "data",
      `${folder}: expected one subfolder per class, got two called "${twice.name}", whose names differ only in how accents are stored (Unicode NFC and NFD); put their images into one`,
    );
  }
  const paths: string[] = [];
  const labels: number[] = [];
  for (const [label, { cls }] of classes.entries()) {
    const found = await listImages(join(folder, cls));
    for (const path of found) {
      paths.push(path);
      labels.push(label);
    }
  }
  if (paths.length === 0) {
    throw new UnitscopeError("data", `${folder}: expected at least one image (${imageExtensions.join(" ")}), got none`);
  }
  const imageNames = paths.map((path) => relative(folder, path).split(sep).join("/"));
  return { name, paths, imageNames, labels: Int32Array.from(labels), classNames: classes.map((each) => each.name) };
}

/** In the order of names, by code unit as `Array.sort` has it, so that it is the same on every machine. */
function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : Number(a.name > b.name);
}

const splitName = /^(train|training|val|valid|validation|test|testing)$/i;

/** @throws {UnitscopeError} `data` for a folder of splits, each with a folder a class. */
async function refuseSplits(folder: string, folders: readonly string[]): Promise<void> {
  if (folders.length === 0 || !folders.every((each) => splitName.test(each))) return;
  for (const each of folders) if ((await listEntries(join(folder, each))).folders.length === 0) return;
  const parts = folders.map((each) => `"${each}"`).join(", ");
  throw new UnitscopeError(
    "data",
    `${folder}: expected one subfolder per class, got the splits ${parts}; name one of them: ${join(folder, folders.at(-1) ?? "")}`,
  );
}

/** Folders that archivers and file servers leave behind. */
const leftBehind = new Set(["__MACOSX", "@eaDir"]);

/**
 * Image files under a folder, its own before those of its subfolders. A link back to a folder that it lies in would have
 * no end.
 * @param above real paths of the folders that it lies in.
 */
async function listImages(folder: string, above: readonly string[] = []): Promise<string[]> {
  const { folders, files } = await listEntries(folder);
  const own = await realpath(folder);
  if (above.includes(own)) {
    throw new UnitscopeError("data", `${folder}: expected a folder of images, got a link to a folder that it lies in`);
  }
  const images = files.filter((file) => imageExtensions.includes(extname(file).toLowerCase()));
  const paths = images.map((file) => join(folder, file));
  for (const each of folders) paths.push(...(await listImages(join(folder, each), [...above, own])));
  return paths;
}

/** What a link leads to; `undefined` for one to nothing, or to itself. */
async function targetOf(link: string): Promise<Awaited<ReturnType<typeof stat>> | undefined> {
  return await stat(link).catch((cause: unknown) => {
    if (["ENOENT", "ELOOP"].includes(systemCode(cause) ?? "")) return undefined;
    throw cause;
  });
}

/** Names in a folder, sorted, without hidden ones; links count as what they point to. */
async function listEntries(folder: string): Promise<{ folders: string[]; files: string[] }> {
  try {
    const folders: string[] = [];
    const files: string[] = [];
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      if (entry.name.startsWith(".") || leftBehind.has(entry.name)) continue;
      const kind = entry.isSymbolicLink() ? await targetOf(join(folder, entry.name)) : entry;
      if (kind === undefined)
        files.push(entry.name); // said when it is read
      else if (kind.isDirectory()) folders.push(entry.name);
      else if (kind.isFile()) files.push(entry.name);
    }
    return { folders: folders.sort(), files: files.sort() };
  } catch (cause) {
    throw diskError(folder, cause, { rule: "a folder of images that can be read" });
  }
}
