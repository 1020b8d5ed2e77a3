import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seededRandom } from "../../src/numeric/random.ts";
import { maxDropDistribution, maxDropNull } from "../../src/stats/max-drop-null.ts";
import { simulateMaxDropNull } from "../../src/stats/simulated-max-drop.ts";

interface Row {
  lost: Int32Array;
  gained: Int32Array;
  images: Int32Array;
}

/** All sign flips of a row, one by one: the definition, for few discordant images. */
function enumerate({ lost, gained, images }: Row): { p: number; mean: number; atMost(drop: number): number } {
  const classOf: number[] = [];
  lost.forEach((count, cls) => {
    for (let i = 0; i < count + gained[cls]; i++) classOf.push(cls);
  });
  const used = [...images.keys()].filter((cls) => images[cls] > 0);
  const largest = (net: ArrayLike<number>): number => Math.max(...used.map((cls) => net[cls] / images[cls]));
  const observed = largest(lost.map((count, cls) => count - gained[cls]));
  const drops: number[] = [];
  for (let pattern = 0; pattern < 2 ** classOf.length; pattern++) {
    const net = new Int32Array(images.length);
    classOf.forEach((cls, i) => {
      net[cls] += (pattern >> i) & 1 ? 1 : -1;
    });
    drops.push(largest(net));
  }
  return {
    p: drops.filter((drop) => drop >= observed - 1e-12).length / drops.length,
    mean: drops.reduce((sum, drop) => sum + drop, 0) / drops.length,
    atMost: (bound) => drops.filter((drop) => drop <= bound + 1e-12).length / drops.length,
  };
}

const rows: fc.Arbitrary<Row> = fc
  .array(fc.record({ lost: fc.nat(3), gained: fc.nat(2), spare: fc.nat(5), empty: fc.boolean() }), {
    minLength: 1,
    maxLength: 4,
  })
  .map((classes) => {
    const counts = classes.map(({ lost, gained, spare, empty }) =>
      empty && lost + gained < 2 ? { lost: 0, gained: 0, images: 0 } : { lost, gained, images: lost + gained + spare },
    );
    return {
      lost: Int32Array.from(counts, (count) => count.lost),
      gained: Int32Array.from(counts, (count) => count.gained),
      images: Int32Array.from(counts, (count) => count.images),
    };
  })
  .filter(({ lost, gained }) => [...lost, ...gained].reduce((sum, count) => sum + count, 0) <= 12);

