/** A small run's manifest and table by hand. */
import { noPreprocessing } from "../../src/data/preprocessing.ts";
import type { Json } from "../../src/files/canonical-json.ts";
import type { RunManifest } from "../../src/runs/run-manifest.ts";
import { makeTable, type Table } from "../../src/tables/table.ts";

/** A manifest of two layers and three classes. */
export const exampleManifest: RunManifest = {
  schemaVersion: 1,
  unitscope: "0.1.0",
  command: "ablate",
  options: { layers: "conv4,conv5", limit: null },
  started: "2024-05-01T10:00:00.000Z",
  finished: null,
  model: { name: "net.onnx", path: "models/net.onnx", sha256: "ab".repeat(32) },
  data: { name: "cifar10:test", hash: "cd".repeat(32), images: 30 },
  classNames: ["cat", "dog", "ship, big"],
  preprocessing: { ...noPreprocessing } as unknown as Record<string, Json>,
  layers: [
    { name: "conv4", kind: "conv", tap: "relu4", units: 2, height: 4, width: 4 },
    { name: "conv5", kind: "conv", tap: "relu5", units: 1, height: 4, width: 4 },
  ],
  ablation: { method: "zero" },
  engine: "auto",
  seed: 1,
  hardware: { cpu: "example", cores: 2, memoryBytes: 8e9, platform: "linux x64", node: "v20.20.0" },
  timings: { sweep: 12.5 },
  steps: [],
};

/** Three units of two layers; the last one has no smallest class. */
export function exampleUnits(): Table {
  return makeTable({
    layer: ["conv4", "conv4", "conv5"],
    unit: Int32Array.of(0, 1, 0),
    overall_drop: Float64Array.of(0.1, 1 / 3, -1e-17),
    max_class_drop: Float64Array.of(0.3, 0.5, 0),
    max_class: Int32Array.of(2, 0, 1),
    min_class_drop: Float64Array.of(-0.1, 0, Number.NaN),
    min_class: Int32Array.of(0, 1, -1),
  });
}
