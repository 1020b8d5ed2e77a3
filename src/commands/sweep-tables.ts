/** A sweep's result as the tables of a run. */
import type { LayerFlips } from "../ablation/flips.ts";
import type { LayerSweep, Sweep } from "../ablation/sweep.ts";
import { analyseLayer, type LayerStatistics } from "../analysis/drops.ts";
import { describePartialLayer } from "../analysis/partial-drops.ts";
import type { ImageSet } from "../data/image-set.ts";
import type { Layer } from "../onnx/layers.ts";
import type { Model } from "../runtime/open-model.ts";
import { concatTables, filterRows, integers, makeTable, type Table } from "../tables/table.ts";

/** The tables of some layers, with the columns of `tables/schema.ts`. */
export interface LayerTables {
  /** One row per (layer, unit, class with images). */
  readonly drops: Table;
  /** One row per prediction that an ablation changed. */
  readonly flips: Table;
  /** One row per layer: what it is, and a summary of its drops. */
  readonly layers: Table;
  /** One row per (layer, unit). */
  readonly units: Table;
}

/** How the pairs of a sweep were settled and checked. */
export interface SweepChecks extends Pick<LayerSweep, "verified"> {
  /** How each layer's pairs were settled. */
  readonly settled: readonly { readonly layer: string; readonly settled: LayerSweep["settled"] }[];
}

/** The tables that an ablation gives. */
export interface SweepTables extends LayerTables, SweepChecks {
  /** One row per image, with nothing ablated. */
  readonly baseline: Table;
}

/** A model and its images, as tables name them. */
export interface SweptSubject {
  readonly model: Pick<Model, "classCount">;
  readonly images: ImageSet;
}

/** Names of the tables that have a part for every layer. */
export const layerTableNames = ["drops", "flips", "layers", "units"] as const;

/** Analyses every layer of a sweep and holds them all; for many layers of a large network, go layer by layer. */
export function sweepTables(sweep: Sweep, subject: SweptSubject): SweepTables {
  const parts = sweep.layers.map((_, at) => layerTables(sweep, at, subject));
  const whole = Object.fromEntries(
    layerTableNames.map((name) => [name, concatTables(parts.map(({ tables }) => tables[name]))]),
  ) as Record<(typeof layerTableNames)[number], Table>;
  return { baseline: baselineTable(sweep, subject), ...whole, ...mergeChecks(parts.map(({ checks }) => checks)) };
}

/** One row per image of a sweep, with nothing ablated. */
export function baselineTable({ labels, predictions, margins, reached }: Sweep, { images }: SweptSubject): Table {
  const table = makeTable({
    image: Int32Array.from(labels, (_, image) => image),
    name: Array.from(labels, (_, image) => images.imageName(image)),
    label: labels,
    prediction: predictions,
    margin: Float64Array.from(margins),
  });
  return reached ? filterRows(table, (image) => predictions[image] >= 0) : table;
}

/** Analyses the layer at an index of a sweep. */
export function layerTables(
  sweep: Sweep,
  at: number,
  { model, images }: SweptSubject,
): { tables: LayerTables; checks: SweepChecks } {
  const { labels, predictions } = sweep;
  const { layer, flips, continuous, settled, verified } = sweep.layer(at);
  const counts = { labels, predictions, classCount: model.classCount };
  const { classNames } = images;
  const { reached } = sweep;
  const statistics = reached
    ? describePartialLayer(counts, flips, { reached, reach: reached.reach(at), classNames })
    : analyseLayer(counts, flips, { classNames, continuous });
  return {
    tables: {
      drops: withImages(statistics.drops),
      flips: flipTable(flips),
      layers: layerRow(statistics, layer),
      units: statistics.units,
    },
    checks: { settled: [{ layer: layer.name, settled }], verified },
  };
}

/** What the checks of several layers say together. */
export function mergeChecks(parts: readonly SweepChecks[]): SweepChecks {
  return {
    settled: parts.flatMap(({ settled }) => settled),
    verified: parts.reduce((sum, { verified }) => sum + verified, 0),
  };
}

/** Rows of classes that have images; a network's other classes say nothing. */
function withImages(drops: Table): Table {
  const images = integers(drops, "images");
  return images.includes(0) ? filterRows(drops, (row) => images[row] > 0) : drops;
}

/** Fraction of the images that the intact network gets right, from a `baseline` table. */
export function baselineAccuracy(baseline: Table): number {
  const predictions = integers(baseline, "prediction");
  const labels = integers(baseline, "label");
  return labels.reduce((correct, label, image) => correct + Number(label === predictions[image]), 0) / labels.length;
}

function layerRow({ summary }: Pick<LayerStatistics, "summary">, layer: Layer): Table {
  const described = makeTable({
    layer: [layer.name],
    kind: [layer.kind],
    tap: [layer.tap],
    units: Int32Array.of(layer.units),
    height: Int32Array.of(layer.height),
    width: Int32Array.of(layer.width),
    batch_norm: [layer.batchNorm],
  });
  return makeTable({ ...described.columns, ...summary.columns });
}

function flipTable({ layer, unit, image, prediction }: LayerFlips): Table {
  return makeTable({ layer: Array.from(unit, () => layer), unit, image, prediction });
}