describe("maxDropNull", () => {
  it("equals the enumeration of all sign flips", () => {
    fc.assert(
      fc.property(rows, (row) => {
        const found = maxDropNull(row.lost, row.gained, row.images);
        if (row.images.every((count) => count === 0)) {
          expect(found).toEqual({
            maxDrop: Number.NaN,
            maxClass: -1,
            pValue: Number.NaN,
            underNull: { mean: Number.NaN, quantile95: Number.NaN },
          });
          return;
        }
        const truth = enumerate(row);
        expect(found.pValue).toBeCloseTo(truth.p, 12);
        expect(found.underNull.mean).toBeCloseTo(truth.mean, 12);
        expect(truth.atMost(found.underNull.quantile95)).toBeGreaterThanOrEqual(0.95 - 1e-12);
        expect(truth.atMost(found.underNull.quantile95 - 1e-9)).toBeLessThan(0.95);
      }),
      { numRuns: 300 },
    );
  });

  it("gives a tie to the lowest class, comparing fractions exactly", () => {
    const found = maxDropNull(Int32Array.of(1, 3, 1), Int32Array.of(0, 0, 0), Int32Array.of(101, 300, 100));
    expect(found.maxClass).toBe(1);
    expect(found.maxDrop).toBe(0.01);
    expect(maxDropNull(Int32Array.of(0, 0), Int32Array.of(2, 1), Int32Array.of(0, 4))).toMatchObject({
      maxClass: 1,
      maxDrop: -0.25,
    });
  });

  it("keeps tiny tails", () => {
    const found = maxDropNull(Int32Array.of(200, 0), Int32Array.of(0, 0), Int32Array.of(1_000, 1_000));
    expect(found.pValue).toBeCloseTo(2 ** -200, 200);
    expect(found.pValue / 2 ** -200).toBeCloseTo(1, 10);
  });

  it("agrees with the simulation of sign flips", () => {
    const random = seededRandom(3);
    const [unitCount, classCount] = [30, 10];
    const images = Int32Array.from({ length: classCount }, (_, cls) => 80 + 10 * cls);
    const lost = Int32Array.from({ length: unitCount * classCount }, () => random.integer(8));
    const gained = Int32Array.from({ length: unitCount * classCount }, () => random.integer(6));
    const draws = 20_000;
    const simulated = simulateMaxDropNull(lost, gained, images, { draws, seed: 1 });
    expect(simulateMaxDropNull(lost, gained, images, { draws, seed: 1 })).toEqual(simulated);
    for (let unit = 0; unit < unitCount; unit++) {
      const part = (table: Int32Array): Int32Array => table.subarray(unit * classCount, (unit + 1) * classCount);
      const exact = maxDropNull(part(lost), part(gained), images).pValue;
      // four standard errors of a share of 20,000 draws, and the one that counts the observation
      const margin = 4 * Math.sqrt((exact * (1 - exact)) / draws) + 2 / draws;
      expect(Math.abs((simulated[unit] ?? 0) - exact)).toBeLessThan(margin);
    }
  });

  it("is a valid test: under the null, p ≤ level no more often than the level", () => {
    // 4,000 simulated units, 10 classes with 4 to 40 discordant images each; the exact p-value is conservative only by
    // the discreteness of counts, so the rate must lie below the level and not far below it.
    const random = seededRandom(11);
    const images = new Int32Array(10).fill(200);
    const discordant = Int32Array.from({ length: 10 }, (_, cls) => 4 * (cls + 1));
    const units = 4_000;
    let rejected = 0;
    for (let unit = 0; unit < units; unit++) {
      const gained = discordant.map((count) => {
        let heads = 0;
        for (let i = 0; i < count; i++) heads += random.integer(2);
        return heads;
      });
      const lost = discordant.map((count, cls) => count - gained[cls]);
      if (maxDropNull(lost, gained, images).pValue <= 0.05) rejected++;
    }
    const error = Math.sqrt((0.05 * 0.95) / units);
    expect(rejected / units).toBeLessThan(0.05 + 3 * error);
    expect(rejected / units).toBeGreaterThan(0.02);
  });
});

describe("simulateMaxDropNull", () => {
  it("does not let a unit's p-value depend on the other units", () => {
    const images = Int32Array.of(50, 50);
    const both = simulateMaxDropNull(Int32Array.of(5, 1, 7, 2), Int32Array.of(1, 2, 1, 3), images, { draws: 500 });
    const first = simulateMaxDropNull(Int32Array.of(5, 1), Int32Array.of(1, 2), images, { draws: 500 });
    expect(both[0]).toBe(first[0]);
  });

  it("is 1 where nothing changes and NaN where there are no images", () => {
    expect([...simulateMaxDropNull(new Int32Array(4), new Int32Array(4), Int32Array.of(9, 0))]).toEqual([1, 1]);
    expect([...simulateMaxDropNull(new Int32Array(2), new Int32Array(2), Int32Array.of(0, 0))]).toEqual([Number.NaN]);
  });
});

describe("maxDropDistribution", () => {
  it("does not underflow with hundreds of classes", () => {
    const { mean, quantile95 } = maxDropDistribution(new Int32Array(365).fill(60), new Int32Array(365).fill(100));
    // The largest of 365 normal values with standard deviation √60 / 100 lies near 2.93 of them.
    expect(mean / (Math.sqrt(60) / 100)).toBeGreaterThan(2.7);
    expect(mean / (Math.sqrt(60) / 100)).toBeLessThan(3.1);
    expect(quantile95).toBeGreaterThan(mean);
  });
});
