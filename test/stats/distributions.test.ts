import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { normalCdf, normalQuantile } from "../../src/stats/normal.ts";
import { studentTwoSided } from "../../src/stats/student-t.ts";
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

describe("studentTwoSided", () => {
  it("agrees with scipy", () => {
    for (const [t, df, p] of golden.student_two_sided)
      expect(relativeError(studentTwoSided(t, df), p), `t ${t}, ${df} df`).toBeLessThan(1e-10);
  });

  it("has its limits", () => {
    expect([studentTwoSided(0, 5), studentTwoSided(Number.POSITIVE_INFINITY, 5)]).toEqual([1, 0]);
    expect(studentTwoSided(1, 0)).toBeNaN();
    expect(studentTwoSided(Number.NaN, 3)).toBeNaN();
    expect(studentTwoSided(1, 1)).toBeCloseTo(0.5, 14); // Cauchy
  });
});
