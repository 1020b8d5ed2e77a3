/** One specification over every route: the plain route is the oracle. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { joinDraws } from "../../src/ablation/draws.ts";
import { openFastRoute } from "../../src/ablation/fast-route.ts";
import { withDonors } from "../../src/ablation/fed-responses.ts";
import { openPlainRoute, openReference } from "../../src/ablation/plain-route.ts";
import { boundSuffix } from "../../src/ablation/suffix-bound.ts";
import { planSuffix } from "../../src/ablation/suffix-plan.ts";
import { allRoutes, openBlockSweep, type SweepOptions } from "../../src/ablation/sweep-block.ts";
import { switchedTensors } from "../../src/ablation/switched-tensors.ts";
import { seededRandom } from "../../src/numeric/random.ts";
import { cutTo } from "../../src/onnx/edit.ts";
import { openSession } from "../../src/runtime/session.ts";
import { blockOf, sourceOf } from "../passes/images-in-memory.ts";
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

describe("responses of other images in the place of a unit's own", () => {
  /** Flips and mean changes of all layers, by `draws` draws. */
  async function resampled(recipe: NetworkRecipe, draws: number, change: Partial<SweepOptions>) {
    const { model } = await randomNetwork(recipe);
    const planned = model.layers.map((layer) => ({
      plan: planSuffix(model, layer.tap),
      replacement: new Float32Array(layer.units),
      isFed: true,
    }));
    const bounds = await Promise.all(planned.map(({ plan }) => boundSuffix(model, plan)));
    const switched = switchedTensors(model, []);
    const sweep = await openBlockSweep(model, planned, { switched, bounds, options: { ...options, ...change, draws } });
    const data = randomImages(IMAGES, recipe.seed);
    const labels = Int32Array.from({ length: IMAGES }, (_, i) => i % CLASSES);
    const source = withDonors(sourceOf(data, [3, SIDE, SIDE], labels), { draws, seed: recipe.seed });
    const swept = await sweep.sweep(await source.read(Int32Array.from({ length: IMAGES }, (_, image) => image)));
    await sweep.close();
    return { model, data, source, layers: swept.layers };
  }

  const flipsOf = ({ layers }: Awaited<ReturnType<typeof resampled>>): string[] =>
    layers.map(({ unit, image, prediction }) =>
      Array.from(unit, (u, at) => `${u}/${image[at]}→${prediction[at]}`).join(" "),
    );

  test("every fast route gives the flips of the plain one, and what is verified agrees", async () => {
    await fc.assert(
      fc.asyncProperty(recipes, fc.integer({ min: 1, max: 3 }), async (recipe, draws) => {
        const plain = await resampled(recipe, draws, { engine: "plain" });
        const fast = await resampled(recipe, draws, { verify: 0.3 });
        expect(flipsOf(fast)).toEqual(flipsOf(plain));
        expect(fast.layers.some(({ verified }) => verified > 0)).toBe(true);
      }),
      { numRuns: 12, seed: 11 },
    );
  });

  test("one draw is the whole network with the donor's response in the place, image by image", async () => {
    const recipe: NetworkRecipe = { seed: 4, blocks: ["plain", "residual"], head: "two products" };
    const { model, data, source, layers } = await resampled(recipe, 1, {});
    const { donors = [] } = await source.read(Int32Array.from({ length: IMAGES }, (_, image) => image));
    const reference = openReference(model, [], {});
    let changed = 0;
    for (const [at, layer] of model.layers.entries()) {
      const tensor = switchedTensors(model, []).find(({ tap }) => tap === layer.tap);
      if (!tensor) throw new Error("no tensor");
      const donor = await openSession(cutTo(model.graph, [layer.tap]));
      const route = await openPlainRoute(model, tensor, { reference, isFed: true });
      for (let image = 0; image < IMAGES; image++) {
        const size = 3 * SIDE * SIDE;
        const pixels = donors[0]?.slice(image * size, (image + 1) * size) ?? new Float32Array();
        const { [layer.tap]: response } = await donor.run({
          [model.input.name]: { type: "float32", dims: [1, 3, SIDE, SIDE], data: pixels },
        });
        const own = { count: 1, imageDims: [3, SIDE, SIDE], data: data.slice(image * size, (image + 1) * size) };
        for (let unit = 0; unit < layer.units; unit++) {
          const fed = { dims: response?.dims ?? [], data: response?.data as Float32Array };
          const removal = { tap: layer.tap, units: [unit], replacement: new Float32Array(layer.units), fed };
          const prediction = argmax(await route.logits(own, [0], removal));
          const intact = argmax(await route.logits(own, [0], { ...removal, units: [] }));
          const found = layers[at];
          const place = Array.from(found?.unit ?? []).findIndex((u, i) => u === unit && found?.image[i] === image);
          if (prediction !== intact) changed++;
          expect(place < 0 ? intact : found?.prediction[place]).toBe(prediction);
        }
      }
      await donor.close();
      await route.close();
    }
    expect(changed).toBeGreaterThan(0);
    await reference.close();
  });

  test("every image gives its responses once a draw, and none gets its own", async () => {
    const images = Int32Array.from({ length: 30 }, (_, image) => image);
    const numbered = sourceOf(Float32Array.from(images), [1], new Int32Array(30));
    const { donors = [] } = await withDonors(numbered, { draws: 4, seed: 2 }).read(images);
    expect(donors).toHaveLength(4);
    for (const donor of donors) {
      expect(Array.from(donor).sort((a, b) => a - b)).toEqual([...images]);
      expect(donor.some((from, at) => from === at)).toBe(false);
    }
    const part = await withDonors(numbered, { draws: 4, seed: 2 }).read(Int32Array.of(3, 17));
    expect(part.donors?.map((donor) => [...donor])).toEqual(donors.map((donor) => [donor[3], donor[17]]));
    expect(() => withDonors(numbered, { draws: 30, seed: 1 })).toThrow(
      'option "draws": expected a whole number from 1 to 29 (images but one), got 30',
    );
  });

  test("several draws: an image is called what most call it; ties go to what it was called", () => {
    const block = blockOf(new Float32Array(3), [1], Int32Array.of(0, 0, 0));
    const none = { silent: 0, certified: 0, closedForm: 0, suffix: 0, plain: 0 };
    const draw = (flips: readonly (readonly [unit: number, image: number, prediction: number])[]) => ({
      unit: Int32Array.from(flips, ([unit]) => unit),
      image: Int32Array.from(flips, ([, image]) => image),
      prediction: Int32Array.from(flips, ([, , prediction]) => prediction),
      settled: none,
      continuous: null,
      verified: 0,
    });
    // Unit 0: image 0 twice class 2; image 1 once; unit 1: image 2 three different ways.
    const draws = [
      draw([
        [0, 0, 2],
        [0, 1, 1],
        [1, 2, 3],
      ]),
      draw([
        [0, 0, 2],
        [1, 2, 1],
      ]),
      draw([[1, 2, 2]]),
    ];
    const joined = joinDraws(block, draws, { units: 2, predictions: Int32Array.of(0, 0, 0), changes: null });
    expect([[...joined.unit], [...joined.image], [...joined.prediction]]).toEqual([
      [0, 1],
      [0, 2],
      [2, 1],
    ]);
  });
});

function argmax(logits: Float32Array): number {
  return logits.indexOf(Math.max(...logits));
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
