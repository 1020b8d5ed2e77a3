import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { orderSeed, stratifiedBlocks } from "../../src/passes/image-order.ts";

/** Sets of classes of unequal size, a class index without images among them. */
const sets = fc
  .array(fc.integer({ min: 0, max: 90 }), { minLength: 1, maxLength: 6 })
  .map((sizes) => Int32Array.from(sizes.flatMap((size, cls) => Array.from({ length: size }, () => cls))));

describe("stratifiedBlocks", () => {
  it("holds every image once, in blocks no larger than asked, every class in every round until it has no more", () => {
    fc.assert(
      fc.property(sets, fc.integer({ min: 1, max: 50 }), fc.nat(), (labels, blockSize, seed) => {
        const { plan, imagesOf, roundEnds } = stratifiedBlocks(labels, { seed, blockSize });
        const blocks = plan.blockSizes.map((_, block) => imagesOf(block));
        expect(blocks.flatMap((images) => [...images]).sort((a, b) => a - b)).toEqual([...labels.keys()]);
        expect(blocks.map(({ length }) => length)).toEqual(plan.blockSizes);
        expect(Math.max(0, ...plan.blockSizes)).toBeLessThanOrEqual(blockSize);
        expect(Math.min(...plan.blockSizes)).toBeGreaterThan(0);
        expect(roundEnds.length).toBeLessThanOrEqual(64);
        expect(roundEnds.at(-1) ?? 0).toBe(plan.to);
        const left = new Map<number, number>();
        for (const cls of labels) left.set(cls, (left.get(cls) ?? 0) + 1);
        let from = 0;
        for (const end of roundEnds) {
          const drawn = blocks.slice(from, end).flatMap((images) => Array.from(images, (image) => labels[image]));
          for (const [cls, count] of left) if (count > 0) expect(drawn).toContain(cls);
          for (const cls of drawn) left.set(cls, (left.get(cls) ?? 0) - 1);
          from = end;
        }
      }),
    );
  });

  it("gives every class its share of any round", () => {
    const labels = Int32Array.from({ length: 10_000 }, (_, image) => Math.floor(image / 1000));
    const { plan, imagesOf } = stratifiedBlocks(labels, { seed: 3, blockSize: 256 });
    expect(plan.blockSizes).toEqual(Array.from({ length: 40 }, () => 250));
    for (const block of [0, 17, 39]) {
      const counts = new Int32Array(10);
      for (const image of imagesOf(block)) counts[labels[image]]++;
      expect([...counts]).toEqual(Array.from({ length: 10 }, () => 25));
      expect(imagesOf(block)).toEqual(imagesOf(block).slice().sort());
    }
  });

  it("takes any image of a class as soon as any other", () => {
    const labels = Int32Array.from({ length: 40 }, (_, image) => image % 2);
    const first = new Int32Array(40);
    for (let seed = 0; seed < 2000; seed++) {
      for (const image of stratifiedBlocks(labels, { seed, blockSize: 8 }).imagesOf(0)) first[image]++;
    }
    // 8 of 40 images; the standard deviation of a count is √(2000 · 0.2 · 0.8) = 17.9
    for (const count of first) expect(Math.abs(count - 400)).toBeLessThan(4 * 17.9);
  });

  it("follows from the seed, and the seed from the images", () => {
    const labels = Int32Array.from({ length: 600 }, (_, image) => image % 3);
    const order = (seed: number): number[] => [...stratifiedBlocks(labels, { seed, blockSize: 60 }).imagesOf(4)];
    expect(order(1)).toEqual(order(1));
    expect(order(1)).not.toEqual(order(2));
    expect(orderSeed({ images: "ab" })).toBe(orderSeed({ images: "ab" }));
    expect(orderSeed({ images: "ab" })).not.toBe(orderSeed({ images: "ba" }));
  });
});
