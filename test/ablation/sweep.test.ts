/** A sweep through worker threads: the same result for any number of workers, engine and history. */
import { cpSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { denseSums } from "../../src/ablation/class-sums.ts";
import { countFlips } from "../../src/ablation/flips.ts";
import { planSweep, type Sweep, sweepPass } from "../../src/ablation/sweep.ts";
import { describePartialLayer } from "../../src/analysis/partial-drops.ts";
import { folderStore } from "../../src/passes/block-store.ts";
import type { BlockSource } from "../../src/passes/image-block.ts";
import { consecutiveBlocks } from "../../src/passes/image-order.ts";
import { openPassFolder } from "../../src/passes/pass-runner.ts";
import { openPieceStore } from "../../src/passes/piece-store.ts";
import { type Plan, shard } from "../../src/passes/plan.ts";
import { runPass } from "../../src/passes/run-pass.ts";
import { decodeValue, encodeValue } from "../../src/passes/value-codec.ts";
import { doubles } from "../../src/tables/table.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";
import { sourceOf } from "../passes/images-in-memory.ts";
import { CLASSES, randomImages, SIDE } from "./random-network.ts";
import {
  blocks,
  companions,
  FEW,
  few,
  found,
  IMAGES,
  images,
  keptBlocks,
  labels,
  layers,
  model,
  result,
  sweep,
  units,
  verifiedOf,
} from "./swept-network.ts";

describe("a sweep through worker threads", () => {
  let expected: Sweep;
  let fast: Sweep;
  beforeAll(async () => {
    expected = await sweep({ engine: "plain", workers: 1 });
    fast = await sweep({ workers: 1 });
  });

  test("the plain engine finds many flips, so that agreement means something", () => {
    const counts = found(expected).map(({ flips }) => flips.unit.length);
    expect(Math.min(...counts)).toBeGreaterThan(100);
  });

  test("one worker and two, plain and by difference, give the same", async () => {
    const two = await sweep({ workers: 2 });
    expect(result(fast)).toEqual(result(expected));
    expect(result(two)).toEqual(result(expected));
    expect(companions(two)).toEqual(companions(fast));
    expect(two.margins).toEqual(fast.margins);
    const plain = await sweep({ engine: "plain", workers: 2 });
    expect(result(plain)).toEqual(result(expected));
    expect(companions(plain)).toEqual(companions(expected));
    expect(plain.margins).toEqual(expected.margins);
  });

  test("--verify 1 repeats every pair, and finds no difference", async () => {
    const count = 40;
    expect(verifiedOf(found(await sweep({ verify: 1 }, few(count))))).toBe(units * count);
  });

  test("--verify F repeats about that fraction, whatever the number of workers", async () => {
    const [one, two] = [
      await sweep({ verify: 0.1, workers: 1 }, few()),
      await sweep({ verify: 0.1, workers: 2 }, few()),
    ];
    expect(verifiedOf(found(one))).toBe(verifiedOf(found(two)));
    expect(verifiedOf(found(one)) / (units * FEW)).toBeCloseTo(0.1, 1);
  });

  test("every pair is settled by one route", () => {
    for (const { settled, layer } of found(fast)) {
      expect(Object.values(settled).reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(
        layer.units * IMAGES,
      );
    }
  });

  test("a sweep that was interrupted continues with the blocks that it lacks", async () => {
    const folder = await temporaryFolder();
    const abort = new AbortController();
    const stopped = sweep({
      workers: 1,
      runner: openPassFolder(folder),
      signal: abort.signal,
      progress: (done) => done >= blocks.plan.blockSizes[0] * units && abort.abort(new Error("stopped by the test")),
    });
    await expect(stopped).rejects.toThrow();
    expect(keptBlocks(folder)).toEqual(["block-000000"]);
    const source = images();
    const counts: number[] = [];
    const runner = openPassFolder(folder);
    const again = await sweep({ workers: 1, runner, progress: (done) => counts.push(done) }, source);
    expect(result(again)).toEqual(result(expected));
    expect(companions(again)).toEqual(companions(fast));
    expect(source.asked).toEqual([
      [0, 4], // the sample that measures how close is too close to call
      ...[1, 2].map((block) => {
        const asked = blocks.imagesOf(block);
        return [asked[0], asked.length];
      }),
    ]);
    expect(counts.slice(0, 2)).toEqual([0, blocks.plan.blockSizes[0] * units]);
    expect(counts.at(-1)).toBe(IMAGES * units);
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
    expect(keptBlocks(folder)).toEqual(["block-000000", "block-000001", "block-000002"]);
    runner.forget();
    expect(keptBlocks(folder)).toEqual([]);
  });

  test("images in the set's own order give the same, to the last bit", async () => {
    const pass = await sweepPass(model, { images: images(), layers });
    const { plan, imagesOf } = consecutiveBlocks(IMAGES, 256);
    const listed = await runPass({ ...pass, imagesOf, plan: { ...pass.plan, ...plan } }, images(), { workers: 1 });
    expect(listed.shared()).toEqual({
      images: labels.map((_, image) => image),
      predictions: fast.predictions,
      margins: fast.margins,
    });
    for (const [at, { flips, continuous }] of found(fast).entries()) {
      const { unit, image, prediction } = flips;
      const other = listed.layer(at);
      expect(other.flips).toEqual({ unit, image, prediction });
      expect(other.continuous && denseSums(other.continuous, CLASSES)).toEqual(continuous);
    }
  });

  test("one that leaves out known units, in memory: its limits hold, its flips are the whole sweep's", async () => {
    const count = 2048; // eight blocks; one that shows that a unit is known lets it go four blocks later
    const own = Int32Array.from({ length: count }, (_, image) => (image * 7) % CLASSES);
    const many = (): BlockSource => sourceOf(randomImages(count, 6), [3, SIDE, SIDE], own);
    const [whole, one, two] = [
      await sweep({}, many()),
      await sweep({ workers: 1, growth: { until: 0.2 } }, many()),
      await sweep({ workers: 2, growth: { until: 0.2 } }, many()),
    ];
    expect(whole.reached).toBeUndefined();
    const { reached } = one;
    if (!reached) throw new Error("expected that units were left out");
    expect(reached.why).toBe("until");
    let outside = 0;
    let drops = 0;
    for (const at of layers.keys()) {
      const reach = reached.reach(at);
      expect(two.reached?.reach(at)).toEqual(reach);
      expect(Math.min(...reach)).toBeLessThan(8);
      const [{ flips: all }, { flips }] = [whole.layer(at), one.layer(at)];
      expect(two.layer(at).flips).toEqual(flips);
      const rows = Array.from(all.unit.keys()).filter((row) => reached.blockOf[all.image[row]] < reach[all.unit[row]]);
      for (const column of ["unit", "image", "prediction"] as const) {
        expect(flips[column]).toEqual(Int32Array.from(rows, (row) => all[column][row]));
      }
      const tables = describePartialLayer({ labels: own, predictions: one.predictions }, flips, {
        reached,
        reach,
        classNames: ["a", "b", "c", "d", "e"],
      });
      const [lower, upper] = ["lower", "upper"].map((name) => doubles(tables.drops, name));
      const {
        lost,
        gained,
        images: sizes,
      } = countFlips({ labels: own, predictions: whole.predictions, classCount: CLASSES }, all);
      lower.forEach((low, row) => {
        const drop = (lost[row] - gained[row]) / sizes[row % CLASSES];
        drops++;
        if (low > drop || upper[row] < drop) outside++;
      });
    }
    expect(outside / drops).toBeLessThanOrEqual(0.05);
  });

  test("shards that other machines swept merge to the sweep of one, without the images", async () => {
    const folder = await temporaryFolder();
    for (const index of [1, 0]) {
      const pass = await sweepPass(model, { images: images(), layers });
      const plan = shard(JSON.parse(JSON.stringify(pass.plan)) as Plan, { index, count: 2 });
      await runPass({ ...pass, plan }, images(), { workers: 1, store: folderStore(folder, plan) });
    }
    const source = images();
    const merged = await sweep({ runner: openPassFolder(folder) }, source);
    expect(result(merged)).toEqual(result(expected));
    expect(companions(merged)).toEqual(companions(fast));
    expect(source.asked).toEqual([]);
  });

  test("in a folder that is shared, each does its share, and reading waits until all is there", async () => {
    const folder = await temporaryFolder();
    const plans: string[] = [];
    const share = async (index: number, method: "mean" | "zero"): Promise<Sweep> => {
      const runner = openPassFolder(folder, {
        share: { index, count: 2 },
        planned: ({ pass }) => plans.push(pass),
      });
      return await sweep({ workers: 1, runner, method });
    };
    const early = await share(1, "zero");
    expect(() => early.predictions).toThrow("sweep: expected all of 3 blocks, got 2");
    await expect(share(0, "mean")).rejects.toThrow("response sums: expected all of 3 blocks, got 1");
    await share(1, "mean"); // all means are there now
    expect(plans).toEqual(["sweep", "response sums", "response sums", "sweep"]);
    const late = await share(0, "zero");
    expect(result(late)).toEqual(result(expected));
    expect(result(early)).toEqual(result(expected));
    const nobody = openPassFolder(folder, { share: "none" });
    const means = await sweep({ runner: nobody, method: "mean" });
    expect(() => means.layer(0)).toThrow("sweep: expected all of 3 blocks, got 2");
  });

  test("a pass needs no threads: a page or a queue's worker opens its work and merges what it gives", async () => {
    const { work, setup, merge, imagesOf, plan } = await sweepPass(model, { images: images(), layers });
    const answer = await work.open(setup);
    const source = images();
    const parts: Awaited<ReturnType<typeof answer>>[] = [];
    for (const block of [2, 0, 1]) {
      const found = await answer(await source.read(imagesOf(block)), () => {});
      parts.push(decodeValue(encodeValue(found)) as typeof found);
    }
    expect(plan.to).toBe(3);
    expect(merge.shared(parts.map(({ shared }) => shared)).predictions).toEqual(expected.predictions);
    for (const at of layers.keys()) {
      const { unit, image, prediction } = expected.layer(at).flips;
      const own = parts.map((part) => part.layers[at]);
      expect(merge.layer(own, at).flips).toEqual({ unit, image, prediction });
    }
  });

  test("a block that another sweep made is refused, and what differs is named", async () => {
    const folder = await temporaryFolder();
    const planOf = (method: "mean" | "zero"): Plan =>
      planSweep(model, { images: images(), layers, settings: { method } });
    await sweep({ workers: 1, runner: openPassFolder(folder), method: "mean" });
    const pathOf = (method: "mean" | "zero"): string => {
      const { pass, key, order, blockSizes, shared } = planOf(method);
      return openPieceStore(folder, { pass, ...key, order, blockSize: blockSizes[0], part: { shared } }).path;
    };
    cpSync(pathOf("mean"), pathOf("zero"), { recursive: true });
    await expect(sweep({ workers: 1, runner: openPassFolder(folder) })).rejects.toThrow(
      /: expected ablation.method mean, got zero/,
    );
  });

  test("the companions of the drop do not depend on workers or engine, up to the order of sums", () => {
    for (const [at, { flips, continuous }] of found(fast).entries()) {
      expect(flips).toEqual(expected.layer(at).flips);
      const reference = expected.layer(at).continuous;
      // Float32 logits of two routes, summed over up to 104 images of a class.
      for (const part of ["sums", "largest"] as const) {
        continuous?.[part].forEach((value, i) =>
          expect(Math.abs(value - (reference?.[part][i] ?? Number.NaN))).toBeLessThan(1e-2),
        );
        expect(continuous?.[part].some((value) => value > 0.1)).toBe(true);
      }
    }
  });
});
