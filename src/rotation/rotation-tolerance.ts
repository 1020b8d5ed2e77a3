/** How close two logits must be for their order to depend on the route, where directions of a layer are removed. */
import { openComparison, sampleImages, type ToleranceOptions } from "../ablation/tie-tolerance.ts";
import type { BlockSource } from "../passes/image-block.ts";
import type { Model } from "../runtime/open-model.ts";
import { openPlainRotation } from "./plain-rotation.ts";
import type { RotationSetup } from "./rotation-pass.ts";
import { openRotationRoute } from "./rotation-route.ts";

/** Directions of the first basis and of the last that are compared. */
const DIRECTIONS = 2;

/** The model with its tolerance measured on a sample of images, bases and directions. */
export async function withRotationTolerance(
  source: BlockSource,
  { model, tap, replacement, bases, threads, provider }: RotationSetup,
  { caution, signal }: Pick<ToleranceOptions, "caution" | "signal">,
): Promise<Model> {
  if (model.tieTolerance === Infinity) return model;
  const block = await source.read(sampleImages(source.imageCount));
  const route = await openRotationRoute(model, { tap, replacement }, { threads, provider });
  const plain = openPlainRotation(model, { tap, replacement }, { threads, provider });
  try {
    const prepared = await route.prepare(block);
    const compared = openComparison(block, signal);
    const rows = Int32Array.from({ length: block.count }, (_, row) => row);
    const { units } = route.plan.plan;
    for (const basis of new Set([bases[0], bases[bases.length - 1]])) {
      const { reference } = plain.of(basis);
      const rotated = await route.rotate(prepared, basis);
      for (let at = 0; at < Math.min(DIRECTIONS, units); at++) {
        const direction = Math.floor((at * units) / DIRECTIONS);
        const logits = await route.remove(prepared, rotated, direction, rows);
        for (const row of rows) {
          const own = logits.subarray(row * model.classCount, (row + 1) * model.classCount);
          await compared.take(reference, row, own, { tap, units: [direction], replacement });
        }
      }
    }
    return compared.settle(model, caution);
  } finally {
    await route.close();
    await plain.close();
  }
}
