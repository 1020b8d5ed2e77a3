import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seededRandom } from "../../src/numeric/random.ts";
import { discreteDiscoveries } from "../../src/stats/discrete-false-discovery.ts";
import { benjaminiHochberg } from "../../src/stats/false-discovery.ts";
import { exactMcNemar } from "../../src/stats/mcnemar.ts";

/** P(a test with so many discordant images has a p-value of at most t), from the definition. */
function chanceOf(flips: number, t: number): number {
  let chance = 0;
  let ways = 1;
  for (let k = 0; k <= flips; k++) {
    if (exactMcNemar(flips - k, k) <= t * (1 + 1e-12)) chance += ways * 2 ** -flips;
    ways *= (flips - k) / (k + 1);
  }
  return chance;
}

/** Döhler's step-up procedure from its definition: which tests are discoveries at a rate. */
function stepUp(lost: readonly number[], gained: readonly number[], rate: number): boolean[] {
  const flips = lost.map((count, test) => count + (gained[test] ?? 0));
  const pValues = lost.map((count, test) => exactMcNemar(count, gained[test] ?? 0));
  const support = [...new Set(flips.flatMap((n) => Array.from({ length: n + 1 }, (_, k) => exactMcNemar(n - k, k))))];
  support.sort((a, b) => a - b);
  const sumAt = (t: number, top: number): number =>
    flips.reduce((sum, n) => sum + chanceOf(n, t) / (1 - chanceOf(n, top)), 0);
  const top = support.findLast((t) => t < 1 && sumAt(t, t) <= rate * flips.length) ?? 0;
  const bar = support.findLast((t) => {
    const below = pValues.filter((p) => p <= t).length;
    return t <= top && pValues.includes(t) && sumAt(t, top) <= rate * below;
  });
  return pValues.map((p) => bar !== undefined && p <= bar);
}

const counts = fc.array(fc.tuple(fc.nat(12), fc.nat(12)), { minLength: 1, maxLength: 12 });

describe("discreteDiscoveries", () => {
  it("at its highest proven rate finds what the definition finds, and never more below it", () => {
    fc.assert(
      fc.property(counts, (pairs) => {
        const [lost, gained] = [pairs.map(([l]) => l), pairs.map(([, g]) => g)];
        const { qValues } = discreteDiscoveries(Int32Array.from(lost), Int32Array.from(gained));
        expect(Array.from(qValues, (q) => q <= 0.1 + 1e-12)).toEqual(stepUp(lost, gained, 0.1));
        const strict = stepUp(lost, gained, 0.05);
        qValues.forEach((q, test) => {
          if (q <= 0.05) expect(strict[test]).toBe(true);
        });
      }),
      // p-values of 4, 6 and 7 flips, of which two are ⅛
      {
        numRuns: 200,
        examples: [
          [
            [
              [1, 3],
              [0, 6],
              [1, 6],
            ],
          ],
        ],
      },
    );
  });

  it("finds more than Benjamini and Hochberg's procedure where flips are few", () => {
    const lost = Int32Array.from({ length: 400 }, (_, test) => (test < 30 ? 9 : test % 3));
    const gained = Int32Array.from({ length: 400 }, (_, test) => (test < 30 ? 0 : (test + 1) % 3));
    const pValues =
      lost.map(Number) && Float64Array.from(lost, (count, test) => exactMcNemar(count, gained[test] ?? 0));
    expect(benjaminiHochberg(pValues).filter((q) => q <= 0.02).length).toBe(0);
    expect(discreteDiscoveries(lost, gained).qValues.filter((q) => q <= 0.02).length).toBe(30);
  });

  it("leaves out tests that were not made, and gives a bar that one further test could pass", () => {
    const lost = Int32Array.of(12, 0, 3, 5);
    const gained = Int32Array.of(0, 0, 2, 5);
    const { qValues, bar } = discreteDiscoveries(lost, gained, { isTested: (test) => test !== 1 });
    expect(qValues[1]).toBeNaN();
    expect(qValues[0]).toBeLessThan(0.05);
    expect(bar).toBeGreaterThan(0.05 / 3);
    expect(discreteDiscoveries(new Int32Array(2), new Int32Array(2), { isTested: () => false }).bar).toBeNaN();
  });

  it("keeps its rate over correlated units and classes of unequal accuracy, and finds what is planted", () => {
    const random = seededRandom(21);
    const [unitCount, classCount, layers] = [40, 10, 60];
    let falseShare = 0;
    let found = 0;
    const planted = 20;
    for (let layer = 0; layer < layers; layer++) {
      const lost = new Int32Array(unitCount * classCount);
      const gained = new Int32Array(unitCount * classCount);
      for (let cls = 0; cls < classCount; cls++) {
        // Images near the decision are the same for all units, and each leans to one side for half of them together:
        // units of a layer agree on what is lost. Classes have 2 to 40 of them.
        const near = 2 + 4 * cls;
        for (let image = 0; image < near; image++) {
          const shared = random.integer(2);
          for (let unit = 0; unit < unitCount; unit++) {
            if (random.uniform() < 0.5) continue;
            const isLost = random.uniform() < 0.5 ? shared : random.integer(2);
            const counts = isLost ? lost : gained;
            counts[unit * classCount + cls] = (counts[unit * classCount + cls] ?? 0) + 1;
          }
        }
      }
      const isReal = (test: number): boolean => test % 19 === 0 && test < 19 * planted;
      for (let test = 0; test < lost.length; test++) if (isReal(test)) lost[test] = (lost[test] ?? 0) + 25;
      const { qValues } = discreteDiscoveries(lost, gained);
      const discoveries = [...qValues.keys()].filter((test) => (qValues[test] ?? 1) <= 0.05);
      const real = discoveries.filter(isReal).length;
      found += real;
      falseShare += (discoveries.length - real) / Math.max(1, discoveries.length);
    }
    // The share of false discoveries varies by about 0.06 from layer to layer.
    expect(falseShare / layers).toBeLessThan(0.05 + (3 * 0.06) / Math.sqrt(layers));
    expect(found / (planted * layers)).toBeGreaterThan(0.9);
  });
});
