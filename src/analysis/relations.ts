/**
 * How the attributes of units go with what their removal does (figure 5): correlations with intervals over units, the
 * line through the points, and the ceiling that the drops' own noise sets.
 */

import { bootstrapInterval } from "../stats/bootstrap.ts";
import { linearFit, pearson, spearman } from "../stats/correlation.ts";
import { correlationPValue } from "../stats/permutation-test.ts";
import { resampledPearson, resampledSpearman } from "../stats/resampled-correlation.ts";
import { type Column, concatTables, doubles, hasValues, makeTable, type Table } from "../tables/table.ts";
import { type DropName, dropsOfHalves, type HalfDrops, type NoiseCeiling, noiseCeiling } from "./noise-ceiling.ts";
import type { HalfCounts } from "./split-half.ts";

/** Attributes that are related by default, where a run has them: the numbers that describe a unit by themselves. */
export const relatedAttributes: readonly string[] = [
  "l1_norm",
  "l1_norm_folded",
  "class_correlation",
  "class_selectivity",
  "roc_auc",
  "concept_iou",
  "mean",
  "std",
  "sparsity",
  "silent_fraction",
];

const dropNames: readonly DropName[] = ["overall_drop", "max_class_drop"];

/** The units of one layer: their rows of `units`, attributes and drops; and their counts on halves of the images. */
export interface LayerUnits {
  readonly layer: string;
  readonly units: Table;
  /** As `analyseLayer` gives them; without any, there is no reliability and no ceiling. */
  readonly halves: readonly HalfCounts[];
}

/**
 * Correlations of every attribute with the overall drop and the max class drop: per layer, and over several layers
 * both as they are (`all`) and standardised in each layer (`within`), since pooling layers that differ in their means
 * gives correlations that hold in none of them.
 *
 * Units without a value of the attribute or the drop are left out. Intervals are BCa bootstrap intervals over units at
 * 95 %; everything is `NaN` where an attribute does not vary.
 *
 * @param options.attributes columns of `units`; by default those of `relatedAttributes` that have values.
 * @param options.resamples bootstrap resamples.
 * @param options.draws shuffles of the permutation test.
 * @returns a table `relations`, in the order scope, attribute, drop.
 */
export function relateAttributes(
  layers: readonly LayerUnits[],
  {
    attributes = relatedAttributes,
    resamples = 2_000,
    draws = 2_000,
    seed = 0,
  }: { attributes?: readonly string[]; resamples?: number; draws?: number; seed?: number } = {},
): Table {
  const rows: Table[] = [];
  for (const scope of scopesOf(layers)) {
    const named = attributes.filter((attribute) => scope.parts.some(({ units }) => hasValues(units, attribute)));
    const ceilings = dropNames.map((drop) => noiseCeiling(halvesOf(scope, drop)));
    for (const attribute of named) {
      for (const [at, drop] of dropNames.entries()) {
        rows.push(relate(scope, attribute, drop, ceilings[at], { resamples, draws, seed }));
      }
    }
  }
  return concatTables(rows);
}

/** Units that are correlated together. */
interface Scope {
  readonly name: string;
  readonly parts: readonly LayerUnits[];
  /** Attributes and drops are brought to mean 0 and standard deviation 1 in each layer. */
  readonly standardised: boolean;
}

function scopesOf(layers: readonly LayerUnits[]): Scope[] {
  const scopes: Scope[] = layers.map((part) => ({ name: part.layer, parts: [part], standardised: false }));
  if (layers.length > 1) {
    scopes.push({ name: "all", parts: layers, standardised: false });
    scopes.push({ name: "within", parts: layers, standardised: true });
  }
  return scopes;
}

function relate(
  scope: Scope,
  attribute: string,
  drop: DropName,
  { reliability, ceiling }: NoiseCeiling,
  { resamples, draws, seed }: { resamples: number; draws: number; seed: number },
): Table {
  const { x, y } = pointsOf(scope, attribute, drop);
  const pearsonInterval = bootstrapInterval(x.length, resampledPearson(x, y), { resamples, seed });
  const spearmanInterval = bootstrapInterval(x.length, resampledSpearman(x, y), { resamples, seed });
  const { slope, intercept } = linearFit(x, y);
  const row: Record<string, Column> = {
    layer: [scope.name],
    attribute: [attribute],
    drop: [drop],
    units: Int32Array.of(x.length),
  };
  const numbers: Record<string, number> = {
    pearson: pearson(x, y),
    pearson_low: pearsonInterval.low,
    pearson_high: pearsonInterval.high,
    spearman: spearman(x, y),
    spearman_low: spearmanInterval.low,
    spearman_high: spearmanInterval.high,
    p_value: correlationPValue(x, y, { draws, seed }),
    slope,
    intercept,
    reliability,
    ceiling,
  };
  for (const [name, value] of Object.entries(numbers)) row[name] = Float64Array.of(value);
  return makeTable(row);
}

/** Attribute and drop of every unit that has both. */
function pointsOf(
  { parts, standardised }: Scope,
  attribute: string,
  drop: DropName,
): { x: Float64Array; y: Float64Array } {
  const x: number[] = [];
  const y: number[] = [];
  for (const { units } of parts) {
    if (!hasValues(units, attribute)) continue;
    const [attributes, drops] = [doubles(units, attribute), doubles(units, drop)];
    const known = Uint32Array.from(attributes, (_, row) => row).filter(
      (row) => Number.isFinite(attributes[row]) && Number.isFinite(drops[row]),
    );
    const take = (values: Float64Array): Float64Array => {
      const taken = Float64Array.from(known, (row) => values[row]);
      return standardised ? standardise(taken) : taken;
    };
    const [partX, partY] = [take(attributes), take(drops)];
    // A layer in which one side is constant says nothing about the relation within layers.
    if (standardised && (partX.some(Number.isNaN) || partY.some(Number.isNaN))) continue;
    x.push(...partX);
    y.push(...partY);
  }
  return { x: Float64Array.from(x), y: Float64Array.from(y) };
}

/** Half drops of all units of a scope, split by split. */
function halvesOf({ parts, standardised }: Scope, drop: DropName): HalfDrops[] {
  const perLayer = parts.map(({ halves }) => dropsOfHalves(halves, drop));
  const splits = Math.min(...perLayer.map((halves) => halves.length));
  const join = (split: number, half: 0 | 1): Float64Array => {
    const values: number[] = [];
    for (const halves of perLayer) {
      const [first, second] = halves[split].map((part) => (standardised ? standardise(part) : part));
      // Both halves of a layer without spread in either go, so that units stay paired.
      if (standardised && [...first, ...second].some(Number.isNaN)) continue;
      values.push(...(half === 0 ? first : second));
    }
    return Float64Array.from(values);
  };
  return Array.from({ length: splits }, (_, split) => [join(split, 0), join(split, 1)] as const);
}

/** Values with mean 0 and standard deviation 1; all `NaN` if they do not vary. */
function standardise(values: Float64Array): Float64Array {
  if (values.every((value) => value === values[0])) return values.map(() => Number.NaN);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return values.map((value) => (value - mean) / Math.sqrt(variance));
}
