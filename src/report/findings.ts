/** The few sentences that a run comes down to, each with how sure it is. Plain text. */
import { setCurvesOf } from "../figures/from-tables.ts";
import { withCommas } from "../numeric/with-commas.ts";
import type { RunFolder } from "../runs/run-folder.ts";
import { dataTitle } from "../runs/run-manifest.ts";
import { wilsonInterval } from "../stats/wilson.ts";
import { doubles, hasValues, integers, isMissing, rowsWhere, type Table, texts } from "../tables/table.ts";

/** One sentence or two about one question. */
export interface Finding {
  /** `accuracy`, `effects`, `classes`, `sets`, `rotation` or `attributes`. */
  readonly about: "accuracy" | "effects" | "classes" | "sets" | "rotation" | "attributes";
  readonly text: string;
}

/** How many units a set that is told of has. */
const setSize = 10;

/** What the tables of a run show so far; later commands on the run add to it. */
export async function findingsOf(run: RunFolder): Promise<Finding[]> {
  const { classNames, data, model } = run.manifest();
  const findings: Finding[] = [];
  const units = await run.readTable("units");
  const layers = await run.readTable("layers");
  if (units.rows === 0) return findings;
  if (hasValues(units, "correct") && hasValues(units, "images")) {
    findings.push(accuracyFinding(units, model.name, dataTitle(data.name)));
  }
  const deepest = layers.rows - 1;
  const layer = texts(layers, "layer")[deepest];
  const own = rowsWhere(units, "layer", layer);
  if (hasValues(layers, "effects")) findings.push(...effectFindings(layers, deepest, own, classNames));
  if (run.hasTable("sets")) findings.push(...setFindings(await run.readTable("sets")));
  if (run.hasTable("directions")) findings.push(...rotationFindings(await run.readTable("directions")));
  if (run.hasTable("relations")) findings.push(...attributeFindings(await run.readTable("relations"), layer));
  return findings;
}

function accuracyFinding(units: Table, model: string, data: string): Finding {
  const [correct, images] = [integers(units, "correct")[0], integers(units, "images")[0]];
  const { low, high } = wilsonInterval(correct, images);
  return {
    about: "accuracy",
    text: `${model} gets ${percent(correct / images)} of ${count(images)} images of ${data} right (95 % interval ${percent(low)} to ${percent(high)}).`,
  };
}

function effectFindings(layers: Table, at: number, units: Table, classNames: readonly string[]): Finding[] {
  const layer = texts(layers, "layer")[at];
  const [overall, largest] = [doubles(layers, "overall_drop_mean")[at], doubles(layers, "max_class_drop_mean")[at]];
  const real = integers(layers, "significant_effects")[at];
  const [effects, realUnits] = [integers(layers, "effects")[at], integers(layers, "significant_units")[at]];
  const drops = doubles(units, "max_class_drop");
  const worst = drops.reduce((best, drop, row) => (drop > drops[best] ? row : best), 0);
  const cls = integers(units, "max_class")[worst];
  const number = integers(units, "unit")[worst];
  if (!(drops[worst] > 0)) {
    return [
      { about: "effects", text: `No unit of ${layer}, removed alone, costs any class accuracy on these images.` },
    ];
  }
  const p = units.columns["max_class_p_value"];
  const chance =
    p && !isMissing(p, worst) ? ` (p ${probability(Number(p[worst]))} against the largest drop by chance)` : "";
  const unbiased = units.columns["split_half_drop"];
  const honest =
    unbiased && !isMissing(unbiased, worst)
      ? `, ${points(Number(unbiased[worst]))} when the class is chosen on other images than it is measured on`
      : "";
  const found =
    real === 0
      ? `None of the ${count(effects)} effects of ${layer}'s units on classes is established at 5 % false discoveries: more images may show some`
      : `${count(real)} of ${count(effects)} effects of ${layer}'s units on classes are real at 5 % false discoveries, in ${count(realUnits)} of ${count(units.rows)} units`;
  return [
    {
      about: "effects",
      text: `Removing one unit of ${layer} costs ${points(overall)} points of accuracy on average, but ${points(largest)} for the class that suffers most. ${found}.`,
    },
    {
      about: "classes",
      text: `The largest: without unit ${number}, ${classNames[cls] ?? `class ${cls}`} loses ${points(drops[worst])} points${honest}${chance}.`,
    },
  ];
}

function setFindings(sets: Table): Finding[] {
  const layer = texts(sets, "layer").at(-1) as string;
  const { averages } = setCurvesOf(sets, layer);
  const greedy = averages.find(({ label }) => label.startsWith("greedy"));
  const random = averages.find(({ low }) => low !== undefined);
  if (!greedy) return [];
  const step = Math.min(setSize, greedy.accuracy.length - 1);
  const beside =
    random?.low && random.high && random.accuracy.length > step
      ? `; random units leave ${percent(random.accuracy[step])} (95 % of sequences: ${percent(random.low[step])} to ${percent(random.high[step])})`
      : "";
  return [
    {
      about: "sets",
      text: `The ${step} units of ${layer} that a class depends on most, found step by step, take it from ${percent(greedy.accuracy[0])} to ${percent(greedy.accuracy[step])} on average${beside}.`,
    },
  ];
}

function rotationFindings(directions: Table): Finding[] {
  const [basis, measure, t] = [texts(directions, "basis"), texts(directions, "measure"), doubles(directions, "t")];
  const row = basis.findLastIndex((each, at) => each === "random" && measure[at] === "max_class_drop" && t[at] === 1);
  if (row < 0) return [];
  const value = (name: string): number => Number(directions.columns[name]?.[row]);
  const [superiority, p] = [value("superiority"), value("p_value")];
  const verdict =
    p > 0.05
      ? "which these images do not tell apart"
      : superiority > 0.5
        ? "so units are more specific"
        : "so units are less specific";
  return [
    {
      about: "rotation",
      text: `Removing a unit of ${texts(directions, "layer")[row]} costs its worst class ${points(value("units_mean"))} points on average, a random direction ${points(value("directions_mean"))}, ${verdict} (a unit's exceeds a direction's in ${percent(superiority)} of pairs, p ${probability(p)}).`,
    },
  ];
}

function attributeFindings(relations: Table, layer: string): Finding[] {
  const [layers, attribute, drop] = [
    texts(relations, "layer"),
    texts(relations, "attribute"),
    texts(relations, "drop"),
  ];
  const found = (["max_class_drop", "overall_drop"] as const).flatMap((wanted) => {
    const row = layers.findIndex(
      (each, at) => each === layer && attribute[at] === "class_selectivity" && drop[at] === wanted,
    );
    const values = ["pearson", "pearson_low", "pearson_high"].map((name) => Number(relations.columns[name]?.[row]));
    if (row < 0 || !values.every(Number.isFinite)) return []; // all units drop alike, or respond alike
    const [r, low, high] = values.map(twoPlaces);
    return [`${r} (95 % interval ${low} to ${high}) with the ${wanted.replaceAll("_", " ")}`];
  });
  if (found.length === 0) return [];
  const text = `Over the units of ${layer}, class selectivity correlates ${found.join(" and ")}.`;
  return [{ about: "attributes", text }];
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function points(drop: number): string {
  return twoPlaces(100 * drop);
}

/** With a true minus sign, and none before zero. */
function twoPlaces(value: number): string {
  const text = value.toFixed(2);
  return (text === "-0.00" ? "0.00" : text).replace("-", "−");
}

function count(value: number): string {
  return withCommas(value);
}

function probability(p: number): string {
  return p < 0.001 ? "below 0.001" : p.toFixed(3);
}
