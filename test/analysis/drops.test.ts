import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { LayerFlips } from "../../src/ablation/flips.ts";
import { analyseLayer } from "../../src/analysis/drops.ts";
import { countHalves, splitHalfDrops } from "../../src/analysis/split-half.ts";
import { detectableDrop } from "../../src/stats/detectable-drop.ts";
import { exactMcNemar } from "../../src/stats/mcnemar.ts";
import { testMeanChange } from "../../src/stats/mean-change-test.ts";
import { tableSchemas } from "../../src/tables/schema.ts";
import { doubles, integers, type Table, texts } from "../../src/tables/table.ts";
import { namesOf, simulateLayer } from "./simulated-layer.ts";

/** Two classes of 8 images (6 and 5 right), one without any; unit 0 loses 6 of class 0 and gains 1 of class 1. */
const baseline = {
  labels: Int32Array.of(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1),
  predictions: Int32Array.of(0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 0, 0, 2),
  classCount: 3,
};
const flips: LayerFlips = {
  layer: "conv1",
  unitCount: 2,
  unit: Int32Array.of(0, 0, 0, 0, 0, 0, 0, 0),
  image: Int32Array.of(0, 1, 2, 3, 4, 5, 13, 15),
  prediction: Int32Array.of(1, 2, 1, 1, 1, 1, 1, 0),
};
const classNames = ["cat", "dog", "unicorn"];

