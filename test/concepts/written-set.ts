/** Segmented image sets that tests write and read. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ConceptSet } from "../../src/concepts/concept-set.ts";
import { encodePng } from "./png.ts";

/** Writes files into a folder. */
export async function writeInto(folder: string, files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
}

/** A picture of 4×2 in one gray. */
export const picture: Buffer = encodePng(4, 2, new Uint8Array(8).fill(90));

/** Concept names that an image shows, with the pixels of those in maps. */
export async function shown(set: ConceptSet, image: number): Promise<Record<string, number[] | "whole">> {
  const { maps, whole } = await set.labels(image);
  const found: Record<string, number[] | "whole"> = {};
  for (const map of maps) {
    map.forEach((label, pixel) => {
      if (label === 0) return;
      const list = (found[set.concepts[label - 1]?.name ?? "?"] ??= []);
      if (list !== "whole") list.push(pixel);
    });
  }
  for (const concept of whole) found[set.concepts[concept]?.name ?? "?"] = "whole";
  return found;
}
