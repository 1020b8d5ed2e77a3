/** Repeats a random fraction of a block's (unit, image) pairs the plain way and lists the differences. */
import type { ImageBlock } from "../passes/image-block.ts";
import type { LayerBlock } from "./flip-collector.ts";
import type { PlainRoute } from "./plain-route.ts";
import type { PlannedLayer } from "./prefix-graph.ts";

/** A (unit, image) pair that the plain route decided otherwise. */
export interface Mismatch {
  /** Index among the swept layers. */
  readonly layer: number;
  readonly unit: number;
  readonly image: number;
  readonly fast: number;
  readonly plain: number;
}

/**
 * Verifies one layer of one swept block.
 *
 * Which pairs are repeated depends on seed, layer, unit and image alone, so neither blocks nor workers change it.
 */
export async function verifyBlock(
  block: ImageBlock,
  swept: LayerBlock,
  {
    layer,
    planned: { plan, replacement },
    predictions,
    route,
    fraction,
    seed,
  }: {
    layer: number;
    planned: PlannedLayer;
    predictions: Int32Array;
    route: PlainRoute;
    fraction: number;
    seed: number;
  },
): Promise<{ verified: number; mismatches: Mismatch[] }> {
  const { count, images } = block;
  const rowOf = new Map(Array.from(images, (image, row) => [image, row]));
  const flipped = new Map<number, number>();
  swept.unit.forEach((unit, i) => {
    flipped.set(unit * count + (rowOf.get(swept.image[i]) ?? 0), swept.prediction[i]);
  });
  const mismatches: Mismatch[] = [];
  let verified = 0;
  for (let unit = 0; unit < plan.units; unit++) {
    const rows: number[] = [];
    for (let row = 0; row < count; row++) if (hash(seed, layer, unit, images[row]) < fraction) rows.push(row);
    if (rows.length === 0) continue;
    const decided = await route.predict(block, rows, { tap: plan.tap, units: [unit], replacement });
    rows.forEach((row, i) => {
      const fast = flipped.get(unit * count + row) ?? predictions[row];
      const plain = decided[i];
      if (fast !== plain) mismatches.push({ layer, unit, image: images[row], fast, plain });
    });
    verified += rows.length;
  }
  return { verified, mismatches };
}

/** A number in [0, 1) from integers that decides which pairs are repeated: murmur3's mixing, one round a word. */
export function hash(...words: number[]): number {
  let h = 0x9747b28c;
  for (const word of words) {
    h = Math.imul(h ^ word, 0xcc9e2d51);
    h ^= h >>> 16;
    h = Math.imul(h, 0x85ebca6b);
    h ^= h >>> 13;
    h = Math.imul(h, 0xc2b2ae35);
    h ^= h >>> 16;
  }
  return (h >>> 0) / 0x1_0000_0000;
}
