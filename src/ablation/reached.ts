/** The part of a sweep that was done when it ended before all images. */
import type { UnitscopeError } from "../errors.ts";
import type { GrownResult } from "../passes/grow-pass.ts";
import type { StratifiedBlocks } from "../passes/image-order.ts";
import type { LimitFinder } from "./drop-limits.ts";
import type { Flips } from "./flips.ts";
import type { Growth } from "./growth.ts";
import type { BaselinePart, SweptPart } from "./sweep-pass.ts";

/** How far a sweep came. */
export interface Reached {
  /** The blocks before this one are done. */
  readonly to: number;
  /** Images in them, of how many. */
  readonly images: number;
  readonly imageCount: number;
  readonly why: "budget" | "until" | "interrupted";
  /** What interrupted it, if something did. */
  readonly interruption: UnitscopeError | undefined;
  /** The block of every image, `[imageCount]`. */
  readonly blockOf: Int32Array;
  readonly limits: LimitFinder;
  /** Of layer `at`, how many blocks each unit was measured on. */
  reach(at: number): Int32Array;
  /** Images that a unit of layer `at` was measured on at least. */
  leastImages(at: number): number;
  /** Those of the layer's flips that are in these blocks. */
  flips(flips: Flips, at: number): Flips;
}

/** What was reached; `undefined` if every unit was measured on all images. */
export function reachedPart(
  { limits, reach, ended }: Growth,
  {
    blocks: { plan, imagesOf },
    layers,
    grown: { to, interruption },
  }: {
    blocks: StratifiedBlocks;
    layers: readonly unknown[];
    grown: Pick<GrownResult<BaselinePart, SweptPart>, "to" | "interruption">;
  },
): Reached | undefined {
  const reaches = layers.map((_, at) => reach(at, to));
  const imagesBefore = (block: number): number => plan.blockSizes.slice(0, block).reduce((sum, size) => sum + size, 0);
  if (reaches.every((units) => units.every((each) => each === plan.to))) return undefined;
  const imageCount = imagesBefore(plan.to);
  const blockOf = new Int32Array(imageCount);
  for (const block of plan.blockSizes.keys()) for (const image of imagesOf(block)) blockOf[image] = block;
  return {
    to,
    images: imagesBefore(to),
    imageCount,
    why: interruption ? "interrupted" : (ended() ?? "until"),
    interruption,
    blockOf,
    limits,
    reach: (at) => reaches[at],
    leastImages: (at) => imagesBefore(reaches[at].reduce((least, each) => Math.min(least, each), to)),
    flips: ({ unit, image, prediction }, at) => {
      const kept = Array.from(unit.keys()).filter((flip) => blockOf[image[flip]] < reaches[at][unit[flip]]);
      const pick = (values: Int32Array): Int32Array => Int32Array.from(kept, (flip) => values[flip]);
      return { unit: pick(unit), image: pick(image), prediction: pick(prediction) };
    },
  };
}

/** One of the baseline's columns at the places of its images in the whole set; the others keep what they have. */
export function spread<Column extends "predictions" | "margins">(
  baseline: BaselinePart,
  column: Column,
  into: BaselinePart[Column],
): BaselinePart[Column] {
  for (const [row, image] of baseline.images.entries()) into[image] = baseline[column][row];
  return into;
}
