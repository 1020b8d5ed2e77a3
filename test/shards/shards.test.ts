/** A plan that is carried out in shards, in any order, in stages, again and after damage, gives the bytes of one machine. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { runAblate } from "../../src/commands/ablate-run.ts";
import { runAttributes } from "../../src/commands/attributes-run.ts";
import { runConcepts } from "../../src/commands/concepts-run.ts";
import { measureSets } from "../../src/commands/measure-sets.ts";
import { rotateLayers } from "../../src/commands/rotate-layers.ts";
import { sha256 } from "../../src/files/hash.ts";
import { openModel } from "../../src/runtime/open-model.ts";
import { mergeRun } from "../../src/shards/merge-run.ts";
import { planAblation, planRun } from "../../src/shards/plan-run.ts";
import { readRunPlan, writeRunPlan } from "../../src/shards/run-plan.ts";
import { openShards, runShard } from "../../src/shards/run-shard.ts";
import { statusOf } from "../../src/shards/run-status.ts";
import type { SharedWork } from "../../src/shards/shared-work.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";
import { writeStudy } from "./shared-study.ts";

const IMAGES = 520; // three blocks
const FEW = 270; // two

let folder: string;
let model: string;
let data: string;
beforeAll(async () => {
  folder = await temporaryFolder();
  ({ model, data } = await writeStudy(folder, IMAGES));
});

/** Tables, figures and pictures of a run. */
function filesOf(run: string): Record<string, string> {
  const names = readdirSync(run, { recursive: true, encoding: "utf8" }).filter((name) =>
    /\.(parquet|svg|png|webp|jpg)$/.test(name),
  );
  return Object.fromEntries(names.sort().map((name) => [name, sha256(readFileSync(join(run, name)))]));
}

/** Every shard once, the last first, as often as there are stages. @returns how each ended. */
async function runAll(run: string): Promise<string[]> {
  const { shards, passes } = readRunPlan(run);
  const states: string[] = [];
  for (let stage = Math.max(...passes.map((pass) => pass.stage)); stage > 0; stage--) {
    for (let shard = shards - 1; shard >= 0; shard--) {
      states.push((await runShard(run, { shard, workers: 1 })).state);
    }
  }
  return states;
}

const options = { preprocess: "none", workers: 1 } as const;
/** A plan's works for some layers. */
function worksOn(layers: string[]) {
  const workers = 1;
  return {
    "concepts and attributes": [
      { kind: "concepts", options: { layers, concepts: ["colors"], shuffles: 60, randomUnits: 8, workers } },
      { kind: "attributes", options: { shuffles: 5, resamples: 200, topImages: 2, workers } },
    ],
    sets: [{ kind: "sets", options: { layers, size: 2, randomSequences: 2, workers } }],
    rotation: [{ kind: "rotate", options: { layers, seeds: 1, workers } }],
  } as const satisfies Record<string, readonly SharedWork[]>;
}

