/**
 * The upper tail of one distribution of float32 values, as counts per value: what a quantile sketch keeps of a unit.
 * Values are integers in their order (`keyOf`), so that resolution is given up by dropping low bits.
 */

const SIGN = 0x8000_0000;

/** Different keys in descending order with their counts; `total` is the sum of the counts. */
export interface Tail {
  readonly keys: Uint32Array;
  readonly counts: Uint32Array;
  readonly total: number;
}

/** No values at all. */
export const emptyTail: Tail = { keys: new Uint32Array(0), counts: new Uint32Array(0), total: 0 };

/** Unsigned integers in the order of the float32 values; both zeros are one. */
export function keyOf(bits: number): number {
  if (bits === SIGN) return SIGN;
  return (bits & SIGN ? ~bits : bits | SIGN) >>> 0;
}

const scratchBits = new Uint32Array(1);
const scratchFloat = new Float32Array(scratchBits.buffer);

/** The largest float32 whose key, shifted, is `key`. */
export function upperValue(key: number, shift: number): number {
  const full = shift === 0 ? key : ((key << shift) | ((1 << shift) - 1)) >>> 0;
  scratchBits[0] = full & SIGN ? full ^ SIGN : ~full;
  return scratchFloat[0];
}

/** The smallest float32 whose key, shifted, is `key`. */
export function lowerValue(key: number, shift: number): number {
  return upperValue((key << shift) >>> 0, 0);
}

/** One value so many times. @param shift bits of its key that are given up. */
export function repeated(value: number, count: number, shift: number): Tail {
  scratchFloat[0] = value;
  return { keys: Uint32Array.of(keyOf(scratchBits[0]) >>> shift), counts: Uint32Array.of(count), total: count };
}

/** Counts keys that are sorted in ascending order. */
export function countRuns(ascending: Uint32Array): Tail {
  const keys = new Uint32Array(ascending.length);
  const counts = new Uint32Array(ascending.length);
  let length = 0;
  for (let i = ascending.length - 1; i >= 0; i--) {
    const key = ascending[i];
    if (length === 0 || keys[length - 1] !== key) keys[length++] = key;
    counts[length - 1]++;
  }
  return { keys: keys.subarray(0, length), counts: counts.subarray(0, length), total: ascending.length };
}

/** Merges two tails and drops what lies below the `need` largest values. */
export function mergeTails(one: Tail, two: Tail, need: number): Tail {
  const size = Math.min(one.keys.length + two.keys.length, need);
  const keys = new Uint32Array(size);
  const counts = new Uint32Array(size);
  let length = 0;
  let total = 0;
  let i = 0;
  let j = 0;
  while (total < need && (i < one.keys.length || j < two.keys.length)) {
    const a = i < one.keys.length ? one.keys[i] : -1;
    const b = j < two.keys.length ? two.keys[j] : -1;
    let count = 0;
    if (a >= b) count += one.counts[i++];
    if (b >= a) count += two.counts[j++];
    keys[length] = Math.max(a, b);
    counts[length++] = count;
    total += count;
  }
  return { keys: keys.slice(0, length), counts: counts.slice(0, length), total };
}

/** Gives up `shift` more bits of every key. */
export function coarsen({ keys, counts, total }: Tail, shift: number): Tail {
  if (shift === 0) return { keys, counts, total };
  const newKeys = new Uint32Array(keys.length);
  const newCounts = new Uint32Array(keys.length);
  let length = 0;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] >>> shift;
    if (length === 0 || newKeys[length - 1] !== key) newKeys[length++] = key;
    newCounts[length - 1] += counts[i];
  }
  return { keys: newKeys.slice(0, length), counts: newCounts.slice(0, length), total };
}
