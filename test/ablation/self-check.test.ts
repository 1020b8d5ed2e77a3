/** Every run checks itself, and how close is too close to call is measured for every network. */
import { expect, test } from "vitest";
import { checkFraction } from "../../src/ablation/check-sample.ts";
import { openReference } from "../../src/ablation/plain-route.ts";
import { boundSuffix } from "../../src/ablation/suffix-bound.ts";
import { planSuffix } from "../../src/ablation/suffix-plan.ts";
import { runSweep } from "../../src/ablation/sweep.ts";
import { allRoutes, openBlockSweep, type SweepOptions } from "../../src/ablation/sweep-block.ts";
import { switchedTensors } from "../../src/ablation/switched-tensors.ts";
import { withMeasuredTolerance } from "../../src/ablation/tie-tolerance.ts";
import { checkPairs } from "../../src/ablation/verify.ts";
import { floatTensor, node } from "../../src/onnx/graph.ts";
import { type Model, USUAL_TOLERANCE } from "../../src/runtime/model.ts";
import { blockOf, sourceOf } from "../passes/images-in-memory.ts";
import { networkOf, normal, open, SIDE, sweepAll } from "./all-pairs.ts";
import { lifted } from "./lifted-network.ts";
import { randomNetwork } from "./random-network.ts";

const imageDims = [3, SIDE, SIDE];
const options: SweepOptions = {
  engine: "auto",
  routes: allRoutes,
  continuous: false,
  verify: 1,
  seed: 1,
  threads: 1,
  provider: "cpu",
};

const pixels = normal(9, [300, ...imageDims]).data as Float32Array;
const source = (): ReturnType<typeof sourceOf> => sourceOf(pixels, imageDims, new Int32Array(300));

test("the tolerance is the usual one where rounding is, and grows with it", async () => {
  const measure = async (by: number): Promise<number> => {
    const model = await lifted(by);
    const layers = [{ tap: "r", replacement: new Float32Array(8) }];
    return (await withMeasuredTolerance(model, source(), { layers })).tieTolerance;
  };
  expect(await measure(0)).toBe(USUAL_TOLERANCE);
  const some = await measure(1e3);
  expect(some).toBeGreaterThan(USUAL_TOLERANCE);
  expect(some).toBeLessThan(0.1);
  expect(await measure(3e6)).toBe(Infinity);
});

