/** A small random network with images, in files, for tests of plans that several processes carry out. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { seededRandom } from "../../src/numeric/random.ts";
import { CLASSES, randomNetwork, SIDE } from "../ablation/random-network.ts";
import { npz } from "../data/npz.ts";

/** Writes `network.onnx` and `images.npz` of so many images into a folder. */
export async function writeStudy(folder: string, images: number): Promise<{ model: string; data: string }> {
  const recipe = { seed: 3, blocks: ["overlapping pool", "plain"], head: "two products" } as const;
  const [model, data] = [join(folder, "network.onnx"), join(folder, "images.npz")];
  await writeFile(model, (await randomNetwork(recipe)).bytes);
  const random = seededRandom(11);
  const pixels = Uint8Array.from({ length: images * SIDE * SIDE * 3 }, () => random.integer(256));
  const labels = Int32Array.from({ length: images }, (_, image) => image % CLASSES);
  const arrays = { images: { dims: [images, SIDE, SIDE, 3], data: pixels }, labels: { dims: [images], data: labels } };
  await writeFile(data, npz(arrays));
  return { model, data };
}
