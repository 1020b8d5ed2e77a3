/** Directions removed the fast way against the plain graph: rotate, replace one coordinate, rotate back. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openReference } from "../../src/ablation/plain-route.ts";
import { planSuffix } from "../../src/ablation/suffix-plan.ts";
import { allRoutes, openBlockSweep } from "../../src/ablation/sweep-block.ts";
import { switchedTensors } from "../../src/ablation/switched-tensors.ts";
import { haarRotation, identity, rotationPower } from "../../src/numeric/orthogonal.ts";
import { seededRandom } from "../../src/numeric/random.ts";
import { boundDirections } from "../../src/rotation/direction-bound.ts";
import { openPlainRotation } from "../../src/rotation/plain-rotation.ts";
import { openRotationRoute } from "../../src/rotation/rotation-route.ts";
import { type DirectionContext, sweepDirections } from "../../src/rotation/sweep-directions.ts";
import {
  blockKinds,
  CLASSES,
  type NetworkRecipe,
  randomImages,
  randomNetwork,
  SIDE,
} from "../ablation/random-network.ts";

const IMAGES = 10;
const recipes: fc.Arbitrary<NetworkRecipe> = fc.record({
  seed: fc.integer({ min: 1, max: 1e6 }),
  blocks: fc.array(fc.constantFrom(...blockKinds), { minLength: 1, maxLength: 2 }),
  head: fc.constantFrom("average", "max", "flatten", "two products", "convolution"),
});

/** One layer, chosen by its place counted from the last, opened for rotation. */
async function openLayer(
  recipe: NetworkRecipe,
  {
    fromEnd = 0,
    isMean = false,
    change = {},
  }: { fromEnd?: number; isMean?: boolean; change?: Partial<DirectionContext> } = {},
): Promise<DirectionContext> {
  const { model } = await randomNetwork(recipe);
  const layers = model.layers.filter((layer) => !layer.isOutput);
  const layer = layers[layers.length - 1 - (fromEnd % layers.length)];
  if (!layer) throw new Error("no layer");
  const plan = planSuffix(model, layer.tap);
  const random = seededRandom(recipe.seed, 7);
  const replacement = Float32Array.from({ length: layer.units }, () => (isMean ? random.uniform() : 0));
  const route = await openRotationRoute(model, { tap: layer.tap, replacement });
  return {
    model,
    planned: { plan, replacement },
    route,
    plain: openPlainRotation(model, { tap: layer.tap, replacement }),
    reference: openReference(model, switchedTensors(model, [layer.tap])),
    bound: await boundDirections(model, route.plan),
    engine: "auto",
    verify: 0,
    seed: 1,
    ...change,
  };
}

function blockOf(seed: number): Parameters<typeof sweepDirections>[1] {
  return {
    count: IMAGES,
    images: Int32Array.from({ length: IMAGES }, (_, i) => 50 + i),
    labels: Int32Array.from({ length: IMAGES }, (_, i) => i % CLASSES),
    imageDims: [3, SIDE, SIDE],
    data: randomImages(IMAGES, seed),
  };
}

async function closeLayer({ route, plain, reference }: DirectionContext): Promise<void> {
  await route.close();
  await plain.close();
  await reference.close();
}

describe("directions removed the fast way", () => {
  test("flip what the plain graph flips on random networks; rotating back flips nothing", async () => {
    let flips = 0;
    const settings = fc.record({ recipe: recipes, fromEnd: fc.integer({ min: 0, max: 4 }), isMean: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(settings, async ({ recipe, fromEnd, isMean }) => {
        const context = await openLayer(recipe, { fromEnd, isMean, change: { verify: 1 } });
        const { units } = context.planned.plan;
        const q = haarRotation(units, recipe.seed);
        const bases = [q, rotationPower(q, units, 0.3)];
        const block = blockOf(recipe.seed);
        const fast = await sweepDirections(context, block, { bases });
        const plain = await sweepDirections({ ...context, engine: "plain", verify: 0 }, block, { bases });
        await closeLayer(context);
        fast.bases.forEach((basis, i) => {
          const { unit, image, prediction } = plain.bases[i];
          expect([basis.unit, basis.image, basis.prediction]).toEqual([unit, image, prediction]);
          expect(basis.verified).toBe(units * IMAGES);
          expect(basis.selfTest).toMatchObject({ images: IMAGES, changed: 0 });
          flips += unit.length;
        });
      }),
      { numRuns: 25, seed: 8 },
    );
    expect(flips).toBeGreaterThan(50);
  });

  test("are the units where the basis is not rotated", async () => {
    const recipe: NetworkRecipe = { seed: 31, blocks: ["residual", "overlapping pool"], head: "two products" };
    for (const fromEnd of [0, 1, 2]) {
      const context = await openLayer(recipe, { fromEnd, isMean: fromEnd === 1 });
      const { model, planned } = context;
      const switched = switchedTensors(model, [planned.plan.tap]);
      const sweep = await openBlockSweep(model, [planned], {
        switched,
        options: {
          engine: "plain",
          routes: allRoutes,
          continuous: false,
          verify: 0,
          seed: 1,
          threads: 1,
          provider: "cpu",
        },
      });
      const units = await sweep.sweep(blockOf(31));
      const directions = await sweepDirections(context, blockOf(31), { bases: [identity(planned.plan.units)] });
      await sweep.close();
      await closeLayer(context);
      const [own, other] = [directions.bases[0], units.layers[0]];
      expect([own?.unit, own?.image, own?.prediction]).toEqual([other?.unit, other?.image, other?.prediction]);
      expect(directions.predictions).toEqual(units.predictions);
    }
  });

  test("are certified to do nothing where the response is faint, and then do nothing", async () => {
    const recipe: NetworkRecipe = { seed: 12, blocks: ["plain"], head: "two products" };
    const context = await openLayer(recipe, { fromEnd: 1 });
    const product = context.model.layers.find((layer) => layer.kind === "linear")?.weight;
    const weights = context.model.graph.constants.get(product ?? "")?.data as Float32Array;
    weights.forEach((weight, i) => {
      weights[i] = weight * 1e-3;
    });
    await closeLayer(context);
    const { planned, model } = context;
    const faint: DirectionContext = {
      ...context,
      route: await openRotationRoute(model, { tap: planned.plan.tap, replacement: planned.replacement }),
      plain: openPlainRotation(model, { tap: planned.plan.tap, replacement: planned.replacement }),
      reference: openReference(model, switchedTensors(model, [planned.plan.tap])),
      bound: await boundDirections(model, context.route.plan),
    };
    const bases = [haarRotation(planned.plan.units, 5)];
    const fast = await sweepDirections(faint, blockOf(12), { bases: bases });
    const plain = await sweepDirections({ ...faint, engine: "plain" }, blockOf(12), { bases: bases });
    await closeLayer(faint);
    expect(fast.bases[0]?.settled.certified).toBeGreaterThan(0);
    expect(fast.bases[0]?.unit).toEqual(plain.bases[0]?.unit);
    expect(fast.bases[0]?.image).toEqual(plain.bases[0]?.image);
  });
});
