import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seededRandom } from "../../src/numeric/random.ts";
import { bootstrapInterval, quantileOfSorted } from "../../src/stats/bootstrap.ts";
import { linearFit, pearson, spearman } from "../../src/stats/correlation.ts";
import { correlationPValue, permutationPValue } from "../../src/stats/permutation-test.ts";
import { averageRanks, sortOrder } from "../../src/stats/ranks.ts";
import { stratifiedFolds } from "../../src/stats/stratified-folds.ts";
import { wilsonInterval } from "../../src/stats/wilson.ts";
import { golden } from "./golden.ts";

const { x, y } = golden.correlation;

describe("correlation", () => {
  it("agrees with scipy", () => {
    expect(pearson(x, y)).toBeCloseTo(golden.correlation.pearson, 13);
    expect(spearman(x, y)).toBeCloseTo(golden.correlation.spearman, 13);
    expect(linearFit(x, y).slope).toBeCloseTo(golden.correlation.slope, 13);
    expect(linearFit(x, y).intercept).toBeCloseTo(golden.correlation.intercept, 13);
    expect([...averageRanks(Float64Array.from(x))]).toEqual(golden.correlation.ranks);
  });

  it("keeps its digits beside a large offset, and ignores scale", () => {
    expect(
      pearson(
        x.map((value) => value + 1e6),
        y.map((value) => 3 * value - 1e6),
      ),
    ).toBeCloseTo(pearson(x, y), 9);
    expect(pearson(x, x)).toBe(1);
    expect(
      pearson(
        x,
        x.map((value) => -value),
      ),
    ).toBe(-1);
  });

  it("is NaN without spread, also where the mean of equal numbers is rounded", () => {
    const constant = Array.from({ length: 60 }, () => 0.1);
    expect(pearson(constant, y)).toBeNaN();
    expect(spearman(y, constant)).toBeNaN();
    expect(linearFit(constant, y).slope).toBeNaN();
    expect(linearFit(y, constant)).toEqual({ slope: 0, intercept: 0.1 });
    expect(pearson([], [])).toBeNaN();
    expect(pearson([1], [2])).toBeNaN();
    expect(pearson([1, 2, Number.NaN], [1, 2, 3])).toBeNaN();
    expect(spearman([1, 2, Number.NaN], [1, 2, 3])).toBeNaN();
    expect(() => pearson([1], [1, 2])).toThrow("expected two columns of one length, got 1 and 2");
  });
});

describe("sortOrder", () => {
  it("keeps the order of equal values and puts NaN last", () => {
    expect([...sortOrder(Float64Array.of(0, -0, Number.NaN, -1, Number.POSITIVE_INFINITY, Number.NaN))]).toEqual([
      3, 0, 1, 4, 2, 5,
    ]);
  });
});

