/** What passes cost, from a few images of each: processor time, so that other work on the machine does not count. */
import { UnitscopeError } from "../errors.ts";
import type { ImageBlock } from "../passes/image-block.ts";
import type { Absence, PassRunner } from "../passes/pass-runner.ts";
import { plannedImages } from "../passes/plan.ts";
import { openPool, type WorkerPool } from "../runtime/worker-pool.ts";

/** What a pass was found to cost. */
export interface PassCost {
  readonly pass: string;
  /** Images that it was measured on, and all of them. */
  readonly measured: number;
  readonly images: number;
  /** Of all images. */
  readonly coreHours: number;
}

/** Enough time for a measurement, in milliseconds of wall clock. */
const ENOUGH_MS = 2_000;

/** Measures every pass that it is given on a few images, and finishes none: reading what they found throws `waiting`. */
export function costMeter(found: (cost: PassCost) => void): PassRunner {
  return {
    isShared: true,
    run: async (pass, source, { signal }) => {
      const { plan, work } = pass;
      const wait = (): never => {
        const absent: Absence[] = [{ plan, blocks: [] }];
        throw new UnitscopeError("waiting", `${plan.pass}: expected its result, got a measurement`, {
          details: { absent },
        });
      };
      const images = plannedImages(plan);
      if (images > 0) {
        const setup = (await pass.settle?.()) ?? pass.setup;
        const pool = await openPool(work, setup, { workers: 1, signal });
        try {
          const block = pass.imagesOf(plan.from);
          const { measured, coreSeconds } = await measure(
            pool,
            (count) => source.read(block.slice(0, count)),
            block.length,
          );
          found({ pass: plan.pass, measured, images, coreHours: (coreSeconds * images) / measured / 3600 });
        } finally {
          await pool.close();
        }
      }
      const timings = { openMs: 0, runMs: 0 };
      return { shared: wait, layer: wait, requireWhole: wait, computed: 0, timings };
    },
    grow: async ({ plan }) => {
      throw new UnitscopeError(
        "internal",
        `internal: ${plan.pass}: expected a pass over all images, got one that is steered`,
      );
    },
  };
}

/** Twice as many images each time, until that takes long enough; the first time opens sessions and does not count. */
async function measure<Block extends ImageBlock>(
  pool: WorkerPool<Block, unknown>,
  read: (count: number) => Promise<Block>,
  most: number,
): Promise<{ measured: number; coreSeconds: number }> {
  await pool.run(await read(1));
  for (let count = Math.min(2, most); ; count = Math.min(2 * count, most)) {
    const before = process.cpuUsage();
    const began = performance.now();
    await pool.run(await read(count));
    const { user, system } = process.cpuUsage(before);
    if (count === most || performance.now() - began > ENOUGH_MS) {
      return { measured: count, coreSeconds: (user + system) / 1e6 };
    }
  }
}
