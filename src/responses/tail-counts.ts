/**
 * The upper tail of every unit's responses as counts per value, for the threshold that a fraction of them exceeds.
 *
 * Values are rounded up to 11 significant bits (relative error below 1/1024), so that a tail stays short whatever the
 * number of images, and so that counts of any blocks of images, merged in any order, give the same threshold: unlike a
 * sketch that adapts its resolution to what it has seen, nothing here depends on how the images were split.
 */
import { UnitscopeError } from "../errors.ts";

/** Bits of the mantissa that are dropped. */
const dropped = 13;
const sign = 0x8000_0000;
const zeroKey = sign >>> dropped;

/** Counted values of several units, each unit's in descending order. Plain data. */
export interface TailCounts {
  /** Unit `u` has the entries `starts[u]` to `starts[u + 1] - 1`; `[unitCount + 1]`. */
  readonly starts: Int32Array;
  /** Rounded values as integers in their order, `[entryCount]`. */
  readonly keys: Uint32Array;
  /** How often each came, `[entryCount]`. */
  readonly counts: Uint32Array;
}

/** The responses of one unit to one image: `data[start]` to `data[end - 1]`, with what is already known of them. */
export interface ResponseMap {
  readonly data: Float32Array;
  /** The same memory as integers. */
  readonly bits: Uint32Array;
  readonly start: number;
  readonly end: number;
  readonly maximum: number;
  /** How many are 0. */
  readonly zeros: number;
}

/** Collects tails block by block. What it has seen before lets it skip values that can no longer matter. */
export interface TailCounter {
  /** Adds a unit's responses to one image. */
  add(unit: number, map: ResponseMap): void;
  /** The counts since the last call. */
  take(): TailCounts;
}

/** Values per unit that must be kept so that the tail of `total` values holds the threshold. */
export function tailSize(total: number, fraction: number): number {
  return Math.floor(fraction * total) + 1;
}

/**
 * Starts counting.
 * @param keep values per unit that matter in the end (`tailSize`); smaller ones may be left out.
 */
export function tailCounter(unitCount: number, keep: number): TailCounter {
  const pendingSize = Math.min(4096, Math.max(256, keep >> 1)); // a merge costs as much as the tail is long
  const pending: Uint32Array[] = Array.from({ length: unitCount }, () => nothing);
  const pendingCounts = new Int32Array(unitCount);
  /** Zeros come in millions behind a ReLU, so they are counted apart. */
  const zeroCounts = new Float64Array(unitCount);
  const block: Tail[] = Array.from({ length: unitCount }, () => noTail);
  const all: Tail[] = Array.from({ length: unitCount }, () => noTail);
  /** Smallest value that may matter, per unit, and its key. */
  const floors = new Float64Array(unitCount).fill(-Infinity);
  const raiseFloor = (unit: number, tail: Tail): void => {
    if (tail.total >= keep) floors[unit] = Math.max(floors[unit], lowerValue(tail.keys[tail.keys.length - 1]));
  };
  const flush = (unit: number): void => {
    const count = pendingCounts[unit];
    if (count === 0) return;
    pendingCounts[unit] = 0;
    const merged = mergeTwo(block[unit], countKeys(pending[unit].subarray(0, count)), keep);
    block[unit] = merged;
    raiseFloor(unit, merged);
  };
  return {
    add: (unit, { data, bits, start, end, maximum, zeros }) => {
      if (maximum < floors[unit]) return;
      if (floors[unit] < 0) zeroCounts[unit] += zeros;
      let floor = floors[unit];
      let waiting = pending[unit];
      if (waiting === nothing) {
        waiting = new Uint32Array(pendingSize);
        pending[unit] = waiting;
      }
      let count = pendingCounts[unit];
      for (let index = start; index < end; index++) {
        const value = data[index];
        if (value < floor || value === 0) continue;
        waiting[count++] = keyOf(bits[index]);
        if (count === pendingSize) {
          pendingCounts[unit] = count;
          flush(unit);
          count = 0;
          floor = floors[unit];
        }
      }
      pendingCounts[unit] = count;
    },
    take: () => {
      for (let unit = 0; unit < unitCount; unit++) {
        flush(unit);
        if (zeroCounts[unit] > 0) {
          const zeros = {
            keys: Uint32Array.of(zeroKey),
            counts: Uint32Array.of(zeroCounts[unit]),
            total: zeroCounts[unit],
          };
          block[unit] = mergeTwo(block[unit], zeros, keep);
          zeroCounts[unit] = 0;
        }
        all[unit] = mergeTwo(all[unit], block[unit], keep);
        raiseFloor(unit, all[unit]);
      }
      const taken = pack(block);
      for (let unit = 0; unit < unitCount; unit++) block[unit] = noTail;
      return taken;
    },
  };
}

/**
 * The counts of two parts, without what lies below the `keep` largest values.
 * @throws {UnitscopeError} `shape` if they are of different numbers of units.
 */
export function mergeTails(a: TailCounts, b: TailCounts, keep: number): TailCounts {
  if (a.starts.length !== b.starts.length) {
    throw new UnitscopeError("shape", `tails: expected ${a.starts.length - 1} units, got ${b.starts.length - 1}`);
  }
  const merged: Tail[] = [];
  for (let unit = 0; unit + 1 < a.starts.length; unit++) merged.push(mergeTwo(tailOf(a, unit), tailOf(b, unit), keep));
  return pack(merged);
}

