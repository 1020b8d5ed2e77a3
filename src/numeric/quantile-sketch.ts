/**
 * A streaming sketch of the upper tail of many distributions at once: one per unit of a layer.
 *
 * Only the tail above the wanted quantile has to be kept. With a fraction of 0.005 that is one value in 200, so the
 * sketch is exact (an order statistic, independent of the order of the stream) as long as a unit's tail has at most
 * `capacity` different values. Beyond that it halves the resolution of the values that it keeps, one mantissa bit at a
 * time, and says by how much the answer may be off (`relativeError`).
 */
import { UnitscopeError } from "../errors.ts";
import { type SketchState, sketchSettings, type TailSketchOptions } from "./sketch-state.ts";
import {
  coarsen,
  countRuns,
  emptyTail,
  keyOf,
  lowerValue,
  mergeTails,
  repeated,
  type Tail,
  upperValue,
} from "./value-tail.ts";

/**
 * The threshold T of every unit: the smallest of its values with P(value > T) ≤ fraction, the comparison strict.
 *
 * With n values, k = ⌊fraction · n⌋, T is the (k+1)-th largest value: at most k values exceed it, and any smaller
 * threshold is exceeded by more than k. That is numpy's `quantile(values, 1 - fraction, method="inverted_cdf")`.
 * Ties count as they stand: a unit that is 0 at more than `1 - fraction` of its positions has T = 0.
 */
export class TailSketch {
  readonly unitCount: number;
  readonly totalCount: number;
  readonly fraction: number;
  readonly capacity: number;
  /** Values that each unit must keep, counting repetitions. */
  readonly #need: number;
  readonly #pendingSize: number;
  readonly #seen: Float64Array;
  readonly #minima: Float64Array;
  readonly #maxima: Float64Array;
  /** Largest value that can no longer matter, per unit. */
  readonly #cuts: Float64Array;
  /** Smallest value that may matter after what other sketches have seen, per unit; NaN where all may. */
  readonly #floors: Float64Array;
  /** Values that are equal to it, which come in millions behind a ReLU; not in the tail yet. */
  readonly #ties: Float64Array;
  /** Mantissa bits that were given up, per unit. */
  readonly #shifts: Uint8Array;
  readonly #tails: Tail[];
  readonly #pending: Uint32Array[];
  readonly #pendingCounts: Int32Array;

  /**
   * @param totalCount values that each unit will receive at most, over all streams that will be merged.
   * @throws {UnitscopeError} `value` if a setting is out of its range.
   */
  constructor(unitCount: number, totalCount: number, options: TailSketchOptions = {}) {
    const { fraction, capacity } = sketchSettings(options);
    this.unitCount = unitCount;
    this.totalCount = totalCount;
    this.fraction = fraction;
    this.capacity = capacity;
    this.#need = Math.floor(fraction * totalCount) + 1;
    this.#pendingSize = Math.max(256, Math.min(16_384, this.#need >> 2));
    this.#seen = new Float64Array(unitCount);
    this.#minima = new Float64Array(unitCount).fill(Infinity);
    this.#maxima = new Float64Array(unitCount).fill(-Infinity);
    this.#cuts = new Float64Array(unitCount).fill(-Infinity);
    this.#floors = new Float64Array(unitCount).fill(Number.NaN);
    this.#ties = new Float64Array(unitCount);
    this.#shifts = new Uint8Array(unitCount);
    this.#tails = Array.from({ length: unitCount }, () => emptyTail);
    this.#pending = [];
    this.#pendingCounts = new Int32Array(unitCount);
  }

