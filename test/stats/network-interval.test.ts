import { describe, expect, it } from "vitest";
import { seededRandom } from "../../src/numeric/random.ts";
import { imageVariance, networkInterval } from "../../src/stats/network-interval.ts";

describe("networkInterval", () => {
  it("is Student's for one group", () => {
    // t of 4 degrees of freedom at 95 %: 2.7764; standard error of 1 … 5: √(2.5 / 5)
    const { value, low, high } = networkInterval([1, 2, 3, 4, 5]);
    expect(value).toBe(3);
    expect(high - 3).toBeCloseTo(2.7764451 * Math.sqrt(0.5), 5);
    expect(low + high).toBeCloseTo(6, 12);
    expect(networkInterval([1, 2]).high - 1.5).toBeCloseTo(12.7062047 * 0.5, 4);
  });

  it("knows nothing of one network but what its images say", () => {
    expect(networkInterval([0.3]).low).toBeNaN();
    const { low, high } = networkInterval([0.3], { imageVariance: 0.01 });
    expect(high - low).toBeCloseTo(2 * 1.959964 * 0.1, 4);
  });

  // Standard deviations of what images and networks add, of a group of networks and another that it is compared with.
  it.each([
    { own: 2, other: 5, images: 0.5 },
    { own: 2, other: 5, images: 2 },
    { own: 3, other: 5, images: 0.25 },
    { own: 3, other: 5, images: 1 },
    { own: 3, other: 3, images: 0.5 },
    { own: 5, other: 5, images: 0.5 },
    { own: 2, other: 0, images: 0.5 },
    { own: 5, other: 0, images: 1 },
  ])("covers as often as it says: %o", ({ own, other, images }) => {
    const random = seededRandom(own, 10 * other + images);
    const trials = 2_000;
    let covered = 0;
    let narrower = 0;
    for (let trial = 0; trial < trials; trial++) {
      const shared = images * random.normal(); // what the choice of images does to all networks of one group
      const group = Array.from({ length: own }, () => 1 + shared + random.normal());
      const against = other === 0 ? undefined : Array.from({ length: other }, () => random.normal());
      const { low, high } = networkInterval(group, { against, imageVariance: images ** 2 });
      if (low <= 1 && 1 <= high) covered++;
      const alone = networkInterval(group, { against });
      if (high - low < alone.high - alone.low) narrower++;
    }
    expect(covered / trials).toBeGreaterThan(0.94);
    expect(narrower).toBe(0);
  });

  it("knows nothing where networks do not differ and images say nothing", () => {
    const { value, low, high } = networkInterval([0, 0, 0]);
    expect([value, low, high]).toEqual([0, Number.NaN, Number.NaN]);
  });
});

describe("imageVariance", () => {
  it("is the variance of a sum of independent draws within classes", () => {
    const random = seededRandom(13);
    const labels = Int32Array.from({ length: 300 }, (_, image) => image % 3);
    const sums: number[] = [];
    let claimed = 0;
    for (let trial = 0; trial < 400; trial++) {
      const parts = Float64Array.from(labels, (cls) => cls + (1 + cls) * random.normal());
      sums.push(parts.reduce((sum, part) => sum + part, 0));
      claimed += imageVariance(parts, labels) / 400;
    }
    const mean = sums.reduce((sum, each) => sum + each, 0) / sums.length;
    const variance = sums.reduce((sum, each) => sum + (each - mean) ** 2, 0) / (sums.length - 1);
    expect(claimed).toBeCloseTo(100 * (1 + 4 + 9), -2);
    expect(Math.abs(variance / claimed - 1)).toBeLessThan(0.25);
  });
});
