/** The constant of least loss: against a scan of constants by the plain route, and the same counts whatever the route. */
import { expect, test } from "vitest";
import { optimalConstants } from "../../src/ablation/optimal-constants.ts";
import { openPlainRoute, openReference } from "../../src/ablation/plain-route.ts";
import { companions } from "../../src/ablation/predictions.ts";
import { responseSpreads } from "../../src/ablation/response-means.ts";
import { runSweep } from "../../src/ablation/sweep.ts";
import { switchedTensors } from "../../src/ablation/switched-tensors.ts";
import { sourceOf } from "../passes/images-in-memory.ts";
import { blockKinds, CLASSES, randomImages, randomNetwork, SIDE } from "./random-network.ts";

const IMAGES = 24;

function imagesOf(seed: number) {
  const labels = Int32Array.from({ length: IMAGES }, (_, image) => image % CLASSES);
  return sourceOf(randomImages(IMAGES, seed), [3, SIDE, SIDE], labels);
}

test("no constant of a fine scan is better, beyond the grid's step", async () => {
  for (const [index, block] of blockKinds.entries()) {
    if (index % 5 !== 0) continue; // every fifth kind keeps the test short
    const { model } = await randomNetwork({ seed: 60 + index, blocks: [block], head: "average" });
    const source = imagesOf(index);
    const [layer] = model.layers.slice(-1);
    if (!layer) throw new Error("no layer");
    const [constants] = await optimalConstants(model, source, { taps: [layer.tap], workers: 1 });
    const [spread] = await responseSpreads(model, source, { taps: [layer.tap], workers: 1 });
    const tensor = switchedTensors(model, []).find(({ tap }) => tap === layer.tap);
    if (!constants || !spread || !tensor) throw new Error("no constants");
    const reference = openReference(model, []);
    const plain = await openPlainRoute(model, tensor, { reference });
    const everything = await source.read(Int32Array.from({ length: IMAGES }, (_, image) => image));
    const rows = Int32Array.from({ length: IMAGES }, (_, row) => row);
    const lossAt = async (unit: number, constant: number): Promise<number> => {
      const replacement = new Float32Array(layer.units).fill(constant);
      const logits = await plain.logits(everything, rows, { tap: layer.tap, units: [unit], replacement });
      let loss = 0;
      for (const row of rows) {
        loss -= companions(logits, row, {
          classCount: CLASSES,
          head: "softmax",
          cls: everything.labels[row],
        }).logProbability;
      }
      return loss / IMAGES;
    };
    for (let unit = 0; unit < layer.units; unit += 2) {
      const [mean, deviation] = [spread.mean[unit], spread.deviation[unit]];
      const found = await lossAt(unit, constants[unit]);
      const others: number[] = [await lossAt(unit, 0), await lossAt(unit, mean)];
      for (let step = -8; step <= 16; step++) others.push(await lossAt(unit, mean + (step / 4) * deviation));
      const [least, most] = [Math.min(...others), Math.max(...others)];
      expect(found - least).toBeLessThan(1e-6 + 0.01 * (most - least));
    }
    await plain.close();
    await reference.close();
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