  /**
   * Adds the same number of values to every unit.
   *
   * @param data float32, row-major `[unitCount, positions]`; read only.
   * @throws {UnitscopeError} `value` for a value that is not finite, `shape` if the length is not a multiple.
   */
  add(data: Float32Array): void {
    const positions = data.length / this.unitCount;
    if (!Number.isInteger(positions)) {
      throw new UnitscopeError(
        "shape",
        `quantile sketch: expected a multiple of ${this.unitCount} values, got ${data.length}`,
      );
    }
    const bits = new Uint32Array(data.buffer, data.byteOffset, data.length);
    for (let unit = 0, index = 0; unit < this.unitCount; unit++) {
      const end = index + positions;
      let cut = this.#cuts[unit];
      const floor = this.#floors[unit];
      let ties = 0;
      let minimum = this.#minima[unit];
      let maximum = this.#maxima[unit];
      for (; index < end; index++) {
        const value = data[index];
        if (value < minimum) minimum = value;
        if (value <= cut) {
          if (value === floor) {
            ties++;
            if (value > maximum) maximum = value;
          }
          continue;
        }
        if (!Number.isFinite(value)) {
          throw new UnitscopeError("value", `unit ${unit}: expected finite responses, got ${value}`);
        }
        if (value > maximum) maximum = value;
        const pending = (this.#pending[unit] ??= new Uint32Array(this.#pendingSize));
        pending[this.#pendingCounts[unit]++] = keyOf(bits[index]);
        if (this.#pendingCounts[unit] === this.#pendingSize) {
          this.#flush(unit);
          cut = this.#cuts[unit];
        }
      }
      if (minimum === -Infinity) {
        throw new UnitscopeError("value", `unit ${unit}: expected finite responses, got -Infinity`);
      }
      this.#ties[unit] += ties;
      this.#minima[unit] = minimum;
      this.#maxima[unit] = maximum;
      this.#seen[unit] += positions;
      this.#checkTotal(unit);
    }
  }

  /**
   * Per unit, the smallest value that may matter to the threshold of a stream that holds all this sketch has seen, and
   * more: enough values are at least as large. `[unitCount]`, -Infinity where every value may matter.
   */
  floors(): Float64Array {
    return Float64Array.from({ length: this.unitCount }, (_, unit) => {
      this.#flush(unit);
      const { keys, total } = this.#tails[unit];
      const last = keys.at(-1);
      // Where resolution was given up, the smallest kept value stands for several that may matter still.
      return last !== undefined && total >= this.#need ? lowerValue(last, this.#shifts[unit]) : -Infinity;
    });
  }

  /**
   * Leaves out values below `floors`, which another sketch has given. This sketch's thresholds are right only once it is
   * merged with one of all that the other has seen, whatever that one left out in its turn: values that equal a floor are
   * kept by all, so that none is missing where each thought that the other has them.
   */
  skipBelow(floors: Float64Array): void {
    for (const [unit, floor] of floors.entries()) {
      if (floor === -Infinity || floor <= this.#floors[unit]) continue;
      this.#flush(unit);
      this.#floors[unit] = floor;
      this.#cuts[unit] = Math.max(this.#cuts[unit], floor);
    }
  }

  /** All that the sketch has seen, as plain data. */
  state(): SketchState {
    for (let unit = 0; unit < this.unitCount; unit++) this.#flush(unit);
    return {
      unitCount: this.unitCount,
      totalCount: this.totalCount,
      fraction: this.fraction,
      capacity: this.capacity,
      seen: this.#seen,
      minima: this.#minima,
      maxima: this.#maxima,
      shifts: this.#shifts,
      tails: this.#tails,
    };
  }

  /** A sketch that goes on from a state, which is not changed. */
  static from({ unitCount, totalCount, fraction, capacity, ...state }: SketchState): TailSketch {
    const sketch = new TailSketch(unitCount, totalCount, { fraction, capacity });
    sketch.#seen.set(state.seen);
    sketch.#minima.set(state.minima);
    sketch.#maxima.set(state.maxima);
    sketch.#shifts.set(state.shifts);
    for (const [unit, tail] of state.tails.entries()) sketch.#keep(unit, tail);
    return sketch;
  }

  /** Adds what another sketch with the same settings has seen. */
  merge(other: TailSketch): void {
    for (const key of ["unitCount", "totalCount", "fraction", "capacity"] as const) {
      if (this[key] !== other[key]) {
        throw new UnitscopeError("shape", `quantile sketch: expected ${key} ${this[key]}, got ${other[key]}`);
      }
    }
    for (let unit = 0; unit < this.unitCount; unit++) {
      this.#flush(unit);
      other.#flush(unit);
      const shift = Math.max(this.#shifts[unit], other.#shifts[unit]);
      const mine = coarsen(this.#tails[unit], shift - this.#shifts[unit]);
      const theirs = coarsen(other.#tails[unit], shift - other.#shifts[unit]);
      this.#shifts[unit] = shift;
      this.#seen[unit] += other.#seen[unit];
      this.#minima[unit] = Math.min(this.#minima[unit], other.#minima[unit]);
      this.#maxima[unit] = Math.max(this.#maxima[unit], other.#maxima[unit]);
      this.#checkTotal(unit);
      this.#keep(unit, mergeTails(mine, theirs, this.#need));
    }
  }

  /**
   * A unit's threshold T. Where the sketch had to coarsen, it is the upper end of the interval that holds the exact
   * one, so that never more than the fraction lies above it.
   * @throws {UnitscopeError} `value` if the unit has received nothing.
   */
  threshold(unit: number): number {
    this.#flush(unit);
    const seen = this.#seen[unit];
    if (!(seen > 0)) throw new UnitscopeError("value", `unit ${unit}: expected at least one response, got none`);
    let left = Math.floor(this.fraction * seen) + 1;
    const { keys, counts } = this.#tails[unit];
    for (let entry = 0; entry < keys.length; entry++) {
      left -= counts[entry];
      if (left <= 0) return Math.min(upperValue(keys[entry], this.#shifts[unit]), this.maximum(unit));
    }
    throw new UnitscopeError("internal", `internal: quantile sketch: expected ${left} more values for unit ${unit}`);
  }

  /** The thresholds of all units, `[unitCount]`. */
  thresholds(): Float64Array {
    return Float64Array.from({ length: this.unitCount }, (_, unit) => this.threshold(unit));
  }

  /**
   * The error bound of a unit's threshold: exact T ≤ threshold ≤ exact T + relativeError · |exact T|, for T that is 0
   * or a normal float32. 0 where the sketch is exact.
   */
  relativeError(unit: number): number {
    this.#flush(unit);
    return this.#shifts[unit] === 0 ? 0 : 2 ** (this.#shifts[unit] - 23);
  }

  /** Smallest value of a unit so far. */
  minimum(unit: number): number {
    return this.#minima[unit] + 0; // + 0: no negative zero
  }

  /** Largest value of a unit so far. */
  maximum(unit: number): number {
    return this.#maxima[unit] + 0;
  }

  #checkTotal(unit: number): void {
    if (this.#seen[unit] > this.totalCount) {
      throw new UnitscopeError(
        "internal",
        `internal: quantile sketch: expected at most ${this.totalCount} values for unit ${unit}, got ${this.#seen[unit]}`,
      );
    }
  }

  #flush(unit: number): void {
    const count = this.#pendingCounts[unit];
    if (count > 0) {
      this.#pendingCounts[unit] = 0;
      const sorted = this.#pending[unit].subarray(0, count);
      const shift = this.#shifts[unit];
      if (shift > 0) for (let i = 0; i < count; i++) sorted[i] = sorted[i] >>> shift;
      sorted.sort();
      this.#keep(unit, mergeTails(this.#tails[unit], countRuns(sorted), this.#need));
    }
    const ties = this.#ties[unit];
    if (ties > 0) {
      this.#ties[unit] = 0;
      const own = repeated(this.#floors[unit], ties, this.#shifts[unit]);
      this.#keep(unit, mergeTails(this.#tails[unit], own, this.#need));
    }
  }

  /** Stores a unit's tail, coarser if it has become too long, and raises its cut. */
  #keep(unit: number, tail: Tail): void {
    let kept = tail;
    while (kept.keys.length > this.capacity) {
      this.#shifts[unit]++;
      kept = coarsen(kept, 1);
    }
    this.#tails[unit] = kept;
    const last = kept.keys.length - 1;
    if (last >= 0 && kept.total >= this.#need) {
      this.#cuts[unit] = Math.max(this.#cuts[unit], upperValue(kept.keys[last], this.#shifts[unit]));
    }
  }
}
