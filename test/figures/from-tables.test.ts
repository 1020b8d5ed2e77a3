import { expect, test } from "vitest";
import {
  detectedConceptsOf,
  detectorCountsOf,
  mostDamagingUnits,
  predictionAccuraciesOf,
  rotationDropsOf,
  setCurvesOf,
  unitClassDropsOf,
  variantDropsOf,
} from "../../src/figures/from-tables.ts";
import type { AverageSetCurve } from "../../src/figures/merge-class-curves.ts";
import { makeTable, rowsWhere } from "../../src/tables/table.ts";
import { exampleUnits } from "../runs/example-run.ts";

test("chosen units with their class drops and q-values", () => {
  const drops = makeTable({
    layer: ["conv4", "conv5", "conv4", "conv4"],
    unit: Int32Array.of(1, 0, 1, 0),
    class_name: ["cat", "cat", "dog", "cat"],
    drop: Float64Array.of(0.5, 0.2, Number.NaN, 0.1),
    q_value: Float64Array.of(0.01, 0.02, Number.NaN, 0.9),
  });
  const chosen = [
    { layer: "conv4", unit: 1 },
    { layer: "conv9", unit: 0 },
  ];
  expect(unitClassDropsOf(drops, exampleUnits(), chosen)).toEqual([
    {
      layer: "conv4",
      unit: 1,
      overall: 1 / 3,
      classes: [
        { name: "cat", drop: 0.5, qValue: 0.01 },
        { name: "dog", drop: Number.NaN },
      ],
    },
  ]);
});

test("the most damaging units, of all layers or of one", () => {
  expect(mostDamagingUnits(exampleUnits(), 2)).toEqual([
    { layer: "conv4", unit: 1 },
    { layer: "conv4", unit: 0 },
  ]);
  expect(mostDamagingUnits(exampleUnits(), 2, "conv5")).toEqual([{ layer: "conv5", unit: 0 }]);
});

test("curves of sets: each class by itself, averages that weigh classes equally, bands over random sequences", () => {
  const rows: [strategy: string, cls: number, seed: number, step: number, accuracy: number][] = [
    ["greedy", 1, 0, 0, 0.8],
    ["greedy", 1, 0, 1, 0.2],
    ["greedy", 0, 0, 0, 0.6],
    ["greedy", 0, 0, 1, 0.4],
    ["random", 0, 0, 0, 0.6],
    ["random", 1, 0, 0, 0.8],
    ["random", 0, 0, 1, 0.5],
    ["random", 1, 0, 1, 0.7],
    ["random", 0, 1, 0, 0.6],
    ["random", 1, 1, 0, 0.8],
    ["random", 0, 1, 1, 0.7],
    ["random", 1, 1, 1, 0.9],
  ];
  const sets = makeTable({
    layer: rows.map(() => "conv5"),
    strategy: rows.map(([strategy]) => strategy),
    class: Int32Array.from(rows, ([, cls]) => cls),
    class_name: rows.map(([, cls]) => (cls === 0 ? "cat" : "dog")),
    seed: Int32Array.from(rows, ([, , seed]) => seed),
    step: Int32Array.from(rows, ([, , , step]) => step),
    accuracy: Float64Array.from(rows, ([, , , , accuracy]) => accuracy),
    rank_split: new Float64Array(rows.length).fill(0.5),
  });
  const curves = setCurvesOf(sets, "conv5", { chance: 0.5 });
  expect(curves.classes).toEqual([
    { className: "cat", accuracy: Float64Array.of(0.6, 0.4) },
    { className: "dog", accuracy: Float64Array.of(0.8, 0.2) },
  ]);
  expect(curves.averages.map(({ label }) => label)).toEqual(["stepwise greedy", "random (2 sequences)"]);
  const [greedy, random] = curves.averages as [AverageSetCurve, AverageSetCurve];
  expect([...(greedy.accuracy as Float64Array)]).toEqual([0.7, 0.30000000000000004]);
  expect(greedy.low).toBeUndefined();
  expect((random.accuracy as Float64Array)[1]).toBeCloseTo(0.7, 12);
  expect((random.low as Float64Array)[1]).toBeCloseTo(0.6, 12);
  expect((random.high as Float64Array)[1]).toBeCloseTo(0.8, 12);
  expect(curves.bandHolds).toBe("smallest to largest of the averages of 2 random sequences");
  expect([curves.rankSplit, curves.chance]).toEqual([0.5, 0.5]);
  expect(setCurvesOf(sets, "conv5", { classes: [1] }).classes.map(({ className }) => className)).toEqual(["dog"]);
  expect(setCurvesOf(sets, "conv4").averages).toEqual([]);
});

