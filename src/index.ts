/** The library: what the command line does, by import. `docs/library.md` shows how the parts go together. */

export type { AblationMethod } from "./ablation/sweep.ts";
export type {
  AblateLabelsEffects,
  AblateLabelsOptions,
  AblateLabelsResult,
} from "./commands/ablate-labels.ts";
export type { AblateRunOptions, RunEffects } from "./commands/ablate-run.ts";
export type { LayerChoice } from "./commands/choose-layers.ts";
export type { DrawnFigure } from "./commands/figures-run.ts";
export type { LabelRow } from "./commands/labels-table.ts";
export type { StudyEffects, StudyOptions, StudyResult } from "./commands/study.ts";
export type { TrainedModel, TrainModelOptions } from "./commands/train-model.ts";
export type { AblateRunResult } from "./commands/write-ablation.ts";
export type { ImageSet, PixelArray, RgbImage } from "./data/image-set.ts";
export type { OpenOptions } from "./data/open-image-set.ts";
export { parsePreprocessing } from "./data/parse-preprocessing.ts";
export type { Preprocessing } from "./data/preprocessing.ts";
export { type ErrorCode, UnitscopeError } from "./errors.ts";
export { layerDropsFigure, layerDropsOf } from "./figures/layer-drops.ts";
export { relationsFigure, relationsOf } from "./figures/relations.ts";
export type { DropSign } from "./figures/sign.ts";
export { type UnitClassDrops, unitDropsFigure } from "./figures/unit-drops.ts";
export { type AblateOptions, type Ablation, ablate } from "./library/ablate.ts";
export { cifar10, type DataSetOptions, fashionMnist, mnist } from "./library/data-sets.ts";
export { modelFromBytes, openImageSet, openModel } from "./library/open.ts";
export { ablateLabels, runAblate, runFigures, study, trainModel } from "./library/runs.ts";
export type { Attribute, Dim, ElementType, Graph, Node, Port, Tensor, TensorData } from "./onnx/graph.ts";
export type { LayerKind } from "./onnx/layer-kind.ts";
export { findLayers, type Layer } from "./onnx/layers.ts";
export { readModel, writeModel } from "./onnx/model-file.ts";
export { pickLayers } from "./onnx/pick-layers.ts";
export { inferShapes, type Shape } from "./onnx/shapes.ts";
export { type ExportFormat, exportRun } from "./runs/export.ts";
export { openRun, type RunFolder } from "./runs/run-folder.ts";
export type { RunManifest } from "./runs/run-manifest.ts";
export type { ImageInput, Model } from "./runtime/open-model.ts";
export type { Provider } from "./runtime/session.ts";
export { schemaVersion, type TableName, tableSchemas } from "./tables/schema.ts";
export { type Column, doubles, filterRows, integers, rowsWhere, type Table, texts } from "./tables/table.ts";
export { version } from "./version.ts";
