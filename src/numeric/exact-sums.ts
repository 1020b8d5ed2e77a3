/**
 * Sums of floating-point numbers that do not depend on the order of the additions: every number is split into parts that
 * are whole multiples of fixed steps, and sums of such parts are exact (the idea of Demmel and Nguyen's reproducible
 * sums, 2013, with fixed bins).
 *
 * Exact for up to 2²² numbers of magnitude below 2³⁹, in steps of 2⁻⁷⁶; beyond that the order may show in the last bits.
 */

/** Sums of a list of quantities as arrays that add up to them: one as found, two that grew, or three by step. */
export interface ExactSums {
  readonly parts: readonly Float64Array[];
}

/** Sums that grow a number at a time. */
export interface GrowingSums extends ExactSums {
  readonly parts: readonly [coarse: Float64Array, fine: Float64Array];
}

/** 1.5 · 2⁵² steps: added and taken away again, it leaves a whole number of steps. */
const rounders = [2 ** -12, 2 ** -44, 2 ** -76].map((step) => 1.5 * 2 ** 52 * step);

/** One number for each quantity; the array is used as it is. */
export function exactSums(values: Float64Array): ExactSums {
  return { parts: [values] };
}

/** 1.5 · 2⁵² steps of 2⁻²⁰ and of 2⁻⁶⁴: what `addNumber` splits a number into. */
const [coarseRounder, fineRounder] = [2 ** -20, 2 ** -64].map((step) => 1.5 * 2 ** 52 * step);

/** No numbers yet, to add single ones. */
export function growingSums(length: number): GrowingSums {
  return { parts: [new Float64Array(length), new Float64Array(length)] };
}

/**
 * Adds a number to one of the quantities, rounded to a multiple of 2⁻⁶⁴. Exact while the numbers of a quantity are at most
 * 2⁸ of magnitude below 2²⁴, or as much in all.
 */
export function addNumber({ parts }: GrowingSums, index: number, value: number): void {
  const coarse = parts[0];
  const fine = parts[1];
  const rounded = value + coarseRounder - coarseRounder;
  coarse[index] += rounded;
  fine[index] += value - rounded + fineRounder - fineRounder;
}

/** No numbers yet. */
export function zeroSums(length: number): ExactSums {
  return { parts: rounders.map(() => new Float64Array(length)) };
}

/**
 * Adds sums of other numbers to `into`, which `zeroSums` made.
 * @param at position in `into` of each of the added quantities; the same positions when absent.
 */
export function addSums(into: ExactSums, added: ExactSums, at?: (index: number) => number): void {
  const isSplit = added.parts.length === rounders.length;
  const length = added.parts[0]?.length ?? 0;
  for (let index = 0; index < length; index++) {
    const target = at ? at(index) : index;
    if (isSplit) {
      for (let part = 0; part < rounders.length; part++) into.parts[part][target] += added.parts[part][index];
      continue;
    }
    for (const values of added.parts) {
      let rest = values[index];
      for (let part = 0; part < rounders.length; part++) {
        const rounder = rounders[part];
        const rounded = rest + rounder - rounder;
        into.parts[part][target] += rounded;
        rest -= rounded;
      }
    }
  }
}

/** Sums of all parts. */
export function mergeSums(parts: readonly ExactSums[]): ExactSums {
  const total = zeroSums(parts[0]?.parts[0]?.length ?? 0);
  for (const part of parts) addSums(total, part);
  return total;
}

/** The sums as numbers. */
export function sumsOf({ parts }: ExactSums): Float64Array {
  const sums = parts[parts.length - 1].slice();
  for (let part = parts.length - 2; part >= 0; part--) {
    for (let index = 0; index < sums.length; index++) sums[index] += parts[part][index];
  }
  return sums;
}