describe("analyseLayer", () => {
  const { drops, units, summary } = analyseLayer(baseline, flips, { classNames });

  it("gives the drops of a case solved by hand", () => {
    expect([...integers(drops, "lost")]).toEqual([6, 0, 0, 0, 0, 0]);
    expect([...integers(drops, "gained")]).toEqual([0, 1, 0, 0, 0, 0]);
    expect([...integers(drops, "correct_ablated")]).toEqual([0, 6, 0, 6, 5, 0]);
    expect([...doubles(drops, "drop")]).toEqual([0.75, -0.125, Number.NaN, 0, 0, Number.NaN]);
    expect([...doubles(drops, "p_value")]).toEqual([2 / 64, 1, Number.NaN, 1, 1, Number.NaN]);
    // Only six flips can give a small p-value: the highest bar is their 14/64, and q is 2/64 over 1 − 14/64.
    const q = 2 / 64 / (1 - 14 / 64);
    expect([...doubles(drops, "q_value")]).toEqual([q, 1, Number.NaN, 1, 1, Number.NaN]);
    expect(texts(drops, "class_name").slice(0, 3)).toEqual(classNames);
    // Neither class has images enough to find anything with a power of 80 %.
    expect([...doubles(drops, "smallest_detectable_drop")].every(Number.isNaN)).toBe(true);
  });

  it("gives its units and summary", () => {
    const unit = (name: string): unknown[] => [...(units.columns[name] ?? [])];
    expect(unit("overall_drop")).toEqual([5 / 16, 0]);
    expect(unit("max_class_drop")).toEqual([0.75, 0]);
    expect(unit("max_class")).toEqual([0, 0]);
    expect(unit("min_class_drop")).toEqual([-0.125, 0]);
    expect(unit("min_class")).toEqual([1, 0]);
    expect([unit("images"), unit("correct"), unit("correct_ablated")]).toEqual([
      [16, 16],
      [11, 11],
      [6, 11],
    ]);
    expect([unit("lost"), unit("gained"), unit("flipped")]).toEqual([
      [6, 0],
      [1, 0],
      [8, 0],
    ]);
    expect(unit("overall_p_value")).toEqual([exactMcNemar(6, 1), 1]);
    // Of the 128 sign flips one loses all six of class 0, whatever class 1 does; class 1 cannot reach 6/8.
    expect(unit("max_class_p_value")[0]).toBeCloseTo(1 / 64, 14);
    expect(unit("max_class_p_value")[1]).toBe(1);
    expect(unit("max_class_null")[1]).toBe(0);
    expect(unit("split_half_class")[0]).toBe(0);
    expect(unit("split_half_drop")[1]).toBe(0);
    expect(unit("significant_classes")).toEqual([1, 0]);
    expect(unit("split_half_agreement")).toEqual([1, 1]);
    expect(unit("specificity_p_value")[1]).toBe(1);
    expect(unit("specificity_null")[0]).toBeGreaterThan(0.2);
    expect(summary.columns.effects).toEqual(Int32Array.of(4));
    expect(summary.columns.significant_effects).toEqual(Int32Array.of(1));
    const value = (name: string): number => doubles(summary, name)[0] ?? Number.NaN;
    expect(value("significance_bar")).toBe(2 / 64);
    expect(value("overall_drop_low")).toBeLessThan(5 / 32);
    expect(value("overall_drop_high")).toBeGreaterThan(5 / 32);
    expect(value("max_class_drop_low")).toBeGreaterThan(0.1);
    expect(value("max_class_drop_high")).toBeLessThanOrEqual(0.5);
    expect(summary.columns.max_class_drop_mean).toEqual(Float64Array.of(0.375));
  });

  it("uses the columns of the schema and their types", () => {
    const check = (table: Table, columns: Readonly<Record<string, readonly unknown[]>>): void => {
      for (const [name, column] of Object.entries(table.columns)) {
        expect(columns, name).toHaveProperty(name);
        const type = column instanceof Int32Array ? "int32" : column instanceof Float64Array ? "double" : "string";
        expect(type, name).toBe(columns[name]?.[0]);
      }
    };
    check(drops, tableSchemas.drops.columns);
    check(units, tableSchemas.units.columns);
    check(summary, tableSchemas.layers.columns);
  });

  it("adds the continuous companions with the tests of their means", () => {
    const changes = [0.5, 0.1, -0.2, 0.9, 1.1, 0.3, 0, 0.4];
    const own = { up: 3.3, upSquares: 2.53, down: 0.2, downSquares: 0.04 };
    const sum = changes.reduce((total, value) => total + value, 0);
    const sums = new Float64Array(6 * 8);
    sums.set([3.3, 2.53, 0.2, 0.04, 6.6, 10.12, 0.4, 0.16]);
    // Another class has seen a gain of 0.7.
    const largest = Float64Array.of(1.1, 0.7, 2.2, 1.4, 0, 0, 0, 0);
    const found = analyseLayer(baseline, flips, { classNames, continuous: { sums, largest } });
    const p = testMeanChange(own, { largestUp: 1.1, largestDown: 0.7 });
    const values = (name: string): number[] => [...doubles(found.drops, name)];
    expect(values("logprob_drop")[0]).toBeCloseTo(sum / 8, 12);
    expect(values("margin_drop")[0]).toBeCloseTo(sum / 4, 12);
    expect(values("logprob_drop").slice(1)).toEqual([0, Number.NaN, 0, 0, Number.NaN]);
    expect(values("margin_p_value")[0]).toBeCloseTo(p, 10);
    expect(values("logprob_p_value")).toEqual([p, 1, Number.NaN, 1, 1, Number.NaN]);
    expect(values("logprob_q_value")[0]).toBeCloseTo(Math.min(1, 4 * p), 12);
    expect(doubles(found.units, "logprob_drop")[0]).toBeCloseTo(sum / 16, 12);
    const short = { sums: sums.slice(8), largest };
    expect(() => analyseLayer(baseline, flips, { classNames, continuous: short })).toThrow(
      "expected 2 units × 3 classes × 8 sums and 2 × 4 largest, got 40 and 8",
    );
  });

  it("says nothing about an empty image set", () => {
    const nothing = analyseLayer(
      { labels: new Int32Array(0), predictions: new Int32Array(0), classCount: 3 },
      { ...flips, unit: new Int32Array(0), image: new Int32Array(0), prediction: new Int32Array(0) },
      { classNames },
    );
    for (const name of ["overall_drop", "max_class_drop", "max_class_p_value", "overall_p_value", "split_half_drop"])
      expect([...doubles(nothing.units, name)]).toEqual([Number.NaN, Number.NaN]);
    expect([...integers(nothing.units, "max_class")]).toEqual([-1, -1]);
    expect([...integers(nothing.units, "split_half_class")]).toEqual([-1, -1]);
    expect(() => analyseLayer(baseline, flips, { classNames: ["cat"] })).toThrow(
      'layer "conv1": expected 3 class names, got 1',
    );
  });
});

