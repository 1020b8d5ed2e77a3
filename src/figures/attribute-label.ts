/** What to call an attribute's column where people read it. */

const labels: Readonly<Record<string, string>> = {
  concept_iou: "concept alignment",
  l1_norm: "L1 norm",
  l1_norm_folded: "L1 norm (batch norm folded in)",
  roc_auc: "ROC AUC",
};

/** `class selectivity` for `class_selectivity`, `L1 norm` for `l1_norm`. */
export function attributeLabel(column: string): string {
  return labels[column] ?? column.replaceAll("_", " ");
}
