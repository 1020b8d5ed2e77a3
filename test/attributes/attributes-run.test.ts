/** The whole command on a network that can be solved by hand (test/cli/hand-network.ts). */
import { existsSync, readFileSync } from "node:fs";
import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { cardLines } from "../../src/cli/commands/unit.ts";
import { runAblate } from "../../src/commands/ablate-run.ts";
import { type AttributesRunResult, runAttributes } from "../../src/commands/attributes-run.ts";
import { drawUnitCard, readUnitCard, unitCardPage } from "../../src/commands/unit-card.ts";
import { openRun, type RunFolder } from "../../src/runs/run-folder.ts";
import { doubles, integers, type Table, texts } from "../../src/tables/table.ts";
import { handFolder } from "../cli/hand-network.ts";

let folder: string;
let path: string;
let run: RunFolder;
let result: AttributesRunResult;
beforeAll(async () => {
  folder = await handFolder();
  path = join(folder, "run");
  await runAblate(join(folder, "network.onnx"), join(folder, "images"), { out: path, preprocess: "none", workers: 1 });
  run = openRun(path);
  result = await runAttributes(path, { workers: 1, shuffles: 19, resamples: 200, topImages: 3 });
});

/** Mean per class of R, G and max(R − G, 0) over the images of `handColours`, in fifths; classes crimson, green, navy. */
const classMeans = { red: [9 / 3, 6 / 3, 4 / 3], green: [5 / 3, 11 / 3, 1 / 3], redness: [6 / 3, 2 / 3, 3 / 3] };

function selectivities(means: readonly number[]): number[] {
  const fifths = means.map((mean) => mean / 5);
  const total = fifths.reduce((sum, mean) => sum + mean, 0);
  return fifths.map((mean) => {
    const others = (total - mean) / 2;
    return (mean - others) / (mean + others + 1e-6);
  });
}

const close = (got: ArrayLike<number>, wanted: readonly number[]): void => {
  expect(got.length).toBe(wanted.length);
  wanted.forEach((value, at) => expect(got[at]).toBeCloseTo(value, 6));
};

/** A table without what a file path or a clock may change. */
const bare = ({ columns }: Table): Record<string, unknown> =>
  Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, [...column]]));

describe("runAttributes", () => {
  test("columns of the units as solved by hand", async () => {
    const units = await run.readTable("units");
    expect(doubles(units, "overall_drop")).toHaveLength(4);
    close(doubles(units, "l1_norm"), [1, 1, 1, 2]);
    close(doubles(units, "l1_norm_folded"), [1, 1, 1, 2]);
    // Means over nine images in fifths: R 19, G 17, B 6 (and 0.5 more each), R − G where positive 11.
    close(doubles(units, "mean"), [19 / 45, 17 / 45, 6 / 45 + 0.5, 11 / 45]);
    close(doubles(units, "max"), [1, 1, 1.5, 1]);
    close(doubles(units, "min"), [0, 0, 0.5, 0]);
    close(doubles(units, "sparsity"), [2 / 9, 3 / 9, 0, 5 / 9]);
    close(doubles(units, "silent_fraction"), [2 / 9, 3 / 9, 0, 5 / 9]);
    close(doubles(units, "negative_fraction"), [0, 0, 0, 0]);
    expect([...integers(units, "selectivity_class")]).toEqual([0, 1, 2, 0]);
    expect(doubles(units, "class_selectivity")[0]).toBeCloseTo(selectivities(classMeans.red)[0], 6);
    expect(doubles(units, "class_selectivity")[3]).toBeCloseTo(selectivities(classMeans.redness)[0], 6);
    // The only image of navy with much blue, and two with as much as others: 9 of 18 pairs won, 6 tied.
    expect(doubles(units, "roc_auc")[2]).toBeCloseTo(1 * (12 / 18) + 0.5 * (6 / 18), 6);
    for (const p of doubles(units, "class_selectivity_p_value")) {
      expect(p * 20).toBeCloseTo(Math.round(p * 20), 9);
      expect(p).toBeGreaterThan(0);
    }
  });

  test("vectors over classes", async () => {
    const vectors = await run.readTable("vectors");
    const attributes = texts(vectors, "attribute");
    const units = integers(vectors, "unit");
    const values = doubles(vectors, "value");
    const vector = (attribute: string, unit: number): number[] =>
      [...values].filter((_, row) => attributes[row] === attribute && units[row] === unit);
    close(vector("class_selectivity", 0), selectivities(classMeans.red));
    close(vector("class_selectivity", 1), selectivities(classMeans.green));
    expect(texts(vectors, "name").slice(0, 3)).toEqual(["crimson", "green", "navy"]);
    expect(vectors.rows).toBe(4 * 3 * 3);
    expect(Math.max(...vector("class_correlation", 1))).toBe(vector("class_correlation", 1)[1]);
  });

  test("images: the strongest, ties by their order, silent ones left out; and the most hurt", async () => {
    const images = await run.readTable("images");
    const [units, roles] = [integers(images, "unit"), texts(images, "role")];
    const of = (unit: number, role: string, column: string): number[] =>
      [...(images.columns[column] as Int32Array)].filter((_, row) => units[row] === unit && roles[row] === role);
    expect(of(0, "top", "image")).toEqual([0, 5, 1]); // R of 5, 4, then 3 in images 1 and 7
    expect(of(3, "top", "image")).toEqual([0, 7, 5]); // R − G of 5, 3, 2
    close(of(3, "top", "response"), [1, 0.6, 0.4]);
    close(of(3, "top", "region"), [0, 0, 0]); // of 36 positions, none may lie above the threshold
    const baseline = await run.readTable("baseline");
    const flips = await run.readTable("flips");
    const lost = [...integers(flips, "image")].filter((image, row) => {
      const isRight = integers(baseline, "label")[image] === integers(baseline, "prediction")[image];
      return isRight && integers(flips, "unit")[row] === 1;
    });
    expect(lost.length).toBeGreaterThan(0);
    expect([...of(1, "hurt", "image")].sort(byNumber)).toEqual(lost.slice(0, 3).sort(byNumber));
    for (const sprite of new Set(texts(images, "sprite")))
      expect(existsSync(run.file(...sprite.split("/")))).toBe(true);
  });

  test("says what it did in the manifest", () => {
    const step = run.manifest().steps.at(-1);
    expect(step?.command).toBe("attributes");
    expect(step?.options).toMatchObject({ pool: "mean", shuffles: 19, resamples: 200, topImages: 3, seed: 1 });
    expect(result.reused).toBe(true); // the sweep has observed the responses
  });

  test("a second time gives the same, and so does a pass of its own with any number of workers", async () => {
    const before = await Promise.all((["units", "vectors", "images"] as const).map((name) => run.readTable(name)));
    const again = await runAttributes(path, { workers: 3, shuffles: 19, resamples: 200, topImages: 3 });
    expect(again.reused).toBe(true);
    const fresh = join(folder, "fresh");
    await cp(path, fresh, { recursive: true });
    await rm(join(fresh, "pieces"), { recursive: true });
    const recomputed = await runAttributes(fresh, { workers: 2, shuffles: 19, resamples: 200, topImages: 3 });
    expect(recomputed.reused).toBe(false);
    for (const [at, name] of (["units", "vectors", "images"] as const).entries()) {
      expect(bare(await run.readTable(name))).toEqual(bare(before[at]));
      expect(bare(await openRun(fresh).readTable(name))).toEqual(bare(before[at]));
    }
  });

  test("max pooling has its own values", async () => {
    const other = join(folder, "max");
    await cp(path, other, { recursive: true });
    await runAttributes(other, { workers: 1, shuffles: 0, resamples: 200, topImages: 3, pool: "max" });
    const units = await openRun(other).readTable("units");
    close(doubles(units, "class_selectivity"), [...doubles(await run.readTable("units"), "class_selectivity")]); // flat images
    expect(doubles(units, "class_selectivity_p_value").every(Number.isNaN)).toBe(true);
  });

  test("refuses options that make no sense", async () => {
    await expect(runAttributes(path, { topImages: 0 })).rejects.toThrow(
      'option "topImages": expected a whole number from 1, got 0',
    );
    await expect(runAttributes(path, { layers: ["conv9"] })).rejects.toThrow('layer "conv9": expected one of');
  });
});

