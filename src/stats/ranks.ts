/** Orders and ranks. */

/**
 * Indices that sort `values` in rising order; equal values keep their order; `NaN` comes last.
 * @returns uint32, the length of `values`.
 */
export function sortOrder(values: Float64Array): Uint32Array {
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
export function averageRanks(values: Float64Array): Float64Array {
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
