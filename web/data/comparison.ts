/** Figures of several layers and runs on shared scales, drawn by the functions of the command line. */
import { attributeLabel } from "../../src/figures/attribute-label.ts";
import { compareDropsFigure } from "../../src/figures/compare-drops.ts";
import { type DetectorCount, detectorsFigure } from "../../src/figures/detectors.ts";
import { type LayerDrops, layerDropsFigure } from "../../src/figures/layer-drops.ts";
import { predictionFigure } from "../../src/figures/prediction.ts";
import { chosenAttributes, type Relation, type Relations, relationsFigure } from "../../src/figures/relations.ts";
import { rotationFigure } from "../../src/figures/rotation.ts";
import type { PredictionData, RotationChunk, RunData } from "../../src/report/page-data.ts";
import { loadChunk } from "./chunks.ts";
import type { LoadedLayer } from "./layer.ts";

/** A figure. */
export interface Drawn {
  readonly name: string;
  readonly caption: string;
  readonly svg: string;
}

/** What is compared: every layer of every run, in order. */
export type Compared = readonly { readonly run: RunData; readonly layer: LoadedLayer }[];

/** Loads the drops of rotated bases; none where the run has none. */
export async function loadRotation(run: RunData): Promise<RotationChunk["layers"]> {
  if (run.rotation === null) return [];
  return ((await loadChunk(run.rotation)).header as unknown as RotationChunk).layers;
}

/** Figure 3 of every run, all on one scale. */
export function dropFigures(compared: Compared): Drawn[] {
  const all = compared.map(({ layer }) => layerDropsOf(layer));
  return [...new Set(compared.map(({ run }) => run))].map((run) => ({
    name: `layers-${run.label}`,
    caption: `${run.label}: what removing each unit costs, one scale for everything on this page.`,
    svg: layerDropsFigure(
      compared.flatMap((each, at) => (each.run === run ? [all[at] as LayerDrops] : [])),
      { source: sourceOf(run), imagesPerClass: imagesPerClass(run), beside: all },
    ),
  }));
}

/** Figure 8: the runs' max class drops, layer by layer. */
export function variantFigure(compared: Compared, layers: readonly string[]): Drawn[] {
  const runs = [...new Set(compared.map(({ run }) => run))];
  if (runs.length < 2 || layers.length === 0) return [];
  const variants = runs.map((run) => ({
    variant: run.label,
    layers: Object.fromEntries(
      compared
        .filter((each) => each.run === run)
        .map(({ layer }) => [layer.data.name, [column(layer, "max_class_drop")]]),
    ),
  }));
  return [
    {
      name: "compare",
      caption:
        "Every run on one scale: sorted max class drops. A lower, flatter curve spreads class information over more units.",
      svg: compareDropsFigure(variants, layers, { imagesPerClass: Math.max(...runs.map(imagesPerClass)) }),
    },
  ];
}

/** Figure 5 of each, all with the same axes. */
export function relationFigures(compared: Compared): Drawn[] {
  const related = compared.flatMap(({ run, layer }) => {
    const relations = relationsOf(layer);
    return relations ? [{ run, layer, relations }] : [];
  });
  const all = related.map(({ relations }) => relations);
  return related.map(({ run, layer, relations }) => ({
    name: `relations-${run.label}-${layer.data.name}`,
    caption: `${run.label}, ${layer.data.name}: which attribute tells what a unit's removal costs? Same axes in all of these.`,
    svg: relationsFigure(relations, { source: sourceOf(run), beside: all }),
  }));
}

/** Figure 7 of every run, on one scale. */
export function rotationFigures(
  rotated: readonly { readonly run: RunData; readonly layers: RotationChunk["layers"] }[],
): Drawn[] {
  const all = rotated.flatMap(({ layers }) => layers);
  return rotated
    .filter(({ layers }) => layers.length > 0)
    .map(({ run, layers }) => ({
      name: `rotation-${run.label}`,
      caption: `${run.label}: units beside random directions of the same responses, one scale for everything on this page.`,
      svg: rotationFigure(layers, { source: sourceOf(run), imagesPerClass: imagesPerClass(run), beside: all }),
    }));
}

