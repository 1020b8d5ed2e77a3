/** Orders and ranks. */

/** Sort keys of float32 values share a double with the index up to this many values: 32 + 21 bits. */
const packedLimit = 1 << 21;

/**
 * Indices that sort `values` in rising order; equal values keep their order; `NaN` comes last.
 * @returns uint32, the length of `values`.
 */
export function sortOrder(values: Float32Array | Float64Array): Uint32Array {
  if (values instanceof Float32Array && values.length <= packedLimit) return packedOrder(values);
  const order = Uint32Array.from(values, (_, i) => i);
  return order.sort((a, b) => {
    const [x, y] = [values[a], values[b]];
    if (x < y) return -1;
    if (x > y) return 1;
    return Number(Number.isNaN(x)) - Number(Number.isNaN(y)) || a - b;
  });
}

/**
 * Ranks from 1, in rising order; ties share the average of the ranks that they span.
 * @returns float64, the length of `values`.
 */
export function averageRanks(values: Float32Array | Float64Array): Float64Array {
  const order = sortOrder(values);
  const ranks = new Float64Array(values.length);
  for (let from = 0; from < order.length; ) {
    let to = from + 1;
    while (to < order.length && values[order[to]] === values[order[from]]) to++;
    for (let i = from; i < to; i++) ranks[order[i]] = (from + 1 + to) / 2;
    from = to;
  }
  return ranks;
}

/** Sorts without a comparison function: each value's order-preserving bits and its index make one double. */
function packedOrder(values: Float32Array): Uint32Array {
  const canonical = values.map((value) => (value === 0 ? 0 : value)); // one zero
  const bits = new Uint32Array(canonical.buffer);
  const packed = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) {
    let key = bits[i] & 0x80000000 ? ~bits[i] >>> 0 : (bits[i] | 0x80000000) >>> 0;
    if (Number.isNaN(values[i])) key = 0xffffffff;
    packed[i] = key * packedLimit + i;
  }
  packed.sort();
  return Uint32Array.from(packed, (code) => code % packedLimit);
}
