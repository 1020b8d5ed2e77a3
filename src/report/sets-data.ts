/** Unit sets for the page (`SetsChunk`), from the tables `sets` and `set_classes`. */
import { bandShares, bandWords } from "../figures/band-note.ts";
import { quantile } from "../figures/curves.ts";
import type { RunFolder } from "../runs/run-folder.ts";
import { integers, rowsWhere, type Table, texts } from "../tables/table.ts";
import type { Chunk } from "./chunk.ts";
import type { GreedySequence, SetsChunk, StepClasses } from "./page-data.ts";

type RandomCurves = SetsChunk["layers"][number]["random"][number];

/** Classes of a step that the page names, of those that change and of those that images are taken for. */
const shownClasses = 12;

/** The chunk of a run that has unit sets. */
export async function setsChunk(run: RunFolder): Promise<Chunk> {
  const perClass = run.hasTable("set_classes") ? await run.readTable("set_classes") : undefined;
  return { header: { ...setsData(await run.readTable("sets"), perClass) }, arrays: {} };
}

/** All layers of the table; `perClass` is the table `set_classes`, if the run has it. */
function setsData(sets: Table, perClass: Table | undefined): SetsChunk {
  const layers = [...new Set(texts(sets, "layer"))];
  return {
    layers: layers.map((layer) => {
      const own = rowsWhere(sets, "layer", layer);
      const split = own.columns["rank_split"] as Float64Array;
      const steps = perClass ? stepClasses(rowsWhere(perClass, "layer", layer)) : undefined;
      const greedy = greedySequences(own, (cls) => steps?.get(cls) ?? []);
      return { layer, rankSplit: split[0] ?? 0, greedy, random: randomCurves(own) };
    }),
  };
}

/** What the steps of each class's sequence do to classes. */
function stepClasses(rows: Table): Map<number, StepClasses[]> {
  const [step, other, images] = [integers(rows, "step"), integers(rows, "other"), integers(rows, "images")];
  const [correct, after, taken] = [
    integers(rows, "correct"),
    integers(rows, "correct_ablated"),
    integers(rows, "taken"),
  ];
  const share = (row: number): number => Math.abs(after[row] - correct[row]) / images[row];
  return new Map(
    [...groupBy(integers(rows, "class"))].map(([cls, members]) => {
      const steps: (number[] | undefined)[] = [];
      for (const row of members) (steps[step[row]] ??= []).push(row);
      const described = Array.from(steps, (rowsOfStep): StepClasses => {
        const own = rowsOfStep ?? [];
        const changed = own.filter((row) => after[row] !== correct[row]).sort((a, b) => share(b) - share(a) || a - b);
        const confused = own.filter((row) => taken[row] > 0).sort((a, b) => taken[b] - taken[a] || a - b);
        const rows = [...new Set([...confused.slice(0, shownClasses), ...changed.slice(0, shownClasses)])];
        return {
          shown: rows.map((row) => [other[row], images[row], correct[row], after[row], taken[row]]),
          others: changed.filter((row) => !rows.includes(row)).length,
        };
      });
      return [cls, described];
    }),
  );
}

function greedySequences(own: Table, classesOf: (cls: number) => readonly StepClasses[]): GreedySequence[] {
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
      classes: classesOf(cls),
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
    const sequences = bySteps[0]?.length ?? 0;
    const [from, to] = bandShares(sequences);
    return {
      cls,
      mean: sorted.map((values) => values.reduce((sum, value) => sum + value, 0) / values.length),
      low: sorted.map((values) => quantile(values, from)),
      high: sorted.map((values) => quantile(values, to)),
      band: `${bandWords(sequences)} of ${sequences} random sequences`,
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