describe("a unit's card", () => {
  test("in the terminal", async () => {
    const lines = cardLines(await readUnitCard(run, texts(await run.readTable("units"), "layer")[0], 1));
    expect(lines[0]).toMatch(/unit 1 of 4, network\.onnx on /);
    expect(lines.join("\n")).toMatch(/class selectivity +0\.\d\d \(green\); by chance up to /);
    expect(lines.join("\n")).toContain("images with the strongest response");
    expect(lines.join("\n")).toMatch(/right before, wrong after\n.*green +→ /);
  });

  test("as a picture and as a page, complete in one file", async () => {
    const layer = texts(await run.readTable("units"), "layer")[0];
    const card = await readUnitCard(run, layer, 0);
    const svg = await drawUnitCard(run, card);
    expect(svg.match(/data:image\/png;base64,/g)?.length).toBe(card.top.length + card.hurt.length);
    expect(svg).not.toMatch(/href="(?!data:)/);
    const page = unitCardPage(card, svg);
    expect(page).toMatch(/^<!doctype html>/);
    expect(page).not.toContain("<?xml");
    expect(page).toContain("unit 0");
  });

  test("of a unit or layer that is not there is refused", async () => {
    const layer = texts(await run.readTable("units"), "layer")[0];
    await expect(readUnitCard(run, layer, 4)).rejects.toThrow(`layer "${layer}": expected unit in 0..3, got 4`);
    await expect(readUnitCard(run, "nowhere", 0)).rejects.toThrow('layer "nowhere": expected one of');
  });

  test("before the attributes shows the drops alone", async () => {
    const other = join(folder, "bare");
    await runAblate(join(folder, "network.onnx"), join(folder, "images"), { out: other, preprocess: "none" });
    const card = await readUnitCard(openRun(other), texts(await run.readTable("units"), "layer")[0], 0);
    expect([card.attributes, card.top, card.hurt]).toEqual([[], [], []]);
    expect(await drawUnitCard(openRun(other), card)).toContain("unitscope attributes RUN");
    expect(readFileSync(openRun(other).file("run.json"), "utf8")).toContain('"ablate"');
  });
});

/** Compares numbers for sorting. */
function byNumber(a: number, b: number): number {
  return a - b;
}
