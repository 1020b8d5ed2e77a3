/** Limits that hold at every moment: coverage on sets whose truth is known, looked at after every step. */
import { describe, expect, it } from "vitest";
import { type Random, seededRandom } from "../../src/numeric/random.ts";
import { stratifiedBlocks } from "../../src/passes/image-order.ts";
import { type DropLimits, describeSampling, dropLimits, type Sampling } from "../../src/stats/confidence-sequence.ts";

/** A set of images with known changes, in the blocks of an order. */
interface Drawn {
  readonly sizes: Int32Array;
  /** Images of every class that each step draws. */
  readonly drawn: Int32Array[];
  /** Lost and gained images of every class in each step. */
  readonly lost: Int32Array[];
  readonly gained: Int32Array[];
}

/** @param rates of every class: its images, and the shares that are lost and gained. */
function draw(rates: readonly (readonly [images: number, lost: number, gained: number])[], seed: number): Drawn {
  const labels = Int32Array.from(rates.flatMap(([images], cls) => Array.from({ length: images }, () => cls)));
  const changes = rates.flatMap(([images, lost, gained]) =>
    Array.from({ length: images }, (_, at) => {
      const place = (at + 0.5) / images;
      return place < lost ? 1 : place < lost + gained ? -1 : 0;
    }),
  );
  const { plan, imagesOf, roundEnds } = stratifiedBlocks(labels, { seed, blockSize: 40 });
  const count = (blocks: number[], test: (image: number) => boolean): Int32Array => {
    const counts = new Int32Array(rates.length);
    for (const block of blocks) for (const image of imagesOf(block)) if (test(image)) counts[labels[image]]++;
    return counts;
  };
  const rounds = roundEnds.map((end, round) => {
    const from = roundEnds[round - 1] ?? 0;
    return Array.from({ length: end - from }, (_, at) => from + at);
  });
  expect(rounds.flat()).toHaveLength(plan.to);
  return {
    sizes: Int32Array.from(rates, ([images]) => images),
    drawn: rounds.map((blocks) => count(blocks, () => true)),
    lost: rounds.map((blocks) => count(blocks, (image) => changes[image] === 1)),
    gained: rounds.map((blocks) => count(blocks, (image) => changes[image] === -1)),
  };
}

function overall({ sizes, drawn, lost, gained }: Drawn, steps: number): DropLimits {
  const sampling = describeSampling(sizes, drawn.slice(0, steps));
  const sums = (counts: Int32Array[]): number[] =>
    sampling.steps.flatMap(({ cells }, step) =>
      cells.map(({ classes }) => classes.reduce((sum, cls) => sum + counts[step][cls], 0)),
    );
  return dropLimits(sampling, { lost: sums(lost), gained: sums(gained) });
}

const scenes = {
  "no effect": [
    [200, 0.03, 0.03],
    [200, 0.03, 0.03],
    [200, 0.03, 0.03],
  ],
  "effects on some classes": [
    [200, 0.3, 0.02],
    [200, 0, 0.05],
    [200, 0.01, 0],
  ],
  "classes of unequal size, one with fewer images than rounds": [
    [400, 0.02, 0.02],
    [120, 0.4, 0.1],
    [5, 0.8, 0],
  ],
} as const;

describe("dropLimits", () => {
  it.each(Object.entries(scenes))("covers the overall drop at every moment: %s", (_, rates) => {
    const images = rates.reduce((sum, [size]) => sum + size, 0);
    const whole = draw(rates, 0);
    const sum = (counts: Int32Array[]): number =>
      counts.reduce((all, step) => all + step.reduce((a, b) => a + b, 0), 0);
    const truth = (sum(whole.lost) - sum(whole.gained)) / images;
    const trials = 250;
    let missed = 0;
    for (let trial = 1; trial <= trials; trial++) {
      const drawn = draw(rates, trial);
      const looks = trial <= 20 ? drawn.drawn.length : 0; // limits never widen, so the last look but one tells
      let held = true;
      let before: DropLimits = { lower: -1, upper: 1 };
      for (let steps = 1; steps < looks; steps++) {
        const limits = overall(drawn, steps);
        expect(limits.lower).toBeGreaterThanOrEqual(before.lower);
        expect(limits.upper).toBeLessThanOrEqual(before.upper);
        held &&= limits.lower <= truth && truth <= limits.upper;
        before = limits;
      }
      const { lower, upper } = overall(drawn, drawn.drawn.length - 1);
      if (looks > 0) expect(lower <= truth && truth <= upper).toBe(held);
      if (!(lower <= truth && truth <= upper)) missed++;
      const end = overall(drawn, drawn.drawn.length);
      if (held && looks > 0) expect([end.lower, end.upper]).toEqual([truth, truth]);
    }
    expect(missed / trials).toBeLessThanOrEqual(0.05 + 2.33 * Math.sqrt((0.05 * 0.95) / trials));
  });

  it.each([
    [0, 0],
    [0.01, 0.01],
    [0.1, 0.02],
    [0.5, 0.5],
    [1, 0],
  ])("covers a class of 100 images that loses %d and gains %d, image by image", (lost, gained) => {
    const random = seededRandom(5);
    const truth = Math.round(100 * lost) - Math.round(100 * gained);
    const sampling = describeSampling(
      Int32Array.of(100),
      Array.from({ length: 60 }, () => Int32Array.of(1)),
    );
    let missed = 0;
    for (let trial = 0; trial < 400; trial++) {
      const changes = shuffled(100, Math.round(100 * lost), Math.round(100 * gained), random).subarray(0, 60);
      const { lower, upper } = dropLimits(sampling, {
        lost: changes.map((change) => Number(change > 0)),
        gained: changes.map((change) => Number(change < 0)),
      });
      if (lower > truth / 100 || upper < truth / 100) missed++;
    }
    expect(missed / 400).toBeLessThanOrEqual(0.05);
  });

  it("are as narrow as they can be where nothing changes, and know what the images left can do", () => {
    const sampling = (images: number): Sampling => describeSampling(Int32Array.of(1000), [Int32Array.of(images)]);
    const none = { lost: [0], gained: [0] };
    const { lower, upper } = dropLimits(sampling(500), none);
    expect(upper).toBe(-lower);
    expect(upper).toBeLessThan(0.012); // 3.7 images of 500 without knowing of the end, and the price of the mixture
    expect(dropLimits(sampling(999), none)).toEqual({ lower: -0.001, upper: 0.001 });
    expect(dropLimits(sampling(1000), none)).toEqual({ lower: 0, upper: 0 });
    expect(dropLimits(describeSampling(Int32Array.of(1000), []), { lost: [], gained: [] })).toEqual({
      lower: -1,
      upper: 1,
    });
    expect(dropLimits(describeSampling(Int32Array.of(), []), { lost: [], gained: [] }).lower).toBeNaN();
  });

  it("refuses steps that pass over a class", () => {
    expect(() => describeSampling(Int32Array.of(3, 2), [Int32Array.of(1, 0)])).toThrow(
      "sampling: step 0: expected 1 to 2 images of class 1, got 0",
    );
    expect(() => describeSampling(Int32Array.of(3), [Int32Array.of(4)])).toThrow("got 4");
  });
});

function shuffled(count: number, lost: number, gained: number, random: Random): Int8Array {
  return random.shuffle(Int8Array.from({ length: count }, (_, at) => (at < lost ? 1 : at < lost + gained ? -1 : 0)));
}
