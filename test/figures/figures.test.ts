import { test } from "vitest";
import { compareDropsFigure } from "../../src/figures/compare-drops.ts";
import { detectedConceptsFigure, detectorsFigure } from "../../src/figures/detectors.ts";
import { layerDropsFigure } from "../../src/figures/layer-drops.ts";
import { predictionFigure } from "../../src/figures/prediction.ts";
import { relationsFigure } from "../../src/figures/relations.ts";
import { rotationFigure } from "../../src/figures/rotation.ts";
import { setCurvesFigure } from "../../src/figures/set-curves.ts";
import { trainingCurvesFigure } from "../../src/figures/training-curves.ts";
import { unitCardFigure } from "../../src/figures/unit-card.ts";
import { unitDropsFigure } from "../../src/figures/unit-drops.ts";
import {
  exampleCard,
  exampleClassCurves,
  exampleDetectors,
  exampleHostileUnit,
  exampleLayer,
  exampleRelations,
  exampleRotation,
  exampleSetCurves,
  exampleSparseUnit,
  exampleUnevenRotation,
  exampleUnit,
  exampleVariants,
} from "./example-data.ts";
import { expectGolden } from "./golden.ts";

const source = "alexnet-cifar10.onnx on cifar10:test (10,000 images)";

/** Each figure is tested under the name of its golden file. */
const figures: Readonly<Record<string, () => string>> = {
  "training-curves": () =>
    trainingCurvesFigure(
      [13, 9, 16].map((count, network) => ({
        name: `alexnet-with-a-rather-long-name-cifar10-seed${network + 1}`,
        epochs: Array.from({ length: count }, (_, epoch) => ({
          loss: 2.3 * Math.exp(-(epoch + network) / 8),
          trainAccuracy: 1 - Math.exp(-(epoch + 1) / 6),
          testAccuracy: 0.9 - 0.6 * Math.exp(-(epoch + network) / 5),
        })),
      })),
    ),
  "training-curves-untested": () =>
    trainingCurvesFigure([{ name: "net.onnx", epochs: [{ loss: 2.1, trainAccuracy: 0.2, testAccuracy: null }] }]),
  "training-curves-empty": () => trainingCurvesFigure([{ name: "net.onnx", epochs: [] }]),
  "layer-drops": () =>
    layerDropsFigure(
      [8, 16, 24, 32].map((units, at) => exampleLayer(`conv${at + 1}`, units, at + 1)),
      { source },
    ),
  "layer-drops-paper-sign": () =>
    layerDropsFigure(
      [
        exampleLayer("a/very/long/scope/of/an/exporter/layer3.2.conv2", 12, 6, { withNull: false }),
        exampleLayer("b", 1, 7),
      ],
      { sign: "paper" },
    ),
  "layer-drops-no-images": () =>
    layerDropsFigure([{ layer: "conv1", max: [Number.NaN], min: [Number.NaN], overall: [Number.NaN] }]),
  "layer-drops-one-image-a-class": () =>
    layerDropsFigure([exampleLayer("layer4", 60, 8)], { source, imagesPerClass: 1 }),
  "layer-drops-outliers": () => layerDropsFigure([exampleLayer("conv5", 60, 9, { outliers: [0.93] })]),
  "layer-drops-own-scales": () =>
    layerDropsFigure([exampleLayer("conv1", 40, 10), exampleLayer("conv5", 40, 11, { scale: 0.02 })]),
  "layer-drops-empty": () => layerDropsFigure([]),
  "unit-drops": () =>
    unitDropsFigure(
      [3, 17].map((unit) => exampleUnit(unit, 10, unit)),
      { source },
    ),
  "unit-drops-many-classes": () =>
    unitDropsFigure(
      [3, 17, 18].map((unit) => exampleUnit(unit, 100, unit)),
      { maxBars: 12 },
    ),
  "unit-drops-thousand-classes": () =>
    unitDropsFigure(
      [5, 6].map((unit) => exampleSparseUnit(unit, 1000)),
      { source },
    ),
  "unit-drops-one-image-a-class": () =>
    unitDropsFigure([exampleSparseUnit(7, 365, { images: 1 })], { imagesPerClass: 1 }),
  "unit-drops-hostile-names": () => unitDropsFigure([exampleHostileUnit()]),
  "unit-drops-untested-paper-sign": () =>
    unitDropsFigure([exampleUnit(5, 10, 5, { tested: false })], { sign: "paper" }),
  "unit-drops-empty": () => unitDropsFigure([]),
  "unit-card": () => unitCardFigure(exampleCard(9), { source }),
  "unit-card-empty": () => unitCardFigure({ ...exampleCard(0), attributes: [], classes: [] }),
  "set-curves": () => setCurvesFigure(exampleSetCurves(), { source }),
  "set-curves-same-images": () => setCurvesFigure({ ...exampleSetCurves(), classes: [], rankSplit: 0 }),
  "set-curves-coincident": () => setCurvesFigure(exampleClassCurves(10, { alike: 7 })),
  "set-curves-365-classes": () => setCurvesFigure(exampleClassCurves(365)),
  "set-curves-kept": () =>
    setCurvesFigure({
      ...exampleSetCurves(),
      kept: {
        recall: [0.1, 0.9, 0.96, 0.98, 0.99],
        precision: [Number.NaN, 0.12, 0.15, 0.2, 0.28],
        falseAlarms: [0, 0.7, 0.6, 0.45, 0.3],
      },
    }),
  relations: () => relationsFigure(exampleRelations(40, 5), { source }),
  "relations-paper-sign": () => relationsFigure(exampleRelations(12, 6), { sign: "paper" }),
  "relations-outliers": () => relationsFigure(exampleRelations(60, 7, { outlier: 1e4 }), { source }),
  "relations-empty": () => relationsFigure({ layer: "all", overall: [], max: [], attributes: [] }),
  prediction: () =>
    predictionFigure(
      ["conv4", "conv5"].flatMap((layer, at) =>
        ["class correlation", "class selectivity", "concept alignment", "ensemble"].map((attribute, index) => {
          const accuracy = 0.2 + 0.1 * at + 0.05 * index;
          return { layer, attribute, accuracy, low: accuracy - 0.05, high: accuracy + 0.06 };
        }),
      ),
      { chance: 0.1, majority: 0.14, source },
    ),
  "prediction-empty": () => predictionFigure([]),
  rotation: () => rotationFigure([exampleRotation("conv5", 24)], { source }),
  "rotation-uneven": () => rotationFigure(exampleUnevenRotation(), { source }),
  "rotation-one-image-a-class": () => rotationFigure([exampleRotation("conv5", 24)], { imagesPerClass: 1 }),
  "rotation-paper-sign": () => rotationFigure([exampleRotation("conv5", 30)], { sign: "paper" }),
  "rotation-empty": () => rotationFigure([]),
  "compare-drops": () => compareDropsFigure(exampleVariants(), ["conv4", "conv5"], { source }),
  "compare-drops-one-layer-missing": () => compareDropsFigure(exampleVariants(), ["conv5", "conv6"], { sign: "paper" }),
  "compare-drops-empty": () => compareDropsFigure([], []),
  detectors: () => detectorsFigure(exampleDetectors(), { source, layer: "conv5" }),
  "detectors-empty": () => detectorsFigure([]),
  "detected-concepts": () =>
    detectedConceptsFigure(
      ["red", "green", "striped", "dotted, with a very long name", "chequered", "dog", "wheel", "tree", "sky"].map(
        (concept, at) => ({
          concept,
          category: at < 2 ? "colour" : at < 5 ? "texture" : "object",
          units: 1 + ((at * 7) % 5),
        }),
      ),
      { layer: "conv5", unitCount: 96, source, maxBars: 3 },
    ),
  "detected-concepts-empty": () => detectedConceptsFigure([], { layer: "conv5", unitCount: 96 }),
};

test.each(Object.keys(figures))("%s", (name) => {
  expectGolden(name, figures[name]());
});
