import * as fc from "fast-check";
import { expect, test } from "vitest";
import { addNumber, type ExactSums, exactSums, growingSums, mergeSums, sumsOf } from "../../src/numeric/exact-sums.ts";

const numbers = fc.double({ min: -(2 ** 38), max: 2 ** 38, noNaN: true });

test("sums are the same bits for any order and grouping", () => {
  fc.assert(
    fc.property(fc.array(numbers, { minLength: 2, maxLength: 40 }), fc.nat(), (list, at) => {
      const parts = list.map((value) => exactSums(Float64Array.of(value)));
      const [total] = sumsOf(mergeSums(parts));
      const cut = 1 + (at % (list.length - 1));
      const halves: ExactSums[] = [mergeSums(parts.slice(cut).reverse()), mergeSums(parts.slice(0, cut))];
      expect(Object.is(sumsOf(mergeSums(halves))[0] + 0, total + 0)).toBe(true);
    }),
  );
});

test("sums are right: to one part in 2⁵² of the exact sum, or 2⁻⁷⁰ where that is smaller", () => {
  fc.assert(
    fc.property(fc.array(fc.maxSafeInteger(), { minLength: 1, maxLength: 50 }), (list) => {
      // Whole multiples of 2⁻²⁰ that doubles hold exactly, so that whole numbers are the oracle.
      const scaled = list.map((value) => value * 2 ** -20);
      const exact = Number(list.reduce((sum, value) => sum + BigInt(value), 0n)) * 2 ** -20;
      const [total] = sumsOf(mergeSums(scaled.map((value) => exactSums(Float64Array.of(value)))));
      expect(Math.abs(total - exact)).toBeLessThanOrEqual(Math.abs(exact) * 2 ** -52 + 2 ** -70);
    }),
  );
});

test("single numbers may come in any order, and in any blocks", () => {
  const some = fc.double({ min: 0, max: 2 ** 20, noNaN: true });
  fc.assert(
    fc.property(fc.array(some, { minLength: 1, maxLength: 200 }), fc.nat(), (list, at) => {
      const grown = (values: readonly number[]): ExactSums => {
        const sums = growingSums(1);
        for (const value of values) addNumber(sums, 0, value);
        return sums;
      };
      const [total] = sumsOf(mergeSums([grown(list)]));
      const cut = at % list.length;
      const [other] = sumsOf(mergeSums([grown(list.slice(cut).reverse()), grown(list.slice(0, cut))]));
      expect(other).toBe(total);
      const plain = list.reduce((sum, value) => sum + value, 0);
      expect(Math.abs(total - plain)).toBeLessThanOrEqual(plain * 2 ** -44 + 200 * 2 ** -64);
    }),
  );
});
