/** A whole study of a small random network: what it does, in which order, and that nothing is done twice. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { runFigures } from "../../src/commands/figures-run.ts";
import { planStudy, quickLimit, studiedLayers } from "../../src/commands/plan-study.ts";
import { study } from "../../src/commands/study.ts";
import { seededRandom } from "../../src/numeric/random.ts";
import { openRun } from "../../src/runs/run-folder.ts";
import { openModel } from "../../src/runtime/open-model.ts";
import { CLASSES, randomNetwork, SIDE } from "../ablation/random-network.ts";
import { npz } from "../data/npz.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";

const recipe = { seed: 3, blocks: ["overlapping pool", "plain"], head: "two products" } as const;
let model: string;
let data: string;

beforeAll(async () => {
  const folder = await temporaryFolder();
  [model, data] = [join(folder, "network.onnx"), join(folder, "images.npz")];
  writeFileSync(model, (await randomNetwork(recipe)).bytes);
  const random = seededRandom(11);
  const count = 4 * CLASSES;
  const pixels = Uint8Array.from({ length: count * SIDE * SIDE * 3 }, () => random.integer(256));
  const labels = Int32Array.from({ length: count }, (_, image) => image % CLASSES);
  writeFileSync(
    data,
    npz({ images: { dims: [count, SIDE, SIDE, 3], data: pixels }, labels: { dims: [count], data: labels } }),
  );
});

/** Runs the study without concepts, whose rendered images take longer than all of the rest; gives the steps that it did. */
async function did(
  out: string,
  change: Partial<Parameters<typeof study>[2]> = {},
  effects: Parameters<typeof study>[3] = {},
): Promise<{ steps: string[]; result: Awaited<ReturnType<typeof study>> }> {
  const steps: string[] = [];
  const options = { out, preprocess: "none", concepts: [], quick: true, workers: 1, ...change };
  const result = await study(model, data, options, {
    ...effects,
    step: (step) => {
      if (!step.isDone) steps.push(step.title);
      effects.step?.(step);
    },
  });
  return { steps, result };
}

const all = ["ablation", "attributes", "unit sets", "rotation", "figures", "page"];

test("a study does everything once, goes on after an interruption, and only repeats what changed", async () => {
  const out = join(await temporaryFolder(), "run");
  const abort = new AbortController();
  const warnings: string[] = [];
  const stopped = did(
    out,
    {},
    {
      signal: abort.signal,
      warn: (text) => warnings.push(text),
      step: ({ title }) => {
        if (title === "unit sets") abort.abort(new Error("enough"));
      },
    },
  );
  await expect(stopped).rejects.toThrow(/enough|interruption/);
  expect(existsSync(join(out, "report"))).toBe(false);
  // Its labels are those of nobody, and a reader is told.
  expect(warnings[0]).toMatch(/which chance does too .*are the labels in its order of classes/);

  const later = new AbortController();
  const again = did(
    out,
    {},
    {
      signal: later.signal,
      progress: (_, what) => {
        if (what === "unit sets: measuring") later.abort(new Error("enough"));
      },
    },
  );
  await expect(again).rejects.toThrow(/enough|interruption/);

  const shares: number[] = [];
  const said: string[] = [];
  const { steps, result } = await did(
    out,
    {},
    {
      progress: (share, what) => {
        shares.push(share);
        said.push(what);
      },
    },
  );
  expect(said.slice(0, 2)).toEqual(["unit sets", "unit sets: searching classes, continued"]);
  expect(steps).toEqual(all.slice(2));
  expect(shares.length).toBeGreaterThan(4);
  expect([...shares].sort((a, b) => a - b)).toEqual(shares);
  expect([Math.min(...shares) >= 0, shares.at(-1)]).toEqual([true, 1]);
  expect(readFileSync(result.page, "utf8")).toContain("</html>");
  expect(result.findings.length).toBeGreaterThanOrEqual(3);
  expect(result.findings[0]?.text).toMatch(/interval/);
  const page = readFileSync(result.page, "utf8");
  expect(page).toMatch(
    /unitscope study network\.onnx images\.npz --layers \S+ --limit \d+ --preprocess none --no-concepts --quick/,
  );
  expect(page).toContain("A first look");
  const run = openRun(out);
  expect(run.tableNames()).toEqual(expect.arrayContaining(["drops", "vectors", "sets", "rotation"]));
  const drops = readFileSync(join(out, "drops.parquet"));
  const figures = await runFigures(out);
  expect([...new Set(figures.map(({ figure }) => figure))].sort()).toEqual([1, 2, 3, 4, 5, 7]);
  const paths = figures.map(({ path }) => path);
  expect(new Set(paths).size).toBe(paths.length);
  expect(paths.join()).not.toContain("undefined");

  expect((await did(out)).steps).toEqual([]);
  expect((await did(out, { workers: 2 })).steps).toEqual([]); // threads change no count

  rmSync(join(out, "figures", "rotation.svg"));
  expect((await did(out)).steps).toEqual(["rotation", "page"]);

  const more = await did(out, { all: true });
  expect(more.steps).toEqual(all);
  expect(openRun(out).manifest().layers.length).toBeGreaterThan(1);
  expect(readFileSync(join(out, "drops.parquet")).length).toBeGreaterThan(drops.length);
}, 300_000);

