/** Schemas of tables: what a sweep writes, and what is measured of its units one by one. */
import { className, cls, layer, type TableSchema, unit } from "./column-schema.ts";
import { unitColumns } from "./unit-columns.ts";

/** Schemas by the table's name. */
export const sweepSchemas: Readonly<
  Record<"layers" | "units" | "drops" | "baseline" | "flips" | "images" | "repair", TableSchema>
> = {
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
};
