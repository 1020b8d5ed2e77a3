/**
 * How reliable a drop is over the units of a layer, and so how high its correlation with anything can be.
 *
 * Classical test theory: halves that measure the same thing correlate by r; the whole set by 2r / (1 + r) (Spearman
 * and Brown 1910) with a repetition of itself; and by the square root of that with the truth behind it.
 */
import { pearson } from "../stats/correlation.ts";
import { type HalfCounts, largestDrop, overallDrop } from "./split-half.ts";

/** Which drop of a unit, by its column. */
export type DropName = "overall_drop" | "max_class_drop";

/** A drop of every unit, measured on each half of a split; float64 `[unitCount]` twice. */
export type HalfDrops = readonly [Float64Array, Float64Array];

/** Drops of every unit on the halves of every split. For the max class drop each half chooses its own class. */
export function dropsOfHalves(halves: readonly HalfCounts[], name: DropName): HalfDrops[] {
  const measure = (counts: HalfCounts[number]): Float64Array =>
    Float64Array.from({ length: counts.unitCount }, (_, unit) =>
      name === "overall_drop" ? overallDrop(counts, unit) : largestDrop(counts, unit).drop,
    );
  return halves.map(([first, second]) => [measure(first), measure(second)]);
}

/** Reliability of a drop and the ceiling that follows. */
export interface NoiseCeiling {
  /**
   * Correlation to expect with a repetition on another image set of this size: the correlation between halves, mean
   * over splits, by Spearman–Brown. Negative if halves disagree; `NaN` if a half has no spread over the units.
   */
  readonly reliability: number;
  /** Largest correlation to expect with a noiseless attribute: √reliability; 0 where reliability is negative. */
  readonly ceiling: number;
}

/** The noise ceiling of a drop over units. */
export function noiseCeiling(halves: readonly HalfDrops[]): NoiseCeiling {
  const mean = halves.reduce((sum, [first, second]) => sum + pearson(first, second), 0) / halves.length;
  const reliability = (2 * mean) / (1 + mean);
  return { reliability, ceiling: Math.sqrt(Math.max(0, reliability)) };
}
