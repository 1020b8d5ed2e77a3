/** Work that describes groups of units from their pooled responses. */
import type { Work } from "../runtime/work.ts";
import { openProduct } from "./correlation-null.ts";
import { describeUnits, type Labelling, type UnitDescriptions } from "./describe-units.ts";
import { shuffler } from "./label-nulls.ts";

/** What a worker needs once; the arrays are in shared memory. */
export interface DescribeSetup extends Labelling {
  readonly seed: number;
  readonly shuffles: number;
}

/** Describes the units of one group a task. */
export const describeWork: Work<DescribeSetup, Float64Array, UnitDescriptions> = {
  module: import.meta.url,
  name: "describeWork",
  open: async (setup) => {
    const { shuffles, seed, labels } = setup;
    const product = shuffles > 0 ? await openProduct() : undefined;
    const nulls = { shuffles, orders: shuffler(labels.length, seed, shuffles) };
    return (pooled) => describeUnits(pooled, setup, nulls, product);
  },
};
