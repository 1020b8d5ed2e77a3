import { describe, expect, test } from "vitest";
import { seededRandom } from "../../src/numeric/random.ts";
import { nestedBootstrap } from "../../src/stats/nested-bootstrap.ts";

describe("nestedBootstrap", () => {
  test("is the mean over networks of the means over units, whatever their numbers of units", () => {
    expect(nestedBootstrap([[1, 3], [8]]).value).toBe(5);
    expect(nestedBootstrap([[1, 3], [8]], [[1], [2]]).value).toBe(3.5);
  });

  test("leaves out missing values, and has no interval without any value", () => {
    expect(nestedBootstrap([[1, Number.NaN, 3]]).value).toBe(2);
    expect(nestedBootstrap([[Number.NaN]])).toEqual({ value: Number.NaN, low: Number.NaN, high: Number.NaN });
    expect(nestedBootstrap([[1]], [[]]).value).toBeNaN();
  });

  test("equal values have an interval of no width", () => {
    expect(nestedBootstrap([[2, 2], [2]])).toEqual({ value: 2, low: 2, high: 2 });
  });

  test("gives the same interval for the same seed, another for another", () => {
    const networks = [
      [1, 2, 4, 9],
      [2, 3, 3],
    ];
    expect(nestedBootstrap(networks, undefined, { seed: 3 })).toEqual(
      nestedBootstrap(networks, undefined, { seed: 3 }),
    );
    expect(nestedBootstrap(networks, undefined, { seed: 4 })).not.toEqual(nestedBootstrap(networks));
  });

  test("is wider where networks differ than where only units do", () => {
    const same = nestedBootstrap([
      [1, 2, 3, 4],
      [1, 2, 3, 4],
    ]);
    const apart = nestedBootstrap([
      [1, 2, 3, 4],
      [11, 12, 13, 14],
    ]);
    expect(apart.high - apart.low).toBeGreaterThan(2 * (same.high - same.low));
  });

  test("covers the true mean about as often as it says, for many networks of many units", () => {
    const random = seededRandom(7);
    const trials = 200;
    let covered = 0;
    for (let trial = 0; trial < trials; trial++) {
      const networks = Array.from({ length: 20 }, () => {
        const own = random.normal();
        return Array.from({ length: 20 }, () => own + random.normal());
      });
      const { low, high } = nestedBootstrap(networks, undefined, { resamples: 300, seed: trial });
      covered += Number(low <= 0 && 0 <= high);
    }
    expect(covered / trials).toBeGreaterThan(0.88);
    expect(covered / trials).toBeLessThan(0.99);
  });
});
