/** What an ablation found, in words and as JSON. */

import type { NamedLeader } from "../commands/ablate-run.ts";
import type { AblateRunResult } from "../commands/write-ablation.ts";
import { withCommas } from "../numeric/with-commas.ts";
import { doubles, filterRows, integers, type Table, texts } from "../tables/table.ts";
import { formatTable } from "./format-table.ts";
import { points } from "./points.ts";

/** Units shown per layer: those with the largest max class drop. */
const SHOWN = 8;

/** Lines about one layer: what its units cost, how much of that is real, and the units that matter most to a class. */
export function describeLayer(result: AblateRunResult, layer: string): string[] {
  const units = ofLayer(result.units, layer);
  const summary = ofLayer(result.summary, layer);
  const { classNames } = result.subject.images;
  const overall = doubles(units, "overall_drop");
  const largest = doubles(units, "max_class_drop");
  const largestClass = integers(units, "max_class");
  const unitNumbers = integers(units, "unit");
  const significant = integers(units, "significant_classes");
  const effects = integers(summary, "significant_effects")[0] ?? 0;
  const tested = integers(summary, "effects")[0] ?? 0;
  const affected = integers(summary, "significant_units")[0] ?? 0;
  const order = Array.from(overall, (_, row) => row).sort((a, b) => largest[b] - largest[a]);
  const className = (row: number): string => classNames[largestClass[row]] ?? "-";
  const rows = order
    .slice(0, SHOWN)
    .map((row) => [
      String(unitNumbers[row]),
      points(largest[row]),
      className(row),
      points(overall[row]),
      String(significant[row]),
    ]);
  const of = (name: string): string => points(doubles(summary, name)[0] ?? Number.NaN);
  const interval = (name: string): string => ` (${of(`${name}_low`)} to ${of(`${name}_high`)} over images)`;
  const specific = integers(summary, "specific_units")[0] ?? 0;
  const header = ["unit", "max class drop", "class", "overall drop", "classes affected (q ≤ 0.05)"];
  const worst = order[0] ?? 0;
  const unsure = significant[worst] === 0 ? ", which may be chance" : "";
  return [
    "",
    `${layer}: ${units.rows} units, each removed alone; in points of accuracy, positive means damage`,
    `  all images lose ${points(mean(overall))} on average${interval("overall_drop")}, the class that suffers most ${points(mean(largest))}${interval("max_class_drop")}`,
    `  by chance alone it would lose ${of("max_class_null_mean")}; if units hurt all classes alike, as these are fragile, ${of("specificity_null_mean")}: ${specific} of ${units.rows} units single out a class`,
    `  largest: unit ${unitNumbers[worst]} costs ${className(worst)} ${points(largest[worst])} and all images ${points(overall[worst])}${unsure}`,
    `  real at 5 % false discoveries: ${withCommas(effects)} of ${withCommas(tested)} (unit, class) effects, in ${affected} of ${units.rows} units`,
    ...formatTable([header, ...rows], { right: [0, 1, 3, 4] }).map((line) => `  ${line}`),
    "",
  ];
}

/** Lines about a layer of a sweep that ended before all images: the units of largest class drop, with limits. */
export function describePartialLayer({ units: all, subject }: AblateRunResult, layer: string): string[] {
  const units = ofLayer(all, layer);
  const { classNames } = subject.images;
  const [number, cls, images] = ["unit", "max_class", "images"].map((name) => integers(units, name));
  const columns = [
    "max_class_drop",
    "max_class_lower",
    "max_class_upper",
    "overall_drop",
    "overall_lower",
    "overall_upper",
  ];
  const [largest, ...others] = columns.map((name) => doubles(units, name));
  const [lower, upper, overall, overallLower, overallUpper] = others;
  const order = Array.from(largest, (_, row) => row).sort((a, b) => largest[b] - largest[a]);
  const rows = order
    .slice(0, SHOWN)
    .map((row) => [
      String(number[row]),
      withCommas(images[row]),
      points(largest[row]),
      `${points(lower[row])} to ${points(upper[row])}`,
      classNames[cls[row]] ?? "-",
      points(overall[row]),
      `${points(overallLower[row])} to ${points(overallUpper[row])}`,
    ]);
  const header = ["unit", "images", "max class drop", "of all images", "class", "overall drop", "of all images"];
  return [
    "",
    `${layer}: ${units.rows} units, each removed alone; in points of accuracy, positive means damage`,
    ...formatTable([header, ...rows], { right: [0, 1, 2, 3, 5, 6] }).map((line) => `  ${line}`),
    "",
  ];
}

/** Lines about how far a sweep came, and which layers' tables it left as they were. */
export function reachedLines(
  { images, imageCount, why }: NonNullable<AblateRunResult["reached"]>,
  kept: readonly string[],
): string[] {
  const [some, all] = [images, imageCount].map((count) => withCommas(count));
  const reason = { budget: "the time is over", until: "all is known as well as asked", interrupted: "interrupted" }[
    why
  ];
  return [
    `${reason} after ${some} of ${all} images; limits hold with 95 % for each drop, whenever one stops`,
    ...(kept.length > 0 ? [`as before, of all ${all} images: the tables of ${kept.join(", ")}`] : []),
    "the same command with neither --until nor --budget goes on to the whole result",
  ];
}

/** Lines about the units that lead so far. */
export function leaderLines(leaders: readonly NamedLeader[], images: number): string[] {
  return leaders.map(({ layer, unit, className, drop, lower, upper }, place) => {
    const after = place === 0 ? ` after ${withCommas(images)} images` : "";
    return `  ${layer} unit ${unit}: ${className} ${points(drop)} (${points(lower)} to ${points(upper)})${after}`;
  });
}

/** The result as one JSON value. */
export function resultJson(result: AblateRunResult): Record<string, unknown> {
  const { run, subject, accuracy, settled, verified, figure, reached, kept, elapsedMs } = result;
  return {
    run: run.path,
    model: subject.model.name,
    data: subject.images.name,
    images: subject.images.imageCount,
    accuracy,
    layers: result.layers.map(({ name }) => ({
      ...rowsOf(ofLayer(result.summary, name))[0],
      settled: settled.find(({ layer }) => layer === name)?.settled ?? null,
      units: rowsOf(ofLayer(result.units, name)),
    })),
    verified,
    figure,
    ...(reached && { reached: { images: reached.images, why: reached.why, kept } }),
    elapsedMs,
  };
}

function ofLayer(table: Table, layer: string): Table {
  const names = texts(table, "layer");
  return filterRows(table, (row) => names[row] === layer);
}

function rowsOf(table: Table): Record<string, unknown>[] {
  return Array.from({ length: table.rows }, (_, row) =>
    Object.fromEntries(Object.entries(table.columns).map(([name, column]) => [name, column[row]])),
  );
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
