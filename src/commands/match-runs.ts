/** `unitscope compare --match`: the units of the first run in the other networks, and how far their effects agree. */
import { type Agreement, agreementOf, type UnitEffects } from "../analysis/agreement.ts";
import { matchPValue, matchUnits } from "../analysis/match-units.ts";
import { UnitscopeError } from "../errors.ts";
import { quantile } from "../figures/curves.ts";
import { planResponses } from "../responses/response-pass.ts";
import { concatTables, makeTable, rowsWhere, type Table } from "../tables/table.ts";
import { unitEffects } from "./method-agreement.ts";
import { type OpeningEffects, openedRun } from "./open-run.ts";
import { openResponseStore } from "./response-store.ts";
import type { ComparedRun } from "./several-runs.ts";
import { reopenSubject } from "./subject.ts";

/** One layer of the first run matched with that of another. */
export interface MatchSummary extends Agreement {
  readonly layer: string;
  readonly run: string;
  readonly other: string;
  /** Median correlation of matched units, and under the two nulls. */
  readonly medianCorrelation: number;
  readonly shuffledMedian: number;
  readonly withinClassesMedian: number;
  /** Share of the pairs that correlate more than 95 % of those matched with images shuffled within classes. */
  readonly beyondClasses: number;
}

/** What was matched. */
export interface RunMatches {
  readonly summaries: readonly MatchSummary[];
  /** A row per pair of units. */
  readonly pairs: Table;
}

/** Matches every layer of the first run with each of the others. @throws {UnitscopeError} `run` where responses lack. */
export async function matchRuns(
  runs: readonly ComparedRun[],
  layers: readonly string[],
  effects: OpeningEffects = {},
): Promise<RunMatches> {
  const [first, ...others] = runs;
  if (!first) return { summaries: [], pairs: makeTable({}) };
  for (const other of others) {
    if (other.manifest.data.hash === first.manifest.data.hash) continue;
    throw new UnitscopeError(
      "run",
      `run folder "${other.path}": expected the images of "${first.path}", got others; units are matched by their responses to the same images`,
    );
  }
  const summaries: MatchSummary[] = [];
  const tables: Table[] = [];
  const own = await layersOf(first, layers, effects);
  for (const other of others) {
    const found = await layersOf(other, layers, effects);
    for (const [at, layer] of layers.entries()) {
      const matching = matchUnits(own.layers[at], found.layers[at], own.labels);
      const kept = Array.from(matching.partner.keys()).filter((unit) => matching.partner[unit] >= 0);
      const partners = kept.map((unit) => matching.partner[unit]);
      const [one, two] = [take(own.effects[at], kept), take(found.effects[at], partners)];
      const correlation = Float64Array.from(kept, (unit) => matching.correlation[unit]);
      const bar = quantile(matching.shuffledWithinClasses, 0.95);
      summaries.push({
        layer,
        run: first.path,
        other: other.path,
        medianCorrelation: median(correlation),
        shuffledMedian: median(matching.shuffled),
        withinClassesMedian: median(matching.shuffledWithinClasses),
        beyondClasses: correlation.filter((value) => value > bar).length / correlation.length,
        ...agreementOf(one, two),
      });
      tables.push(
        makeTable({
          layer: kept.map(() => layer),
          run: kept.map(() => first.path),
          unit: Int32Array.from(kept),
          other_run: kept.map(() => other.path),
          other_unit: Int32Array.from(partners),
          correlation,
          p_value: correlation.map((value) => matchPValue(value, matching.shuffledWithinClasses)),
          target_class: one.targetClass,
          other_target_class: two.targetClass,
          max_class_drop: one.maxClassDrop,
          other_max_class_drop: two.maxClassDrop,
          overall_drop: one.overallDrop,
          other_overall_drop: two.overallDrop,
        }),
      );
    }
  }
  return { summaries, pairs: concatTables(tables) };
}

/** Summaries as a table. */
export function matchesTable(summaries: readonly MatchSummary[]): Table {
  const numbers = (pick: (each: MatchSummary) => number): Float64Array => Float64Array.from(summaries, pick);
  return makeTable({
    layer: summaries.map(({ layer }) => layer),
    run: summaries.map(({ run }) => run),
    other_run: summaries.map(({ other }) => other),
    pairs: Int32Array.from(summaries, ({ pairs }) => pairs),
    median_correlation: numbers(({ medianCorrelation }) => medianCorrelation),
    shuffled_median: numbers(({ shuffledMedian }) => shuffledMedian),
    within_classes_median: numbers(({ withinClassesMedian }) => withinClassesMedian),
    beyond_classes: numbers(({ beyondClasses }) => beyondClasses),
    max_class_pearson: numbers(({ maxClassPearson }) => maxClassPearson),
    max_class_spearman: numbers(({ maxClassSpearman }) => maxClassSpearman),
    max_class_p_value: numbers(({ pValue }) => pValue),
    overall_spearman: numbers(({ overallSpearman }) => overallSpearman),
    same_class: numbers(({ sameClass }) => sameClass),
    same_class_by_chance: numbers(({ sameClassByChance }) => sameClassByChance),
    same_class_p_value: numbers(({ sameClassPValue }) => sameClassPValue),
  });
}

async function layersOf({ path, run }: ComparedRun, names: readonly string[], effects: OpeningEffects) {
  const subject = await reopenSubject(run, { progress: effects.fetching, signal: effects.signal });
  const { images, layers } = openedRun(run, subject, effects);
  const units = await run.readTable("units");
  return {
    labels: images.labels,
    layers: names.map((name) => {
      const layer = layers.find((each) => each.name === name);
      if (!layer) throw new UnitscopeError("internal", `internal: layer "${name}": expected in "${path}"`);
      const store = openResponseStore(run.path, { plan: planResponses(subject.model, images, [layer]) });
      if (!store.isWhole()) {
        throw new UnitscopeError(
          "run",
          `run folder "${path}": expected responses of all images at layer "${name}", got none or some; run: unitscope attributes ${path}`,
        );
      }
      return { units: layer.units, values: store.pooled(0, "mean", 0, layer.units) };
    }),
    effects: names.map((name) => unitEffects(rowsWhere(units, "layer", name))),
  };
}

function take({ overallDrop, maxClassDrop, targetClass }: UnitEffects, units: readonly number[]): UnitEffects {
  return {
    overallDrop: Float64Array.from(units, (unit) => overallDrop[unit]),
    maxClassDrop: Float64Array.from(units, (unit) => maxClassDrop[unit]),
    targetClass: Int32Array.from(units, (unit) => targetClass[unit]),
  };
}

function median(values: Float64Array): number {
  const known = values.filter((value) => !Number.isNaN(value)).sort();
  return known.length === 0 ? Number.NaN : quantile(known, 0.5);
}
