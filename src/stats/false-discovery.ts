/** False discoveries among many tests: Benjamini and Hochberg, "Controlling the false discovery rate" (1995). */

/**
 * Benjamini–Hochberg q-values: the smallest false-discovery rate at which each test would be called a discovery.
 *
 * Holds for independent tests and for positively dependent ones (Benjamini and Yekutieli 2001).
 *
 * @param pValues in [0, 1]; `NaN` marks a test that could not be made: it is not counted, and its q-value is `NaN`.
 * @returns float64, the length of `pValues`, in [0, 1], monotone in the p-value.
 */
export function benjaminiHochberg(pValues: ArrayLike<number>): Float64Array {
  const qValues = Float64Array.from(pValues);
  const order = Uint32Array.from(qValues, (_, test) => test).filter((test) => !Number.isNaN(qValues[test]));
  order.sort((a, b) => qValues[a] - qValues[b]);
  let lowest = 1;
  for (let rank = order.length; rank > 0; rank--) {
    const test = order[rank - 1];
    lowest = Math.min(lowest, (qValues[test] * order.length) / rank);
    qValues[test] = lowest;
  }
  return qValues;
}