test("where rounding decides predictions, fast routes alone differ from the plain one, and a sweep does not", async () => {
  const model = await lifted(2e6);
  const layers = model.layers.filter(({ name }) => name === "r" || name === "c");
  const once = { images: 300, layers, seed: 9 };
  expect(await sweepAll(model, "auto", once)).not.toEqual(await sweepAll(model, "plain", once));
  const cautions: string[] = [];
  const sweeps = await Promise.all(
    (["auto", "plain"] as const).map(async (engine) => {
      const sweep = await runSweep(model, {
        images: source(),
        layers,
        options: { engine, workers: 1, caution: (text) => cautions.push(text) },
      });
      return { predictions: sweep.predictions, flips: sweep.layer(0).flips };
    }),
  );
  expect(sweeps[0]).toEqual(sweeps[1]);
  expect(cautions[0]).toMatch(/^the routes' logits differ by .* every prediction is made one image at a time$/);
});

test("a single logit is compared at its usual size: near zero it is a near-tie, not a difference", async () => {
  const build = (bias: number): Promise<Model> =>
    open(
      networkOf(
        [
          node("Conv", ["input", "w"], ["c"], { pads: [1, 1, 1, 1] }),
          node("Relu", ["c"], ["r"]),
          node("Conv", ["r", "v"], ["d"], { pads: [1, 1, 1, 1] }),
          node("Relu", ["d"], ["e"]),
          node("GlobalAveragePool", ["e"], ["g"]),
          node("Flatten", ["g"], ["f"]),
          node("Gemm", ["f", "fc", "bias"], ["logits"]),
        ],
        {
          w: normal(1, [6, 3, 3, 3]),
          v: normal(2, [8, 6, 3, 3]),
          fc: normal(3, [8, 1]),
          bias: floatTensor([1], [bias]),
        },
      ),
    );
  const first = await build(0);
  const reference = openReference(first, switchedTensors(first, []));
  const [, z] = await reference.logits(blockOf(pixels, imageDims), 5, null);
  await reference.close();
  const model = await build(-z); // image 5 has a logit of nothing but rounding
  expect([model.classCount, model.logitFloor]).toEqual([2, Number.NaN]);
  const sweep = (engine: "auto" | "plain", changed: Model): ReturnType<typeof runSweep> =>
    runSweep(changed, {
      images: source(),
      layers: model.layers.slice(0, 1),
      options: { engine, workers: 1, verify: 1 },
    });
  const [auto, plain] = [await sweep("auto", model), await sweep("plain", model)];
  expect(auto.predictions).toEqual(plain.predictions);
  expect(auto.layer(0).flips).toEqual(plain.layer(0).flips);
  expect(auto.layer(0).flips.unit.length).toBeGreaterThan(100);
  await expect(sweep("auto", { ...model, logitFloor: 0 })).rejects.toThrow("as a part of the largest");
});

test("a wrong skip ends the run, with the layer and the operators behind it", async () => {
  const { model } = await randomNetwork({ seed: 9, blocks: ["plain"], head: "two products" });
  const [layer] = model.layers;
  const plan = planSuffix(model, layer.tap);
  const bound = await boundSuffix(model, plan);
  if (!bound) throw new Error("no bound");
  const gains = bound.gains.map((gain) => gain.map(() => 0));
  const sweep = await openBlockSweep(model, [{ plan, replacement: new Float32Array(plan.units) }], {
    switched: switchedTensors(model, []),
    bounds: [{ ...bound, gains }],
    options,
  });
  await expect(sweep.sweep(blockOf(pixels, imageDims))).rejects.toMatchObject({
    code: "check",
    message: expect.stringMatching(
      /^layer ".+" without unit \d+, image \d+: expected class \d as by the whole network, got \d by the fast route; between the layer and the logits: .*Gemm.*; option "engine" plain/,
    ),
  });
  await sweep.close();
});

test("logits that are further off than the tolerance allows are a difference, also where the prediction is the same", async () => {
  const model = await lifted(0);
  const reference = openReference(model, switchedTensors(model, []));
  const block = blockOf(pixels, imageDims);
  const removal = { tap: "r", units: [2], replacement: new Float32Array(8) };
  const exact = await reference.logits(block, 4, removal);
  const prediction = await reference.predict(block, 4, removal);
  const scale = Math.max(...exact.map(Math.abs));
  const check = (part: number): Promise<void> => {
    const logits = exact.map((logit, cls) => (cls === prediction ? logit + part * scale : logit));
    return checkPairs(model, block, [{ row: 4, prediction, logits }], { removal, reference, what: "unit 2" });
  };
  await check(0.3 * USUAL_TOLERANCE);
  await expect(check(0.7 * USUAL_TOLERANCE)).rejects.toThrow(/expected logits within .* got 0\.000021; between/);
  await reference.close();
});

test("by default a few pairs of every layer are repeated, and of many pairs a few thousandths", async () => {
  const model = await lifted(0);
  const layers = model.layers.filter(({ isOutput }) => !isOutput);
  const sweep = await runSweep(model, { images: source(), layers, options: { workers: 1 } });
  const verified = layers.map((_, at) => sweep.layer(at).verified);
  expect(Math.min(...verified)).toBeGreaterThan(0);
  expect(Math.max(...verified)).toBeLessThan(25);
  const plan = planSuffix(model, layers[0].tap);
  expect(checkFraction(model, plan, 1e9)).toBeLessThanOrEqual(0.004);
  expect(checkFraction(model, plan, 3)).toBe(1);
});
