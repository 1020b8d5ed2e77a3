/** What figures are made of: the order of units, bars, bands, lines, outlines. */
import { expect, test } from "vitest";
import { bandNote, countedLabel, type SampledKind } from "../../src/figures/band-note.ts";
import { rankBand } from "../../src/figures/curves.ts";
import { layerDropsFigure, layerDropsOf, sortedUnits } from "../../src/figures/layer-drops.ts";
import { areaUnderCurve } from "../../src/figures/merge-class-curves.ts";
import { chosenAttributes, clippedLine, relationsFigure, relationsOf } from "../../src/figures/relations.ts";
import { rotationFigure } from "../../src/figures/rotation.ts";
import { type Region, regionOutline, unitCardFigure } from "../../src/figures/unit-card.ts";
import { classBars } from "../../src/figures/unit-drops.ts";
import { makeTable } from "../../src/tables/table.ts";
import { exampleUnits } from "../runs/example-run.ts";
import { exampleCard } from "./example-data.ts";

test("units are sorted by max class drop, ties by number, missing ones left out", () => {
  expect(sortedUnits([0.1, 0.3, Number.NaN, 0.3, -0.1])).toEqual([1, 3, 0, 4]);
});

test("the layers of a table of units, in their order", () => {
  expect(layerDropsOf(exampleUnits())).toEqual([
    {
      layer: "conv4",
      overall: Float64Array.of(0.1, 1 / 3),
      max: Float64Array.of(0.3, 0.5),
      min: Float64Array.of(-0.1, 0),
    },
    { layer: "conv5", overall: Float64Array.of(-1e-17), max: Float64Array.of(0), min: Float64Array.of(Number.NaN) },
  ]);
});

