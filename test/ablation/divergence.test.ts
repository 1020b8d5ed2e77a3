/** Divergences against their definition; grids of constants. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { coarseConstants, fineConstants, refinedConstant } from "../../src/ablation/constant-grid.ts";
import { divergencesFrom } from "../../src/ablation/divergence.ts";

const logit = fc.float({ min: -8, max: 8, noNaN: true });

test("divergences are those of the definition, at least 0, and 0 of the same logits", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(logit, logit), { minLength: 2, maxLength: 6 }),
      fc.constantFrom("softmax" as const, "sigmoid" as const),
      (pairs, head) => {
        const [intact, other] = [0, 1].map((at) => Float32Array.from(pairs, (pair) => pair[at] ?? 0));
        const classCount = pairs.length;
        const of = divergencesFrom(intact, { classCount, head });
        const found = of(0, other, 0);
        const total = (logits: Float32Array): number => logits.reduce((sum, each) => sum + Math.exp(each), 0);
        const sigma = (x: number): number => 1 / (1 + Math.exp(-x));
        const expected = pairs.reduce((sum, [a, b]) => {
          if (head === "softmax") {
            const [p, q] = [Math.exp(a) / total(intact), Math.exp(b) / total(other)];
            return sum + p * Math.log(p / q);
          }
          return sum + sigma(a) * Math.log(sigma(a) / sigma(b)) + sigma(-a) * Math.log(sigma(-a) / sigma(-b));
        }, 0);
        expect(found).toBeGreaterThanOrEqual(0);
        expect(Math.abs(found - expected)).toBeLessThan(1e-9);
        expect(of(0, intact as Float32Array, 0)).toBe(0);
      },
    ),
  );
});

test("of any parabola the lowest point within the range is found, however far from the mean", () => {
  const number = fc.double({ min: -50, max: 50, noNaN: true });
  fc.assert(
    fc.property(number, number, number, fc.double({ min: 0.01, max: 5 }), number, (a, b, mean, deviation, best) => {
      const [lowest, highest] = [Math.fround(Math.min(a, b)), Math.fround(Math.max(a, b))];
      const tried = (places: number[]) => places.map((constant) => ({ constant, loss: (constant - best) ** 2 }));
      const coarse = coarseConstants({ mean, deviation, lowest, highest });
      expect(coarse[0]).toBeCloseTo(lowest, 12);
      expect(coarse[coarse.length - 1]).toBeCloseTo(highest, 12);
      const all = tried([...coarse, ...fineConstants(tried(coarse))]);
      const expected = Math.min(Math.max(best, lowest), highest);
      expect(Math.abs(refinedConstant(all) - expected)).toBeLessThan(1e-3);
    }),
  );
});
