/** The class that a vector of an attribute singles out. */

/**
 * Index of the largest entry; the lowest of a tie; -1 if no entry is defined, or if two or more are and all are equal,
 * since then none is singled out. Entries that are `NaN` are undefined.
 */
export function bestClass(values: ArrayLike<number>): number {
  let best = -1;
  let smallest = Infinity;
  let defined = 0;
  for (let cls = 0; cls < values.length; cls++) {
    const value = values[cls];
    if (Number.isNaN(value)) continue;
    defined++;
    if (best < 0 || value > values[best]) best = cls;
    if (value < smallest) smallest = value;
  }
  return defined > 1 && values[best] === smallest ? -1 : best;
}
