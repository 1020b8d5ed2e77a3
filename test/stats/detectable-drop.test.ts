import { describe, expect, it } from "vitest";
import { seededRandom } from "../../src/numeric/random.ts";
import { detectableDrop, lossesFor } from "../../src/stats/detectable-drop.ts";
import { exactMcNemar } from "../../src/stats/mcnemar.ts";

function poisson(mean: number, uniform: () => number): number {
  const limit = Math.exp(-mean);
  let count = 0;
  for (let product = uniform(); product > limit; product *= uniform()) count++;
  return count;
}

describe("detectableDrop", () => {
  it.each([
    [0, 0.001],
    [4, 0.001],
    [12, 0.04],
  ])("is found with a power of 80 %% when %d images are gained and the bar is %d", (gains, bar) => {
    const images = 500;
    const drop = detectableDrop({ images, correct: 400, gains }, { bar });
    const { uniform } = seededRandom(4);
    const trials = 4_000;
    let found = 0;
    for (let trial = 0; trial < trials; trial++) {
      const [lost, gained] = [poisson(drop * images + gains, uniform), poisson(gains, uniform)];
      if (lost > gained && exactMcNemar(lost, gained) <= bar) found++;
    }
    // Three standard errors of 4,000 trials are 0.019.
    expect(Math.abs(found / trials - 0.8)).toBeLessThan(0.025);
  });

  it("is NaN where losing everything would not do, and without a bar", () => {
    expect(detectableDrop({ images: 20, correct: 8, gains: 1 }, { bar: 1e-4 })).toBeNaN();
    expect(detectableDrop({ images: 20, correct: 8, gains: 1 }, { bar: Number.NaN })).toBeNaN();
  });

  it("counts the fewest losses that reach a bar", () => {
    for (const gained of [0, 3, 17]) {
      const lost = lossesFor(0.001, gained);
      expect(exactMcNemar(lost, gained)).toBeLessThanOrEqual(0.001);
      expect(exactMcNemar(lost - 1, gained)).toBeGreaterThan(0.001);
    }
  });
});
