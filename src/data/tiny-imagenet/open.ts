/** Tiny-ImageNet's splits as image sets: all 200 classes, or the 100 at even places. */
import { sha256 } from "../../files/hash.ts";
import { withLock } from "../../files/lock.ts";
import { sweepDrafts } from "../../files/temporary-folder.ts";
import type { ImageSet } from "../image-set.ts";
import type { CacheOptions } from "../pinned-files.ts";
import { pixelSet } from "../pixel-set.ts";
import { hasFiles, type KeptClass, readIndex, readPixels } from "./kept-files.ts";
import { evenPlaces, type TinyImagenetArchive, tinyImagenetArchive, tinySide } from "./published.ts";

/** Which classes. */
export interface TinyChoice {
  readonly name: "tiny-imagenet" | "tiny-imagenet-100";
  readonly archive?: TinyImagenetArchive;
}

/** How to fetch. */
export interface TinyPullOptions extends CacheOptions {
  /** Take it from here instead of the network: the archive, its unpacked folder, or a folder of its tars. */
  readonly from?: string | undefined;
}

/** Tells whether a choice of classes is in the folder. */
export async function isTinyPulled(choice: TinyChoice, folder: string): Promise<boolean> {
  const classes = await chosenClasses(choice, folder);
  return classes !== undefined && (await hasFiles(folder, classes));
}

/** Fetches unless what is asked for is there and sound; one process at a time. */
export async function pullTiny(choice: TinyChoice, options: TinyPullOptions): Promise<void> {
  if (await isSound(choice, options.folder)) return;
  await withLock(
    options.folder,
    async () => {
      if (await isSound(choice, options.folder)) return; // another process may have fetched it while we waited
      await sweepDrafts(options.folder);
      const { pullTinyImagenet } = await import("./pull.ts");
      await pullTinyImagenet(choice.archive ?? tinyImagenetArchive, options);
    },
    {
      signal: options.signal,
      waiting: () =>
        options.progress?.({ title: "waiting for another process to fetch", done: 0, total: undefined, unit: "bytes" }),
    },
  );
}

async function isSound(choice: TinyChoice, folder: string): Promise<boolean> {
  const classes = await chosenClasses(choice, folder);
  if (!classes) return false;
  for (const split of ["train", "test"] as const) {
    for (const cls of classes) if (!(await readPixels(folder, [cls], split))) return false;
  }
  return true;
}

/** Opens a split; class by class, the training files of a class by number, then its validation files by number. */
export async function openTiny(choice: TinyChoice, split: "train" | "test", options: CacheOptions): Promise<ImageSet> {
  const archive = choice.archive ?? tinyImagenetArchive;
  let classes = await chosenClasses(choice, options.folder);
  let data = classes && (await readPixels(options.folder, classes, split));
  if (!classes || !data) {
    await pullTiny(choice, options);
    classes = (await chosenClasses(choice, options.folder)) ?? [];
    data = (await readPixels(options.folder, classes, split)) ?? new Uint8Array();
  }
  const { trainedOn, trainFiles, valFiles } = archive;
  const perClass = split === "train" ? trainedOn : trainFiles - trainedOn + valFiles;
  const kept = classes;
  return pixelSet({
    name: `${choice.name}:${split}`,
    pixels: { data, channels: 3, height: tinySide, width: tinySide },
    labels: Int32Array.from({ length: kept.length * perClass }, (_, image) => Math.floor(image / perClass)),
    classNames: distinctNames(kept),
    hash: sha256(...kept.map((cls) => cls[split].content)),
    imageName: (image) => {
      const { wnid, val } = kept[Math.floor(image / perClass)];
      const number = (split === "train" ? 0 : trainedOn) + (image % perClass);
      return number < trainFiles
        ? `train/${wnid}/${wnid}_${number}.JPEG`
        : `val/${wnid}/val_${val[number - trainFiles]}.JPEG`;
    },
  });
}

async function chosenClasses(
  { name, archive = tinyImagenetArchive }: TinyChoice,
  folder: string,
): Promise<readonly KeptClass[] | undefined> {
  const all = await readIndex(folder);
  const isWhole = all?.length === archive.classCount;
  if (name === "tiny-imagenet") return isWhole ? all : undefined;
  return all && (isWhole ? evenPlaces(all) : all);
}

/** The classes' names; where two share one, each with its WordNet id. */
function distinctNames(classes: readonly KeptClass[]): string[] {
  const counts = new Map<string, number>();
  for (const { name } of classes) counts.set(name, (counts.get(name) ?? 0) + 1);
  return classes.map(({ name, wnid }) => (counts.get(name) === 1 ? name : `${name} (${wnid})`));
}
