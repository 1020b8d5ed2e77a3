import { describe, expect, it } from "vitest";
import { analyseLayer } from "../../src/analysis/drops.ts";
import { type HalfDrops, noiseCeiling } from "../../src/analysis/noise-ceiling.ts";
import { type LayerUnits, relateAttributes } from "../../src/analysis/relations.ts";
import { seededRandom } from "../../src/numeric/random.ts";
import { pearson, spearman } from "../../src/stats/correlation.ts";
import { resampledPearson, resampledSpearman } from "../../src/stats/resampled-correlation.ts";
import { tableSchemas } from "../../src/tables/schema.ts";
import { type Column, doubles, filterRows, integers, makeTable, type Table, texts } from "../../src/tables/table.ts";
import { namesOf, type Planted, simulateLayer } from "./simulated-layer.ts";

/** A layer of 40 units whose strength (a noiseless attribute) is how much of one class each of them loses. */
function layerOf(layer: string, seed: number, offset: number): LayerUnits {
  const planted: Planted[] = Array.from({ length: 40 }, (_, unit) => ({ unit, cls: unit % 10, lossRate: unit / 50 }));
  const { baseline, flips } = simulateLayer({ seed, unitCount: 40, classCount: 10, imagesPerClass: 60, planted });
  const { units, halves } = analyseLayer(baseline, { ...flips, layer }, { classNames: namesOf(10) });
  const { normal } = seededRandom(seed, 1);
  const attributes: Record<string, Column> = {
    ...units.columns,
    class_selectivity: Float64Array.from(planted, ({ lossRate }) => lossRate + offset),
    l1_norm: Float64Array.from(planted, () => normal() + offset),
    mean: Float64Array.from(planted, ({ lossRate }, unit) => (unit < 4 ? Number.NaN : lossRate ** 3)),
    sparsity: new Float64Array(40).fill(0.1),
    std: new Float64Array(40).fill(Number.NaN),
  };
  return { layer, units: makeTable(attributes), halves };
}

function value(table: Table, layer: string, attribute: string, drop: string, column: string): number {
  const row = filterRows(
    table,
    (at) =>
      texts(table, "layer")[at] === layer &&
      texts(table, "attribute")[at] === attribute &&
      texts(table, "drop")[at] === drop,
  );
  expect(row.rows).toBe(1);
  return column === "units" ? integers(row, column)[0] : doubles(row, column)[0];
}

