/** The k largest values of many series at once, with where they were; parts merge to the same answer in any order. */
import { UnitscopeError } from "../errors.ts";

/** Per series up to `size` (value, index) pairs, largest value first; equal values in ascending order of index. */
export interface TopK {
  readonly size: number;
  /** Pairs that are filled, `[seriesCount]`. */
  readonly counts: Int32Array;
  /** Row-major `[seriesCount, size]`; the first `counts[series]` of a row are filled. */
  readonly values: Float64Array;
  /** Row-major `[seriesCount, size]`. */
  readonly indices: Int32Array;
}

/** No pairs yet. */
export function emptyTopK(seriesCount: number, size: number): TopK {
  return {
    size,
    counts: new Int32Array(seriesCount),
    values: new Float64Array(seriesCount * size),
    indices: new Int32Array(seriesCount * size),
  };
}

/** Offers a pair to a series, in place: it stays while fewer than `size` pairs are better. */
export function offerTopK(top: TopK, series: number, value: number, index: number): void {
  const { size, counts, values, indices } = top;
  const row = series * size;
  const count = counts[series];
  let place = row + count;
  while (place > row && (values[place - 1] < value || (values[place - 1] === value && indices[place - 1] > index))) {
    place--;
  }
  const end = row + size;
  if (place === end) return;
  const last = count < size ? row + count : end - 1;
  values.copyWithin(place + 1, place, last);
  indices.copyWithin(place + 1, place, last);
  values[place] = value;
  indices[place] = index;
  if (count < size) counts[series]++;
}

/**
 * The best of two parts.
 * @throws {UnitscopeError} `shape` if they differ in series or size.
 */
export function mergeTopK(a: TopK, b: TopK): TopK {
  const seriesCount = a.counts.length;
  if (b.size !== a.size || b.counts.length !== seriesCount) {
    throw new UnitscopeError(
      "shape",
      `top values: expected ${seriesCount} series of ${a.size}, got ${b.counts.length} of ${b.size}`,
    );
  }
  const merged: TopK = {
    size: a.size,
    counts: a.counts.slice(),
    values: a.values.slice(),
    indices: a.indices.slice(),
  };
  for (let series = 0; series < seriesCount; series++) {
    for (let rank = 0; rank < b.counts[series]; rank++) {
      const at = series * b.size + rank;
      offerTopK(merged, series, b.values[at], b.indices[at]);
    }
  }
  return merged;
}