describe("halves", () => {
  it("add up to the whole and are the same for the same seed", () => {
    fc.assert(
      fc.property(fc.nat(1_000), (seed) => {
        const layer = simulateLayer({ seed, unitCount: 3, classCount: 4, imagesPerClass: 7 });
        const { counts } = analyseLayer(layer.baseline, layer.flips, { classNames: namesOf(4) });
        const halves = countHalves(layer.baseline, layer.flips, { splits: 3, seed });
        for (const [first, second] of halves) {
          for (const which of ["images", "correct", "lost", "gained"] as const)
            expect(first[which].map((count, i) => count + second[which][i])).toEqual(counts[which]);
          for (let cls = 0; cls < 4; cls++)
            expect(Math.abs((first.images[cls] ?? 0) - (second.images[cls] ?? 0))).toBeLessThanOrEqual(1);
        }
        expect(countHalves(layer.baseline, layer.flips, { splits: 3, seed })).toEqual(halves);
      }),
      { numRuns: 30 },
    );
  });

  it("are NaN for a unit whose chosen class has no image in the other half", () => {
    const single = { labels: Int32Array.of(0), predictions: Int32Array.of(0), classCount: 1 };
    const one = {
      ...flips,
      unitCount: 1,
      unit: Int32Array.of(0),
      image: Int32Array.of(0),
      prediction: Int32Array.of(0),
    };
    const none = { ...one, unit: new Int32Array(0), image: new Int32Array(0), prediction: new Int32Array(0) };
    const { drop, chosenClass } = splitHalfDrops(countHalves(single, none));
    expect([...drop]).toEqual([Number.NaN]);
    expect([...chosenClass]).toEqual([0]);
  });
});

describe("under the null", () => {
  // 40 layers of 30 units that only shake predictions: 10 classes of 100 images, 4 % of them change sides.
  const layers = Array.from({ length: 40 }, (_, seed) => {
    const layer = simulateLayer({ seed: 100 + seed, unitCount: 30, classCount: 10, imagesPerClass: 100 });
    return analyseLayer(layer.baseline, layer.flips, { classNames: namesOf(10), seed });
  });
  const units = layers.length * 30;
  const rate = (name: string, level: number, table: "units" | "drops" = "units"): number => {
    const values = layers.flatMap((layer) => [...doubles(layer[table], name)]);
    return values.filter((value) => value <= level).length / values.length;
  };
  const meanOf = (name: string): number =>
    layers.flatMap((layer) => [...doubles(layer.units, name)]).reduce((sum, value) => sum + value, 0) / units;

  it("no procedure gives more false alarms than it says", () => {
    // Exact tests of counts are conservative: at most the level, plus three standard errors of the simulation.
    const bound = (level: number, tests: number): number => level + 3 * Math.sqrt((level * (1 - level)) / tests);
    expect(rate("p_value", 0.05, "drops")).toBeLessThan(bound(0.05, units * 10));
    expect(rate("p_value", 0.05, "drops")).toBeGreaterThan(0.002);
    expect(rate("overall_p_value", 0.05)).toBeLessThan(bound(0.05, units));
    expect(rate("overall_p_value", 0.05)).toBeGreaterThan(0.02);
    expect(rate("max_class_p_value", 0.05)).toBeLessThan(bound(0.05, units));
    // The maximum of drops in steps of 1 % is coarse: here 0.05 falls into a wide gap of its distribution.
    expect(rate("max_class_p_value", 0.05)).toBeGreaterThan(0.005);
    // With nothing to find every discovery is false, so at most 5 % of layers may have any.
    const alarmed = layers.filter((layer) => integers(layer.summary, "significant_effects")[0] !== 0).length;
    expect(alarmed / layers.length).toBeLessThanOrEqual(bound(0.05, layers.length));
  });

  it("the max class drop is far from 0, as its null says, and the split-half value is not", () => {
    // Standard errors over 1,200 units are about 0.0004.
    expect(meanOf("max_class_drop")).toBeGreaterThan(0.025);
    expect(Math.abs(meanOf("max_class_drop") - meanOf("max_class_null"))).toBeLessThan(0.0015);
    expect(Math.abs(meanOf("split_half_drop"))).toBeLessThan(0.002);
    const above = layers.flatMap((layer) => {
      const [found, bar] = [doubles(layer.units, "max_class_drop"), doubles(layer.units, "max_class_null_95")];
      return [...found].filter((drop, unit) => drop > (bar[unit] ?? 0));
    });
    expect(above.length / units).toBeLessThan(0.05 + 3 * Math.sqrt((0.05 * 0.95) / units));
  });
});

