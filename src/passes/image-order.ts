/** The order of the images of a pass, and how it is cut into blocks. */
import { seededRandom } from "../numeric/random.ts";
import type { BlockSource } from "./image-block.ts";
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

/** Blocks of which the first few stand for all images. */
export interface StratifiedBlocks extends OrderedBlocks {
  /** The block behind each round. A round has images of every class that has some left. */
  readonly roundEnds: readonly number[];
}

/** More rounds tell no sooner what the first images show. */
const MOST_ROUNDS = 64;

/**
 * All images in random order, class by class in equal measure: after any round every class has given the same share of
 * its images (a class of fewer images than rounds one a round, until it has no more), and within a class any images are as
 * likely as any others. Within a block images ascend.
 *
 * @param options.seed decides which images come first.
 */
export function stratifiedBlocks(
  labels: Int32Array,
  { seed, blockSize }: { seed: number; blockSize: number },
): StratifiedBlocks {
  const classes = shuffledClasses(labels, seed);
  const largest = classes.reduce((most, { length }) => Math.max(most, length), 0);
  const blockCount = Math.ceil(labels.length / blockSize);
  const rounds = Math.min(largest, Math.ceil(blockCount / Math.ceil(Math.max(1, blockCount / MOST_ROUNDS))));
  const blocks: Int32Array[] = [];
  const roundEnds: number[] = [];
  const random = seededRandom(seed, 1);
  const given = new Int32Array(classes.length);
  for (let round = 1; round <= rounds; round++) {
    const drawn: { image: number; place: number }[] = [];
    for (const [cls, images] of classes.entries()) {
      const end = Math.min(images.length, Math.max(round, Math.floor((images.length * round) / rounds)));
      const own = images.subarray(given[cls], end);
      given[cls] = end;
      own.forEach((image, at) => drawn.push({ image, place: (at + random.uniform()) / own.length }));
    }
    drawn.sort((a, b) => a.place - b.place || a.image - b.image);
    const count = Math.ceil(drawn.length / blockSize);
    for (let block = 0; block < count; block++) {
      const [from, to] = [block, block + 1].map((at) => Math.floor((drawn.length * at) / count));
      blocks.push(Int32Array.from(drawn.slice(from, to), ({ image }) => image).sort());
    }
    roundEnds.push(blocks.length);
  }
  return {
    plan: {
      order: { kind: "stratified", seed },
      blockSizes: blocks.map(({ length }) => length),
      from: 0,
      to: blocks.length,
    },
    imagesOf: (block) => blocks[block],
    roundEnds,
  };
}

/**
 * The images of a source in stratified blocks for a network. The order follows from what the images are, so that all that
 * is measured on them meets them in the same order.
 */
export function blocksOf(
  { identity, labels }: Pick<BlockSource, "identity" | "labels">,
  model: Parameters<typeof blockSizeFor>[0],
): StratifiedBlocks {
  return stratifiedBlocks(labels, { seed: orderSeed(identity), blockSize: blockSizeFor(model) });
}

/** A seed that follows from what the images are. */
export function orderSeed({ images }: { readonly images: string }): number {
  let seed = 0x811c9dc5; // FNV-1a
  for (const char of images) seed = Math.imul(seed ^ (char.codePointAt(0) ?? 0), 0x01000193);
  return seed >>> 0;
}

/** The images of every class that has some, in random order. */
function shuffledClasses(labels: Int32Array, seed: number): Int32Array[] {
  const byClass = new Map<number, number[]>();
  labels.forEach((cls, image) => {
    const own = byClass.get(cls);
    if (own) own.push(image);
    else byClass.set(cls, [image]);
  });
  const random = seededRandom(seed);
  return [...byClass].sort(([a], [b]) => a - b).map(([, images]) => random.shuffle(Int32Array.from(images)));
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
