/** Continuous companions of the drop: mean changes of log-probability and margin, and their paired tests. */
import type { Counts } from "../ablation/flips.ts";
import { UnitscopeError } from "../errors.ts";
import type { Column } from "../results/table.ts";
import { pairedT } from "../stats/paired-t.ts";

/**
 * Sums over the images of each class of a change (before minus after; positive means damage) and of its square,
 * float64, row-major `[unitCount, classCount]`. Sums of disjoint images add up.
 */
export interface ChangeSums {
  readonly sum: Float64Array;
  readonly squares: Float64Array;
}

/** Changes of the true class's log-probability, and of its logit minus the best other. */
export interface ContinuousSums {
  readonly logprob: ChangeSums;
  readonly margin: ChangeSums;
}

/** Columns of `drops`: mean change and paired t p-value per (unit, class), in the order unit, class. */
export function continuousDropColumns(counts: Counts, sums: ContinuousSums): Record<string, Column> {
  const columns: Record<string, Column> = {};
  for (const [name, { sum, squares }] of entries(counts, sums)) {
    const tests = Array.from(sum, (value, pair) =>
      pairedT(value, squares[pair], counts.images[pair % counts.classCount]),
    );
    columns[`${name}_drop`] = Float64Array.from(tests, (test) => test.mean);
    columns[`${name}_p_value`] = Float64Array.from(tests, (test) => test.pValue);
  }
  return columns;
}

/** Columns of `units`: mean change over all images. */
export function continuousUnitColumns(counts: Counts, sums: ContinuousSums): Record<string, Column> {
  const imageCount = counts.images.reduce((total, images) => total + images, 0);
  const columns: Record<string, Column> = {};
  for (const [name, { sum }] of entries(counts, sums)) {
    const means = new Float64Array(counts.unitCount);
    sum.forEach((value, pair) => {
      means[Math.floor(pair / counts.classCount)] += value / imageCount;
    });
    columns[`${name}_drop`] = imageCount === 0 ? means.fill(Number.NaN) : means;
  }
  return columns;
}

function entries(counts: Counts, { logprob, margin }: ContinuousSums): [string, ChangeSums][] {
  const pairs = counts.unitCount * counts.classCount;
  for (const values of [logprob.sum, logprob.squares, margin.sum, margin.squares]) {
    if (values.length !== pairs) {
      throw new UnitscopeError(
        "shape",
        `continuous drops: expected ${counts.unitCount} units × ${counts.classCount} classes, got ${values.length} sums`,
      );
    }
  }
  return [
    ["logprob", logprob],
    ["margin", margin],
  ];
}