test("what kept units call a class: means over classes, precision over those that are called", () => {
  const rows = [0, 1].flatMap((cls) => [0, 1].map((step) => ({ cls, step })));
  const sets = makeTable({
    layer: rows.map(() => "conv5"),
    strategy: rows.map(() => "keep"),
    class: Int32Array.from(rows, ({ cls }) => cls),
    class_name: rows.map(({ cls }) => `${cls}`),
    seed: new Int32Array(4),
    step: Int32Array.from(rows, ({ step }) => step),
    accuracy: Float64Array.of(0, 0.8, 1, 1),
    called: Int32Array.of(0, 16, 20, 20),
    precision: Float64Array.of(Number.NaN, 0.5, 0.5, 0.5),
    false_alarms: Float64Array.of(0, 0.8, 1, 1),
    rank_split: new Float64Array(4).fill(0.5),
  });
  expect(setCurvesOf(sets, "conv5").kept).toEqual({
    recall: Float64Array.of(0.5, 0.9),
    precision: Float64Array.of(0.5, 0.5),
    falseAlarms: Float64Array.of(0.5, 0.9),
  });
  expect(setCurvesOf({ ...sets, columns: { ...sets.columns, called: new Int32Array(4).fill(-1) } }, "conv5").kept).toBe(
    undefined,
  );
});

test("rotations: units first, then whole rotations, then part of the way; one array per seed", () => {
  const rotation = makeTable({
    layer: ["a", "a", "a", "a", "a", "a", "b"],
    basis: ["random", "random", "random", "pca", "units", "units", "units"],
    t: Float64Array.of(0.5, 1, 1, 1, 0, 0, 0),
    seed: Int32Array.of(0, 0, 1, 0, 0, 0, 0),
    max_class_drop: Float64Array.of(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7),
    overall_drop: new Float64Array(7),
  });
  const [a, b] = rotationDropsOf(rotation);
  expect(a?.bases.map(({ label, max }) => [label, max])).toEqual([
    ["units", [Float64Array.of(0.5, 0.6)]],
    ["random directions", [Float64Array.of(0.2), Float64Array.of(0.3)]],
    ["rotated part of the way (t = 0.5)", [Float64Array.of(0.1)]],
    ["principal components", [Float64Array.of(0.4)]],
  ]);
  expect(b).toEqual({
    layer: "b",
    bases: [{ label: "units", max: [Float64Array.of(0.7)], overall: [Float64Array.of(0)] }],
  });
  expect(rotationDropsOf(rotation, ["input", "b"]).map(({ layer }) => layer)).toEqual(["b", "a"]);
});

test("runs of one variant are its seeds", () => {
  const conv5 = rowsWhere(exampleUnits(), "layer", "conv5");
  const variants = variantDropsOf([
    { variant: "plain", units: exampleUnits() },
    { variant: "batch norm", units: conv5 },
    { variant: "plain", units: conv5 },
  ]);
  expect(variants).toEqual([
    {
      variant: "plain",
      layers: { conv4: [Float64Array.of(0.3, 0.5)], conv5: [Float64Array.of(0), Float64Array.of(0)] },
    },
    { variant: "batch norm", layers: { conv5: [Float64Array.of(0)] } },
  ]);
});

test("detectors are counted by concept and by category", () => {
  const units = makeTable({
    layer: ["a", "a", "a", "a", "b"],
    concept: ["red", "red", "dog", "sky", "red"],
    concept_category: ["colour", "colour", "object", "object", "colour"],
    detector: Int32Array.of(1, 1, 1, 0, 1),
  });
  const concepts = detectedConceptsOf(units, "a");
  expect(concepts).toEqual([
    { category: "colour", concept: "red", units: 2 },
    { category: "object", concept: "dog", units: 1 },
  ]);
  expect(detectorCountsOf(concepts)).toEqual([
    { category: "colour", concepts: 1, units: 2 },
    { category: "object", concepts: 1, units: 1 },
  ]);
});

test("predictions: the mean over splits where there is one", () => {
  const predictions = makeTable({
    layer: ["conv5", "conv5"],
    attribute: ["class_selectivity", "class_selectivity"],
    split: ["0,1,2|3,4", "all"],
    accuracy: Float64Array.of(0.2, 0.3),
    accuracy_low: Float64Array.of(0.1, 0.2),
    accuracy_high: Float64Array.of(0.3, 0.4),
  });
  expect(predictionAccuraciesOf(predictions)).toEqual([
    { layer: "conv5", attribute: "class selectivity", accuracy: 0.3, low: 0.2, high: 0.4 },
  ]);
});
