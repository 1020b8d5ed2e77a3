/** Measured sequences against the plain way, and the rankings that they come from. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fastGreedy } from "../../src/sets/fast-greedy.ts";
import { measureSequences, mergeMeasured, plainMeasure, type Sequence } from "../../src/sets/measure-sequences.ts";
import { keepSequence, randomSequence, rankedSequence, rankUnits } from "../../src/sets/rankings.ts";
import { blockKinds, CLASSES, SIDE } from "../ablation/random-network.ts";
import { classImages, openStudy, pixelsOf, predictionsOf } from "./small-study.ts";

describe("measured sequences", () => {
  test("have the counts of the plain way on random networks", async () => {
    const settings = fc.record({
      recipe: fc.record({
        seed: fc.integer({ min: 1, max: 1e6 }),
        blocks: fc.array(fc.constantFrom(...blockKinds), { minLength: 1, maxLength: 2 }),
        head: fc.constantFrom("average", "max", "flatten", "two products", "convolution"),
      }),
      fromEnd: fc.integer({ min: 0, max: 3 }),
      isMean: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(settings, async ({ recipe, fromEnd, isMean }) => {
        const { context, model } = await openStudy(recipe, { fromEnd, isMean, change: { verify: 1 } });
        const pixels = pixelsOf(20, recipe.seed);
        // Half of the labels are what the network says, so that images can be lost and gained.
        const labels = (await predictionsOf(model, pixels)).map((cls, row) => (row % 2 === 0 ? cls : row % CLASSES));
        const images = Int32Array.from(labels, (_, row) => 100 + row);
        const { units } = context.planned.plan;
        const ranking = rankUnits(Float64Array.from({ length: units }, (_, unit) => (unit * 7) % 5));
        const sequences: Sequence[] = [
          rankedSequence(ranking, 3),
          keepSequence(ranking, 2),
          randomSequence(units, units, { seed: recipe.seed, index: 0 }),
          { initial: [], units: [], of: 1 },
          { ...rankedSequence(ranking, 3), of: 0 },
        ];
        const fast = await measureSequences(context, { ...pixels, images, labels }, sequences);
        const plain = await plainMeasure(context, { ...pixels, images, labels }, sequences);
        await context.close();
        expect(fast.right).toEqual(plain.right);
        expect(fast.called).toEqual(plain.called);
        expect(fast.taken).toEqual(plain.taken);
        expect(fast.taken.map(({ length }) => length)).toEqual([0, 0, 0, CLASSES, 4 * CLASSES]);
        // Every image is called something, after every step.
        fast.called.forEach((called, at) => {
          expect(called.reduce((sum, count) => sum + count, 0)).toBe(20 * ((sequences[at]?.units.length ?? 0) + 1));
        });
        expect([fast.images, fast.baseline]).toEqual([plain.images, plain.baseline]);
        expect(fast.verified).toBeGreaterThan(0);
      }),
      { numRuns: 20, seed: 3 },
    );
  });

  test("without biases nothing is left once every unit is gone: the same ties as the plain way's", async () => {
    for (const head of ["flatten", "two products"] as const) {
      const { context, model } = await openStudy({ seed: 5, blocks: ["plain"], head }, { isUnbiased: true });
      const pixels = pixelsOf(20, 5);
      const labels = await predictionsOf(model, pixels);
      const images = Int32Array.from(labels, (_, row) => row);
      const { units } = context.planned.plan;
      const sequences = [0, 1, 2].map((index) => randomSequence(units, units, { seed: 5, index }));
      const fast = await measureSequences(context, { ...pixels, images, labels }, sequences);
      const plain = await plainMeasure(context, { ...pixels, images, labels }, sequences);
      const { units: order } = await fastGreedy(context, await classImages(model, 20, 5), units);
      await context.close();
      expect(fast.called).toEqual(plain.called);
      // Whatever it was called before: all classes tie, which is the first.
      expect(fast.called.map((called) => called.at(-CLASSES))).toEqual([20, 20, 20]);
      expect(order.length).toBe(units);
    }
  });

  test("add up over blocks of images", async () => {
    const { context, model } = await openStudy({ seed: 21, blocks: ["plain"], head: "two products" });
    const pixels = pixelsOf(17, 21);
    const labels = await predictionsOf(model, pixels);
    const images = Int32Array.from(labels, (_, row) => row);
    const sequences = [randomSequence(4, 3, { seed: 1, index: 1 })];
    const part = (from: number, to: number): Parameters<typeof measureSequences>[1] => ({
      ...pixels,
      count: to - from,
      data: pixels.data.slice(from * 3 * SIDE ** 2, to * 3 * SIDE ** 2),
      images: images.slice(from, to),
      labels: labels.slice(from, to),
    });
    const whole = await measureSequences(context, part(0, 17), sequences);
    const parts = [
      await measureSequences(context, part(0, 5), sequences),
      await measureSequences(context, part(5, 17), sequences),
    ];
    await context.close();
    expect(mergeMeasured(parts)).toEqual(whole);
  });
});

describe("rankings", () => {
  test("fall by score, ties by number, missing scores last", () => {
    expect(rankUnits([0.1, Number.NaN, 0.5, 0.1, -2])).toEqual([2, 0, 3, 4, 1]);
  });

  test("keep-only sequences end with nothing kept and pass through every top set", () => {
    const { initial, units } = keepSequence([4, 2, 0, 1, 3], 3);
    expect(initial).toEqual([1, 3]);
    expect(units).toEqual([0, 2, 4]);
  });

  test("random sequences are distinct units, and the start of a longer one of the same number", () => {
    const short = randomSequence(50, 5, { seed: 8, index: 3 });
    const long = randomSequence(50, 50, { seed: 8, index: 3 });
    expect(long.units.slice(0, 5)).toEqual(short.units);
    expect(new Set(long.units).size).toBe(50);
    expect(randomSequence(50, 5, { seed: 8, index: 4 }).units).not.toEqual(short.units);
  });
});
