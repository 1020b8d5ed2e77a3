/** A sweep through worker threads: the same result for any number of workers, engine and history. */
import { cpSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import type { BlockStore, SweepImages } from "../../src/ablation/run-blocks.ts";
import { type RunSweepOptions, runSweep, type Sweep } from "../../src/ablation/sweep.ts";
import { openPieceStore } from "../../src/passes/piece-store.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";
import { CLASSES, randomImages, randomNetwork, SIDE } from "./random-network.ts";

const IMAGES = 600; // three blocks, the last one short
const recipe = { seed: 9, blocks: ["overlapping pool", "residual", "concatenation"], head: "two products" } as const;
const { model } = randomNetwork(recipe);
const layers = model.layers.filter((layer) => !layer.isOutput);
const units = layers.reduce((sum, layer) => sum + layer.units, 0);
const pixels = randomImages(IMAGES, 5);

/** The images, and the ranges that were asked for. */
function rememberedImages(): SweepImages & { readonly asked: [number, number][] } {
  const asked: [number, number][] = [];
  return {
    asked,
    imageCount: IMAGES,
    labels: Int32Array.from({ length: IMAGES }, (_, image) => (image * 7) % CLASSES),
    async *batches({ start, end, batchSize }) {
      asked.push([start, end]);
      for (let from = start; from < end; from += batchSize) {
        const count = Math.min(batchSize, end - from);
        const each = 3 * SIDE * SIDE;
        yield {
          start: from,
          count,
          pixels: pixels.slice(from * each, (from + count) * each),
          dims: [count, 3, SIDE, SIDE],
        };
      }
    },
  };
}

/** Blocks kept in memory. */
function rememberedBlocks(): BlockStore & { readonly kept: Map<string, Uint8Array> } {
  const kept = new Map<string, Uint8Array>();
  return { kept, get: (name) => kept.get(name), put: (name, block) => void kept.set(name, block) };
}

async function sweep(options: RunSweepOptions = {}, images: SweepImages = rememberedImages()): Promise<Sweep> {
  return runSweep(model, { images, layers, options });
}

/** The predictions, intact and ablated; counts follow from nothing else. */
function result({ predictions, layers: swept }: Sweep): unknown {
  return {
    predictions,
    layers: swept.map(({ layer, flips, continuous }) => ({ name: layer.name, flips, continuous })),
  };
}

describe("a sweep through worker threads", () => {
  let expected: Sweep;
  beforeAll(async () => {
    expected = await sweep({ engine: "plain", workers: 1 });
  });

  test("the plain engine finds many flips, so that agreement means something", () => {
    const counts = expected.layers.map(({ flips }) => flips.unit.length);
    expect(Math.min(...counts)).toBeGreaterThan(100);
  });

  test("one worker and two, plain and by difference, give the same", async () => {
    const [one, two] = [await sweep({ workers: 1 }), await sweep({ workers: 2 })];
    expect(result(one)).toEqual(result(expected));
    expect(result(two)).toEqual(result(expected));
    expect(two.margins).toEqual(one.margins);
    const plain = await sweep({ engine: "plain", workers: 2 });
    expect(result(plain)).toEqual(result(expected));
    expect(plain.margins).toEqual(expected.margins);
  });

  test("--verify 1 repeats every pair, and finds no difference", async () => {
    const { verified, mismatches } = await sweep({ verify: 1 });
    expect(verified).toBe(units * IMAGES);
    expect(mismatches).toEqual([]);
  });

  test("--verify F repeats about that fraction, whatever the number of workers", async () => {
    const [one, two] = [await sweep({ verify: 0.1, workers: 1 }), await sweep({ verify: 0.1, workers: 2 })];
    expect(one.verified).toBe(two.verified);
    expect(one.verified / (units * IMAGES)).toBeCloseTo(0.1, 1);
  });

  test("every pair is settled by one route", async () => {
    for (const { settled, layer } of (await sweep()).layers) {
      expect(Object.values(settled).reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(
        layer.units * IMAGES,
      );
    }
  });

  test("a sweep that was interrupted continues with the blocks that it lacks", async () => {
    const pieces = rememberedBlocks();
    const abort = new AbortController();
    const reason = new Error("stopped by the test");
    const stopped = sweep({
      workers: 1,
      pieces,
      signal: abort.signal,
      progress: () => abort.abort(reason),
    });
    await expect(stopped).rejects.toThrow();
    const before = [...pieces.kept.keys()];
    expect(before).toEqual(["block-00000000"]);
    const images = rememberedImages();
    const counts: number[] = [];
    const options = { workers: 1, pieces, progress: (done: number) => counts.push(done) };
    expect(result(await sweep(options, images))).toEqual(result(expected));
    expect(images.asked).toEqual([[256, IMAGES]]);
    expect(counts).toEqual([256 * units, 512 * units, IMAGES * units]);
    expect([...pieces.kept.keys()]).toEqual(["block-00000000", "block-00000256", "block-00000512"]);
  });

  test("a block that another sweep made is refused, and what differs is named", async () => {
    const folder = await temporaryFolder();
    const other = openPieceStore(folder, { model: "one", method: "mean" });
    await sweep({ workers: 1, pieces: other });
    const own = openPieceStore(folder, { model: "one", method: "zero" });
    cpSync(other.path, own.path, { recursive: true });
    await expect(sweep({ workers: 1, pieces: own })).rejects.toThrow(/: expected method .?mean.?, got .?zero/);
  });

  test("the companions of the drop do not depend on workers or engine, up to the order of sums", async () => {
    const [plain, fast] = [await sweep({ continuous: true, engine: "plain" }), await sweep({ continuous: true })];
    for (const [at, { flips, continuous }] of fast.layers.entries()) {
      expect(flips).toEqual(expected.layers[at]?.flips);
      const reference = plain.layers[at]?.continuous as Float64Array;
      // Float32 logits of two routes, summed over up to 120 images of a class.
      continuous?.forEach((value, i) => expect(Math.abs(value - reference[i])).toBeLessThan(1e-2));
      expect(continuous?.some((value) => Math.abs(value) > 0.1)).toBe(true);
    }
  });
});
