/** How many images the class with most has: figures of class drops say so when it is one. */
import type { RunFolder } from "../runs/run-folder.ts";
import { integers } from "../tables/table.ts";

/** The largest number of images that one class has. */
export function imagesPerClass(labels: ArrayLike<number>): number {
  const counts = new Map<number, number>();
  let most = 0;
  for (let image = 0; image < labels.length; image++) {
    const count = (counts.get(labels[image]) ?? 0) + 1;
    counts.set(labels[image], count);
    most = Math.max(most, count);
  }
  return most;
}

/** That of a run; endless where the run does not say. */
export async function imagesPerClassOf(run: RunFolder): Promise<number> {
  if (!run.hasTable("baseline")) return Infinity;
  return imagesPerClass(integers(await run.readTable("baseline", { columns: ["label"] }), "label"));
}
