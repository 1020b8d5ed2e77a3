/** Attributes as the columns and rows of a run's tables. */
import type { ActivationStatistics } from "../attributes/activation-statistics.ts";
import { type ClassAttributeColumns, classAttributes } from "../attributes/class-attributes.ts";
import type { ClassAttribute, UnitDescriptions } from "../attributes/describe-units.ts";
import type { L1Norms } from "../attributes/l1-norm.ts";
import type { Layer } from "../onnx/layers.ts";
import { type Column, concatTables, makeTable, type Table } from "../tables/table.ts";

/** Keys and attribute columns of the units of one layer, for the table `units`. */
export function unitTable(
  { name, units }: Pick<Layer, "name" | "units">,
  { plain, folded }: L1Norms,
  statistics: ActivationStatistics,
  descriptions: UnitDescriptions,
): Table {
  const missing = (): Float64Array => new Float64Array(units).fill(Number.NaN);
  const ofClasses: Record<string, Column> = {};
  for (const attribute of classAttributes)
    Object.assign(ofClasses, classColumns(attribute, descriptions[attribute.key]));
  return makeTable({
    layer: Array.from({ length: units }, () => name),
    unit: Int32Array.from({ length: units }, (_, unit) => unit),
    l1_norm: plain ?? missing(),
    l1_norm_folded: folded ?? missing(),
    ...ofClasses,
    ...statistics,
  });
}

/** The attributes that `vectorTable` has rows of. */
export const vectorAttributes: readonly string[] = classAttributes.map(({ value }) => value);

/** The vectors of the units of one layer, for the table `vectors`: one row per (attribute, unit, class). */
export function vectorTable(
  { name, units }: Pick<Layer, "name" | "units">,
  classNames: readonly string[],
  descriptions: UnitDescriptions,
): Table {
  const classCount = classNames.length;
  const rows = units * classCount;
  const rowsOf = (attribute: string, { vector }: ClassAttribute): Table =>
    makeTable({
      layer: Array.from({ length: rows }, () => name),
      unit: Int32Array.from({ length: rows }, (_, row) => Math.floor(row / classCount)),
      attribute: Array.from({ length: rows }, () => attribute),
      index: Int32Array.from({ length: rows }, (_, row) => row % classCount),
      name: Array.from({ length: rows }, (_, row) => classNames[row % classCount]),
      value: vector,
    });
  return concatTables(classAttributes.map(({ key, value }) => rowsOf(value, descriptions[key])));
}

function classColumns(
  { value, cls, nullMean, null95, pValue }: ClassAttributeColumns,
  found: ClassAttribute,
): Record<string, Column> {
  return {
    [value]: found.scalar,
    [cls]: found.cls,
    [nullMean]: found.nullMean,
    [null95]: found.null95,
    [pValue]: found.pValue,
  };
}
