/** Unit sets for the page (`SetsChunk`), from the table `sets`. */
import { quantile } from "../figures/curves.ts";
import { integers, rowsWhere, type Table, texts } from "../tables/table.ts";
import type { GreedySequence, SetsChunk } from "./page-data.ts";

type RandomCurves = SetsChunk["layers"][number]["random"][number];

/** All layers of the table. */
export function setsData(sets: Table): SetsChunk {
  const layers = [...new Set(texts(sets, "layer"))];
  return {
    layers: layers.map((layer) => {
      const own = rowsWhere(sets, "layer", layer);
      const split = own.columns["rank_split"] as Float64Array;
      return { layer, rankSplit: split[0] ?? 0, greedy: greedySequences(own), random: randomCurves(own) };
    }),
  };
}

function greedySequences(own: Table): GreedySequence[] {
  const rows = rowsWhere(own, "strategy", "greedy");
  return [...groupBy(integers(rows, "class"))].map(([cls, members]) => {
    const step = integers(rows, "step");
    const order = [...members].sort((a, b) => step[a] - step[b]);
    const others = rows.columns["others_drop"] as Float64Array | undefined;
    const unit = integers(rows, "unit");
    const correct = integers(rows, "correct");
    return {
      cls,
      images: integers(rows, "images")[order[0]],
      units: order.slice(1).map((row) => unit[row]),
      correct: order.map((row) => correct[row]),
      othersDrop: others ? order.map((row) => others[row]) : [],
    };
  });
}

function randomCurves(own: Table): RandomCurves[] {
  const rows = rowsWhere(own, "strategy", "random");
  const [step, accuracy] = [integers(rows, "step"), rows.columns["accuracy"] as Float64Array];
  return [...groupBy(integers(rows, "class"))].map(([cls, members]) => {
    const bySteps: number[][] = [];
    for (const row of members) (bySteps[step[row]] ??= []).push(accuracy[row]);
    const sorted = bySteps.map((values) => Float64Array.from(values).sort());
    return {
      cls,
      mean: sorted.map((values) => values.reduce((sum, value) => sum + value, 0) / values.length),
      low: sorted.map((values) => quantile(values, 0.025)),
      high: sorted.map((values) => quantile(values, 0.975)),
    };
  });
}

function groupBy(keys: Int32Array): Map<number, number[]> {
  const groups = new Map<number, number[]>();
  keys.forEach((key, row) => {
    const group = groups.get(key);
    if (group) group.push(row);
    else groups.set(key, [row]);
  });
  return groups;
}
