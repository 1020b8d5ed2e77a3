/** The constant of least divergence: against a scan by the plain route, on two samples, and counts whatever the route. */
import { expect, test } from "vitest";
import { optimalConstants } from "../../src/ablation/optimal-constants.ts";
import { openPlainRoute, openReference } from "../../src/ablation/plain-route.ts";
import { responseSpreads } from "../../src/ablation/response-means.ts";
import { runSweep } from "../../src/ablation/sweep.ts";
import { switchedTensors } from "../../src/ablation/switched-tensors.ts";
import { seededRandom } from "../../src/numeric/random.ts";
import { sourceOf } from "../passes/images-in-memory.ts";
import { blockKinds, CLASSES, randomImages, randomNetwork, SIDE } from "./random-network.ts";

const IMAGES = 24;

function imagesOf(seed: number, count: number = IMAGES) {
  const labels = Int32Array.from({ length: count }, (_, image) => image % CLASSES);
  return sourceOf(randomImages(count, seed), [3, SIDE, SIDE], labels);
}

/** KL(intact ‖ ablated) of an image's class probabilities, by its definition. */
function divergence(intact: Float32Array, ablated: Float32Array): number {
  const softmax = (logits: Float32Array): number[] => {
    const powers = Array.from(logits, (logit) => Math.exp(logit));
    const sum = powers.reduce((a, b) => a + b, 0);
    return powers.map((power) => power / sum);
  };
  const other = softmax(ablated);
  return softmax(intact).reduce((sum, p, cls) => sum + p * Math.log(p / (other[cls] ?? 0)), 0);
}

test.each([
  ["few images", IMAGES, 5],
  ["more images than the coarse look takes", 600, 15],
])(
  "%s: no constant within the responses and 8 deviations of their mean is better, beyond the grid's step",
  async (_, count, every) => {
    for (const [index, block] of blockKinds.entries()) {
      if (index % every !== 0) continue; // some kinds only keep the test short
      const { model } = await randomNetwork({ seed: 60 + index, blocks: [block], head: "average" });
      const source = imagesOf(index, count);
      const [layer] = model.layers.slice(-1);
      if (!layer) throw new Error("no layer");
      const [constants] = await optimalConstants(model, source, { taps: [layer.tap], workers: 1 });
      const [spread] = await responseSpreads(model, source, { taps: [layer.tap], workers: 1 });
      const tensor = switchedTensors(model, []).find(({ tap }) => tap === layer.tap);
      if (!constants || !spread || !tensor) throw new Error("no constants");
      const reference = openReference(model, []);
      const plain = await openPlainRoute(model, tensor, { reference });
      const everything = await source.read(Int32Array.from({ length: count }, (_, image) => image));
      const rows = Int32Array.from({ length: count }, (_, row) => row);
      const intact = await plain.logits(everything, rows, {
        tap: layer.tap,
        units: [],
        replacement: new Float32Array(layer.units),
      });
      const of = (logits: Float32Array, row: number): Float32Array => logits.slice(row * CLASSES, (row + 1) * CLASSES);
      const lossAt = async (unit: number, constant: number): Promise<number> => {
        const replacement = new Float32Array(layer.units).fill(constant);
        const logits = await plain.logits(everything, rows, { tap: layer.tap, units: [unit], replacement });
        return rows.reduce((sum, row) => sum + divergence(of(intact, row), of(logits, row)), 0) / count;
      };
      for (let unit = 0; unit < layer.units; unit += 2) {
        const [mean, deviation] = [spread.mean[unit], spread.deviation[unit]];
        const [lowest, highest] = [spread.lowest[unit], spread.highest[unit]];
        expect(constants[unit]).toBeGreaterThanOrEqual(lowest);
        expect(constants[unit]).toBeLessThanOrEqual(highest);
        const found = await lossAt(unit, constants[unit]);
        const others: number[] = [];
        for (let step = -16; step <= 16; step++) {
          const place = mean + (step / 2) * deviation;
          if (place >= lowest && place <= highest) others.push(await lossAt(unit, place));
        }
        const [least, most] = [Math.min(...others), Math.max(...others)];
        expect(others.length).toBeGreaterThan(3);
        expect(found - least).toBeLessThan(1e-7 + 0.01 * (most - least));
      }
      await plain.close();
      await reference.close();
    }
  },
);

test("two halves of the images agree within a quarter of a deviation, whatever the labels", async () => {
  const { model } = await randomNetwork({ seed: 8, blocks: ["plain"], head: "two products" });
  const count = 400;
  const each = 3 * SIDE * SIDE;
  const pixels = randomImages(count, 3);
  const random = seededRandom(11);
  const halves = [0, 1].map((half) =>
    sourceOf(
      pixels.slice((half * count * each) / 2, ((half + 1) * count * each) / 2),
      [3, SIDE, SIDE],
      Int32Array.from({ length: count / 2 }, () => random.integer(CLASSES)),
    ),
  );
  const taps = model.layers.filter(({ isOutput }) => !isOutput).map(({ tap }) => tap);
  const [one, other] = await Promise.all(halves.map((half) => optimalConstants(model, half, { taps, workers: 1 })));
  const spreads = await responseSpreads(model, halves[0], { taps, workers: 1 });
  for (const [at, { deviation }] of spreads.entries()) {
    for (const [unit, own] of deviation.entries()) {
      const difference = Math.abs((one?.[at]?.[unit] ?? Number.NaN) - (other?.[at]?.[unit] ?? Number.NaN));
      expect(difference, `${taps[at]} unit ${unit}`).toBeLessThanOrEqual(0.25 * own + 1e-6);
    }
  }
});

test("sweeps have the same counts by every route, and with any number of workers", async () => {
  const { model } = await randomNetwork({ seed: 31, blocks: ["overlapping pool", "plain"], head: "two products" });
  const source = imagesOf(5);
  for (const method of ["optimal", "resample"] as const) {
    const sweeps = await Promise.all(
      [
        { engine: "plain", workers: 1 },
        { engine: "auto", workers: 1 },
        { engine: "auto", workers: 2, continuous: false },
      ].map((options) =>
        runSweep(model, {
          images: source,
          layers: model.layers,
          options: { method, draws: 2, seed: 3, ...options } as Parameters<typeof runSweep>[1]["options"] & object,
        }),
      ),
    );
    const [plain, one, two] = sweeps.map((sweep) => model.layers.map((_, at) => sweep.layer(at).flips));
    expect(one).toEqual(plain);
    expect(two).toEqual(plain);
    expect(plain?.some(({ unit }) => unit.length > 0)).toBe(true);
  }
});
