/** Continuous companions of the drop: mean changes of log-probability and margin, and their paired tests. */
import type { Counts } from "../ablation/flips.ts";
import { UnitscopeError } from "../errors.ts";
import { pairedT } from "../stats/paired-t.ts";
import type { Column } from "../tables/table.ts";

/** The companions, in the order in which a sweep sums them: each a sum, then a sum of squares. */
const companions: readonly string[] = ["logprob", "margin"];

/**
 * Columns of `drops`: mean change and paired t p-value per (unit, class), in the order unit, class.
 *
 * @param sums what a sweep with continuous companions gives: per (unit, class) the sums over the class's images of the
 *   log-probability's drop, its square, the margin's drop, its square; float64 `[unitCount, classCount, 4]`. Sums of
 *   disjoint images add up.
 * @throws {UnitscopeError} `shape` if there are not that many.
 */
export function continuousDropColumns(counts: Counts, sums: Float64Array): Record<string, Column> {
  const { unitCount, classCount, images } = counts;
  checkLength(counts, sums);
  const columns: Record<string, Column> = {};
  companions.forEach((name, companion) => {
    const drop = new Float64Array(unitCount * classCount);
    const pValue = new Float64Array(unitCount * classCount);
    for (let pair = 0; pair < drop.length; pair++) {
      const at = pair * 4 + companion * 2;
      const test = pairedT(sums[at], sums[at + 1], images[pair % classCount]);
      drop[pair] = test.mean;
      pValue[pair] = test.pValue;
    }
    columns[`${name}_drop`] = drop;
    columns[`${name}_p_value`] = pValue;
  });
  return columns;
}

/** Columns of `units`: mean change over all images. */
export function continuousUnitColumns(counts: Counts, sums: Float64Array): Record<string, Column> {
  const { unitCount, classCount, images } = counts;
  checkLength(counts, sums);
  const imageCount = images.reduce((total, count) => total + count, 0);
  const columns: Record<string, Column> = {};
  companions.forEach((name, companion) => {
    columns[`${name}_drop`] = Float64Array.from({ length: unitCount }, (_, unit) => {
      let sum = 0;
      for (let cls = 0; cls < classCount; cls++) sum += sums[(unit * classCount + cls) * 4 + companion * 2];
      return sum / imageCount;
    });
  });
  return columns;
}

function checkLength({ unitCount, classCount }: Counts, sums: Float64Array): void {
  if (sums.length === unitCount * classCount * 4) return;
  throw new UnitscopeError(
    "shape",
    `continuous drops: expected ${unitCount} units × ${classCount} classes × 4 sums, got ${sums.length}`,
  );
}
