/** The order of the images of a pass, and how it is cut into blocks. */
import type { Pass } from "./pass.ts";
import { blockStart, evenBlocks, type JsonRecord, type Plan } from "./plan.ts";

/** The part of a pass that says which images are in which block. */
export interface OrderedBlocks extends Pick<Pass<unknown, unknown, unknown>, "imagesOf"> {
  readonly plan: Pick<Plan, "order" | "blockSizes" | "from" | "to">;
}

/** All images in the order of the set. */
export function consecutiveBlocks(imageCount: number, blockSize: number): OrderedBlocks {
  const blockSizes = evenBlocks(imageCount, blockSize);
  return {
    plan: { order: { kind: "listed" }, blockSizes, from: 0, to: blockSizes.length },
    imagesOf: (block) => Int32Array.from({ length: blockSizes[block] }, (_, row) => block * blockSize + row),
  };
}

/**
 * Images that a pass chooses itself, in its own blocks.
 * @param by what the choice follows from, beside labels.
 */
export function chosenBlocks(by: JsonRecord, blocks: readonly Int32Array[]): OrderedBlocks {
  return {
    plan: { order: { kind: "chosen", by }, blockSizes: blocks.map(({ length }) => length), from: 0, to: blocks.length },
    imagesOf: (block) => blocks[block],
  };
}

/** `images` in blocks of `blockSize`. */
export function splitEvenly(images: Int32Array, blockSize: number): Int32Array[] {
  const sizes = evenBlocks(images.length, blockSize);
  return sizes.map((size, block) => {
    const start = blockStart({ blockSizes: sizes }, block);
    return images.slice(start, start + size);
  });
}

/** Images of a block: by the input's size alone, so that blocks do not depend on what is asked of them. */
export function blockSizeFor({
  input,
}: {
  readonly input: { readonly height: number; readonly width: number };
}): number {
  return input.height * input.width <= 64 * 64 ? 256 : 128;
}
