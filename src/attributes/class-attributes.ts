/** The attributes that are vectors over classes, each with the columns that its scalar has in the table `units`. */
import type { UnitDescriptions } from "./describe-units.ts";

/** One such attribute. */
export interface ClassAttributeColumns {
  /** Where `describeUnits` puts it. */
  readonly key: keyof UnitDescriptions;
  /** Column of the scalar, and the attribute's name in the table `vectors`. */
  readonly value: string;
  /** Column of the scalar's class. */
  readonly cls: string;
  /** Columns of the null: mean, 95 % quantile, p-value. */
  readonly nullMean: string;
  readonly null95: string;
  readonly pValue: string;
}

/** All of them, in the order of the columns. */
export const classAttributes: readonly ClassAttributeColumns[] = [
  columnsOf("selectivity", "class_selectivity", "selectivity_class"),
  columnsOf("correlation", "class_correlation", "correlation_class"),
  columnsOf("auc", "roc_auc", "roc_auc_class"),
];

function columnsOf(key: keyof UnitDescriptions, value: string, cls: string): ClassAttributeColumns {
  return { key, value, cls, nullMean: `${value}_null`, null95: `${value}_null_95`, pValue: `${value}_p_value` };
}
