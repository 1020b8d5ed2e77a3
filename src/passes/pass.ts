/**
 * A pass: a walk over blocks of images whose partial results merge, in any order and from any machine.
 *
 * The plan says what is done and is plain data; the work does it to one block, wherever that is; the merge makes one
 * partial result of many. A partial result is plain data too: what all layers share, and a part for every layer.
 */
import type { Work } from "../runtime/work.ts";
import type { ImageBlock } from "./image-block.ts";
import type { Plan } from "./plan.ts";

/** What some blocks gave. */
export interface PartialResult<Shared, Layer, Beside = never> {
  readonly shared: Shared;
  /** In the order of the plan's layers. */
  readonly layers: readonly Layer[];
  /** What the work found beside, for another pass over the same blocks. */
  readonly beside?: Beside | undefined;
}

/** What is done to a block of images. */
export type BlockWork<Setup, Shared, Layer, Beside = never, Block extends ImageBlock = ImageBlock> = Work<
  Setup,
  Block,
  PartialResult<Shared, Layer, Beside>
>;

/**
 * Makes one part of those of disjoint sets of blocks, given one at least. Both are associative, and the order of the
 * parts does not matter.
 */
export interface Merge<Shared, Layer> {
  shared(parts: readonly Shared[]): Shared;
  /** @param at which of the plan's layers. */
  layer(parts: readonly Layer[], at: number): Layer;
}

/** A pass, ready to run. */
export interface Pass<Setup, Shared, Layer, Beside = never, Block extends ImageBlock = ImageBlock> {
  readonly plan: Plan;
  /** Numbers of the images of a block, in their order. */
  imagesOf(block: number): Int32Array;
  readonly work: BlockWork<Setup, Shared, Layer, Beside, Block>;
  readonly setup: Setup;
  /** The setup with what only images tell; asked for once, before the first block that is to be done. */
  readonly settle?: (() => Promise<Setup>) | undefined;
  /** Whether that is likely to be the setup itself, so that threads may open it meanwhile. */
  readonly isLikely?: boolean | undefined;
  readonly merge: Merge<Shared, Layer>;
}
