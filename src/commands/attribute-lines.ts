/** A unit's attributes as a person reads them: short names, rounded values, the null beside what has one. */

/** One line. */
export interface AttributeLine {
  readonly name: string;
  readonly value: string;
}

type Columns = Readonly<Record<string, number | string>>;

/**
 * The lines of one unit, in a fixed order; what the run does not know is left out.
 * @param columns its columns of the table `units` that have a value.
 */
export function attributeLines(columns: Columns, classNames: readonly string[]): AttributeLine[] {
  const number = (column: string): number | undefined =>
    typeof columns[column] === "number" ? columns[column] : undefined;
  const className = (column: string): string => {
    const cls = number(column);
    return cls === undefined ? "no class" : (classNames[cls] ?? `class ${cls}`);
  };
  const lines: AttributeLine[] = [];
  const add = (name: string, column: string, text: (value: number) => string): void => {
    const value = number(column);
    if (value !== undefined) lines.push({ name, value: text(value) });
  };
  const withNull = (column: string, classColumn: string) => (value: number) => {
    const chance = number(`${column}_null_95`);
    const text = `${value.toFixed(2)} (${className(classColumn)})`;
    return chance === undefined ? text : `${text}; by chance up to ${chance.toFixed(2)}`;
  };
  add("class selectivity", "class_selectivity", withNull("class_selectivity", "selectivity_class"));
  add("class correlation", "class_correlation", withNull("class_correlation", "correlation_class"));
  add("ROC AUC", "roc_auc", withNull("roc_auc", "roc_auc_class"));
  add("concept", "concept_iou", (iou) => {
    const kind = columns["concept_category"] === undefined ? "" : `, ${columns["concept_category"]}`;
    return `${columns["concept"]}${kind}; IoU ${iou.toFixed(3)}${number("detector") === 1 ? ", detector" : ""}`;
  });
  add("L1 norm", "l1_norm", digits);
  add("L1 norm, folded", "l1_norm_folded", digits);
  add("response", "mean", (mean) => {
    const spread = number("std");
    return spread === undefined ? digits(mean) : `mean ${digits(mean)}, deviation ${digits(spread)}`;
  });
  add("sparsity", "sparsity", (fraction) => `${percent(fraction)} of positions are 0`);
  add("silent", "silent_fraction", (fraction) => `on ${percent(fraction)} of images`);
  add("negative", "negative_fraction", (fraction) => `${percent(fraction)} of positions`);
  return lines.filter(({ name }) => name !== "negative" || (number("negative_fraction") as number) > 0);
}

/** Three significant digits, without an exponent where there is room. */
function digits(value: number): string {
  return value === 0 || (Math.abs(value) >= 1e-3 && Math.abs(value) < 1e6)
    ? String(Number(value.toPrecision(3)))
    : value.toExponential(2);
}

function percent(fraction: number): string {
  const value = 100 * fraction;
  return `${value !== 0 && value < 10 ? Number(value.toPrecision(2)) : Number(value.toFixed(1))} %`;
}
