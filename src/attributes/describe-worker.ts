/** Worker thread: describes groups of units from their pooled responses. */
import { serveWorker } from "../engine/worker-pool.ts";
import { openProduct } from "./correlation-null.ts";
import { describeUnits, type Labelling, type NullOptions } from "./describe-units.ts";

/** What a worker needs once; the arrays are in shared memory. */
export type DescribeSetup = Labelling & NullOptions;

await serveWorker(async (setup: DescribeSetup) => {
  const product = setup.shuffles > 0 ? await openProduct() : undefined;
  return async (pooled: Float64Array) => ({ result: await describeUnits(pooled, setup, setup, product) });
});
