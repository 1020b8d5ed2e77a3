/** Schemas of tables: what units respond to and how that goes with what their removal costs. */
import { layer, type TableSchema, unit } from "./column-schema.ts";

/** Schemas by the table's name. */
export const descriptionSchemas: Readonly<Record<"vectors" | "concepts" | "relations", TableSchema>> = {
  vectors: {
    row: "one entry of one attribute vector of one unit",
    columns: {
      layer,
      unit,
      attribute: ["string", "key", "`class_selectivity`, `class_correlation`, `roc_auc` or `concept_iou`."],
      index: ["int32", "key", "Class index, or the concept's number."],
      name: ["string", "always", "Name of the class or concept."],
      value: ["double", "always", "The entry."],
    },
  },
  concepts: {
    row: "the best concept of one category for one unit",
    columns: {
      layer,
      unit,
      category: ["string", "key", "Category of the concept."],
      concept: ["string", "always", "Concept of that category with the largest IoU."],
      index: ["int32", "always", "The concept's number."],
      intersection: ["double", "optional", "Pixels in both the unit's region and the concept, over the set."],
      union: ["double", "optional", "Pixels in either, over the images that carry the category."],
      iou: ["double", "always", "intersection / union."],
      null_iou: ["double", "optional", "95 % quantile of that IoU under the null."],
      p_value: ["double", "optional", "Probability of an IoU this large under the null."],
      hit_rate: ["double", "optional", "Fraction of the concept's pixels that the region covers."],
      false_alarm_rate: ["double", "optional", "Fraction of other pixels that the region covers."],
      auroc: ["double", "optional", "Area under the ROC curve for telling the concept's pixels by the response."],
    },
  },
  relations: {
    row: "how one attribute goes with one kind of drop over the units of one layer",
    columns: {
      layer: [
        "string",
        "key",
        "Name of the layer; `all`: the units of all layers together; `within`: these, standardised in each layer.",
      ],
      attribute: ["string", "key", "The attribute's column in units."],
      drop: ["string", "key", "The drop's column in units: `overall_drop` or `max_class_drop`."],
      units: ["int32", "always", "Units that have both values."],
      pearson: ["double", "always", "Pearson correlation."],
      pearson_low: ["double", "always", "Lower end of its 95 % bootstrap interval over units."],
      pearson_high: ["double", "always", "Upper end of that interval."],
      spearman: ["double", "always", "Spearman correlation."],
      spearman_low: ["double", "always", "Lower end of its 95 % bootstrap interval over units."],
      spearman_high: ["double", "always", "Upper end of that interval."],
      p_value: ["double", "optional", "Permutation p-value of the Pearson correlation, two-sided."],
      slope: ["double", "optional", "Slope of the least-squares line drop = intercept + slope · attribute."],
      intercept: ["double", "optional", "Intercept of that line."],
      reliability: [
        "double",
        "optional",
        "Correlation of the drop between split halves, Spearman–Brown corrected to all images.",
      ],
      ceiling: [
        "double",
        "optional",
        "Noise ceiling: √reliability, the largest correlation to expect with a noiseless attribute.",
      ],
    },
  },
};
