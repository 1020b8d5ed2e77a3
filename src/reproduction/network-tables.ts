/** Tables of all networks together: what the page's means over networks were made of. */
import { concatTables, filterRows, integers, makeTable, type Table } from "../tables/table.ts";
import type { NetworkEvidence } from "./evidence.ts";

/** Columns of `units` that the page's numbers come from. */
const unitColumns = [
  "layer",
  "unit",
  "overall_drop",
  "lost",
  "gained",
  "images",
  "max_class",
  "max_class_drop",
  "max_class_null",
  "split_half_class",
  "split_half_drop",
  "split_half_agreement",
  "specificity_null",
  "specificity_q_value",
  "smallest_detectable_drop",
  "hurt_classes",
  "selectivity_class",
  "class_selectivity",
  "class_correlation",
  "concept_iou",
  "l1_norm",
] as const;

/** Numbers of removed units at which sets are shown. */
const steps: ReadonlySet<number> = new Set([0, 5, 10, 15]);

/** One row a unit; beside the columns of `units`, what was read off its class drops. */
export function unitsOfNetworks(networks: readonly NetworkEvidence[]): Table {
  return together(networks, ({ units, classes }) => {
    const layers = [...new Set(units.columns.layer as readonly string[])];
    const byLayer = (values: ReadonlyMap<string, Float64Array>): Float64Array =>
      Float64Array.from(layers.flatMap((layer) => [...(values.get(layer) ?? [])]));
    const columns = unitColumns.filter((name) => name in units.columns);
    return makeTable({
      ...Object.fromEntries(columns.map((name) => [name, units.columns[name]])),
      classes_hurt_by_logprob: byLayer(classes.hurtByLogprob),
      drop_without_selected_class: byLayer(classes.dropElsewhere),
    });
  });
}

/** Correlations of attributes with drops. */
export function relationsOfNetworks(networks: readonly NetworkEvidence[]): Table {
  return together(networks, ({ relations }) => relations);
}

/** Unit sets of conv5: accuracy of a class after 0, 5, 10 and 15 units. */
export function setsOfNetworks(networks: readonly NetworkEvidence[]): Table {
  return together(networks, ({ last }) => {
    if (!last) return undefined;
    const step = integers(last.sets, "step");
    const { columns, rows } = filterRows(last.sets, (row) => steps.has(step[row]));
    const { strategy, class: cls, step: size, accuracy } = columns;
    if (!strategy || !cls || !size || !accuracy || rows === 0) return undefined;
    return filterRows(makeTable({ strategy, class: cls, step: size, accuracy }), (row) =>
      ["greedy", "random"].includes(strategy[row] as string),
    );
  });
}

/** Units of conv5 against random directions. */
export function directionsOfNetworks(networks: readonly NetworkEvidence[]): Table {
  return together(networks, ({ last }) => last?.directions);
}

/** The tables of those networks that have one, under the columns `network` and `variant`. */
function together(
  networks: readonly NetworkEvidence[],
  tableOf: (network: NetworkEvidence) => Table | undefined,
): Table {
  return concatTables(
    networks.flatMap((network) => {
      const table = tableOf(network);
      if (!table) return [];
      const of = (text: string): string[] => Array.from({ length: table.rows }, () => text);
      return [makeTable({ network: of(network.name), variant: of(network.variant), ...table.columns })];
    }),
  );
}
