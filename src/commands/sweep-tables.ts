/** A sweep's result as the tables of a run. */
import type { LayerFlips } from "../ablation/flips.ts";
import type { LayerSweep, Sweep } from "../ablation/sweep.ts";
import { analyseLayer, type LayerStatistics } from "../analysis/drops.ts";
import type { ImageSet } from "../data/image-set.ts";
import type { Layer } from "../onnx/layers.ts";
import type { Model } from "../runtime/open-model.ts";
import { concatTables, filterRows, integers, makeTable, type Table } from "../tables/table.ts";

/** The tables that an ablation gives, with the columns of `tables/schema.ts`. */
export interface SweepTables extends Pick<LayerSweep, "verified" | "mismatches"> {
  /** One row per image, with nothing ablated. */
  readonly baseline: Table;
  /** One row per (layer, unit, class with images). */
  readonly drops: Table;
  /** One row per prediction that an ablation changed. */
  readonly flips: Table;
  /** One row per layer: what it is, and a summary of its drops. */
  readonly layers: Table;
  /** One row per (layer, unit). */
  readonly units: Table;
  /** How each layer's pairs were settled. */
  readonly settled: readonly { readonly layer: string; readonly settled: LayerSweep["settled"] }[];
}

/** Analyses every layer of a sweep. */
export function sweepTables(sweep: Sweep, { model, images }: { model: Model; images: ImageSet }): SweepTables {
  const { labels, predictions, margins } = sweep;
  const { classCount } = model;
  const { classNames } = images;
  const swept = sweep.layers.map((_, at) => sweep.layer(at));
  const statistics = swept.map(({ flips, continuous }) =>
    analyseLayer({ labels, predictions, classCount }, flips, { classNames, continuous }),
  );
  return {
    baseline: makeTable({
      image: Int32Array.from(labels, (_, image) => image),
      name: Array.from(labels, (_, image) => images.imageName(image)),
      label: labels,
      prediction: predictions,
      margin: Float64Array.from(margins),
    }),
    drops: withImages(concatTables(statistics.map(({ drops }) => drops))),
    flips: concatTables(swept.map(({ flips }) => flipTable(flips))),
    layers: concatTables(swept.map(({ layer }, at) => layerRow(statistics[at], layer))),
    units: concatTables(statistics.map(({ units }) => units)),
    settled: swept.map(({ layer, settled }) => ({ layer: layer.name, settled })),
    verified: swept.reduce((sum, { verified }) => sum + verified, 0),
    mismatches: swept.flatMap(({ mismatches }) => mismatches),
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

function layerRow({ summary }: LayerStatistics, layer: Layer): Table {
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
