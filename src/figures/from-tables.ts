/** The inputs of the figures, from the tables of runs. */
import {
  doubles,
  filterRows,
  hasValues,
  integers,
  isMissing,
  rowKeys,
  rowsWhere,
  type Table,
  takeRows,
  texts,
} from "../tables/table.ts";
import { attributeLabel } from "./attribute-label.ts";
import { bandShares, bandWords } from "./band-note.ts";
import type { VariantDrops } from "./compare-drops.ts";
import { quantile } from "./curves.ts";
import type { DetectedConcept, DetectorCount } from "./detectors.ts";
import type { AverageSetCurve, ClassSetCurve } from "./merge-class-curves.ts";
import type { PredictionAccuracy } from "./prediction.ts";
import type { BasisDrops, RotationDrops } from "./rotation.ts";
import type { SetCurves } from "./set-curves.ts";
import type { UnitClassDrops } from "./unit-drops.ts";

/** Figure 2: the class drops of chosen units, from `drops` and `units`. Units that the tables lack are left out. */
export function unitClassDropsOf(
  drops: Table,
  units: Table,
  chosen: readonly { readonly layer: string; readonly unit: number }[],
): UnitClassDrops[] {
  const dropRows = groupRows(rowKeys(drops, ["layer", "unit"], "drops"));
  const unitRows = groupRows(rowKeys(units, ["layer", "unit"], "units"));
  const [names, values] = [texts(drops, "class_name"), doubles(drops, "drop")];
  const qValues = drops.columns["q_value"];
  return chosen.flatMap(({ layer, unit }): UnitClassDrops[] => {
    const rows = dropRows.get(`${layer}\u0000${unit}`) ?? [];
    const unitRow = unitRows.get(`${layer}\u0000${unit}`)?.[0];
    if (rows.length === 0 || unitRow === undefined) return [];
    const classes = rows.map((row) => ({
      name: names[row],
      drop: values[row],
      ...(qValues && !isMissing(qValues, row) && { qValue: qValues[row] as number }),
    }));
    return [{ layer, unit, overall: doubles(units, "overall_drop")[unitRow], classes }];
  });
}

/** The `count` units with the largest max class drop, of one layer or of all. */
export function mostDamagingUnits(units: Table, count: number, layer?: string): { layer: string; unit: number }[] {
  const rows = layer === undefined ? units : rowsWhere(units, "layer", layer);
  const max = doubles(rows, "max_class_drop");
  const order = Array.from({ length: rows.rows }, (_, row) => row)
    .filter((row) => Number.isFinite(max[row]))
    .sort((a, b) => max[b] - max[a] || a - b);
  const [layers, numbers] = [texts(rows, "layer"), integers(rows, "unit")];
  return order.slice(0, count).map((row) => ({ layer: layers[row], unit: numbers[row] }));
}

/**
 * Figure 4 of one layer, from `sets`. Averages weigh every class equally; the band of random sequences is
 * that of their averages (`bandShares`).
 * @param classes the classes of figure 4a, all by default.
 */
export function setCurvesOf(
  sets: Table,
  layer: string,
  { classes, chance }: { classes?: readonly number[]; chance?: number } = {},
): SetCurves {
  const rows = rowsWhere(sets, "layer", layer);
  const [strategies, names] = [texts(rows, "strategy"), texts(rows, "class_name")];
  const [cls, seeds] = [integers(rows, "class"), integers(rows, "seed")];
  const greedy = groupRows(Array.from(cls, (each, row) => (strategies[row] === "greedy" ? each : -1)));
  const wanted = classes ?? [...greedy.keys()].filter((each) => each >= 0).sort((a, b) => a - b);
  const averages = [...new Set(strategies)].map((strategy): AverageSetCurve => {
    const ofStrategy = groupRows(Array.from(seeds, (seed, row) => (strategies[row] === strategy ? seed : -1)));
    const curves = [...ofStrategy].filter(([seed]) => seed >= 0).map(([, own]) => averageCurve(rows, own));
    const label = strategyLabel(strategy, curves.length);
    if (curves.length === 1) return { label, accuracy: curves[0], ...(strategy === "keep" && { isKept: true }) };
    const [from, to] = bandShares(curves.length);
    const over = (value: (sorted: Float64Array) => number): Float64Array =>
      Float64Array.from({ length: Math.min(...curves.map((curve) => curve.length)) }, (_, step) =>
        value(Float64Array.from(curves, (curve) => curve[step]).sort()),
      );
    return {
      label,
      accuracy: over((sorted) => sorted.reduce((sum, each) => sum + each, 0) / sorted.length),
      low: over((sorted) => quantile(sorted, from)),
      high: over((sorted) => quantile(sorted, to)),
    };
  });
  const sequences = new Set(seeds.filter((_, row) => strategies[row] === "random")).size;
  return {
    layer,
    classes: wanted.flatMap((each): ClassSetCurve[] => {
      const own = greedy.get(each);
      return own ? [{ className: names[own[0]], accuracy: averageCurve(rows, own) }] : [];
    }),
    averages,
    ...keptOf(rows),
    rankSplit: doubles(rows, "rank_split")[0] ?? 0,
    ...(chance !== undefined && { chance }),
    ...(sequences > 1 && {
      bandHolds: `${bandWords(sequences)} of the averages of ${sequences} random sequences`,
    }),
  };
}

/** What the units that are kept for a class call, averaged over classes; nothing where that was not counted. */
function keptOf(sets: Table): Pick<SetCurves, "kept"> {
  const keep = rowsWhere(sets, "strategy", "keep");
  if (keep.rows === 0 || !hasValues(keep, "called")) return {};
  const rows = Array.from({ length: keep.rows }, (_, row) => row);
  const [recall, precision, falseAlarms] = (["accuracy", "precision", "false_alarms"] as const).map((name) =>
    averageCurve(keep, rows, name),
  ) as [Float64Array, Float64Array, Float64Array];
  return { kept: { recall, precision, falseAlarms } };
}

