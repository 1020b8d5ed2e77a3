/** Runs of one network that replace units by different things: rank agreement per layer, and the effects that survive all. */
import {
  type Agreement,
  agreementOf,
  type LayerEffects,
  survivingEffects,
  type UnitEffects,
} from "../analysis/agreement.ts";
import { doubles, integers, makeTable, rowsWhere, type Table } from "../tables/table.ts";
import type { ComparedRun } from "./several-runs.ts";

/** Two methods at one layer. */
export interface MethodPair extends Agreement {
  readonly layer: string;
  readonly methods: readonly [string, string];
  /** Effects real at 5 % false discoveries, by each and by both with one sign. */
  readonly effects: readonly [number, number];
  readonly both: number;
}

/** What all methods of a layer have in common. */
export interface SurvivingLayer {
  readonly layer: string;
  readonly methods: readonly string[];
  /** Effects by each method, and those that all of them find with one sign. */
  readonly effects: readonly number[];
  readonly surviving: number;
}

/** What was found about all layers. */
export interface MethodAgreement {
  readonly pairs: readonly MethodPair[];
  readonly layers: readonly SurvivingLayer[];
  /** Rows (layer, unit, class) of the effects that survive, with their drop by every method. */
  readonly surviving: Table;
}

/** Compares the first group of runs that are of one network, on the same images, by different methods; `null` without one. */
export async function compareMethods(
  runs: readonly ComparedRun[],
  layers: readonly string[],
): Promise<MethodAgreement | null> {
  const group = methodGroup(runs);
  if (group.length < 2) return null;
  const methods = group.map(({ manifest }) => manifest.ablation.method);
  const pairs: MethodPair[] = [];
  const summaries: SurvivingLayer[] = [];
  const rows: { layer: string; unit: number; cls: number; drops: readonly number[] }[] = [];
  for (const layer of layers) {
    const units = await Promise.all(
      group.map(async ({ run }) => unitEffects(rowsWhere(await run.readTable("units"), "layer", layer))),
    );
    const drops = await Promise.all(
      group.map(async ({ run }) => layerEffects(await run.readTable("drops", { layer }))),
    );
    const counts = drops.map(({ qValue }) => qValue.filter((q) => q <= 0.05).length);
    for (let first = 0; first < group.length; first++) {
      for (let second = first + 1; second < group.length; second++) {
        pairs.push({
          layer,
          methods: [methods[first], methods[second]],
          ...agreementOf(units[first], units[second]),
          effects: [counts[first], counts[second]],
          both: survivingEffects([drops[first], drops[second]]).length,
        });
      }
    }
    const surviving = survivingEffects(drops);
    summaries.push({ layer, methods, effects: counts, surviving: surviving.length });
    rows.push(...surviving.map((effect) => ({ layer, ...effect })));
  }
  return {
    pairs,
    layers: summaries,
    surviving: makeTable({
      layer: rows.map(({ layer }) => layer),
      unit: Int32Array.from(rows, ({ unit }) => unit),
      class: Int32Array.from(rows, ({ cls }) => cls),
      class_name: rows.map(({ cls }) => group[0].manifest.classNames[cls] ?? ""),
      ...Object.fromEntries(
        methods.map((method, at) => [`drop_${method}`, Float64Array.from(rows, ({ drops }) => drops[at])]),
      ),
    }),
  };
}

/** Pairs of methods as a table. */
export function methodPairsTable(pairs: readonly MethodPair[]): Table {
  const numbers = (pick: (pair: MethodPair) => number): Float64Array => Float64Array.from(pairs, pick);
  const counts = (pick: (pair: MethodPair) => number): Int32Array => Int32Array.from(pairs, pick);
  return makeTable({
    layer: pairs.map(({ layer }) => layer),
    method: pairs.map(({ methods }) => methods[0]),
    other_method: pairs.map(({ methods }) => methods[1]),
    units: counts((pair) => pair.pairs),
    max_class_pearson: numbers(({ maxClassPearson }) => maxClassPearson),
    max_class_spearman: numbers(({ maxClassSpearman }) => maxClassSpearman),
    overall_spearman: numbers(({ overallSpearman }) => overallSpearman),
    same_class: numbers(({ sameClass }) => sameClass),
    effects: counts(({ effects }) => effects[0]),
    other_effects: counts(({ effects }) => effects[1]),
    effects_of_both: counts(({ both }) => both),
  });
}

/** What removing a layer's units does. */
export function unitEffects(units: Table): UnitEffects {
  return {
    overallDrop: doubles(units, "overall_drop"),
    maxClassDrop: doubles(units, "max_class_drop"),
    targetClass: integers(units, units.columns["split_half_class"] ? "split_half_class" : "max_class"),
  };
}

function layerEffects(drops: Table): LayerEffects {
  return {
    unit: integers(drops, "unit"),
    cls: integers(drops, "class"),
    drop: doubles(drops, "drop"),
    qValue: doubles(drops, "q_value"),
  };
}

function methodGroup(runs: readonly ComparedRun[]): ComparedRun[] {
  for (const { manifest } of runs) {
    const own = runs.filter(
      (each) => each.manifest.model.sha256 === manifest.model.sha256 && each.manifest.data.hash === manifest.data.hash,
    );
    const byMethod = new Map(own.map((each) => [each.manifest.ablation.method, each]));
    if (byMethod.size > 1) return [...byMethod.values()];
  }
  return [];
}
