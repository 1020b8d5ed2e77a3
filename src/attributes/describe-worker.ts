/** Worker thread: describes groups of units from their pooled responses. */
import { serveWorker } from "../runtime/worker-pool.ts";
import { openProduct } from "./correlation-null.ts";
import { describeUnits, type Labelling } from "./describe-units.ts";
import { shuffler } from "./label-nulls.ts";

/** What a worker needs once; the arrays are in shared memory. */
export interface DescribeSetup extends Labelling {
  readonly seed: number;
  readonly shuffles: number;
}

await serveWorker(async (setup: DescribeSetup) => {
  const { shuffles, seed, labels } = setup;
  const product = shuffles > 0 ? await openProduct() : undefined;
  const nulls = { shuffles, orders: shuffler(labels.length, seed, shuffles) };
  return async (pooled: Float64Array) => ({ result: await describeUnits(pooled, setup, nulls, product) });
});
