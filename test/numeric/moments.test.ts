import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  emptyMoments,
  type Moments,
  mapFields,
  mapMaximum,
  mapMinimum,
  mapNegatives,
  mapSquares,
  mapSum,
  mapZeros,
  mergeMoments,
  standardDeviation,
  summarizeMap,
} from "../../src/numeric/moments.ts";

const series = fc.array(fc.double({ min: -1e3, max: 1e3, noNaN: true }), { minLength: 1, maxLength: 40 });

function momentsOf(values: readonly number[]): Moments {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { count: values.length, mean: Float64Array.of(mean), squares: Float64Array.of(squares) };
}

describe("mergeMoments", () => {
  test("two parts give the moments of all", () => {
    fc.assert(
      fc.property(series, series, (a, b) => {
        const merged = mergeMoments(momentsOf(a), momentsOf(b));
        const whole = momentsOf([...a, ...b]);
        expect(merged.count).toBe(whole.count);
        expect(merged.mean[0]).toBeCloseTo(whole.mean[0], 9);
        const scale = 1 + whole.squares[0];
        expect(Math.abs(merged.squares[0] - whole.squares[0]) / scale).toBeLessThan(1e-10);
      }),
    );
  });

  test("nothing changes nothing", () => {
    const some = momentsOf([1, 2, 4]);
    expect(mergeMoments(emptyMoments(1), some)).toEqual(some);
    expect(mergeMoments(some, emptyMoments(1))).toEqual(some);
    expect(standardDeviation(emptyMoments(1), 0)).toBeNaN();
  });

  test("a large offset costs no digits", () => {
    const values = Array.from({ length: 1000 }, (_, i) => 1e9 + (i % 7));
    const parts = Array.from({ length: 10 }, (_, part) => momentsOf(values.slice(100 * part, 100 * part + 100)));
    const deviation = standardDeviation(parts.reduce(mergeMoments), 0);
    const small = values.map((value) => value - 1e9);
    expect(deviation).toBeCloseTo(standardDeviation(momentsOf(small), 0), 6);
  });

  test("refuses parts of different numbers of series", () => {
    expect(() => mergeMoments(emptyMoments(2), emptyMoments(3))).toThrow("moments: expected 2 series, got 3");
  });
});

describe("summarizeMap", () => {
  test("agrees with one value after the other", () => {
    const value = fc.oneof(fc.float({ noNaN: true, min: -100, max: 100 }), fc.constantFrom(0, -0));
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 33 }), fc.nat({ max: 5 }), (values, start) => {
        const data = Float32Array.from([...Array<number>(start).fill(7), ...values, -9]);
        const out = new Float64Array(mapFields);
        summarizeMap(data, new Int32Array(data.buffer), start, start + values.length, out);
        const exact = values.map(Math.fround);
        expect(out[mapSum]).toBeCloseTo(
          exact.reduce((sum, each) => sum + each, 0),
          8,
        );
        expect(out[mapSquares]).toBeCloseTo(momentsOf(exact).squares[0], 6);
        expect(out[mapMinimum] === Math.min(...exact)).toBe(true);
        expect(out[mapMaximum] === Math.max(...exact)).toBe(true);
        expect(out[mapZeros]).toBe(exact.filter((each) => each === 0).length);
        expect(out[mapNegatives]).toBe(exact.filter((each) => each < 0).length);
      }),
    );
  });

  test("a constant has no spread, and a small spread keeps its digits", () => {
    const out = new Float64Array(mapFields);
    const constant = new Float32Array(7).fill(0.3);
    summarizeMap(constant, new Int32Array(constant.buffer), 0, 7, out);
    expect([out[mapSum], out[mapSquares]]).toEqual([7 * Math.fround(0.3), 0]);
    const narrow = Float32Array.from({ length: 64 }, (_, i) => 1 + (i % 3) * 2 ** -23);
    summarizeMap(narrow, new Int32Array(narrow.buffer), 0, 64, out);
    const spread = momentsOf(Array.from({ length: 64 }, (_, i) => i % 3)).squares[0];
    expect(out[mapSquares] * 2 ** 46).toBeCloseTo(spread, 9);
  });

  test("shows a value that is not finite in the sum", () => {
    const out = new Float64Array(mapFields);
    for (const bad of [Number.NaN, Infinity, -Infinity]) {
      const data = Float32Array.of(1, bad, 2);
      summarizeMap(data, new Int32Array(data.buffer), 0, 3, out);
      expect(Number.isFinite(out[mapSum])).toBe(false);
    }
  });
});
