import { describe, expect, it } from "vitest";
import { seededRandom } from "../../src/numeric/random.ts";
import { pairedT } from "../../src/stats/paired-t.ts";
import { signFlipTest } from "../../src/stats/sign-flip-test.ts";
import { wilcoxonSignedRank } from "../../src/stats/wilcoxon.ts";
import { golden, relativeError } from "./golden.ts";

function pairedTOf(differences: readonly number[]): number {
  const sum = differences.reduce((total, value) => total + value, 0);
  return pairedT(
    sum,
    differences.reduce((total, value) => total + value * value, 0),
    differences.length,
  ).pValue;
}

/** Differences of log-probabilities look like this: most are near 0, a few are far, both signs alike. */
function heavyTailed(count: number, shift: number, uniform: () => number): number[] {
  return Array.from({ length: count }, () => (uniform() < 0.5 ? -1 : 1) * Math.exp(4 * uniform() - 3) ** 2 + shift);
}

describe("paired tests", () => {
  it("agree with scipy", () => {
    expect(relativeError(pairedTOf(golden.paired_t.differences), golden.paired_t.p)).toBeLessThan(1e-10);
    const { exact, normal } = golden.wilcoxon;
    expect(relativeError(wilcoxonSignedRank(exact.differences), exact.p)).toBeLessThan(1e-12);
    expect(relativeError(wilcoxonSignedRank(normal.differences), normal.p)).toBeLessThan(1e-10);
  });

  it("count out ties and few pairs exactly", () => {
    const values = [1, 1, -2, 3, 3, 5, -1, 4, 0];
    // all 2^8 sign patterns of the average ranks of the non-zero sizes
    const ranks = [2, 2, 4, 5.5, 5.5, 8, 2, 7];
    const observed = 2 + 2 + 5.5 + 5.5 + 8 + 7;
    const far = Math.abs(observed - 18);
    let reached = 0;
    let reachedMean = 0;
    const sizes = values.filter((value) => value !== 0).map(Math.abs);
    for (let pattern = 0; pattern < 256; pattern++) {
      const signs = ranks.map((_, i) => ((pattern >> i) & 1 ? 1 : 0));
      const rankSum = ranks.reduce((sum, rank, i) => sum + rank * signs[i], 0);
      if (Math.abs(rankSum - 18) >= far) reached++;
      if (Math.abs(sizes.reduce((sum, size, i) => sum + (signs[i] ? size : -size), 0)) >= 14) reachedMean++;
    }
    expect(wilcoxonSignedRank(values)).toBeCloseTo(reached / 256, 14);
    expect(signFlipTest(values)).toBe(reachedMean / 256);
  });

  it("say 1 where nothing changed and NaN where nothing can be said", () => {
    expect([pairedTOf([0, 0, 0]), signFlipTest([0, 0]), wilcoxonSignedRank([0, 0])]).toEqual([1, 1, 1]);
    expect([pairedTOf([0.1, 0.1, 0.1]), pairedTOf([3]), pairedTOf([])]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
    expect([signFlipTest([]), wilcoxonSignedRank([]), wilcoxonSignedRank([Number.NaN, 1])]).toEqual([
      Number.NaN,
      Number.NaN,
      Number.NaN,
    ]);
    expect(pairedT(0.5, 0.25, 1)).toEqual({ mean: 0.5, std: Number.NaN, pValue: Number.NaN });
  });

  it("keep their level on heavy-tailed differences, and find a shift", () => {
    const { uniform } = seededRandom(5);
    const trials = 1_000;
    const rejected = { t: 0, signFlip: 0, wilcoxon: 0 };
    const found = { t: 0, signFlip: 0, wilcoxon: 0 };
    for (let trial = 0; trial < trials; trial++) {
      for (const [shift, count] of [
        [0, rejected],
        [0.6, found],
      ] as const) {
        const values = heavyTailed(60, shift, uniform);
        if (pairedTOf(values) <= 0.05) count.t++;
        if (signFlipTest(values, { draws: 400, seed: trial }) <= 0.05) count.signFlip++;
        if (wilcoxonSignedRank(values) <= 0.05) count.wilcoxon++;
      }
    }
    // Three standard errors of a rate of 0.05 over 1,000 trials are 0.021.
    for (const rate of Object.values(rejected)) {
      expect(rate / trials).toBeLessThan(0.071);
      expect(rate / trials).toBeGreaterThan(0.02);
    }
    expect(found.wilcoxon / trials).toBeGreaterThan(0.8); // ranks are made for such tails
    expect(Math.abs(found.t - found.signFlip) / trials).toBeLessThan(0.05);
    expect(found.t).toBeGreaterThan(3 * rejected.t);
  });
});