/** Figure 9: concept detectors by category, for a layer that every run has. */
export function detectorFigures(compared: Compared, layers: readonly string[]): Drawn[] {
  return layers.flatMap((name) => {
    const own = compared.filter(({ layer }) => layer.data.name === name && layer.columns["detector"]);
    if (own.length === 0) return [];
    const variants = own.map(({ run, layer }) => ({ variant: run.label, networks: [detectorCounts(layer)] }));
    return [
      {
        name: `detectors-${name}`,
        caption: `${name}: concepts that its units detect, by category.`,
        svg: detectorsFigure(variants, { layer: name }),
      },
    ];
  });
}

/** Figure 6: table 1 as bars. */
export function predictionFigures({ rows, chance, train, networks }: PredictionData): Drawn[] {
  const svg = predictionFigure(
    rows.map((row) => ({ ...row, attribute: attributeLabel(row.attribute) })),
    { chance, source: `Trained on ${train} of ${networks} networks, tested on the rest, mean over all choices` },
  );
  return [
    { name: "prediction", caption: "Does a unit's attribute vector tell the class that it matters most for?", svg },
  ];
}

function layerDropsOf(layer: LoadedLayer): LayerDrops {
  const optional = (name: string): Float64Array | undefined => (layer.columns[name] ? column(layer, name) : undefined);
  const [null95, specificity95] = [optional("max_class_null_95"), optional("specificity_null_95")];
  return {
    layer: layer.data.name,
    max: column(layer, "max_class_drop"),
    min: column(layer, "min_class_drop"),
    overall: column(layer, "overall_drop"),
    ...(null95 && { null95 }),
    ...(specificity95 && { specificity95 }),
  };
}

function relationsOf(layer: LoadedLayer): Relations | undefined {
  const { name, relations } = layer.data;
  if (relations.length === 0) return undefined;
  const find = (attribute: string, drop: string): Relation | undefined => {
    const row = relations.find((each) => each.attribute === attribute && each.drop === drop);
    if (!row) return undefined;
    const number = (value: number | null): number => value ?? Number.NaN; // JSON has no NaN
    return {
      pearson: number(row.pearson),
      low: number(row.low),
      high: number(row.high),
      slope: number(row.slope),
      intercept: number(row.intercept),
    };
  };
  const present = [...new Set(relations.map(({ attribute }) => attribute))];
  return {
    layer: name,
    overall: column(layer, "overall_drop"),
    max: column(layer, "max_class_drop"),
    attributes: chosenAttributes(present).map((attribute) => {
      const [overall, max] = [find(attribute, "overall_drop"), find(attribute, "max_class_drop")];
      return { name: attribute, values: column(layer, attribute), ...(overall && { overall }), ...(max && { max }) };
    }),
  };
}

function detectorCounts(layer: LoadedLayer): DetectorCount[] {
  const found = new Map<string, { concepts: Set<string>; units: number }>();
  for (let unit = 0; unit < layer.units; unit++) {
    if (layer.columns["detector"]?.[unit] !== 1) continue;
    const category = layer.texts["concept_category"]?.[unit] ?? "";
    const own = found.get(category) ?? { concepts: new Set(), units: 0 };
    own.concepts.add(layer.texts["concept"]?.[unit] ?? "");
    own.units++;
    found.set(category, own);
  }
  return [...found].map(([category, { concepts, units }]) => ({ category, concepts: concepts.size, units }));
}

function column(layer: LoadedLayer, name: string): Float64Array {
  return Float64Array.from(layer.columns[name] ?? []);
}

function imagesPerClass({ classImages }: RunData): number {
  return classImages.reduce((most, images) => Math.max(most, images), 0);
}

function sourceOf({ model, data }: RunData): string {
  return `${model.name} on ${data.name} (${data.images.toLocaleString("en")} images)`;
}
