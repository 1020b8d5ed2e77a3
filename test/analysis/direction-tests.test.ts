import { describe, expect, test } from "vitest";
import { testDirections } from "../../src/analysis/direction-tests.ts";
import { seededRandom } from "../../src/numeric/random.ts";

describe("testDirections", () => {
  test("agrees with all labellings of a small example", () => {
    // Of the 10 ways to call two of 1, 2, 3, 8, 9 units', one has means as far apart as {8, 9}, none farther.
    const result = testDirections([8, 9], [[1, 2], [3]], { draws: 60_000, seed: 3 });
    expect(result).toMatchObject({ unitMean: 8.5, directionMean: 2, superiority: 1, seedsBelow: 2 });
    expect(result.pValue).toBeCloseTo(0.1, 2);
    expect(result.rankPValue).toBeCloseTo(0.2, 2); // {1, 2} is as far below as {8, 9} is above
  });

  test("ties count half, missing values not at all", () => {
    const result = testDirections([1, 1, Number.NaN], [[1, 1, 1, Number.NaN]]);
    expect(result).toMatchObject({
      unitMean: 1,
      directionMean: 1,
      superiority: 0.5,
      pValue: 1,
      rankPValue: 1,
      seedsBelow: 0,
    });
    expect(testDirections([], [[1]]).pValue).toBeNaN();
  });

  test("calls 5 % of nulls significant at 5 %, and sees a difference that is there", () => {
    let alarms = 0;
    const trials = 400;
    for (let trial = 0; trial < trials; trial++) {
      const random = seededRandom(trial, 5);
      const draw = (count: number): number[] => Array.from({ length: count }, () => random.normal() ** 2);
      if (testDirections(draw(20), [draw(20), draw(20)], { draws: 400, seed: trial }).pValue <= 0.05) alarms++;
    }
    expect(alarms / trials).toBeGreaterThan(0.025);
    expect(alarms / trials).toBeLessThan(0.085); // 3.2 standard errors
    const random = seededRandom(1);
    const shifted = Array.from({ length: 40 }, () => random.normal() + 1.5);
    const others = [1, 2, 3].map(() => Array.from({ length: 40 }, () => random.normal()));
    const seen = testDirections(shifted, others);
    expect(seen.pValue).toBeLessThan(0.001);
    expect(seen.superiority).toBeGreaterThan(0.7);
  });
});