function fail(): never {
  throw new Error("no layer");
}

describe("planted effects", () => {
  const planted = Array.from({ length: 12 }, (_, i) => ({ unit: i, cls: i % 10, lossRate: 0.6 }));
  const layers = Array.from({ length: 10 }, (_, seed) => {
    const layer = simulateLayer({ seed: 500 + seed, unitCount: 40, classCount: 10, imagesPerClass: 100, planted });
    return analyseLayer(layer.baseline, layer.flips, { classNames: namesOf(10), seed });
  });

  it("are found, and few others are", () => {
    let found = 0;
    let discoveries = 0;
    let falseShare = 0;
    for (const { drops } of layers) {
      const q = doubles(drops, "q_value");
      const significant = [...q.keys()].filter((row) => q[row] <= 0.05);
      const real = significant.filter((row) => planted.some((one) => row === one.unit * 10 + one.cls));
      found += real.length;
      discoveries += significant.length;
      falseShare += (significant.length - real.length) / Math.max(1, significant.length);
    }
    // Half of 100 images right, 60 % of them lost: about 30 losses against 2 gains.
    expect(found / (12 * layers.length)).toBeGreaterThan(0.95);
    expect(falseShare / layers.length).toBeLessThan(0.05);
    expect(discoveries).toBeGreaterThanOrEqual(found);
  });

  it("are measured without bias by the split halves, and beyond doubt by the max-drop null", () => {
    const of = (name: string): number[] =>
      layers.flatMap(({ units }) => [...doubles(units, name).subarray(0, planted.length)]);
    const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
    // True class drop: half of the images are right, 60 % of these are lost, 4 % of the wrong half gained.
    const truth = 0.5 * 0.6 - 0.5 * 0.04;
    expect(Math.abs(mean(of("split_half_drop")) - truth)).toBeLessThan(0.012);
    expect(of("max_class_p_value").every((p) => p < 0.01)).toBe(true);
    for (const { units } of layers)
      expect([...integers(units, "split_half_class").subarray(0, planted.length)]).toEqual(
        planted.map(({ cls }) => cls),
      );
  });

  it("stand beside the drop that such images would show with a power of 80 %", () => {
    const { drops, counts, summary } = layers[0] ?? fail();
    const gains = Array.from({ length: 40 }, (_, unit) => counts.gained[unit * 10 + 3] ?? 0);
    const expected = detectableDrop(
      { images: 100, correct: counts.correct[3] ?? 0, gains: gains.reduce((sum, count) => sum + count, 0) / 40 },
      { bar: doubles(summary, "significance_bar")[0] ?? Number.NaN },
    );
    expect(doubles(drops, "smallest_detectable_drop")[3]).toBeCloseTo(expected, 10);
    expect(expected).toBeLessThan(0.3);
  });
});
