/** Schemas of tables: sets of units, rotated bases, and classes predicted across networks. */
import { className, layer, type TableSchema, unit } from "./column-schema.ts";

/** Schemas by the table's name. */
export const experimentSchemas: Readonly<
  Record<"sets" | "set_classes" | "rotation" | "directions" | "bases" | "predictions", TableSchema>
> = {
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