describe("the plan", () => {
  test("sweeps the last convolution unless other layers are named, and has concepts only for maps", async () => {
    const opened = await openModel(model);
    const [last] = studiedLayers(opened, {});
    const convolutions = opened.layers.filter(({ kind }) => kind === "convolution");
    expect(last).toBe(convolutions.at(-1));
    expect(studiedLayers(opened, { all: true })).toEqual(opened.layers.filter(({ isOutput }) => !isOutput));
    expect(() => studiedLayers(opened, { layers: ["none"] })).toThrow(/^layer "none": expected one of/);
    const flat = opened.layers.filter(({ kind, isOutput }) => kind === "linear" && !isOutput);
    const subject = { model: opened, modelPath: model, data };
    expect(planStudy(subject, [last as never]).map(({ title }) => title)).toContain("concepts");
    expect(planStudy(subject, flat).map(({ title }) => title)).not.toContain("concepts");
    expect(planStudy(subject, [last as never], { concepts: [] }).map(({ title }) => title)).toEqual(all.slice(0, -1));
  });

  test("every step reads only steps before it, and a first look asks for less", async () => {
    const opened = await openModel(model);
    const subject = { model: opened, modelPath: model, data };
    const layers = studiedLayers(opened, {});
    const [full, quick] = [false, true].map((isQuick) => planStudy(subject, layers, { quick: isQuick }));
    for (const [at, { reads }] of (full ?? []).entries()) {
      const before = (full ?? []).slice(0, at).map(({ title }) => title);
      expect(reads.filter((title) => !before.includes(title))).toEqual([]);
    }
    expect(quick?.map(({ title }) => title)).toEqual(full?.map(({ title }) => title));
    const early = planStudy(subject, opened.layers.slice(0, 1), { quick: true });
    for (const title of ["ablation", "unit sets", "rotation"]) {
      const weigh = (steps: typeof full): number => steps?.find((step) => step.title === title)?.weight ?? 0;
      expect(weigh(early), title).toBeGreaterThan(weigh(quick)); // more is computed again behind an early layer
    }
    const weight = (steps: typeof full): number => (steps ?? []).reduce((sum, step) => sum + step.weight, 0);
    expect(weight(quick)).toBeLessThan(weight(full));
  });

  test("a first look takes two images of every class at least, and 10,000 images or a million pairs at most", async () => {
    const opened = await openModel(model);
    const { tap } = opened.layers.filter(({ isOutput }) => !isOutput).at(-1) ?? opened.layers[0];
    expect(quickLimit(opened, [{ units: 4, tap }])).toBe(Math.floor(10_000 / CLASSES));
    expect(
      quickLimit(
        opened,
        [200, 300].map((units) => ({ units, tap })),
      ),
    ).toBe(Math.floor(2_000 / CLASSES));
    expect(quickLimit(opened, [{ units: 4, tap }], 10_000)).toBe(2);
    const heavy = { ...opened, layers: opened.layers.map((layer) => ({ ...layer, height: 4000, width: 4000 })) };
    expect(quickLimit(heavy, [{ units: 4, tap }])).toBe(2);
  });

  test("a first look takes fewer images where more is repeated behind a layer", async () => {
    const alexnet = await openModel(fileURLToPath(new URL("../../models/alexnet-cifar10.onnx", import.meta.url)));
    const of = (name: string): number =>
      quickLimit(
        alexnet,
        alexnet.layers.filter((layer) => layer.name === name),
      );
    expect(of("conv5")).toBe(1000);
    expect(of("conv2")).toBeGreaterThan(10);
    expect(of("conv2")).toBeLessThan(of("conv4"));
  });
});

test("nothing is written before model, data and options have been looked at", async () => {
  const out = join(await temporaryFolder(), "run");
  await expect(did(out, { workers: 0 })).rejects.toThrow('option "workers": expected a whole number from 1, got 0');
  await expect(did(out, { layers: ["none"] })).rejects.toThrow(/none/);
  await expect(study(model, `${data}.missing`, { out, preprocess: "none" })).rejects.toThrow(/missing/);
  expect(existsSync(out)).toBe(false);
});
