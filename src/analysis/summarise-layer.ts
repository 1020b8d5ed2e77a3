/** A layer's row of `layers`: means with their intervals over images, and how much of it is real. */
import type { Counts } from "../ablation/flips.ts";
import type { Interval } from "../stats/bootstrap.ts";
import { doubles, integers, makeTable, type Table } from "../tables/table.ts";

/** Summary columns of `layers`, with `layer`. */
export function summariseLayer(
  { unitCount, images }: Counts,
  units: Table,
  {
    layer,
    rate,
    bar,
    intervals: { overall, maxClass },
  }: { layer: string; rate: number; bar: number; intervals: { overall: Interval; maxClass: Interval } },
): Table {
  const mean = (name: string): number => {
    const values = doubles(units, name).filter((value) => !Number.isNaN(value));
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  };
  const significant = integers(units, "significant_classes");
  const numbers: Readonly<Record<string, number>> = {
    overall_drop_mean: mean("overall_drop"),
    overall_drop_low: overall.low,
    overall_drop_high: overall.high,
    max_class_drop_mean: mean("max_class_drop"),
    max_class_drop_low: maxClass.low,
    max_class_drop_high: maxClass.high,
    max_class_null_mean: mean("max_class_null"),
    specificity_null_mean: mean("specificity_null"),
    split_half_drop_mean: mean("split_half_drop"),
    split_half_agreement: mean("split_half_agreement"),
    significance_bar: bar,
  };
  const counts: Readonly<Record<string, number>> = {
    significant_effects: significant.reduce((sum, count) => sum + count, 0),
    significant_units: significant.filter((count) => count > 0).length,
    specific_units: doubles(units, "specificity_q_value").filter((q) => q <= rate).length,
    effects: unitCount * images.filter((count) => count > 0).length,
  };
  return makeTable({
    layer: [layer],
    ...Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, Float64Array.of(value)])),
    ...Object.fromEntries(Object.entries(counts).map(([name, value]) => [name, Int32Array.of(value)])),
  });
}
