/** Concept alignment as the columns and rows of a run's tables. */
import type { ConceptAlignment } from "../concepts/align-concepts.ts";
import {
  type CategoryRow,
  CONCEPT_IOU,
  categoryRows,
  conceptColumns,
  vectorRows,
} from "../concepts/alignment-tables.ts";
import { type Column, makeTable, noInteger, type Table } from "../tables/table.ts";

/** Keys and concept columns of the units of one layer, for the table `units`. */
export function conceptUnitTable(layer: string, alignment: ConceptAlignment): Table {
  const { detector, real_detector, concept, concept_category, ...numbers } = conceptColumns(alignment);
  const units = alignment.unitCount;
  return makeTable({
    layer: Array.from({ length: units }, () => layer),
    unit: Int32Array.from({ length: units }, (_, unit) => unit),
    concept: concept.map((name) => name ?? ""),
    concept_category: concept_category.map((name) => name ?? ""),
    ...Object.fromEntries(
      Object.entries(numbers).map(([name, values]): [string, Column] => [name, doubleColumn(values)]),
    ),
    detector: Int32Array.from(detector),
    real_detector: Int32Array.from(real_detector, (is) => is ?? noInteger),
  });
}

/** IoU vectors of the units of one layer, for the table `vectors`. */
export function conceptVectorTable(layer: string, alignment: ConceptAlignment): Table {
  const rows = [...vectorRows(alignment)];
  return makeTable({
    layer: rows.map(() => layer),
    unit: Int32Array.from(rows, ({ unit }) => unit),
    attribute: rows.map(() => CONCEPT_IOU),
    index: Int32Array.from(rows, ({ index }) => index),
    name: rows.map(({ name }) => name),
    value: Float64Array.from(rows, ({ value }) => value),
  });
}

/** Best concepts by category of the units of one layer, for the table `concepts`. */
export function conceptCategoryTable(layer: string, alignment: ConceptAlignment): Table {
  const rows = [...categoryRows(alignment)];
  const doubles = (key: keyof CategoryRow): Float64Array => doubleColumn(rows.map((row) => row[key] as number | null));
  return makeTable({
    layer: rows.map(() => layer),
    unit: Int32Array.from(rows, ({ unit }) => unit),
    category: rows.map(({ category }) => category),
    concept: rows.map(({ concept }) => concept),
    index: Int32Array.from(rows, ({ index }) => index),
    intersection: doubles("intersection"),
    union: doubles("union"),
    iou: doubles("iou"),
    null_iou: doubles("null_iou"),
    p_value: doubles("p_value"),
    hit_rate: doubles("hit_rate"),
    false_alarm_rate: doubles("false_alarm_rate"),
    auroc: doubles("auroc"),
  });
}

function doubleColumn(values: readonly (number | null)[]): Float64Array {
  return Float64Array.from(values, (value) => value ?? Number.NaN);
}
