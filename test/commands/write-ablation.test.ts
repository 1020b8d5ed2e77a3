/** Tables of all images stay, whatever ends a later sweep; those of some images never pass for them. */
import { cpSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { type AblateRunOptions, beginAblation, runAblate } from "../../src/commands/ablate-run.ts";
import { runAttributes } from "../../src/commands/attributes-run.ts";
import { runFigures } from "../../src/commands/figures-run.ts";
import { measureSets } from "../../src/commands/measure-sets.ts";
import { openedRun } from "../../src/commands/open-run.ts";
import { sweepLayers } from "../../src/commands/sweep-layers.ts";
import { writeAblation } from "../../src/commands/write-ablation.ts";
import { sha256 } from "../../src/files/hash.ts";
import { openPassFolder } from "../../src/passes/pass-runner.ts";
import { openRun, type RunFolder } from "../../src/runs/run-folder.ts";
import { openModel } from "../../src/runtime/open-model.ts";
import { integers, texts } from "../../src/tables/table.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";
import { writeStudy } from "../shards/shared-study.ts";

const IMAGES = 520; // three blocks

let folder: string;
let model: string;
let data: string;
let layers: string[];
beforeAll(async () => {
  folder = await temporaryFolder();
  ({ model, data } = await writeStudy(folder, IMAGES));
  layers = (await openModel(model)).layers.filter(({ kind }) => kind === "convolution").map(({ name }) => name);
  await ablate("whole", { layers: layers.slice(0, 1) });
});

type Options = Partial<AblateRunOptions>;
const ablate = (out: string, options: Options, signal?: AbortSignal): ReturnType<typeof runAblate> =>
  runAblate(model, data, { preprocess: "none", workers: 1, ...options, out: join(folder, out) }, { signal });

/** Another copy of the run of the first layer. */
function copyOf(name: string): RunFolder {
  cpSync(join(folder, "whole"), join(folder, name), { recursive: true });
  return openRun(join(folder, name), { isPartialFine: true });
}

/** Hashes of a run's files, but of unfinished work. */
function filesOf(run: RunFolder): Record<string, string> {
  const names = readdirSync(run.path, { recursive: true, encoding: "utf8" });
  const files = names.filter((name) => /\.(parquet|svg|json)$/.test(name));
  return Object.fromEntries(files.sort().map((name) => [name, sha256(readFileSync(run.file(name)))]));
}

/** Ends after the first of three blocks. */
const short = { budget: 1e-6 };

test.each([
  ["verified", { verify: 0.001 }],
  ["by the plain way", { engine: "plain" }],
] as const)("a finished layer that is %s again keeps its tables when the time is over", async (name, again) => {
  const run = copyOf(name);
  const before = filesOf(run);
  const result = await ablate(name, { layers: layers.slice(0, 1), ...again, ...short });
  expect(result.reached?.images).toBeLessThan(IMAGES);
  expect(result).toMatchObject({ kept: layers.slice(0, 1), baselineImages: IMAGES });
  expect(filesOf(run)).toEqual(before);
  const pieces = readdirSync(run.file("pieces"), { recursive: true, encoding: "utf8" });
  expect(pieces.some((piece) => piece.endsWith("block-000000.piece"))).toBe(true); // it goes on from there
  expect((await ablate(name, { layers: layers.slice(0, 1), ...again })).kept).toEqual([]);
  expect(filesOf(run)["flips.parquet"]).toBe(before["flips.parquet"]);
});

test("an interruption leaves them too, and says so", async () => {
  const run = copyOf("interrupted");
  const before = filesOf(run);
  const stop = new AbortController();
  const going = runAblate(
    model,
    data,
    { preprocess: "none", workers: 1, layers: layers.slice(0, 1), verify: 0.001, out: run.path },
    { signal: stop.signal, leaders: () => stop.abort() },
  );
  await expect(going).rejects.toThrow(
    /got an interruption after \d+ of 520 images; its tables stay those of all images/,
  );
  expect(filesOf(run)).toEqual(before);
});

test("a second layer that is not whole leaves the first one's tables, the baseline and what can be done with them", async () => {
  const run = copyOf("second");
  const [first, second] = layers as [string, string];
  const manifest = run.manifest();
  const result = await ablate("second", { layers: [first, second], ...short });
  expect(result.kept).toEqual([first]);
  expect(run.manifest().finished).toBe(manifest.finished);
  const images = run.manifest().layers.map((layer) => [layer.name, layer.images]);
  expect(images).toEqual([
    [first, undefined],
    [second, result.reached?.images],
  ]);
  expect((await run.readTable("baseline")).rows).toBe(IMAGES);
  expect(new Set(integers(await run.readTable("drops", { layer: second }), "images"))).not.toContain(IMAGES / 4);
  const whole = openRun(join(folder, "whole"));
  const rows = await run.readTable("drops", { layer: first, columns: ["drop", "q_value"] });
  expect(rows).toEqual(await whole.readTable("drops", { layer: first, columns: ["drop", "q_value"] }));
  // What asks for the first layer goes on, what asks for the second is refused.
  const sets = { size: 1, randomSequences: 1, workers: 1 };
  await measureSets(run.path, { ...sets, layers: [first] });
  const refusal = `got layer "${second}" measured on ${result.reached?.images} of 520 images; finish it with: unitscope ablate, without option "until" and option "budget", or choose layers that are whole: ${first}`;
  await expect(measureSets(run.path, { ...sets, layers: [second] })).rejects.toThrow(refusal);
  await expect(openRun(run.path).readTable("units")).rejects.toThrow(refusal);
  const units = await openRun(run.path).readTable("units", { isWholeOnly: true });
  expect(new Set(texts(units, "layer"))).toEqual(new Set([first]));
  const leftOut: string[] = [];
  const figures = await runFigures(run.path, { partial: (names) => leftOut.push(...names) });
  expect(new Set(figures.map(({ layer }) => layer))).toEqual(new Set(["all", first]));
  expect(leftOut).toEqual([second]);
  // Once it is whole, the run is the one that was never cut short.
  await ablate("second", { layers: [first, second] });
  await ablate("both", { layers: [first] });
  await ablate("both", { layers: [first, second] });
  for (const name of ["layers", "units", "drops", "baseline", "flips"] as const) {
    expect(await openRun(run.path).readTable(name)).toEqual(await openRun(join(folder, "both")).readTable(name));
  }
  expect(filesOf(run)["figures/layer-drops.svg"]).toBe(
    filesOf(openRun(join(folder, "both")))["figures/layer-drops.svg"],
  );
});

test.each(["a first sweep", "a sweep of one more layer"])(
  "where %s is cut short, the manifest says so before the first table does",
  async (what) => {
    const isFirst = what === "a first sweep";
    const out = isFirst ? join(folder, "killed") : copyOf("killed later").path;
    const options = { preprocess: "none", workers: 1, layers: layers.slice(1, 2), out };
    const { subject } = await beginAblation(model, data, options);
    const run = openRun(out, { isPartialFine: true });
    const dying: RunFolder = {
      ...run,
      rewriteLayers: async (...args) => {
        const writer = await run.rewriteLayers(...args);
        const commit = (): void => {
          writer.commit();
          throw new Error("the process ends here");
        };
        return { ...writer, commit };
      },
    };
    const opened = openedRun(dying, subject);
    const swept = await sweepLayers(opened, options, { runner: openPassFolder(out), growth: { budget: 1e-3 } });
    expect(swept.sweep?.reached).toBeDefined();
    await expect(writeAblation(opened, swept)).rejects.toThrow("the process ends here");
    const [second = ""] = options.layers;
    expect((await run.readTable("drops", { layer: second })).rows).toBeGreaterThan(0);
    await expect(openRun(out).readTable("drops", { layer: second })).rejects.toThrow(
      `expected a finished sweep, got layer "${second}" measured on`,
    );
    await ablate(isFirst ? "killed" : "killed later", { layers: options.layers });
    expect((await openRun(out).readTable("units", { layer: second })).rows).toBeGreaterThan(0);
  },
);

test.each([
  ["verify", { verify: 0.001 }],
  ["with-another-layer", { all: true, verify: 0.001 }],
] as const)("a described layer that is swept again stays described: %s", async (name, again) => {
  const run = copyOf(name);
  await runAttributes(run.path, { shuffles: 0, resamples: 100, workers: 1 });
  const before = await run.readTable("units", { layer: layers[0] });
  await ablate(name, { ...("all" in again ? {} : { layers: layers.slice(0, 1) }), ...again });
  const after = await run.readTable("units", { layer: layers[0] });
  expect(before.columns["class_selectivity"]).toBeDefined();
  expect(after).toEqual(before);
});
