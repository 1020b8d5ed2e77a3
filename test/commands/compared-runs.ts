/** Small runs of several networks, written by hand, whose comparison is known. */
import { join } from "node:path";
import { seededRandom } from "../../src/numeric/random.ts";
import { startRun } from "../../src/runs/run-folder.ts";
import type { RunManifest } from "../../src/runs/run-manifest.ts";
import { makeTable } from "../../src/tables/table.ts";
import { exampleManifest } from "../runs/example-run.ts";

const concepts = ["red", "stripes", "grid"];
const unitCount = 12;

/** What a run is made of. */
export interface Made {
  /** Number of the network; gives its model another hash. */
  readonly network: number;
  /** Every unit's max class drop, besides a hundredth per unit. */
  readonly drop?: number;
  readonly classNames?: readonly string[];
  readonly layer?: string;
  readonly concepts?: readonly string[] | null;
  /** Whether the vectors say the unit's class, or noise. */
  readonly telling?: boolean;
  readonly dataHash?: string;
}

/** Writes a run of one layer with 12 units, 3 classes and 4 images, of which 3 are right; unit 0 and 1 are detectors. */
export function makeRun(
  folder: string,
  name: string,
  {
    network,
    drop = 0.1,
    classNames = ["cat", "dog", "ship"],
    layer = "conv5",
    concepts: named = concepts,
    telling = true,
    dataHash = "cd".repeat(32),
  }: Made,
): string {
  const path = join(folder, name);
  const manifest: RunManifest = {
    ...exampleManifest,
    classNames,
    model: { name: `net-${network}.onnx`, path: "net.onnx", sha256: network.toString(16).padStart(64, "0") },
    data: { name: "cifar10:test", hash: dataHash, images: 4 },
    layers: [{ name: layer, kind: "conv", tap: "relu5", units: unitCount, height: 4, width: 4 }],
  };
  const run = startRun(path, manifest);
  const random = seededRandom(network);
  const unit = Int32Array.from({ length: unitCount }, (_, at) => at);
  const target = unit.map((at) => (at + network) % classNames.length);
  const layers = Array.from(unit, () => layer);
  run.writeTable(
    "units",
    makeTable({
      layer: layers,
      unit,
      overall_drop: Float64Array.from(unit, () => 0.02),
      max_class_drop: Float64Array.from(unit, (at) => drop + at / 100),
      max_class: target,
      min_class_drop: new Float64Array(unitCount),
      min_class: new Int32Array(unitCount),
      ...(named && {
        concept: Array.from(unit, () => named[0]),
        concept_category: Array.from(unit, () => "colour"),
        concept_iou: Float64Array.from(unit, (at) => (at < 2 ? 0.05 : 0.01)),
        detector: unit.map((at) => (at < 2 ? 1 : 0)),
      }),
    }),
  );
  run.writeTable(
    "baseline",
    makeTable({
      image: Int32Array.of(0, 1, 2, 3),
      label: Int32Array.of(0, 1, 2, 0),
      prediction: Int32Array.of(0, 1, 2, 1),
      margin: Float64Array.of(1, 1, 1, 1),
    }),
  );
  if (named) {
    const rows = (attribute: string, names: readonly string[]) =>
      Array.from(unit).flatMap((at) =>
        names.map((entry, index) => ({
          unit: at,
          attribute,
          index,
          name: entry,
          value: (telling && index === target[at] ? 3 : 0) + random.normal() / 4,
        })),
      );
    const all = [
      ...rows("class_correlation", classNames),
      ...rows("class_selectivity", classNames),
      ...rows("concept_iou", named),
    ];
    run.writeTable(
      "vectors",
      makeTable({
        layer: all.map(() => layer),
        unit: Int32Array.from(all, (row) => row.unit),
        attribute: all.map((row) => row.attribute),
        index: Int32Array.from(all, (row) => row.index),
        name: all.map((row) => row.name),
        value: Float64Array.from(all, (row) => row.value),
      }),
    );
  }
  return path;
}
