/** Continuous companions of the drop: mean changes of log-probability and margin, and the tests of whether they are 0. */
import type { CompanionChanges } from "../ablation/class-sums.ts";
import type { Counts } from "../ablation/flips.ts";
import { UnitscopeError } from "../errors.ts";
import { benjaminiHochberg } from "../stats/false-discovery.ts";
import { testMeanChange } from "../stats/mean-change-test.ts";
import type { Column } from "../tables/table.ts";

/** The companions, in the order in which a sweep keeps them. */
const companions: readonly string[] = ["logprob", "margin"];

/** Sums of one companion: damage, its squares, gains, their squares. */
const OWN_SUMS = 4;

/**
 * Columns of `drops`: mean change, its p-value and its q-value over the layer, per (unit, class), in the order unit,
 * class. The largest change of a unit over all classes stands for what the class's own images did not show.
 * @throws {UnitscopeError} `shape` if sums and counts disagree.
 */
export function continuousDropColumns(counts: Counts, changes: CompanionChanges): Record<string, Column> {
  const { unitCount, classCount, images } = counts;
  checkLength(counts, changes);
  const columns: Record<string, Column> = {};
  companions.forEach((name, companion) => {
    const drop = new Float64Array(unitCount * classCount);
    const pValue = new Float64Array(unitCount * classCount);
    for (let pair = 0; pair < drop.length; pair++) {
      const count = images[pair % classCount];
      const [up, upSquares, down, downSquares] = sumsOf(changes, pair, companion);
      const place = 4 * Math.floor(pair / classCount) + 2 * companion;
      const [largestUp, largestDown] = [changes.largest[place], changes.largest[place + 1]];
      drop[pair] = (up - down) / count;
      pValue[pair] =
        count === 0 ? Number.NaN : testMeanChange({ up, upSquares, down, downSquares }, { largestUp, largestDown });
    }
    columns[`${name}_drop`] = drop;
    columns[`${name}_p_value`] = pValue;
    columns[`${name}_q_value`] = benjaminiHochberg(pValue);
  });
  return columns;
}

/** Columns of `units`: mean change over all images. */
export function continuousUnitColumns(counts: Counts, changes: CompanionChanges): Record<string, Column> {
  const { unitCount, classCount, images } = counts;
  checkLength(counts, changes);
  const imageCount = images.reduce((total, count) => total + count, 0);
  const columns: Record<string, Column> = {};
  companions.forEach((name, companion) => {
    columns[`${name}_drop`] = Float64Array.from({ length: unitCount }, (_, unit) => {
      let sum = 0;
      for (let cls = 0; cls < classCount; cls++) {
        const [up, , down] = sumsOf(changes, unit * classCount + cls, companion);
        sum += up - down;
      }
      return sum / imageCount;
    });
  });
  return columns;
}

function sumsOf({ sums }: CompanionChanges, pair: number, companion: number): Float64Array {
  const at = (pair * companions.length + companion) * OWN_SUMS;
  return sums.subarray(at, at + OWN_SUMS);
}

function checkLength({ unitCount, classCount }: Counts, { sums, largest }: CompanionChanges): void {
  if (sums.length === unitCount * classCount * 8 && largest.length === unitCount * 4) return;
  throw new UnitscopeError(
    "shape",
    `continuous drops: expected ${unitCount} units × ${classCount} classes × 8 sums and ${unitCount} × 4 largest, got ${sums.length} and ${largest.length}`,
  );
}
