/** A layer of a random network opened for unit sets, with images that the network sorts into classes itself. */
import type { Pixels } from "../../src/ablation/plain-route.ts";
import { boundSuffix } from "../../src/ablation/suffix-bound.ts";
import { planSuffix } from "../../src/ablation/suffix-plan.ts";
import { seededRandom } from "../../src/numeric/random.ts";
import type { Layer } from "../../src/onnx/layers.ts";
import type { ImageBlock } from "../../src/passes/image-block.ts";
import type { Model } from "../../src/runtime/open-model.ts";
import { floatValue, openSession } from "../../src/runtime/session.ts";
import { openSetContext, type SetContext, type SetOptions } from "../../src/sets/set-context.ts";
import { CLASSES, type NetworkRecipe, randomImages, randomNetwork, SIDE } from "../ablation/random-network.ts";
import { blockOf } from "../passes/images-in-memory.ts";

export const options: SetOptions = { engine: "auto", verify: 0, seed: 1, threads: 1, provider: "cpu" };

/** Pixels of `count` random images. */
export function pixelsOf(count: number, seed: number): Pixels {
  return { count, imageDims: [3, SIDE, SIDE], data: randomImages(count, seed) };
}

/** Predictions of the intact network, read plainly. */
export async function predictionsOf(model: Model, { count, data }: Pixels): Promise<Int32Array> {
  const session = await openSession(model.graph);
  const results = await session.run({ input: floatValue([count, 3, SIDE, SIDE], data) });
  await session.close();
  const logits = results[model.logits]?.data as Float32Array;
  return Int32Array.from({ length: count }, (_, row) => {
    const own = Array.from(logits.subarray(row * CLASSES, (row + 1) * CLASSES));
    return own.indexOf(Math.max(...own));
  });
}

/** Opens one layer of a recipe's network, chosen by its place counted from the last. */
export async function openStudy(
  recipe: NetworkRecipe,
  {
    fromEnd = 0,
    isMean = false,
    isFaint = false,
    isUnbiased = false,
    change = {},
  }: {
    fromEnd?: number;
    isMean?: boolean;
    isFaint?: boolean;
    isUnbiased?: boolean;
    change?: Partial<SetOptions>;
  } = {},
): Promise<{ context: SetContext; model: Model }> {
  const { model } = await randomNetwork(recipe);
  const layers = model.layers.filter((layer) => !layer.isOutput);
  const layer = layers[Math.max(0, layers.length - 1 - (fromEnd % layers.length))];
  if (!layer) throw new Error("no layer");
  const plan = planSuffix(model, layer.tap);
  if (isFaint) quieten(model, layer);
  if (isUnbiased) {
    for (const { bias } of model.layers)
      (model.graph.constants.get(bias ?? "")?.data as Float32Array | undefined)?.fill(0);
  }
  const random = seededRandom(recipe.seed, 7);
  const replacement = Float32Array.from({ length: layer.units }, () => (isMean ? random.uniform() : 0));
  const bound = await boundSuffix(model, plan);
  return {
    model,
    context: await openSetContext(model, { plan, replacement }, { bound, options: { ...options, ...change } }),
  };
}

/** Makes most units of a layer so faint that removing them provably changes no prediction. */
function quieten(model: Model, { weight, bias, units }: Layer): void {
  for (const name of [weight, bias]) {
    const values = model.graph.constants.get(name ?? "")?.data as Float32Array | undefined;
    values?.forEach((value, i) => {
      if (Math.floor((i * units) / values.length) % 3 > 0) values[i] = value * 1e-4;
    });
  }
}

/** Images that are all said to be of the class that the network names most often, so that there is something to lose. */
export async function classImages(model: Model, count: number, seed: number): Promise<ImageBlock> {
  const pixels = pixelsOf(count, seed);
  const predictions = await predictionsOf(model, pixels);
  const counts = Array.from({ length: CLASSES }, (_, cls) => predictions.filter((each) => each === cls).length);
  const cls = counts.indexOf(Math.max(...counts));
  return blockOf(pixels.data, pixels.imageDims, new Int32Array(count).fill(cls));
}
