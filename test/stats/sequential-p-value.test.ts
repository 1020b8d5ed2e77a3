import { describe, expect, it } from "vitest";
import { seededRandom } from "../../src/numeric/random.ts";
import { sequentialPValue } from "../../src/stats/sequential-p-value.ts";

function run(observed: number, most: number, uniform: () => number): { pValue: number; draws: number } {
  const sequence = sequentialPValue(observed, { most });
  while (!sequence.isDone) sequence.take(uniform());
  return { pValue: sequence.pValue, draws: sequence.draws };
}

describe("sequentialPValue", () => {
  it("is valid under the null at every level, and stops early for most", () => {
    const { uniform } = seededRandom(6);
    const trials = 4_000;
    const found = Array.from({ length: trials }, () => run(uniform(), 1_000, uniform));
    for (const level of [0.002, 0.01, 0.05, 0.5]) {
      const rate = found.filter(({ pValue }) => pValue <= level).length / trials;
      expect(rate, String(level)).toBeLessThan(level + 3 * Math.sqrt(level / trials));
    }
    expect(found.reduce((sum, { draws }) => sum + draws, 0) / trials).toBeLessThan(100);
  });

  it("goes on to the last draw where nothing reaches the observed value", () => {
    expect(run(2, 999, seededRandom(1).uniform)).toEqual({ pValue: 1 / 1000, draws: 999 });
    const done = sequentialPValue(0.5, { enough: 2, most: 10 });
    for (const value of [1, 0, 0, 1, 1]) done.take(value);
    expect([done.pValue, done.draws, done.isDone]).toEqual([0.5, 4, true]);
  });
});
