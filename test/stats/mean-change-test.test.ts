import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seededRandom } from "../../src/numeric/random.ts";
import { exactMcNemar } from "../../src/stats/mcnemar.ts";
import { type ChangeSums, testMeanChange } from "../../src/stats/mean-change-test.ts";

function sumsOf(changes: readonly number[]): ChangeSums {
  const sums = { up: 0, upSquares: 0, down: 0, downSquares: 0 };
  for (const change of changes) {
    if (change > 0) {
      sums.up += change;
      sums.upSquares += change ** 2;
    } else {
      sums.down -= change;
      sums.downSquares += change ** 2;
    }
  }
  return sums;
}

/**
 * Changes of log-probability as they are: nearly all images move a little to one side, a few far to the other. Classes
 * differ in scale and in how lopsided they are; kurtosis about 60, skewness 2 to 8 to either side.
 */
function lopsidedClass(cls: number, size: number, { uniform, normal }: ReturnType<typeof seededRandom>): Float64Array {
  const scale = 1 + (cls % 3);
  const side = cls % 2 === 0 ? -1 : 1;
  const share = 0.02 + 0.01 * (cls % 4);
  const values = Float64Array.from({ length: size }, () =>
    uniform() < share ? side * scale * Math.exp(0.8 * normal()) : 0.02 * scale * normal(),
  );
  const mean = values.reduce((sum, value) => sum + value, 0) / size;
  return values.map((value) => value - mean);
}

/** Rates of p ≤ 0.05 and p ≤ 1e-4 over classes and samples, of our test and of Student's t by its normal limit. */
function rates(imageCount: number, trials: number, shift: number): { ours: number[]; t: number[] } {
  const random = seededRandom(imageCount, 3);
  const populations = Array.from({ length: 10 }, (_, cls) => lopsidedClass(cls, 5_000, random));
  const [ours, t] = [
    [0, 0],
    [0, 0],
  ];
  for (let trial = 0; trial < trials; trial++) {
    const samples = populations.map((values) =>
      Array.from({ length: imageCount }, () => (values[random.integer(values.length)] ?? 0) + shift),
    );
    const all = samples.flat();
    const largest = {
      largestUp: all.reduce((most, value) => Math.max(most, value), 0),
      largestDown: all.reduce((most, value) => Math.max(most, -value), 0),
    };
    for (const sample of samples) {
      const p = testMeanChange(sumsOf(sample), largest);
      const mean = sample.reduce((sum, value) => sum + value, 0) / imageCount;
      const variance = sample.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (imageCount - 1);
      const z = Math.abs(mean) / Math.sqrt(variance / imageCount);
      [0.05, 1e-4].forEach((level, at) => {
        if (p <= level) ours[at] = (ours[at] ?? 0) + 1;
        if (z >= [2.01, 4.25][at]) t[at] = (t[at] ?? 0) + 1;
      });
    }
  }
  const share = (counts: number[]): number[] => counts.map((count) => count / (trials * 10));
  return { ours: share(ours), t: share(t) };
}

describe("testMeanChange", () => {
  it("is the exact McNemar test where all changes have one size", () => {
    fc.assert(
      fc.property(fc.nat(40), fc.nat(40), fc.double({ min: 1e-3, max: 1e3, noNaN: true }), (lost, gained, size) => {
        const sums = {
          up: lost * size,
          upSquares: lost * size ** 2,
          down: gained * size,
          downSquares: gained * size ** 2,
        };
        const p = testMeanChange(sums, { largestUp: size, largestDown: size });
        expect(Math.abs(p / exactMcNemar(lost, gained) - 1)).toBeLessThan(1e-8);
      }),
      { examples: [[12, 11, 0.0447938069548006]] },
    );
  });

  it("says 1 where nothing changes, and does not depend on the unit of measure or the direction", () => {
    const largest = { largestUp: 0.9, largestDown: 0.5 };
    expect(testMeanChange(sumsOf([0, 0]), { largestUp: 0, largestDown: 0 })).toBe(1);
    const changes = [0.5, 0.1, -0.2, 0.9, 0.3, 0.4];
    const p = testMeanChange(sumsOf(changes), largest);
    const scaled = testMeanChange(sumsOf(changes.map((value) => -7 * value)), { largestUp: 3.5, largestDown: 6.3 });
    expect(scaled).toBeCloseTo(p, 12);
    expect(p).toBeGreaterThan(0);
    expect(p).toBeLessThan(1);
  });

  it.each([
    [50, 300],
    [1_000, 120],
  ])("holds its level on lopsided changes of %i images a class, where Student's t does not", (imageCount, trials) => {
    const { ours, t } = rates(imageCount, trials, 0);
    const tests = trials * 10;
    const bound = (level: number): number => level + 3 * Math.sqrt(level / tests);
    expect(ours[0]).toBeLessThan(bound(0.05));
    expect(ours[1]).toBeLessThan(bound(1e-4));
    if (imageCount === 50)
      expect(t).toEqual([expect.toSatisfy((rate) => rate > 0.1), expect.toSatisfy((rate) => rate > 0.01)]);
  });

  it("finds a shift that is large beside what may be unseen", () => {
    expect(rates(1_000, 20, 0.4).ours[0]).toBeGreaterThan(0.9);
  });
});