describe("a plan", () => {
  test("of means and a sweep goes in two stages, then so do the commands on the run, to the bytes of one machine", async () => {
    const few = join(folder, "few");
    mkdirSync(few);
    const { model, data } = await writeStudy(few, FEW);
    const [alone, shared] = [join(few, "alone"), join(few, "shared")];
    const layers = (await openModel(model)).layers.filter(({ kind }) => kind === "convolution").slice(-2);
    const ablation = { ...options, method: "mean", layers: layers.map(({ name }) => name) } as const;
    await runAblate(model, data, { ...ablation, out: alone });
    // Twice as many shards as blocks: of the sweep each is of some layers of a block.
    const { costs, passes } = await planAblation(model, data, { ...ablation, out: shared, shards: 4 });
    expect(passes.map(({ pass }) => pass)).toEqual(["response sums"]);
    expect(costs).toMatchObject([{ pass: "sweep", images: FEW }]);
    expect(costs[0]?.coreHours).toBeGreaterThan(0);
    await expect(mergeRun(shared)).rejects.toThrow("expected all 4 shards of pass response sums, got 2");
    expect((await runShard(shared, { shard: 3, workers: 1 })).state).toBe("waiting");
    const quarter = Math.floor(FEW / 4); // one of two layers of one of two blocks
    expect((await runShard(shared, { shard: 1, workers: 1 })).passes["sweep"]?.images).toBe(quarter);
    expect(statusOf(shared)).toMatchObject({ stage: 2, shards: { done: [1], missing: [0, 2, 3] } });
    expect(statusOf(shared).passes.at(-1)).toMatchObject({ images: FEW, done: quarter });
    expect(await runAll(shared)).toEqual(Array.from({ length: 8 }, () => "done"));
    expect(statusOf(shared)).toMatchObject({ isComplete: true, stage: 2, shards: { done: [0, 1, 2, 3] } });
    await mergeRun(shared);
    expect(filesOf(shared)).toEqual(filesOf(alone));
    expect((await runShard(shared, { shard: 0 })).state).toBe("merged");

    const works = worksOn(layers.slice(-1).map(({ name }) => name));
    await runConcepts(alone, works["concepts and attributes"][0].options);
    await runAttributes(alone, works["concepts and attributes"][1].options);
    await measureSets(alone, works.sets[0].options);
    await rotateLayers(alone, works.rotation[0].options);
    for (const [name, some] of Object.entries(works)) {
      const shards = name === "rotation" ? 5 : 2; // two blocks of two bases: four have one each
      const planned = await planRun(shared, some, { shards, cost: name === "sets" });
      await runAll(shared);
      const status = statusOf(shared);
      expect(status, name).toMatchObject({ isComplete: true, secondsLeft: 0, shards: { missing: [] } });
      expect(status.passes.map(({ known, count }) => known - count)).toEqual(planned.plan.passes.map(() => 0));
      const results = await mergeRun(shared);
      expect(results?.map(({ kind }) => kind)).toEqual(some.map(({ kind }) => kind));
    }
    expect(filesOf(shared)).toEqual(filesOf(alone));
    expect(existsSync(join(shared, "plan"))).toBe(false);
  });

  test("moves with its model and images, says what is missing, and does damaged pieces again", async () => {
    const [here, there] = [join(folder, "here"), join(folder, "there")];
    cpSync(model, join(here, "network.onnx"));
    cpSync(data, join(here, "images.npz"));
    const moved = ["network.onnx", "images.npz"].map((name) => join(here, name)) as [string, string];
    const alone = await runAblate(model, data, { ...options, out: join(folder, "one") });
    await planAblation(moved[0], moved[1], { ...options, out: join(here, "run"), shards: 3, cost: false });
    renameSync(here, there);
    const run = join(there, "run");
    expect(statusOf(run)).toMatchObject({ isComplete: false, shards: { missing: [0, 1, 2] }, secondsLeft: null });
    await runShard(run, { shard: 1, workers: 1 });
    await Promise.all([0, 0].map((shard) => runShard(run, { shard, workers: 1 }))); // twice at once
    expect(statusOf(run).shards).toEqual({ done: [0, 1], running: [], missing: [2] });
    expect(statusOf(run).secondsLeft).toBeGreaterThan(0);
    await expect(mergeRun(run)).rejects.toThrow("got 2; run the others: unitscope run");
    await runShard(run, { shard: 2, workers: 1 });
    const pieces = join(run, "pieces");
    for (const key of readdirSync(pieces)) truncateSync(join(pieces, key, "block-000001.piece"), 100);
    expect(statusOf(run).isComplete).toBe(true); // by the names of the files
    await expect(mergeRun(run)).rejects.toThrow(/--shard 1$/);
    expect(existsSync(join(run, "drops.parquet"))).toBe(false);
    expect((await runShard(run, { shard: 1, workers: 1 })).passes).toMatchObject({
      sweep: { images: expect.any(Number) as number },
    });
    await mergeRun(run);
    const tables = (path: string): unknown => ({ ...filesOf(path), "figures/layer-drops.svg": "names its images" });
    expect(tables(run)).toEqual(tables(alone.run.path));
  });

  test("is carried out shard after shard with what is open, until the model or the images are others", async () => {
    const here = join(folder, "replaced");
    mkdirSync(here);
    const { model, data } = await writeStudy(here, FEW);
    const run = join(here, "run");
    await planAblation(model, data, { ...options, out: run, shards: 4, cost: false });
    const runner = openShards(run, { workers: 1 });
    expect((await runner.run(0)).state).toBe("done");
    const kept = [model, data].map((file) => readFileSync(file));
    writeFileSync(model, Buffer.concat([kept[0], Buffer.from([0x8a, 0x01, 0])]));
    await expect(runner.run(1)).rejects.toThrow("expected the model of the run");
    writeFileSync(model, kept[0]);
    expect((await runner.run(1)).state).toBe("done");
    await writeStudy(here, FEW + 1);
    writeFileSync(model, kept[0]);
    await expect(runner.run(2)).rejects.toThrow("expected the images of the run");
    writeFileSync(data, kept[1]);
    for (const shard of [2, 3]) expect((await runner.run(shard)).state).toBe("done");
    await runner.close();
    const alone = await runAblate(model, data, { ...options, out: join(here, "alone") });
    await mergeRun(run);
    expect(filesOf(run)).toEqual(filesOf(alone.run.path));
  });

  test("of commands on a run is refused, and nothing written, where they would refuse to begin", async () => {
    const path = join(folder, "begun");
    const { run } = await runAblate(model, data, { ...options, out: path, limit: 4 });
    const { layers } = run.manifest();
    const name = layers[0].name;
    const plan = (works: readonly SharedWork[]) => planRun(path, works, { shards: 2 });
    const before = readdirSync(path).sort();
    const refused = async (work: SharedWork, message: string | RegExp): Promise<void> => {
      await expect(plan([work]), work.kind).rejects.toThrow(message);
      expect(readdirSync(path).sort(), work.kind).toEqual(before);
    };
    const colors = { concepts: ["colors"] };
    await refused({ kind: "sets", options: { size: 0 } }, 'option "size": expected a whole number of units from 1');
    await refused({ kind: "sets", options: { classes: ["no such"] } }, /no such/);
    await refused({ kind: "rotate", options: { seeds: 0 } }, 'option "seeds": expected a whole number');
    await refused({ kind: "attributes", options: { shuffles: -1 } }, 'option "shuffles": expected a whole number');
    await refused({ kind: "concepts", options: { ...colors, shuffles: 0.5 } }, 'option "shuffles": expected a whole');
    await refused({ kind: "concepts", options: { concepts: [join(folder, "none")] } }, "none");
    await refused({ kind: "attributes", options: { layers: ["no such"] } }, "no such");

    run.updateManifest({ layers: layers.map((layer) => ({ ...layer, images: 1 })) });
    const partial = /expected a finished sweep, got layer .* measured on 1 of/;
    await refused({ kind: "attributes", options: {} }, partial);
    await refused({ kind: "sets", options: { layers: [name] } }, partial);
    await refused({ kind: "rotate", options: { layers: [name] } }, partial);
    await refused({ kind: "concepts", options: { ...colors, layers: [name] } }, partial);
    run.updateManifest({ layers });
    const { plan: written } = await plan([{ kind: "rotate", options: { seeds: 1, pca: false, workers: 2 } }]);
    expect(written.works).toEqual([{ kind: "rotate", options: { seeds: 1, pca: false } }]);
  });

  test("is refused where it does not fit", async () => {
    const run = join(folder, "refused");
    const wanted = { ...options, out: run, cost: false };
    await expect(runShard(folder, { shard: 0 })).rejects.toThrow("expected plan.json, got none; make one with");
    await expect(planAblation(model, data, { ...wanted, shards: 0 })).rejects.toThrow('"shards": expected a whole');
    const { plan } = await planAblation(model, data, { ...wanted, shards: 2 });
    expect((await planAblation(model, data, { ...wanted, shards: 2 })).plan).toEqual(plan); // the same again
    await expect(planAblation(model, data, { ...wanted, shards: 3 })).rejects.toThrow(
      /expected no other plan under way, got ablate in 2 shards, planned .*; merge it first/,
    );
    await expect(planAblation(model, data, { ...wanted, until: 1, shards: 2 })).rejects.toThrow(
      'option "until": expected',
    );
    await expect(runShard(run, { shard: 2 })).rejects.toThrow('option "shard": expected a number from 0 to 1, got 2');
    const other = join(folder, "other.onnx");
    cpSync(model, other);
    writeFileSync(other, Buffer.concat([readFileSync(other), Buffer.from([0x8a, 0x01, 0])]));
    await expect(runShard(run, { shard: 0, places: { model: other } })).rejects.toThrow(
      /expected the model of the run \(SHA-256 \w+…\) at .*other.onnx, got/,
    );
    writeRunPlan(run, { ...plan, unitscope: "0.0.1" });
    await expect(mergeRun(run)).rejects.toThrow("expected unitscope 0.0.1, which planned it, got");
    writeFileSync(join(run, "plan.json"), "{");
    expect(() => statusOf(run)).toThrow("plan.json: expected a plan, got no JSON; plan it again");
  });
});
