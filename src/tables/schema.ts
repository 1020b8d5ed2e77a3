/**
 * What every table of a run holds: its columns with their types and meanings. This is the contract on disk; the
 * reference for users (`docs/files.md`) is generated from it, and tables with other columns are refused.
 */

import { className, cls, layer, type TableSchema, unit } from "./column-schema.ts";
import { unitColumns } from "./unit-columns.ts";

/** Raised whenever a reader of older files could misread newer ones. */
export const schemaVersion = 1;

/** The tables that a run may hold; each is `<name>.parquet`. */
export type TableName =
  | "layers"
  | "units"
  | "drops"
  | "baseline"
  | "flips"
  | "images"
  | "vectors"
  | "concepts"
  | "relations"
  | "sets"
  | "set_classes"
  | "rotation"
  | "directions"
  | "bases"
  | "repair"
  | "predictions";

/** The schema of every table. */
export const tableSchemas: Readonly<Record<TableName, TableSchema>> = {
  layers: {
    row: "one layer that was ablated",
    columns: {
      layer,
      kind: ["string", "always", "What the layer is: convolution, linear, addition or concatenation."],
      tap: ["string", "always", "The graph's tensor that holds the response."],
      units: ["int32", "always", "Number of units (channels)."],
      height: ["int32", "always", "Height of the response; 1 for a dense layer."],
      width: ["int32", "always", "Width of the response; 1 for a dense layer."],
      batch_norm: [
        "string",
        "optional",
        "`none`, `separate` (an operator of its own) or `folded`: into the weights by the exporter, so that only `l1_norm_folded` exists.",
      ],
      overall_drop_mean: ["double", "optional", "Mean overall drop of the layer's units."],
      overall_drop_low: ["double", "optional", "Lower end of its 95 % interval over images (bootstrap)."],
      overall_drop_high: ["double", "optional", "Upper end of that interval."],
      max_class_drop_mean: ["double", "optional", "Mean max class drop of the layer's units."],
      max_class_drop_low: [
        "double",
        "optional",
        "Lower end of its 95 % interval over images, the class of each unit held fixed.",
      ],
      max_class_drop_high: ["double", "optional", "Upper end of that interval."],
      max_class_null_mean: ["double", "optional", "Mean of the max class drop by chance alone."],
      specificity_null_mean: [
        "double",
        "optional",
        "Mean of the max class drop of units that hurt classes as the layer's others do.",
      ],
      split_half_drop_mean: ["double", "optional", "Mean split-half drop of the layer's units."],
      split_half_agreement: [
        "double",
        "optional",
        "Share of (unit, split) pairs whose two halves of the images choose the same class: no prediction of that class can be right more often.",
      ],
      significant_effects: ["int32", "optional", "Number of (unit, class) effects whose q-value is at most 0.05."],
      significant_units: ["int32", "optional", "Number of units with at least one such effect."],
      specific_units: [
        "int32",
        "optional",
        "Number of units that single out a class: specificity_q_value of at most 0.05.",
      ],
      effects: ["int32", "optional", "Number of (unit, class) pairs that were tested."],
      significance_bar: [
        "double",
        "optional",
        "Largest p-value that one further effect could have and be significant beside those of this layer.",
      ],
    },
  },
  units: {
    row: "one unit of one layer",
    columns: unitColumns,
  },
  drops: {
    row: "one class under the ablation of one unit",
    columns: {
      layer,
      unit,
      class: cls,
      class_name: className,
      images: [
        "int32",
        "always",
        "Images of the class that were measured: all of them, but in a sweep that ended before or left the unit out.",
      ],
      correct: ["int32", "always", "Images of the class that are right before."],
      correct_ablated: ["int32", "always", "Images of the class that are right after."],
      lost: ["int32", "always", "Images right before and wrong after."],
      gained: ["int32", "always", "Images wrong before and right after."],
      drop: [
        "double",
        "always",
        "(correct − correct_ablated) / images; positive means damage; missing where a class has no image.",
      ],
      lower: [
        "double",
        "optional",
        "Lower limit of the drop over all images (95 %, at every moment at once), where not all were measured.",
      ],
      upper: ["double", "optional", "Upper limit."],
      p_value: ["double", "optional", "Exact McNemar p-value of lost against gained, two-sided."],
      q_value: [
        "double",
        "optional",
        "Its q-value over all (unit, class) pairs of the layer, by the step-up procedure for discrete tests.",
      ],
      smallest_detectable_drop: [
        "double",
        "optional",
        "Smallest drop of the class that these images find with a power of 80 %, with as many gains as the layer's units have on average.",
      ],
      logprob_drop: [
        "double",
        "optional",
        "Mean over the class's images of log p(true class) before minus after; positive means damage.",
      ],
      margin_drop: [
        "double",
        "optional",
        "Mean over the class's images of the true class's logit minus the best other, before minus after.",
      ],
      logprob_p_value: ["double", "optional", "Test of logprob_drop against 0, two-sided, for lopsided changes too."],
      logprob_q_value: [
        "double",
        "optional",
        "Its Benjamini–Hochberg q-value over all (unit, class) pairs of the layer.",
      ],
      margin_p_value: ["double", "optional", "Test of margin_drop against 0, two-sided, for lopsided changes too."],
      margin_q_value: [
        "double",
        "optional",
        "Its Benjamini–Hochberg q-value over all (unit, class) pairs of the layer.",
      ],
    },
  },
  baseline: {
    row: "one image, with nothing ablated",
    columns: {
      image: ["int32", "key", "Number of the image in the data's order, from 0."],
      name: ["string", "optional", "The image's path or name."],
      label: ["int32", "always", "True class."],
      prediction: ["int32", "always", "Predicted class; the lowest index of a tie."],
      margin: ["double", "always", "Largest logit minus the second largest."],
      logprob: ["double", "optional", "log p(true class)."],
    },
  },
  flips: {
    row: "one image whose prediction the ablation of one unit changed",
    columns: {
      layer,
      unit,
      image: ["int32", "key", "Number of the image, as in baseline."],
      prediction: ["int32", "always", "Predicted class after the ablation."],
    },
  },
  images: {
    row: "one image on a unit's card: among those that drive it most, or that its ablation hurt most",
    columns: {
      layer,
      unit,
      role: ["string", "key", "`top`: among the strongest responses; `hurt`: right before and wrong after."],
      rank: ["int32", "key", "Place among the unit's images of that role, from 0."],
      image: ["int32", "always", "Number of the image, as in baseline."],
      response: ["double", "always", "Largest response of the unit on the image."],
      label: ["int32", "always", "True class."],
      prediction: ["int32", "always", "Predicted class before."],
      prediction_ablated: ["int32", "optional", "Predicted class after."],
      region: [
        "double",
        "optional",
        "Fraction of the image inside the region where the upsampled response exceeds top_threshold.",
      ],
      sprite: ["string", "optional", "File of the picture inside the run folder."],
      sprite_index: ["int32", "optional", "Tile of that file, row by row from 0."],
    },
  },
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
  sets: {
    row: "one step of one sequence of removed units",
    columns: {
      layer,
      strategy: ["string", "key", "`greedy`, `single`, `random`, `keep`, or the name of the attribute that ranked."],
      class: [
        "int32",
        "key",
        "Class that is measured. Greedy, single, keep and rankings by a class's own attribute choose the units for it.",
      ],
      class_name: className,
      seed: ["int32", "key", "Number of the random sequence; 0 for the others."],
      step: ["int32", "key", "Units removed so far (for `keep`: units kept), from 0."],
      unit: ["int32", "always", "Unit that this step removed (or kept); missing at step 0."],
      images: ["int32", "always", "Images of the class in the measuring part."],
      correct: ["int32", "always", "Those that are right with the set removed."],
      accuracy: ["double", "always", "correct / images: the recall of the class."],
      called: ["int32", "optional", "Images of any class of the measuring part that are called this class."],
      precision: ["double", "optional", "correct / called; missing where no image is called it."],
      false_alarms: ["double", "optional", "Share of the images of all other classes that are called this class."],
      drop: ["double", "always", "Accuracy of the class with nothing removed minus accuracy."],
      others_drop: ["double", "optional", "The same over the images of all other classes: collateral damage."],
      rank_accuracy: ["double", "optional", "Accuracy of the class on the part that chose the units."],
      rank_split: [
        "double",
        "always",
        "Fraction of the images that chose the units; 0: chosen and measured on the same images.",
      ],
      saw_measured: [
        "int32",
        "optional",
        "1 if the measured images had a say in the choice: with --rank-split none, and for attributes of responses, which the run computed on all its images.",
      ],
    },
  },
  set_classes: {
    row: "one class after one step of a class's greedy sequence; classes that are as before and are taken for nothing are left out",
    columns: {
      layer,
      class: ["int32", "key", "Class that the units were chosen for."],
      step: ["int32", "key", "Units removed so far, from 0; the units are those of `sets`."],
      other: ["int32", "key", "The class that the row is about; the chosen one is among them."],
      other_name: className,
      images: ["int32", "always", "Images of it in the measuring part."],
      correct: ["int32", "always", "Those that are right with nothing removed."],
      correct_ablated: ["int32", "always", "Those that are right with the set removed."],
      taken: ["int32", "always", "Images of the chosen class that are taken for it with the set removed."],
    },
  },
  rotation: {
    row: "one direction of a layer's response space that was removed",
    columns: {
      layer,
      basis: ["string", "key", "`units`, `random` (Haar) or `pca`."],
      t: ["double", "key", "How far the basis is rotated: 0 units, 1 the whole rotation."],
      seed: ["int32", "key", "Seed of the rotation; 0 for the others."],
      direction: ["int32", "key", "Number of the direction, from 0; the unit where t is 0."],
      replaced_by: [
        "string",
        "optional",
        "What a removed coordinate is replaced by: as the run's sweep replaces units, or `mean` with --center.",
      ],
      overall_drop: ["double", "always", "Overall drop; positive means damage."],
      max_class_drop: ["double", "always", "Largest class drop."],
      max_class: ["int32", "always", "Class with the largest class drop."],
      min_class_drop: ["double", "always", "Smallest class drop."],
      min_class: ["int32", "always", "Class with the smallest class drop."],
      split_half_drop: [
        "double",
        "optional",
        "Drop of the class chosen on one half of the images, on the other half: free of the luck of choosing.",
      ],
      split_half_class: ["int32", "optional", "The class that was chosen most often; -1 if none could be."],
      split_half_agreement: ["double", "optional", "Share of the divisions whose two halves choose the same class."],
      lost: ["int32", "optional", "Images right before and wrong after."],
      gained: ["int32", "optional", "Images wrong before and right after."],
      significant_classes: [
        "int32",
        "optional",
        "Number of classes whose drop, damage or gain, has a q-value of at most 0.05.",
      ],
      explained_variance: ["double", "optional", "Fraction of the response's variance along the direction (`pca`)."],
    },
  },
  directions: {
    row: "one comparison of a layer's units with the directions of its rotated bases",
    columns: {
      layer,
      basis: ["string", "key", "The basis compared with the units: `random` (Haar) or `pca`."],
      t: ["double", "key", "How far it is rotated: 1 the whole rotation."],
      measure: [
        "string",
        "key",
        "`max_class_drop`, `split_half_drop`, `overall_drop`, `class_specific_drop` (max class drop minus overall drop), `significant_classes`.",
      ],
      units: ["int32", "always", "Number of units."],
      seeds: ["int32", "always", "Number of rotations, each with as many directions."],
      units_mean: ["double", "always", "Mean of the measure over units."],
      directions_mean: ["double", "always", "Mean of the measure over all directions."],
      superiority: ["double", "always", "P(a unit's value is larger than a direction's); ties count half."],
      p_value: ["double", "always", "Permutation p-value of the difference of means, two-sided."],
      rank_p_value: ["double", "always", "Permutation p-value of the rank sum, two-sided."],
      seeds_below: ["int32", "always", "Rotations whose directions have a smaller mean than the units."],
    },
  },
  bases: {
    row: "one unit's weight in one direction of a rotated basis (`rotate --export-bases`)",
    columns: {
      layer,
      basis: ["string", "key", "`random` (Haar) or `pca`."],
      t: ["double", "key", "How far the basis is rotated."],
      seed: ["int32", "key", "Seed of the rotation; 0 for `pca`."],
      direction: ["int32", "key", "Number of the direction, as in `rotation`."],
      unit,
      weight: ["double", "always", "Entry of the direction, which has length 1; directions of a basis are orthogonal."],
    },
  },
  repair: {
    row: "one class under the ablation of one unit: how much of the direct effect the rest of the network makes up for",
    columns: {
      layer,
      unit,
      class: cls,
      class_name: className,
      direct_drop: [
        "double",
        "optional",
        "Mean drop of the lead (logit of the image's class minus that of the class that came next in the intact network) with everything behind the layer as it was; positive means damage.",
      ],
      total_drop: ["double", "optional", "Mean drop of the lead as it is measured."],
      repaired: ["double", "optional", "direct_drop − total_drop; negative where the rest adds to the damage."],
      repaired_p_value: [
        "double",
        "optional",
        "Test of the mean of direct minus total drop against 0, two-sided, for changes of any shape; missing where a class has no image.",
      ],
      repaired_q_value: ["double", "optional", "Benjamini–Hochberg over all (unit, class) pairs of the layer."],
    },
  },
  predictions: {
    row: "how well one attribute predicts the class that a unit matters most for, on one split of networks",
    columns: {
      layer,
      attribute: ["string", "key", "`class_selectivity`, `class_correlation`, `concept_iou`, `ensemble`."],
      split: [
        "string",
        "key",
        "Networks trained on, then those tested on: `0,1,2|3,4`; `all` for the mean over splits.",
      ],
      units: ["int32", "always", "Units tested."],
      accuracy: ["double", "always", "Fraction of them whose class was predicted."],
      accuracy_low: ["double", "always", "Lower end of its 95 % interval."],
      accuracy_high: ["double", "always", "Upper end of that interval."],
      chance: ["double", "always", "1 / number of classes."],
      majority: ["double", "always", "Accuracy of always naming the most frequent class of the training part."],
      p_value: ["double", "optional", "Permutation p-value."],
    },
  },
};
