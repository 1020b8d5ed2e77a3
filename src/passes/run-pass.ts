/**
 * Runs a pass on worker threads of this process: blocks that are not kept yet are read, worked on, and kept; then all
 * that the plan names are merged. Which worker was faster makes no difference.
 */
import { UnitscopeError } from "../errors.ts";
import type { BlockStore } from "./block-store.ts";
import type { ImageBlock, UnitChoice } from "./image-block.ts";
import { newPools, type PoolLender } from "./kept-pool.ts";
import { overBlocks } from "./over-blocks.ts";
import type { Merge, PartialResult, Pass } from "./pass.ts";
import type { Plan } from "./plan.ts";
import type { Portion } from "./portion.ts";

/** How a pass is run. */
export interface RunPassOptions<Shared, Layer, Beside = never> {
  readonly workers: number;
  /** Where its worker threads come from; they are new ones by default. */
  readonly pools?: PoolLender | undefined;
  /** Where finished blocks are kept; when absent they are merged as they come and forgotten. */
  readonly store?: BlockStore<Shared, Layer> | undefined;
  /** Called with the images done, counted from the plan's first block; a block that is under way counts in part. */
  readonly progress?: ((images: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** What of the plan's blocks is to be done, where that is not all; there is a store then. */
  readonly portion?: Omit<Portion, "plan"> | undefined;
  /** Gets what every block of this call gave beside, as it comes. */
  readonly beside?: ((block: number, found: Beside) => void) | undefined;
}

/** What a pass found: merged when it is asked for, a layer at a time, so that not all layers are in memory at once. */
export interface PassResult<Shared, Layer> {
  shared(): Shared;
  layer(at: number): Layer;
  /** Throws what reading would throw, before anything is read. */
  requireWhole(): void;
  /** Blocks that were computed in this call. */
  readonly computed: number;
  /** Milliseconds until the workers were ready, and for the blocks. */
  readonly timings: { readonly openMs: number; readonly runMs: number };
}

/** Carries out a pass, or what is left of it. */
export async function runPass<Setup, Shared, Layer, Beside = never, Block extends ImageBlock = ImageBlock>(
  pass: Pass<Setup, Shared, Layer, Beside, Block>,
  source: { read(images: Int32Array): Promise<Block> },
  { workers, pools = newPools, store, portion, progress, signal, beside }: RunPassOptions<Shared, Layer, Beside>,
): Promise<PassResult<Shared, Layer>> {
  const { plan } = pass;
  const fold = openFold(pass.merge);
  const missing: number[] = [];
  const doneOf = new Map<number, number>();
  const imagesOf = (block: number): number => portion?.imagesOf(block) ?? plan.blockSizes[block];
  const lacks = (block: number): readonly UnitChoice[] | undefined => store?.lacks(block, portion?.wanted(block));
  const tell = (block: number, fraction: number): void => {
    doneOf.set(block, fraction * imagesOf(block));
    let images = 0;
    for (const done of doneOf.values()) images += done;
    progress?.(Math.floor(images));
  };
  for (let block = plan.from; block < plan.to; block++) {
    if (store && !lacks(block)) doneOf.set(block, imagesOf(block));
    else missing.push(block);
  }
  const began = performance.now();
  let opened = began;
  progress?.(Math.floor([...doneOf.values()].reduce((sum, images) => sum + images, 0)));
  if (missing.length > 0) {
    const { pool, giveBack } = await pools.lend(pass, { workers: Math.min(workers, missing.length), signal });
    opened = performance.now();
    let isSound = false;
    try {
      await overBlocks(missing, {
        atOnce: 2 * pool.workerCount, // one under way, one ready
        read: (block) => source.read(pass.imagesOf(block)),
        work: async (block, images) => {
          const only = lacks(block);
          const result = await pool.run(onlyUnits(images, only), {
            transfer: [images.data.buffer as ArrayBuffer],
            report: (fraction) => tell(block, fraction),
          });
          if (result.beside !== undefined) beside?.(block, result.beside);
          if (store) store.put(block, result, only);
          else fold.add(result);
          tell(block, 1);
        },
      });
      isSound = true;
    } finally {
      await giveBack(isSound);
    }
  }
  const timings = { openMs: opened - began, runMs: performance.now() - opened };
  return {
    ...(store ? mergeStored(pass, store) : fold),
    requireWhole: () => {},
    computed: missing.length,
    timings,
  };
}

/** A block of which some units are asked for. */
export function onlyUnits<Block extends ImageBlock>(block: Block, only: readonly UnitChoice[] | undefined): Block {
  return only?.some((units) => units !== null) ? { ...block, only } : block;
}

/** Merges what a store holds of a plan's blocks, wherever it was computed. */
export function mergeStored<Shared, Layer>(
  { plan, merge }: Pick<Pass<unknown, Shared, Layer>, "plan" | "merge">,
  store: Pick<BlockStore<Shared, Layer>, "shared" | "parts">,
): Pick<PassResult<Shared, Layer>, "shared" | "layer"> {
  const blocks = Array.from({ length: plan.to - plan.from }, (_, at) => plan.from + at);
  return {
    shared: () => readAndMerge(plan, () => merge.shared(blocks.map((block) => store.shared(block)))),
    layer: (at) =>
      readAndMerge(plan, () =>
        mergeInGroups(
          blocks,
          (block) => store.parts(block, at),
          (parts) => merge.layer(parts, at),
        ),
      ),
  };
}

/** @throws {UnitscopeError} `run` for partial results that are whole files and not what this pass's are. */
function readAndMerge<Merged>({ pass }: Plan, merge: () => Merged): Merged {
  try {
    return merge();
  } catch (cause) {
    if (!(cause instanceof TypeError) && !(cause instanceof RangeError)) throw cause;
    throw new UnitscopeError(
      "run",
      `partial results of pass ${pass}: expected those of this version, got others: ${cause.message}; remove the run's folder pieces/ and run the command again`,
      { cause },
    );
  }
}

/** Parts that are in memory at a time. */
const GROUP = 32;

/** Reads and merges a few parts at a time. */
function mergeInGroups<Part>(
  blocks: readonly number[],
  read: (block: number) => readonly Part[],
  merge: (parts: readonly Part[]) => Part,
): Part {
  const merged: Part[] = [];
  for (let from = 0; from < blocks.length; from += GROUP) {
    const parts = blocks.slice(from, from + GROUP).flatMap(read);
    if (parts.length > 0) merged.push(merge(parts));
  }
  return merged.length === 1 ? merged[0] : merge(merged);
}

/** Merges results as they come: always two of like size, so that nothing is merged more often than need be. */
function openFold<Shared, Layer>(
  merge: Merge<Shared, Layer>,
): Pick<PassResult<Shared, Layer>, "shared" | "layer"> & { add(result: PartialResult<Shared, Layer, unknown>): void } {
  interface Folded {
    readonly blocks: number;
    readonly shared: Shared;
    readonly layers: readonly Layer[];
  }
  const parts: Folded[] = [];
  const joined = (some: readonly Folded[]): Folded => ({
    blocks: some.reduce((sum, { blocks }) => sum + blocks, 0),
    shared: merge.shared(some.map(({ shared }) => shared)),
    layers: some[0].layers.map((_, at) =>
      merge.layer(
        some.map(({ layers }) => layers[at]),
        at,
      ),
    ),
  });
  const whole = (): Folded => {
    if (parts.length > 1) parts.push(joined(parts.splice(0)));
    return parts[0];
  };
  return {
    add: ({ shared, layers }) => {
      parts.push({ blocks: 1, shared, layers });
      while (parts.length > 1 && (parts.at(-2)?.blocks ?? 0) <= (parts.at(-1)?.blocks ?? 0)) {
        parts.push(joined(parts.splice(-2)));
      }
    },
    shared: () => whole().shared,
    layer: (at) => whole().layers[at],
  };
}
