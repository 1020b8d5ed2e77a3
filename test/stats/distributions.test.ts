import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { halfBinomialCdf } from "../../src/stats/half-binomial.ts";
import { regularisedBeta } from "../../src/stats/incomplete-beta.ts";
import { normalCdf, normalQuantile } from "../../src/stats/normal.ts";
import { golden, relativeError } from "./golden.ts";

describe("normal distribution", () => {
  it("agrees with scipy", () => {
    for (const [x, p] of golden.normal_cdf) expect(relativeError(normalCdf(x), p), `Φ(${x})`).toBeLessThan(1e-12);
    for (const [p, x] of golden.normal_quantile)
      expect(Math.abs(normalQuantile(p) - x), `Φ⁻¹(${p})`).toBeLessThan(1e-12 * Math.max(1, Math.abs(x)));
  });

  it("has a quantile that undoes the distribution", () => {
    fc.assert(
      fc.property(fc.double({ min: -30, max: 5, noNaN: true }), (x) => {
        // Above 0 the digits of p = 1 − tail bound what can come back: φ(5) = 1.5e-6.
        expect(Math.abs(normalQuantile(normalCdf(x)) - x)).toBeLessThan(1e-9);
      }),
    );
    expect([normalQuantile(0), normalQuantile(1), normalCdf(Number.NEGATIVE_INFINITY)]).toEqual([
      Number.NEGATIVE_INFINITY,
      Number.POSITIVE_INFINITY,
      0,
    ]);
    expect(normalQuantile(1.1)).toBeNaN();
    expect(normalCdf(Number.NaN)).toBeNaN();
  });
});

describe("regularisedBeta", () => {
  it("agrees with scipy", () => {
    for (const [a, b, x, p] of golden.incomplete_beta)
      expect(relativeError(regularisedBeta(a, b, x), p), `I_${x}(${a}, ${b})`).toBeLessThan(1e-9);
  });

  it("has its limits, and is a binomial tail for whole numbers", () => {
    expect([regularisedBeta(2, 3, 0), regularisedBeta(2, 3, 1)]).toEqual([0, 1]);
    expect(regularisedBeta(0, 1, 0.5)).toBeNaN();
    // P(Bin(100, ½) ≥ 70)
    expect(relativeError(regularisedBeta(70, 31, 0.5), halfBinomialCdf(30, 100))).toBeLessThan(1e-11);
    // Both rounded up from a half: each is above the point from which the other tail is taken.
    expect(regularisedBeta(12, 12, 0.5 + 2 ** -53, 0.5 + 2 ** -53)).toBeCloseTo(0.5, 12);
    expect(regularisedBeta(12, 12, 0.5 + 2 ** -52, 0.5 + 2 ** -52)).toBeCloseTo(0.5, 12);
  });
});