test("damage goes up in our sign and down in the paper's", () => {
  const layer = { layer: "conv5", max: [0.4, 0.1], overall: [0, 0], min: [0, 0] };
  const heights = (svg: string): number[] =>
    Array.from(svg.matchAll(/<circle class="f1" cx="[^"]*" cy="([^"]*)"/g), ([, y]) => Number(y));
  const [first = 0, second = 0] = heights(layerDropsFigure([layer]));
  expect(first).toBeLessThan(second); // pixels count downwards
  const [paperFirst = 0, paperSecond = 0] = heights(layerDropsFigure([layer], { sign: "paper" }));
  expect(paperFirst).toBeGreaterThan(paperSecond);
});

test("bars of classes: the largest drop first, survivors starred, the middle summed up", () => {
  const classes = [0.01, 0.3, Number.NaN, -0.02, 0.05, 0.04].map((drop, cls) => ({
    name: `class ${cls}`,
    drop,
    qValue: drop > 0.045 ? 0.01 : 0.4,
  }));
  const all = classBars(classes, { factor: 1, alpha: 0.05, maxBars: 10, tested: true });
  expect(all.map(({ name, text = "" }) => `${name} ${text}`.trim())).toEqual([
    "class 1 30.0 *",
    "class 4 5.0 *",
    "class 5 4.0",
    "class 0 1.0",
    "class 3 −2.0",
    "1 class without images",
  ]);
  expect(all.map(({ pale }) => pale)).toEqual([false, false, true, true, true, undefined]);
  const few = classBars(classes, { factor: -1, alpha: 0.05, maxBars: 3, tested: true });
  expect(few.map(({ name }) => name)).toEqual([
    "class 1",
    "… 3 more classes, −5.0 to −1.0, 1 with *",
    "class 3",
    "1 class without images",
  ]);
  expect(few[0]?.value).toBe(-0.3);
});

test("bands over samples: sorted first, then mean, smallest and largest", () => {
  const { mean, low, high } = rankBand([
    [1, 5, 3],
    [4, 2, 0],
    [Number.NaN, 6, 1, 1, 0],
  ]);
  expect([...mean]).toEqual([5, 2, 2 / 3]);
  expect([...low]).toEqual([4, 1, 0]);
  expect([...high]).toEqual([6, 3, 1]);
  const many = rankBand(Array.from({ length: 41 }, (_, seed) => [seed]));
  expect([many.low[0], many.mean[0], many.high[0]]).toEqual([1, 20, 39]); // R: quantile(0:40, c(0.025, 0.975))
  expect(rankBand([]).mean).toHaveLength(0);
  expect([...rankBand([[1, 3, 2]], { ascending: true }).mean]).toEqual([1, 2, 3]);
});

test("what bands hold is said once, with the places that have other numbers of samples", () => {
  const kind = (label: string, ...samples: number[]): SampledKind => ({
    label,
    places: samples.map((count, at) => ({ place: `conv${at + 4}`, samples: count })),
  });
  const plain = [kind("plain", 5, 5), kind("batch norm", 2, 2), kind("single", 1, 1)];
  expect(plain.map((each) => countedLabel(each, "network"))).toEqual([
    "plain (5 networks)",
    "batch norm (2 networks)",
    "single",
  ]);
  expect(bandNote(plain, "network")).toBe("Lines: means over networks. Bands: smallest to largest.");
  const rotated = [kind("units", 1, 1), kind("random directions", 1, 2), kind("principal components", 0, 1)];
  expect(rotated.map((each) => countedLabel(each, "seed"))).toEqual([
    "units",
    "random directions",
    "principal components",
  ]);
  expect(bandNote(rotated, "seed")).toBe(
    "Lines: means over seeds. Bands: smallest to largest (random directions: 2 seeds at conv5, 1 at conv4).",
  );
  expect(bandNote([kind("units", 1)], "seed")).toBe("");
  expect(bandNote([kind("a", 40), kind("b", 3)], "seed")).toBe(
    "Lines: means over seeds. Bands: smallest to largest, or the central 95\u00a0% of more than 20.",
  );
  expect(bandNote([kind("a", 40)], "seed")).toBe("Lines: means over seeds. Bands: the central 95\u00a0%.");
});

test("a cut axis of ranked drops says how many it leaves out, and the farthest", () => {
  const max = Float64Array.from({ length: 40 }, (_, unit) => (unit === 7 ? 0.3 : unit / 1000));
  const basis = { label: "units", max: [max], overall: [max.map((drop) => drop / 10)] };
  const note = "Triangles: 2 drops beyond the axis, the farthest at 30.0 points.";
  expect(rotationFigure([{ layer: "conv4", bases: [basis] }])).toContain(note);
  expect(rotationFigure([{ layer: "conv4", bases: [basis] }], { sign: "paper" })).toContain(
    note.replace("30.0", "−30.0"),
  );
  expect(rotationFigure([{ layer: "conv4", bases: [{ ...basis, max: [max.slice(8)], overall: [] }] }])).not.toContain(
    "Triangles",
  );
});

test("the area under a curve is its mean height", () => {
  expect(areaUnderCurve([1, 1, 1])).toBe(1);
  expect(areaUnderCurve([1, 0])).toBe(0.5);
  expect(areaUnderCurve([0.8, 0.4, 0.2])).toBeCloseTo(0.45, 12);
  expect(areaUnderCurve([0.7])).toBe(0.7);
  expect(areaUnderCurve([])).toBeNaN();
});

test("a fitted line is cut at the plot's edges, not bent", () => {
  expect(clippedLine(1, 0, [-5, 5], [-2, 3])).toEqual([
    [-2, -2],
    [3, 3],
  ]);
  expect(clippedLine(-2, 1, [0, 1], [-10, 10])).toEqual([
    [0, 1],
    [1, -1],
  ]);
  expect(clippedLine(0, 5, [0, 1], [0, 3])).toBeUndefined();
  expect(clippedLine(1, 10, [0, 1], [0, 3])).toBeUndefined();
});

test("the axis of the drops has room for the fitted line, so far as the points stay apart", () => {
  const values = Float64Array.from({ length: 30 }, (_, unit) => 10 + unit);
  const drops = values.map((value) => Math.max(0, value - 20) / 100);
  const fitted = (relation: { slope: number; intercept: number }): { line: number[]; xs: number[]; ys: number[] } => {
    const max = { pearson: 0.9, low: 0.8, high: 0.95, ...relation };
    const svg = relationsFigure({
      layer: "conv3",
      overall: drops,
      max: drops,
      attributes: [{ name: "l1_norm", values, max }],
    });
    const [, ...line] =
      /class="s1" stroke-width="2" x1="([^"]*)" y1="([^"]*)" x2="([^"]*)" y2="([^"]*)"/.exec(svg) ?? [];
    const last = svg.slice(svg.lastIndexOf("max class drop"));
    const centres = Array.from(last.matchAll(/cx="([\d.]+)" cy="([\d.]+)"/g));
    return {
      line: line.map(Number),
      xs: centres.map(([, x]) => Number(x)),
      ys: centres.map(([, , y]) => Number(y)),
    };
  };
  const { line, xs } = fitted({ slope: 0.0072, intercept: -0.1087 }); // least squares; −3.7 points at the first unit
  expect([line[0], line[2]]).toEqual([Math.min(...xs), Math.max(...xs)]);
  const steep = fitted({ slope: 0.5, intercept: -6 });
  expect(Math.max(...steep.ys) - Math.min(...steep.ys)).toBeGreaterThan(75);
  expect(steep.line[0]).toBeGreaterThan(Math.min(...steep.xs));
});

test("figure 5 has the attributes in the order of the tables", () => {
  const present = ["l1_norm", "concept_iou", "mean", "class_correlation", "class_selectivity"];
  expect(chosenAttributes(present)).toEqual(["class_selectivity", "class_correlation", "concept_iou", "l1_norm"]);
  expect(chosenAttributes(["mean", "l1_norm_folded", "class_correlation"])).toEqual([
    "class_correlation",
    "l1_norm_folded",
  ]);
  expect(chosenAttributes(["mean"])).toEqual(["mean"]);
});

test("relations are put together from the tables of a run", () => {
  const units = { rows: 3, columns: { ...exampleUnits().columns, l1_norm: Float64Array.of(1, 2, 3) } };
  const relations = makeTable({
    layer: ["conv4", "conv4", "all"],
    attribute: ["l1_norm", "l1_norm", "l1_norm"],
    drop: ["max_class_drop", "overall_drop", "overall_drop"],
    pearson: Float64Array.of(0.5, 0.1, 0.9),
    pearson_low: Float64Array.of(0.4, Number.NaN, 0.8),
    pearson_high: Float64Array.of(0.6, 0.2, 0.95),
    slope: Float64Array.of(2, 3, 4),
    intercept: Float64Array.of(0, 0, 0),
  });
  const conv4 = relationsOf(units, relations, "conv4");
  expect(conv4.max).toEqual(Float64Array.of(0.3, 0.5));
  expect(conv4.attributes).toEqual([
    {
      name: "l1_norm",
      values: Float64Array.of(1, 2),
      max: { pearson: 0.5, low: 0.4, high: 0.6, slope: 2, intercept: 0 },
      overall: { pearson: 0.1, low: Number.NaN, high: 0.2, slope: 3, intercept: 0 },
    },
  ]);
  expect(relationsOf(units, relations, "conv4", { attributes: ["mean"] }).attributes).toEqual([]);
  const all = relationsOf(units, relations, "all");
  expect(all.overall).toHaveLength(3);
  expect(all.attributes[0]?.max).toBeUndefined();
});

test("the outline of a region runs between inside and outside cells, holes and borders included", () => {
  expect(regionOutline({ width: 2, height: 1, inside: [1, 0] })).toBe("M0,0H1M0,1H1M0,0V1M1,0V1");
  const ring = regionOutline({ width: 3, height: 3, inside: [1, 1, 1, 1, 0, 1, 1, 1, 1] });
  const length = Array.from(
    ring.matchAll(/M(\d+),(\d+)([HV])(\d+)/g),
    ([, x, y, way, end]) => Number(end) - Number(way === "H" ? x : y),
  );
  expect(length.reduce((sum, each) => sum + each, 0)).toBe(16); // 12 around the ring, 4 around its hole
  expect(regionOutline({ width: 2, height: 2, inside: [0, 0, 0, 0] })).toBe("");
});

test("outlines stay inside their picture, and are thin around thin regions", () => {
  const region = (isInside: (x: number, y: number) => boolean): Region => ({
    width: 32,
    height: 32,
    inside: Uint8Array.from({ length: 1024 }, (_, cell) => Number(isInside(cell % 32, Math.floor(cell / 32)))),
  });
  const outlines = (shape: Region): { width: number; xs: number[]; ys: number[] }[] => {
    const card = exampleCard(1);
    const top = card.top.map((image) => ({ ...image, region: shape }));
    const svg = unitCardFigure({ ...card, top, hurt: [] });
    const drawn = svg.matchAll(
      /<path class="none" d="([^"]*)" stroke-linecap="square" stroke="[^"]*" stroke-width="([^"]*)"/g,
    );
    return Array.from(drawn, ([, path = "", width]) => ({
      width: Number(width),
      xs: Array.from(path.matchAll(/[MH]([\d.]+)/g), ([, x]) => Number(x)),
      ys: Array.from(path.matchAll(/(?:,|V)([\d.]+)/g), ([, y]) => Number(y)),
    }));
  };
  const everything = outlines(region(() => true));
  const size = (760 - 32 - 6 * 8) / 7;
  expect(everything).toHaveLength(2);
  for (const { width, xs, ys } of everything) {
    expect(Math.min(...xs) - width / 2).toBeGreaterThanOrEqual(16 - 0.01);
    expect(Math.max(...xs) + width / 2).toBeLessThanOrEqual(16 + size + 0.01);
    expect(Math.max(...ys) - Math.min(...ys) + width).toBeLessThanOrEqual(size + 0.02);
  }
  const specks = outlines(region((x, y) => x % 4 === 0 && y % 4 === 0));
  expect(specks.map(({ width }) => width)).toEqual([1, 0.5]);
  expect(everything.map(({ width }) => width)).toEqual([2.4, 1.2]);
});
