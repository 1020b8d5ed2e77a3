/** The fast greedy search against its definition. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fastGreedy } from "../../src/sets/fast-greedy.ts";
import { isBetterStep, plainGreedy } from "../../src/sets/greedy.ts";
import { verifySet } from "../../src/sets/set-context.ts";
import { blockKinds, type NetworkRecipe } from "../ablation/random-network.ts";
import { classImages, openStudy } from "./small-study.ts";

const recipes: fc.Arbitrary<NetworkRecipe> = fc.record({
  seed: fc.integer({ min: 1, max: 1e6 }),
  blocks: fc.array(fc.constantFrom(...blockKinds), { minLength: 1, maxLength: 2 }),
  head: fc.constantFrom("average", "max", "flatten", "two products", "convolution"),
});

describe("greedy sequences", () => {
  test("are those of the plain way on random networks, every pair verified", async () => {
    let abandoned = 0;
    let dropped = 0;
    const settings = fc.record({ recipe: recipes, fromEnd: fc.integer({ min: 0, max: 3 }), isMean: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(settings, async ({ recipe, fromEnd, isMean }) => {
        const { context, model } = await openStudy(recipe, { fromEnd, isMean, change: { verify: 1 } });
        const from = await classImages(model, 40, recipe.seed);
        const size = Math.min(3, context.planned.plan.units);
        const fast = await fastGreedy(context, from, size);
        const plain = await plainGreedy(context, from, size);
        await context.close();
        expect({ units: fast.units, right: fast.right, single: fast.singleRight }).toEqual({
          units: plain.units,
          right: plain.right,
          single: plain.singleRight,
        });
        expect(fast.verified).toBe(fast.work.computed + fast.work.silent + fast.work.certified);
        abandoned += fast.work.abandoned;
        dropped += fast.right[0] - fast.right[size];
      }),
      { numRuns: 25, seed: 6 },
    );
    // The shortcuts were taken, and there was something to find.
    expect(abandoned).toBeGreaterThan(0);
    expect(dropped).toBeGreaterThan(0);
  });

  test("are those of the plain way where most units are certified to do nothing", async () => {
    const recipe: NetworkRecipe = { seed: 12, blocks: ["plain", "overlapping pool"], head: "two products" };
    const { context, model } = await openStudy(recipe, { fromEnd: 1, isFaint: true, change: { verify: 1 } });
    const from = await classImages(model, 60, 12);
    const fast = await fastGreedy(context, from, 4);
    const plain = await plainGreedy(context, from, 4);
    await context.close();
    expect([fast.units, fast.right, fast.singleRight]).toEqual([plain.units, plain.right, plain.singleRight]);
    expect(fast.work.certified).toBeGreaterThan(60);
  });

  test("of size 0 are only the drops of single units", async () => {
    const { context, model } = await openStudy({ seed: 4, blocks: ["plain"], head: "two products" });
    const from = await classImages(model, 30, 4);
    const fast = await fastGreedy(context, from, 0);
    const plain = await plainGreedy(context, from, 0);
    await context.close();
    expect(fast.units.length).toBe(0);
    expect(fast.right.length).toBe(1);
    expect(fast.singleRight).toEqual(plain.singleRight);
  });

  test("can remove every unit, and refuse to remove more", async () => {
    const { context, model } = await openStudy(
      { seed: 9, blocks: ["overlapping pool"], head: "two products" },
      { fromEnd: 1 },
    );
    const from = await classImages(model, 20, 9);
    const { units } = context.planned.plan;
    const fast = await fastGreedy(context, from, units);
    const plain = await plainGreedy(context, from, units);
    expect(Array.from(fast.units)).toEqual(Array.from(plain.units));
    expect(Array.from(fast.right)).toEqual(Array.from(plain.right));
    expect(new Set(fast.units).size).toBe(units);
    await expect(fastGreedy(context, from, units + 1)).rejects.toThrow(
      `option "size": expected a whole number of units from 1 to ${units}, got ${units + 1}`,
    );
    await context.close();
  });
});

describe("ties between steps", () => {
  const single = [30, 20, 20, 40];
  test("fewer right images win", () => {
    expect(isBetterStep({ unit: 3, right: 4 }, { unit: 1, right: 5 }, single)).toBe(true);
    expect(isBetterStep({ unit: 1, right: 6 }, { unit: 3, right: 5 }, single)).toBe(false);
  });
  test("then the larger drop of the unit alone, then the lower number", () => {
    expect(isBetterStep({ unit: 1, right: 5 }, { unit: 0, right: 5 }, single)).toBe(true);
    expect(isBetterStep({ unit: 3, right: 5 }, { unit: 0, right: 5 }, single)).toBe(false);
    expect(isBetterStep({ unit: 1, right: 5 }, { unit: 2, right: 5 }, single)).toBe(true);
    expect(isBetterStep({ unit: 2, right: 5 }, { unit: 1, right: 5 }, single)).toBe(false);
  });
});

test("verification finds a wrong verdict", async () => {
  const { context, model } = await openStudy(
    { seed: 4, blocks: ["plain"], head: "average" },
    { change: { verify: 1 } },
  );
  const from = await classImages(model, 10, 4);
  const plain = await context.plain();
  const rows = Array.from(from.images);
  const right = Array.from(await plain.predict(from, rows, context.removal([1])), (each) =>
    Number(each === from.labels[0]),
  );
  const into = { verified: 0 };
  await verifySet(context, from, { units: [1], rows, right }, into);
  expect(into).toEqual({ verified: 10 });
  right[7] = 1 - right[7];
  await expect(verifySet(context, from, { units: [1], rows, right }, into)).rejects.toThrow(
    /without units 1, image 7: expected class \d+ as by the whole network, got .* by the fast route; between the layer/,
  );
  await context.close();
});