/**
 * Figure 7, from `rotation`: a layer's bases, units first, then from the least rotated on.
 * @param order names of the network's layers; those of the table that it lacks come last.
 */
export function rotationDropsOf(rotation: Table, order: readonly string[] = []): RotationDrops[] {
  const layers = groupRows(texts(rotation, "layer"));
  const named = order.flatMap((layer): [string, number[]][] => {
    const rows = layers.get(layer);
    return rows ? [[layer, rows]] : [];
  });
  const sorted = [...named, ...[...layers].filter(([layer]) => !order.includes(layer))];
  return sorted.map(([layer, rows]) => {
    const own = takeRows(rotation, rows);
    const [bases, t] = [texts(own, "basis"), doubles(own, "t")];
    const kinds = groupRows(Array.from(t, (each, row) => `${bases[row]}\u0000${each}`));
    const described = [...kinds].map(([key, kindRows]) => {
      const [basis = "", angle = ""] = key.split("\u0000");
      const kind = takeRows(own, kindRows);
      const seeds = [...groupRows(integers(kind, "seed")).values()].map((seedRows) => takeRows(kind, seedRows));
      return {
        order: basis === "units" ? 0 : basis === "random" ? 1 + (1 - Number(angle)) : 3,
        drops: {
          label: basisLabel(basis, Number(angle)),
          max: seeds.map((seed) => doubles(seed, "max_class_drop")),
          overall: seeds.map((seed) => doubles(seed, "overall_drop")),
        } satisfies BasisDrops,
      };
    });
    return { layer, bases: described.sort((a, b) => a.order - b.order).map(({ drops }) => drops) };
  });
}

/** Figure 8, from the `units` tables of several runs; runs of one variant are its seeds. */
export function variantDropsOf(runs: readonly { readonly variant: string; readonly units: Table }[]): VariantDrops[] {
  const variants = [...new Set(runs.map(({ variant }) => variant))];
  return variants.map((variant) => {
    const layers: Record<string, Float64Array[]> = {};
    for (const { units } of runs.filter((run) => run.variant === variant)) {
      for (const layer of new Set(texts(units, "layer"))) {
        layers[layer] ??= [];
        layers[layer].push(doubles(rowsWhere(units, "layer", layer), "max_class_drop"));
      }
    }
    return { variant, layers };
  });
}

/** The concepts that units of a layer detect, from `units`. */
export function detectedConceptsOf(units: Table, layer: string): DetectedConcept[] {
  const detector = integers(units, "detector", "units");
  const layers = texts(units, "layer");
  const found = filterRows(units, (row) => layers[row] === layer && detector[row] === 1);
  const groups = groupRows(rowKeys(found, ["concept_category", "concept"]));
  return [...groups].map(([key, rows]) => {
    const [category = "", concept = ""] = key.split("\u0000");
    return { category, concept, units: rows.length };
  });
}

/** Figure 9: the counts of one network, by category. */
export function detectorCountsOf(concepts: readonly DetectedConcept[]): DetectorCount[] {
  return [...new Set(concepts.map(({ category }) => category))].map((category) => {
    const own = concepts.filter((concept) => concept.category === category);
    return { category, concepts: own.length, units: own.reduce((sum, { units }) => sum + units, 0) };
  });
}

/** Figure 6, from `predictions`: the means over splits, or the only split. */
export function predictionAccuraciesOf(predictions: Table): PredictionAccuracy[] {
  const splits = texts(predictions, "split");
  const split = splits.includes("all") ? "all" : splits[0];
  const rows = filterRows(predictions, (row) => splits[row] === split);
  const [layers, attributes] = [texts(rows, "layer"), texts(rows, "attribute")];
  const [accuracy, low, high] = ["accuracy", "accuracy_low", "accuracy_high"].map((name) => doubles(rows, name)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  return Array.from({ length: rows.rows }, (_, row) => ({
    layer: layers[row],
    attribute: attributeLabel(attributes[row]),
    accuracy: accuracy[row],
    low: low[row],
    high: high[row],
  }));
}

/** Mean accuracy (or another column) at each step over the classes of one sequence, or of one sequence per class. */
function averageCurve(sets: Table, rows: readonly number[], column: string = "accuracy"): Float64Array {
  const [steps, accuracy] = [integers(sets, "step"), doubles(sets, column)];
  const groups = groupRows(rows.map((row) => steps[row]));
  return Float64Array.from({ length: groups.size }, (_, step) => {
    const values = (groups.get(step) ?? []).map((at) => accuracy[rows[at]]).filter(Number.isFinite);
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  });
}

function strategyLabel(strategy: string, sequences: number): string {
  if (strategy === "greedy") return "stepwise greedy";
  if (strategy === "single") return "ranked once by class drop";
  if (strategy === "keep") return "keep only the most important";
  if (strategy === "random") return `random (${sequences} sequence${sequences === 1 ? "" : "s"})`;
  return `ranked by ${attributeLabel(strategy)}`;
}

function basisLabel(basis: string, t: number): string {
  if (basis === "units") return "units";
  if (basis === "pca") return "principal components";
  return t === 1 ? "random directions" : `rotated part of the way (t = ${t})`;
}

/** Row numbers by value, in order of first appearance. */
function groupRows<T>(values: Iterable<T>): Map<T, number[]> {
  const groups = new Map<T, number[]>();
  let row = 0;
  for (const value of values) {
    const group = groups.get(value);
    if (group) group.push(row);
    else groups.set(value, [row]);
    row++;
  }
  return groups;
}
