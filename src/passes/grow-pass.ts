/**
 * A pass whose result is of use before all blocks are done: somebody watches what was found, block by block in their
 * order, and may leave out units or end it. What was done so far is a result too.
 */
import { UnitscopeError } from "../errors.ts";
import { openPool, type WorkerPool } from "../runtime/worker-pool.ts";
import type { BlockStore } from "./block-store.ts";
import type { ImageBlock, UnitChoice } from "./image-block.ts";
import { overBlocks } from "./over-blocks.ts";
import type { PartialResult, Pass } from "./pass.ts";
import { cut, plannedImages } from "./plan.ts";
import { mergeStored, onlyUnits, type PassResult, type RunPassOptions } from "./run-pass.ts";

/** Steers a pass by what it has found so far. */
export interface Steering<Shared, Layer> {
  /**
   * Asked before every block, in their order; may wait for earlier ones. Units of each layer that are wanted of it, or
   * `undefined` to end the pass before it.
   */
  wanted(block: number): Promise<readonly UnitChoice[] | undefined>;
  /** Told of every block as soon as it and all before it are done; of those from earlier runs too. */
  done(block: number, found: { shared(): Shared; parts(at: number): readonly Layer[] }): void;
}

/** What a steered pass found. */
export interface GrownResult<Shared, Layer> extends Omit<PassResult<Shared, Layer>, "requireWhole" | "computed"> {
  /** The first block that is not done. Results are of those before it, as far as they were wanted. */
  readonly to: number;
  /** What interrupted it, if something did. */
  readonly interruption: UnitscopeError | undefined;
}

/** How a pass is grown. */
export interface GrowPassOptions<Shared, Layer, Beside = never>
  extends Omit<RunPassOptions<Shared, Layer, Beside>, "store"> {
  readonly steering: Steering<Shared, Layer>;
}

/**
 * Carries out a pass as long as it is steered on.
 * @throws {UnitscopeError} what stops it but an interruption once a block is done, after which there is a result.
 */
export async function growPass<Setup, Shared, Layer, Beside = never, Block extends ImageBlock = ImageBlock>(
  pass: Pass<Setup, Shared, Layer, Beside, Block>,
  source: { read(images: Int32Array): Promise<Block> },
  {
    workers,
    store,
    steering,
    progress,
    signal,
    beside,
  }: GrowPassOptions<Shared, Layer, Beside> & { store: BlockStore<Shared, Layer> },
): Promise<GrownResult<Shared, Layer>> {
  const { plan, work } = pass;
  const began = performance.now();
  let openMs = 0;
  let opening: Promise<WorkerPool<Block, PartialResult<Shared, Layer, Beside>>> | undefined;
  const open = async (): Promise<WorkerPool<Block, PartialResult<Shared, Layer, Beside>>> => {
    const pool = await openPool(work, pass.settle?.() ?? pass.setup, {
      guess: pass.isLikely ? pass.setup : undefined,
      workers,
      signal,
    });
    openMs = performance.now() - began;
    return pool;
  };
  const doneOf = new Map<number, number>();
  const tell = (block: number, fraction: number): void => {
    doneOf.set(block, fraction * plan.blockSizes[block]);
    progress?.(Math.floor([...doneOf.values()].reduce((sum, images) => sum + images, 0)));
  };
  const finished = new Set<number>();
  let to = plan.from;
  const finish = (block: number): void => {
    tell(block, 1);
    finished.add(block);
    for (; finished.has(to); to++) {
      const next = to;
      steering.done(next, { shared: () => store.shared(next), parts: (at) => store.parts(next, at) });
    }
  };
  // Who waits for earlier blocks must hear that they will never come.
  const failure = new AbortController();
  const failed = new Promise<never>((_, reject) => {
    failure.signal.addEventListener("abort", () => reject(failure.signal.reason as Error));
  });
  failed.catch(() => undefined);
  let isEnded = false;
  const read = async (block: number): Promise<Task<Block> | undefined> => {
    const wanted = isEnded ? undefined : await Promise.race([steering.wanted(block), failed]);
    isEnded ||= wanted === undefined;
    if (isEnded) return undefined;
    const only = store.lacks(block, wanted);
    return { only, images: only && (await source.read(pass.imagesOf(block))) };
  };
  const carryOut = async (block: number, task: Task<Block> | undefined): Promise<void> => {
    if (!task) return;
    if (task.images) {
      const pool = await (opening ??= open());
      const result = await pool.run(onlyUnits(task.images, task.only), {
        transfer: [task.images.data.buffer as ArrayBuffer],
        report: (fraction) => tell(block, fraction),
      });
      if (result.beside !== undefined) beside?.(block, result.beside);
      store.put(block, result, task.only);
    }
    finish(block);
  };
  let interruption: UnitscopeError | undefined;
  const blocks = Array.from({ length: plan.to - plan.from }, (_, at) => plan.from + at);
  if (blocks.some((block) => !store.has(block))) {
    opening = open(); // while the first block is read
    opening.catch(() => undefined);
  }
  try {
    await overBlocks(blocks, {
      atOnce: 2 * workers, // one under way, one ready
      read,
      work: async (block, task) => {
        try {
          await carryOut(block, task);
        } catch (cause) {
          failure.abort(cause);
          throw cause;
        }
      },
    });
  } catch (cause) {
    interruption = interruptionOf(cause, signal);
    if (!interruption || plannedImages(cut(plan, { from: plan.from, to })) === 0) throw cause;
  } finally {
    await (await opening?.catch(() => undefined))?.close();
  }
  const timings = { openMs, runMs: performance.now() - began - openMs };
  return { ...mergeStored({ ...pass, plan: cut(plan, { from: plan.from, to }) }, store), timings, to, interruption };
}

/** A block as it was read: nothing to read where nothing is lacking. */
interface Task<Block> {
  readonly images: Block | undefined;
  readonly only: readonly UnitChoice[] | undefined;
}

function interruptionOf(cause: unknown, signal: AbortSignal | undefined): UnitscopeError | undefined {
  if (cause instanceof UnitscopeError && cause.code === "interrupted") return cause;
  return signal?.aborted
    ? new UnitscopeError("interrupted", "work: expected to finish, got an interruption", { cause })
    : undefined;
}