/**
 * A unit's threshold T: the smallest rounded value with P(response > T) ≤ fraction, the comparison strict. A unit that
 * is 0 at more than `1 - fraction` of its positions has T = 0.
 *
 * @param total responses of the unit, images times positions.
 * @param maximum its largest response, which T never exceeds.
 */
export function tailThreshold(
  tails: TailCounts,
  unit: number,
  total: number,
  fraction: number,
  maximum: number,
): number {
  let left = tailSize(total, fraction);
  for (let entry = tails.starts[unit]; entry < tails.starts[unit + 1]; entry++) {
    left -= tails.counts[entry];
    if (left <= 0) return Math.min(upperValue(tails.keys[entry]), maximum);
  }
  throw new UnitscopeError("internal", `internal: tails: unit ${unit}: expected ${left} more values`);
}

interface Tail {
  readonly keys: Uint32Array;
  readonly counts: Uint32Array;
  readonly total: number;
}

const nothing = new Uint32Array(0);
const noTail: Tail = { keys: nothing, counts: nothing, total: 0 };

/** Integers in the order of the float32 values; what is too small for a normal float32 counts as 0. */
function keyOf(bits: number): number {
  if ((bits & 0x7f80_0000) === 0) return zeroKey;
  return ((bits & sign ? ~bits : bits | sign) >>> 0) >>> dropped;
}

const scratchBits = new Uint32Array(1);
const scratchFloat = new Float32Array(scratchBits.buffer);

/** The float32 whose ordered integer is `ordered`. */
function valueOf(ordered: number): number {
  scratchBits[0] = ordered & sign ? ordered ^ sign : ~ordered;
  return scratchFloat[0];
}

/** The largest value that is rounded to `key`. */
function upperValue(key: number): number {
  return key === zeroKey ? 0 : valueOf(((key << dropped) | ((1 << dropped) - 1)) >>> 0);
}

/** The smallest. */
function lowerValue(key: number): number {
  return key === zeroKey ? -1.17549435e-38 : valueOf((key << dropped) >>> 0);
}

/** One count per key; all 0 between calls. Made on first use, since only threads that observe need it. */
let scratchCounts: Uint32Array | undefined;

/** The different keys in descending order with their counts: by counting, or by sorting where they lie far apart. */
function countKeys(waiting: Uint32Array): Tail {
  let lowest = 0xffff_ffff;
  let highest = 0;
  for (const key of waiting) {
    if (key < lowest) lowest = key;
    if (key > highest) highest = key;
  }
  const keys = new Uint32Array(waiting.length);
  const counts = new Uint32Array(waiting.length);
  let length = 0;
  if (highest - lowest <= 16 * waiting.length) {
    scratchCounts ??= new Uint32Array(2 ** (32 - dropped));
    for (const key of waiting) scratchCounts[key]++;
    for (let key = highest; key >= lowest; key--) {
      const count = scratchCounts[key];
      if (count === 0) continue;
      keys[length] = key;
      counts[length++] = count;
      scratchCounts[key] = 0;
    }
  } else {
    waiting.sort();
    for (let at = waiting.length - 1; at >= 0; at--) {
      const key = waiting[at];
      if (length === 0 || keys[length - 1] !== key) keys[length++] = key;
      counts[length - 1]++;
    }
  }
  return { keys: keys.subarray(0, length), counts: counts.subarray(0, length), total: waiting.length };
}

/** Where tails are merged before the result is copied out at its length. */
let mergedKeys = new Uint32Array(0);
let mergedCounts = new Uint32Array(0);

function mergeTwo(a: Tail, b: Tail, keep: number): Tail {
  if (a.total === 0 && b.total <= keep) return b;
  if (b.total === 0) return a;
  if (mergedKeys.length < a.keys.length + b.keys.length) {
    mergedKeys = new Uint32Array(2 * (a.keys.length + b.keys.length));
    mergedCounts = new Uint32Array(mergedKeys.length);
  }
  const keys = mergedKeys;
  const counts = mergedCounts;
  let length = 0;
  let total = 0;
  let i = 0;
  let j = 0;
  while (total < keep && (i < a.keys.length || j < b.keys.length)) {
    const one = i < a.keys.length ? a.keys[i] : -1;
    const two = j < b.keys.length ? b.keys[j] : -1;
    let count = 0;
    if (one >= two) count += a.counts[i++];
    if (two >= one) count += b.counts[j++];
    keys[length] = Math.max(one, two);
    counts[length++] = count;
    total += count;
  }
  return { keys: keys.slice(0, length), counts: counts.slice(0, length), total };
}

function tailOf({ starts, keys, counts }: TailCounts, unit: number): Tail {
  const own = counts.subarray(starts[unit], starts[unit + 1]);
  let total = 0;
  for (const count of own) total += count;
  return { keys: keys.subarray(starts[unit], starts[unit + 1]), counts: own, total };
}

function pack(tails: readonly Tail[]): TailCounts {
  const starts = new Int32Array(tails.length + 1);
  tails.forEach((tail, unit) => {
    starts[unit + 1] = starts[unit] + tail.keys.length;
  });
  const keys = new Uint32Array(starts[tails.length]);
  const counts = new Uint32Array(starts[tails.length]);
  tails.forEach((tail, unit) => {
    keys.set(tail.keys, starts[unit]);
    counts.set(tail.counts, starts[unit]);
  });
  return { starts, keys, counts };
}