describe("relateAttributes", () => {
  const layers = [layerOf("conv4", 1, 0), layerOf("conv5", 2, 3)];
  const table = relateAttributes(layers, { resamples: 500, draws: 499, seed: 4 });

  it("gives the columns of the schema, every scope, attributes that have values, both drops", () => {
    expect(Object.keys(table.columns).sort()).toEqual(Object.keys(tableSchemas.relations.columns).sort());
    expect([...new Set(texts(table, "layer"))]).toEqual(["conv4", "conv5", "all", "within"]);
    expect([...new Set(texts(table, "attribute"))]).toEqual(["l1_norm", "class_selectivity", "mean", "sparsity"]);
    expect(table.rows).toBe(4 * 4 * 2);
  });

  it("finds the planted relation and its ceiling, and no other", () => {
    for (const layer of ["conv4", "conv5", "within"]) {
      const related = value(table, layer, "class_selectivity", "max_class_drop", "pearson");
      expect(related).toBeGreaterThan(0.9);
      expect(value(table, layer, "class_selectivity", "max_class_drop", "pearson_low")).toBeLessThan(related);
      expect(value(table, layer, "class_selectivity", "max_class_drop", "pearson_high")).toBeGreaterThan(related);
      expect(value(table, layer, "class_selectivity", "max_class_drop", "p_value")).toBe(1 / 500);
      // A noiseless attribute reaches the ceiling, up to what 40 units can tell (and the drop is not quite linear in the rate).
      const ceiling = value(table, layer, "class_selectivity", "max_class_drop", "ceiling");
      expect(Math.abs(related - ceiling)).toBeLessThan(0.1);
      expect(value(table, layer, "class_selectivity", "max_class_drop", "reliability")).toBeCloseTo(ceiling ** 2, 12);
      expect(value(table, layer, "l1_norm", "max_class_drop", "p_value")).toBeGreaterThan(0.01);
    }
  });

  it("is not fooled by layers that differ in their means when it stays within layers", () => {
    const [all, within] = ["all", "within"].map((layer) =>
      Math.abs(value(table, layer, "class_selectivity", "max_class_drop", "pearson")),
    );
    expect(all).toBeLessThan(0.5);
    expect(within).toBeGreaterThan(0.9);
  });

  it("leaves out units without a value, and says nothing about an attribute that does not vary", () => {
    expect(value(table, "conv4", "mean", "overall_drop", "units")).toBe(36);
    expect(value(table, "all", "mean", "overall_drop", "units")).toBe(72);
    for (const column of ["pearson", "spearman", "pearson_low", "spearman_high", "p_value", "slope"])
      expect(value(table, "conv4", "sparsity", "overall_drop", column)).toBeNaN();
    expect(value(table, "within", "sparsity", "overall_drop", "units")).toBe(0);
    expect(value(table, "within", "sparsity", "overall_drop", "pearson")).toBeNaN();
  });

  it("is the plain correlation of the columns, the same for the same seed", () => {
    const { units } = layers[0];
    const [x, y] = [doubles(units, "class_selectivity"), doubles(units, "overall_drop")];
    expect(value(table, "conv4", "class_selectivity", "overall_drop", "pearson")).toBe(pearson(x, y));
    expect(value(table, "conv4", "class_selectivity", "overall_drop", "spearman")).toBe(spearman(x, y));
    expect(relateAttributes(layers, { resamples: 500, draws: 499, seed: 4 })).toEqual(table);
    const one = relateAttributes([{ ...layers[0], halves: [] }], { resamples: 50, draws: 49 });
    expect([...new Set(texts(one, "layer"))]).toEqual(["conv4"]);
    expect(doubles(one, "ceiling").every(Number.isNaN)).toBe(true);
  });
});

describe("noiseCeiling", () => {
  it("recovers the reliability of measurements with known noise", () => {
    const { normal } = seededRandom(6);
    const truth = Float64Array.from({ length: 4_000 }, normal);
    const measure = (): Float64Array => truth.map((size) => size + normal());
    const halves: HalfDrops[] = Array.from({ length: 3 }, () => [measure(), measure()]);
    // Halves with as much noise as truth: correlation 1/2, whole set 2/3. Standard error at 4,000 units about 0.01.
    expect(Math.abs(noiseCeiling(halves).reliability - 2 / 3)).toBeLessThan(0.03);
    expect(noiseCeiling(halves).ceiling).toBeCloseTo(Math.sqrt(noiseCeiling(halves).reliability), 14);
  });

  it("is 0 where halves disagree and NaN where nothing varies", () => {
    const apart = noiseCeiling([[Float64Array.of(1, 2, 3), Float64Array.of(2, 3, 1)]]); // correlation −½
    expect(apart.reliability).toBeCloseTo(-2, 12);
    expect(apart.ceiling).toBe(0);
    expect(noiseCeiling([[Float64Array.of(1, 1), Float64Array.of(1, 2)]]).ceiling).toBeNaN();
  });
});

describe("resampled correlations", () => {
  it("equal the plain ones of the rows that are drawn", () => {
    const random = seededRandom(8);
    const x = Float64Array.from({ length: 30 }, () => random.integer(9));
    const y = x.map((size) => size * 0.3 + random.integer(5));
    for (let trial = 0; trial < 50; trial++) {
      const drawn = Uint32Array.from({ length: 30 }, () => random.integer(30));
      const [a, b] = [Float64Array.from(drawn, (i) => x[i]), Float64Array.from(drawn, (i) => y[i])];
      expect(resampledPearson(x, y)(drawn)).toBeCloseTo(pearson(a, b), 12);
      expect(resampledSpearman(x, y)(drawn)).toBeCloseTo(spearman(a, b), 12);
    }
    expect(resampledPearson(x, y)(new Uint32Array(5))).toBeNaN();
  });
});
