import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { benjaminiHochberg } from "../../src/stats/false-discovery.ts";
import { halfBinomialCdf, halfBinomialPmf } from "../../src/stats/half-binomial.ts";
import { exactMcNemar } from "../../src/stats/mcnemar.ts";
import { golden, relativeError } from "./golden.ts";

describe("binomial distribution with p = ½", () => {
  it("agrees with scipy", () => {
    // scipy's own incomplete beta function is good to about 1e-12 at n = 50,000.
    for (const [k, n, p] of golden.half_binomial_cdf)
      expect(relativeError(halfBinomialCdf(k, n), p), `${k} of ${n}`).toBeLessThan(1e-11);
  });

  it("equals Pascal's triangle in whole numbers", () => {
    for (const n of [1, 2, 3, 10, 23, 24, 25, 26, 60, 200, 900]) {
      let choose = 1n;
      let sum = 0n;
      const outcomes = 1n << BigInt(n);
      for (let k = 0; k <= n; k++) {
        sum += choose;
        // 60 bits of the quotient, as a double
        const scaled = (value: bigint): number => {
          const bits = value.toString(2).length;
          const shift = BigInt(Math.max(0, bits - 60));
          return Number(value >> shift) * 2 ** (Number(shift) - n);
        };
        expect(relativeError(halfBinomialPmf(k, n), scaled(choose)), `P(${k} of ${n})`).toBeLessThan(1e-12);
        expect(relativeError(halfBinomialCdf(k, n), scaled(sum)), `P(up to ${k} of ${n})`).toBeLessThan(1e-12);
        choose = (choose * BigInt(n - k)) / BigInt(k + 1);
      }
      expect(sum).toBe(outcomes);
    }
  });

  it("is 0 and 1 outside of its range", () => {
    expect([halfBinomialCdf(-1, 5), halfBinomialCdf(5, 5), halfBinomialCdf(9, 5), halfBinomialCdf(0, 0)]).toEqual([
      0, 1, 1, 1,
    ]);
    expect([halfBinomialPmf(-1, 5), halfBinomialPmf(6, 5), halfBinomialPmf(0, 0)]).toEqual([0, 0, 1]);
  });
});

describe("exactMcNemar", () => {
  it("agrees with scipy's binomial test", () => {
    for (const [lost, gained, p] of golden.mcnemar)
      expect(relativeError(exactMcNemar(lost, gained), p)).toBeLessThan(1e-11);
  });

  it("is 1 without evidence, symmetric, and falls with every further loss", () => {
    expect(exactMcNemar(0, 0)).toBe(1);
    expect(exactMcNemar(1, 0)).toBe(1);
    expect(exactMcNemar(4, 4)).toBe(1);
    fc.assert(
      fc.property(fc.nat(400), fc.nat(400), (lost, gained) => {
        const p = exactMcNemar(lost, gained);
        expect(p).toBe(exactMcNemar(gained, lost));
        expect(p).toBeGreaterThan(0);
        expect(p).toBeLessThanOrEqual(1);
        if (lost > gained) expect(exactMcNemar(lost + 1, gained)).toBeLessThan(p);
      }),
    );
  });

  it("never rejects more often than its level under the null, for any number of discordant images", () => {
    // Exact by enumeration: the p-value's own distribution under Bin(n, ½).
    for (const n of [5, 12, 40, 333]) {
      for (const level of [0.05, 0.01, 1e-4]) {
        let rejected = 0;
        for (let gained = 0; gained <= n; gained++) {
          if (exactMcNemar(n - gained, gained) <= level) rejected += halfBinomialPmf(gained, n);
        }
        expect(rejected).toBeLessThanOrEqual(level * (1 + 1e-12));
      }
    }
  });
});

describe("benjaminiHochberg", () => {
  it("agrees with the definition in numpy", () => {
    const q = benjaminiHochberg(golden.benjamini_hochberg.p);
    golden.benjamini_hochberg.q.forEach((expected, i) => expect(q[i]).toBeCloseTo(expected, 14));
  });

  it("discovers exactly the tests of the step-up rule", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 40 }),
        fc.constantFrom(0.05, 0.2),
        (p, rate) => {
          const q = benjaminiHochberg(p);
          const sorted = [...p].sort((a, b) => a - b);
          let bar = -1;
          // (p · tests) / rank against the rate, as the q-value has it: the same rounding on both sides
          sorted.forEach((value, i) => {
            if ((value * p.length) / (i + 1) <= rate) bar = value;
          });
          p.forEach((value, i) => expect(q[i] <= rate).toBe(value <= bar));
        },
      ),
    );
  });

  it("leaves out tests that could not be made", () => {
    const q = benjaminiHochberg([0.01, Number.NaN, 0.04]);
    expect([...q]).toEqual([0.02, Number.NaN, 0.04]);
    expect([...benjaminiHochberg([Number.NaN])]).toEqual([Number.NaN]);
    expect(benjaminiHochberg([])).toHaveLength(0);
  });
});
