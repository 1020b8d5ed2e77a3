/** A small random network and images in memory, swept; and what is told of a sweep. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type LayerSweep, type RunSweepOptions, runSweep, type Sweep } from "../../src/ablation/sweep.ts";
import type { Layer } from "../../src/onnx/layers.ts";
import type { BlockSource } from "../../src/passes/image-block.ts";
import { blocksOf, type StratifiedBlocks } from "../../src/passes/image-order.ts";
import type { Model } from "../../src/runtime/model.ts";
import { sourceOf } from "../passes/images-in-memory.ts";
import { CLASSES, randomImages, randomNetwork, SIDE } from "./random-network.ts";

/** Three blocks. */
export const IMAGES = 520;
const recipe = { seed: 9, blocks: ["overlapping pool", "residual", "concatenation"], head: "two products" } as const;
export const model: Model = (await randomNetwork(recipe)).model;
export const layers: readonly Layer[] = model.layers.filter((layer) => !layer.isOutput);
/** Of all layers. */
export const units: number = layers.reduce((sum, layer) => sum + layer.units, 0);
const pixels = randomImages(IMAGES, 5);

export const labels: Int32Array = Int32Array.from({ length: IMAGES }, (_, image) => (image * 7) % CLASSES);
export const images = (): ReturnType<typeof sourceOf> => sourceOf(pixels, [3, SIDE, SIDE], labels);
/** The first of them: two blocks. */
export const FEW = 264;
export const few = (count: number = FEW): BlockSource =>
  sourceOf(pixels.slice(0, count * 3 * SIDE * SIDE), [3, SIDE, SIDE], labels.slice(0, count));

export const blocks: StratifiedBlocks = blocksOf(images(), model);

/** Sweeps all units of them, by default on all images. */
export async function sweep(options: RunSweepOptions = {}, source: BlockSource = images()): Promise<Sweep> {
  return runSweep(model, { images: source, layers, options });
}

/** Layer by layer. */
export function found({ layers: swept, layer }: Sweep): LayerSweep[] {
  return swept.map((_, at) => layer(at));
}

/** The predictions, intact and ablated; counts follow from nothing else. */
export function result(swept: Sweep): unknown {
  return {
    predictions: swept.predictions,
    layers: found(swept).map(({ layer, flips }) => ({ name: layer.name, flips })),
  };
}

/** The sums of the companions, which share their last bits only with sweeps by the same routes. */
export function companions(swept: Sweep): unknown {
  return found(swept).map(({ continuous }) => continuous);
}

/** Pairs that were repeated the plain way. */
export function verifiedOf(layersFound: readonly LayerSweep[]): number {
  return layersFound.reduce((sum, { verified }) => sum + verified, 0);
}

/** Names of the blocks that a folder keeps whole: those of which every part is there. */
export function keptBlocks(folder: string): string[] {
  const pieces = join(folder, "pieces");
  if (!existsSync(pieces)) return [];
  const parts = readdirSync(pieces).map((part) => readdirSync(join(pieces, part)));
  const [first = []] = parts;
  return first.filter((name) => parts.every((names) => names.includes(name))).map((name) => name.replace(".piece", ""));
}
