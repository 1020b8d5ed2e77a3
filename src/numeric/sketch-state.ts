/** What goes into a sketch of upper tails and what comes out of it, as plain data: its settings and its state. */
import { UnitscopeError } from "../errors.ts";
import type { Tail } from "./value-tail.ts";

/** What a sketch has seen. Plain data that can be posted between threads and stored. */
export interface SketchState {
  readonly unitCount: number;
  readonly totalCount: number;
  readonly fraction: number;
  readonly capacity: number;
  /** Per unit: values seen, smallest and largest of them, bits that were given up, and the tail. */
  readonly seen: Float64Array;
  readonly minima: Float64Array;
  readonly maxima: Float64Array;
  readonly shifts: Uint8Array;
  readonly tails: readonly Tail[];
}

/** The sketch's settings. */
export interface TailSketchOptions {
  /** Fraction of the values that may lie strictly above the threshold; in (0, 1). */
  readonly fraction?: number;
  /** Different values that are kept per unit before the resolution is halved. */
  readonly capacity?: number;
}

/**
 * The settings, the usual ones where they are absent.
 * @throws {UnitscopeError} `value` if one is out of its range.
 */
export function sketchSettings({
  fraction = 0.005,
  capacity = 65_536,
}: TailSketchOptions): Required<TailSketchOptions> {
  if (!(fraction > 0 && fraction < 1)) {
    throw new UnitscopeError("value", `quantile sketch: expected fraction in (0, 1), got ${fraction}`);
  }
  if (!(Number.isInteger(capacity) && capacity >= 16)) {
    throw new UnitscopeError("value", `quantile sketch: expected capacity of at least 16, got ${capacity}`);
  }
  return { fraction, capacity };
}
