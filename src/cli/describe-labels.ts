/** What ablations for several labels found, in words. */
import type { AblateLabelsResult } from "../commands/ablate-labels.ts";
import { withCommas } from "../numeric/with-commas.ts";
import { formatTable } from "./format-table.ts";

/** A line for every label: how well the network knows it, how many units have an effect on it, and the largest. */
export function describeLabels({ rows }: Pick<AblateLabelsResult, "rows">): string[] {
  const header = [
    "label",
    "with",
    "without",
    "accuracy",
    "units affecting it (q ≤ 0.05)",
    "largest drop",
    "of",
    "unit",
  ];
  const cells = rows.map((row) => [
    row.label,
    withCommas(row.images_with),
    withCommas(row.images_without),
    `${percent(row.accuracy)} %`,
    `${row.significant_units} of ${row.units}`,
    percent(row.max_class_drop),
    row.max_class,
    `${row.layer} ${row.unit}`,
  ]);
  return formatTable([header, ...cells], { right: [1, 2, 3, 4, 5] });
}

function percent(share: number): string {
  return (100 * share).toFixed(2);
}
