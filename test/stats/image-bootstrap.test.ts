import { describe, expect, it } from "vitest";
import { seededRandom } from "../../src/numeric/random.ts";
import { imageInterval } from "../../src/stats/image-bootstrap.ts";

const classCount = 5;
const imageCount = 400;
const labels = Int32Array.from({ length: imageCount }, (_, image) => image % classCount);

describe("imageInterval", () => {
  it("covers the truth of one network nine to ten times in ten, with rare and lopsided parts", () => {
    const random = seededRandom(9);
    const truth = 0.1 * 1 - 0.03 * 1;
    let covered = 0;
    const trials = 200;
    for (let trial = 0; trial < trials; trial++) {
      const parts = Float64Array.from(labels, () => {
        const at = random.uniform();
        return (at < 0.1 ? 1 : at < 0.13 ? -1 : 0) / imageCount;
      });
      const { low, high } = imageInterval([parts], labels, { resamples: 200, seed: trial });
      if (low <= truth && truth <= high) covered++;
    }
    expect(covered / trials).toBeGreaterThan(0.9);
    expect(covered / trials).toBeLessThan(0.99);
  });

  it("is wider over networks that differ than over images alone, and covers their mean", () => {
    const random = seededRandom(10);
    let covered = 0;
    const trials = 100;
    for (let trial = 0; trial < trials; trial++) {
      const common = Float64Array.from(labels, () => random.normal());
      const networks = Array.from({ length: 8 }, () => {
        const level = random.normal() * 0.1;
        return common.map((value) => (value * 0.5 + level + 0.5 * random.normal()) / imageCount);
      });
      const both = imageInterval(networks, labels, { resamples: 300, seed: trial });
      if (both.low <= 0 && 0 <= both.high) covered++;
      if (trial > 5) continue;
      const one = imageInterval(networks.slice(0, 1), labels, { resamples: 300, seed: trial });
      expect(one.high - one.low).toBeGreaterThan(0);
    }
    expect(covered / trials).toBeGreaterThan(0.87);
  });

  it("depends on its seed alone, and compares two groups on the same images", () => {
    const parts = Float64Array.from(labels, (cls, image) => ((image * 7 + cls) % 11) / imageCount);
    expect(imageInterval([parts], labels, { seed: 1 })).toEqual(imageInterval([parts], labels, { seed: 1 }));
    expect(imageInterval([parts], labels, { seed: 1 })).not.toEqual(imageInterval([parts], labels, { seed: 2 }));
    const { low, high } = imageInterval([parts], labels, { against: [parts] });
    expect([Math.abs(low) < 1e-12, Math.abs(high) < 1e-12]).toEqual([true, true]);
    expect(imageInterval([], labels).low).toBeNaN();
  });
});