describe("bootstrapInterval", () => {
  const statistic = (indices: Uint32Array): number =>
    pearson(
      Array.from(indices, (i) => x[i]),
      Array.from(indices, (i) => y[i]),
    );

  it("agrees with scipy up to the noise of resampling", () => {
    // The ends' own standard error at 10,000 resamples is about 0.002 here.
    for (const method of ["percentile", "bca"] as const) {
      const found = bootstrapInterval(x.length, statistic, { method, resamples: 10_000, seed: 2 });
      expect(Math.abs(found.low - golden.bootstrap[method][0])).toBeLessThan(0.01);
      expect(Math.abs(found.high - golden.bootstrap[method][1])).toBeLessThan(0.01);
      expect(bootstrapInterval(x.length, statistic, { method, resamples: 10_000, seed: 2 })).toEqual(found);
    }
  });

  it("covers the true correlation about as often as it says", () => {
    const random = seededRandom(17);
    const rho = 0.6;
    let covered = 0;
    const trials = 300;
    for (let trial = 0; trial < trials; trial++) {
      const a = Float64Array.from({ length: 50 }, random.normal);
      const b = a.map((value) => rho * value + Math.sqrt(1 - rho * rho) * random.normal());
      const pick = (values: Float64Array, indices: Uint32Array): Float64Array =>
        Float64Array.from(indices, (i) => values[i]);
      const { low, high } = bootstrapInterval(50, (indices) => pearson(pick(a, indices), pick(b, indices)), {
        resamples: 500,
        seed: trial,
      });
      if (low <= rho && rho <= high) covered++;
    }
    // Three standard errors at 300 trials are 0.038; bootstrap intervals at n = 50 are a little short.
    expect(covered / trials).toBeGreaterThan(0.89);
    expect(covered / trials).toBeLessThan(0.99);
  });

  it("is NaN where the statistic is not there", () => {
    const unknown = { low: Number.NaN, high: Number.NaN };
    expect(bootstrapInterval(5, () => Number.NaN)).toEqual(unknown);
    expect(bootstrapInterval(1, () => 1)).toEqual(unknown);
    // One row in ten differs: a third of all resamples has no spread.
    const rare = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    expect(
      bootstrapInterval(10, (indices) =>
        pearson(
          Array.from(indices, (i) => rare[i]),
          Array.from(indices),
        ),
      ),
    ).toEqual(unknown);
    expect(quantileOfSorted(Float64Array.of(1, 2, 4), 0.75)).toBe(3);
    expect(quantileOfSorted(new Float64Array(0), 0.5)).toBeNaN();
  });
});

describe("permutation tests", () => {
  it("count the observed pairing among the draws", () => {
    expect(permutationPValue(1, () => 0, { draws: 99 })).toBe(0.01);
    expect(permutationPValue(1, () => 1, { draws: 99 })).toBe(1);
    expect(permutationPValue(Number.NaN, () => 1)).toBeNaN();
    expect(correlationPValue(Float64Array.of(1, 1, 1), Float64Array.of(1, 2, 3))).toBeNaN();
  });

  it("of a correlation: keeps its level under the null and finds a relation", () => {
    const random = seededRandom(23);
    const trials = 600;
    let rejected = 0;
    let found = 0;
    for (let trial = 0; trial < trials; trial++) {
      const a = Float64Array.from({ length: 40 }, random.normal);
      const b = Float64Array.from({ length: 40 }, () => Math.exp(random.normal()));
      const c = a.map((value, i) => value + b[i]);
      if (correlationPValue(a, b, { draws: 199, seed: trial }) <= 0.05) rejected++;
      if (correlationPValue(a, c, { draws: 199, seed: trial }) <= 0.05) found++;
    }
    // Three standard errors of 0.05 over 600 trials are 0.027.
    expect(rejected / trials).toBeLessThan(0.077);
    expect(rejected / trials).toBeGreaterThan(0.023);
    expect(found / trials).toBeGreaterThan(0.8);
  });
});

describe("wilsonInterval", () => {
  it("agrees with scipy", () => {
    for (const [successes, trials, low, high] of golden.wilson) {
      const found = wilsonInterval(successes, trials);
      expect(found.low).toBeCloseTo(low, 13);
      expect(found.high).toBeCloseTo(high, 13);
    }
    expect(wilsonInterval(0, 0)).toEqual({ low: Number.NaN, high: Number.NaN });
  });
});

describe("stratifiedFolds", () => {
  it("deals every class evenly, and the same way for the same seed", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(4), { minLength: 1, maxLength: 80 }),
        fc.integer({ min: 1, max: 6 }),
        fc.nat(100),
        (labels, foldCount, seed) => {
          const folds = stratifiedFolds(Int32Array.from(labels), foldCount, { seed });
          expect(folds).toEqual(stratifiedFolds(Int32Array.from(labels), foldCount, { seed }));
          const even = (rows: number[]): void => {
            const sizes = Array.from(
              { length: foldCount },
              (_, fold) => rows.filter((row) => folds[row] === fold).length,
            );
            expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
          };
          even([...labels.keys()]);
          for (let cls = 0; cls <= 4; cls++) even([...labels.keys()].filter((row) => labels[row] === cls));
        },
      ),
    );
  });
});
