/** Worker threads for a pass: new ones, or those that an earlier pass of the same setup left, with their sessions open. */
import { isDeepStrictEqual } from "node:util";
import type { Work } from "../runtime/work.ts";
import { openPool, type WorkerPool } from "../runtime/worker-pool.ts";

/** What a pass needs threads for. */
export interface PoolNeed<Setup, Task, Result> {
  readonly work: Work<Setup, Task, Result>;
  readonly setup: Setup;
  /** The setup with what only images tell, as in `Pass`. */
  readonly settle?: (() => Promise<Setup>) | undefined;
  /** Whether that is likely to be the setup itself. */
  readonly isLikely?: boolean | undefined;
}

/** A pool for one pass. */
export interface LentPool<Task, Result> {
  readonly pool: WorkerPool<Task, Result>;
  /** Ends the pass's use of it. @param isSound whether all tasks ended well, so that another pass may have it. */
  giveBack(isSound: boolean): Promise<void>;
}

/** Where passes get their threads from. */
export interface PoolLender {
  lend<Setup, Task, Result>(
    need: PoolNeed<Setup, Task, Result>,
    options: { workers: number; signal?: AbortSignal | undefined },
  ): Promise<LentPool<Task, Result>>;
}

/** New threads for every pass, which end with it. */
export const newPools: PoolLender = {
  lend: async ({ work, setup, settle, isLikely }, options) => {
    const guess = settle && isLikely ? setup : undefined;
    const pool = await openPool(work, settle?.() ?? setup, { ...options, guess });
    return { pool, giveBack: async () => await pool.close() };
  },
};

/** Keeps the threads of the last pass for the next one, if that has the same work and an equal setup. */
export interface KeptPool extends PoolLender {
  close(): Promise<void>;
}

/** Begins to keep. All passes must be over the same images: what `settle` adds to a setup is taken to follow from it. */
export function keepPool(): KeptPool {
  interface Kept {
    readonly need: PoolNeed<unknown, unknown, unknown>;
    readonly pool: WorkerPool<unknown, unknown>;
    isLent: boolean;
  }
  let kept: Kept | undefined;
  const close = async (): Promise<void> => {
    const ending = kept;
    kept = undefined;
    await ending?.pool.close();
  };
  return {
    lend: async <Setup, Task, Result>(
      need: PoolNeed<Setup, Task, Result>,
      options: { workers: number; signal?: AbortSignal | undefined },
    ): Promise<LentPool<Task, Result>> => {
      if (kept?.isLent) return await newPools.lend(need, options);
      if (!kept || kept.pool.workerCount < options.workers || !isSame(kept.need, need as Kept["need"])) {
        await close();
        const { pool } = await newPools.lend(need, options);
        kept = { need: need as Kept["need"], pool, isLent: false };
      }
      const lent = kept;
      lent.isLent = true;
      return {
        pool: lent.pool as WorkerPool<Task, Result>,
        giveBack: async (isSound) => {
          lent.isLent = false;
          if (!isSound) await close();
        },
      };
    },
    close,
  };
}

function isSame(
  { work, setup }: PoolNeed<unknown, unknown, unknown>,
  other: PoolNeed<unknown, unknown, unknown>,
): boolean {
  return work.module === other.work.module && work.name === other.work.name && isDeepStrictEqual(setup, other.setup);
}
