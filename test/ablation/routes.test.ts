/** One specification over every route: the plain route is the oracle. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openFastRoute } from "../../src/ablation/fast-route.ts";
import { openPlainRoute, openReference } from "../../src/ablation/plain-route.ts";
import { boundSuffix } from "../../src/ablation/suffix-bound.ts";
import { planSuffix } from "../../src/ablation/suffix-plan.ts";
import { allRoutes, openBlockSweep, type SweepOptions } from "../../src/ablation/sweep-block.ts";
import { switchedTensors } from "../../src/ablation/switched-tensors.ts";
import { seededRandom } from "../../src/numeric/random.ts";
import { blockOf } from "../passes/images-in-memory.ts";
import { blockKinds, CLASSES, type NetworkRecipe, randomImages, randomNetwork, SIDE } from "./random-network.ts";

const IMAGES = 12;
const heads = ["average", "max", "flatten", "two products", "convolution"] as const;
const recipes: fc.Arbitrary<NetworkRecipe> = fc.record({
  seed: fc.integer({ min: 1, max: 1e6 }),
  blocks: fc.array(fc.constantFrom(...blockKinds), { minLength: 1, maxLength: 3 }),
  head: fc.constantFrom(...heads),
});
const options: SweepOptions = {
  engine: "auto",
  routes: allRoutes,
  continuous: false,
  verify: 0,
  seed: 1,
  threads: 1,
  provider: "cpu",
};

/** Sweeps all layers with the given options; flips as comparable text. */
async function flips(
  recipe: NetworkRecipe,
  method: "zero" | "mean" | "weights",
  change: Partial<SweepOptions>,
): Promise<string[]> {
  const { model } = await randomNetwork(recipe);
  const random = seededRandom(recipe.seed, 7);
  const layers = model.layers.filter((layer) => method !== "weights" || layer.weight !== null);
  const planned = layers.map((layer) => ({
    plan: planSuffix(model, method === "weights" ? layer.output : layer.tap),
    replacement: Float32Array.from({ length: layer.units }, () => (method === "mean" ? random.uniform() : 0)),
  }));
  const bounds = await Promise.all(planned.map(({ plan }) => boundSuffix(model, plan)));
  const switched = switchedTensors(
    model,
    planned.map(({ plan }) => plan.tap),
  );
  const sweep = await openBlockSweep(model, planned, { switched, bounds, options: { ...options, ...change } });
  const data = randomImages(IMAGES, recipe.seed);
  const labels = Int32Array.from({ length: IMAGES }, (_, i) => i % CLASSES);
  const swept = await sweep.sweep(blockOf(data, [3, SIDE, SIDE], labels));
  await sweep.close();
  return swept.layers.map(
    ({ unit, image, prediction }, i) =>
      `${layers[i]?.name}: ${Array.from(unit, (u, at) => `${u}/${image[at]}→${prediction[at]}`).join(" ")}`,
  );
}

describe("every fast route gives the flips of the plain one", () => {
  for (const method of ["zero", "mean", "weights"] as const) {
    test(`random networks, method ${method}`, async () => {
      await fc.assert(
        fc.asyncProperty(recipes, async (recipe) => {
          const plain = await flips(recipe, method, { engine: "plain" });
          expect(await flips(recipe, method, {})).toEqual(plain);
        }),
        { numRuns: 15, seed: 42 },
      );
    });
  }

  test("with each route switched off", async () => {
    const recipe: NetworkRecipe = { seed: 5, blocks: ["overlapping pool", "residual", "plain"], head: "two products" };
    const plain = await flips(recipe, "zero", { engine: "plain" });
    expect(plain.some((line) => line.includes("→"))).toBe(true);
    for (const route of Object.keys(allRoutes)) {
      expect(await flips(recipe, "zero", { routes: { ...allRoutes, [route]: false } })).toEqual(plain);
    }
    expect(await flips(recipe, "zero", { continuous: true })).toEqual(plain);
  });

  test("every kind of block and head, so that none is left to chance", async () => {
    for (const [index, block] of blockKinds.entries()) {
      const recipe: NetworkRecipe = {
        seed: 100 + index,
        blocks: [block],
        head: heads[index % heads.length],
      };
      expect(await flips(recipe, "zero", {})).toEqual(await flips(recipe, "zero", { engine: "plain" }));
    }
  });
});

test("logits of unit sets agree with the plain route's to well within the tie tolerance", async () => {
  await fc.assert(
    fc.asyncProperty(recipes, async (recipe) => {
      const { model } = await randomNetwork(recipe);
      const random = seededRandom(recipe.seed, 3);
      const data = randomImages(IMAGES, recipe.seed);
      const pixels = { count: IMAGES, imageDims: [3, SIDE, SIDE], data };
      const rows = Int32Array.from({ length: IMAGES }, (_, i) => i).filter(() => random.uniform() < 0.7);
      for (const layer of model.layers) {
        const replacement = Float32Array.from({ length: layer.units }, () => random.uniform());
        const plan = planSuffix(model, layer.tap);
        const fast = await openFastRoute(model, [{ plan, replacement }]);
        const reference = openReference(model, switchedTensors(model, []));
        const tensor = switchedTensors(model, []).find(({ tap }) => tap === layer.tap);
        if (!tensor) throw new Error(`no switch for ${layer.tap}`);
        const plain = await openPlainRoute(model, tensor, { reference });
        const units = Array.from({ length: layer.units }, (_, unit) => unit).filter(() => random.uniform() < 0.4);
        const block = await fast.prepare(pixels);
        const got = await fast.layers[0]?.removeSet(block, units, rows);
        const expected = await plain.logits(pixels, rows, { tap: layer.tap, units, replacement });
        const scale = expected.reduce((most, logit) => Math.max(most, Math.abs(logit)), 0);
        // Float32 rounding of a few dozen operators; a fifth of TIE_TOLERANCE leaves room to the settled margin.
        got.forEach((logit, i) => expect(Math.abs(logit - expected[i])).toBeLessThanOrEqual(6e-6 * scale));
        await fast.close();
        await plain.close();
        await reference.close();
      }
    }),
    { numRuns: 12, seed: 7 },
  );
});
