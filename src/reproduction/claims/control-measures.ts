/** The number of each claim that trained networks are compared by with networks that learned nothing; at conv5. */
import { type Estimate } from "../../stats/nested-bootstrap.ts";
import { networkInterval } from "../../stats/network-interval.ts";
import { type Evidence, networksOf, unitValues } from "../evidence.ts";
import type { Variant } from "../studies.ts";
import { closeness } from "./alike-classes.ts";
import type { FindingUnit } from "./claim.ts";
import { estimateOf, type ImageMeasure, mean, meansOf, placeOf } from "./places.ts";
import { conceptLead, ensembleAccuracy } from "./prediction.ts";
import { correctedCorrelation } from "./relations.ts";
import { compareWithDirections } from "./rotation.ts";
import type { ClaimId } from "./rules.ts";
import { lostShare } from "./unit-sets.ts";
import { detectors, largestOf } from "./variants.ts";

/** A number that both kinds of network have. */
export interface ControlMeasure {
  readonly name: string;
  readonly unit: FindingUnit;
  /** The side of untrained networks that trained ones are on if the claim is about what was learned. */
  readonly direction: "larger" | "smaller";
  readonly of: (evidence: Evidence) => Estimate;
}

/** The variant that a claim is about, whose place untrained networks take: the plain networks where it is about none. */
export const claimedVariants: Readonly<Partial<Record<ClaimId, readonly Variant[]>>> = {
  "batch-norm": ["batch norm"],
  "dropout-conv5": ["channel dropout"],
  "dropout-conv4": ["channel dropout"],
  detectors: ["batch norm", "channel dropout"],
};

/** By claim, what is compared. A claim is judged beyond its control only if all of its measures are. */
export const controlMeasures: Readonly<Record<ClaimId, readonly ControlMeasure[]>> = {
  "overall-drop-small": [
    {
      name: "mean overall drop",
      unit: "points",
      direction: "smaller",
      of: (evidence) => dropOf(evidence, { column: "overall_drop", measure: "overall" }),
    },
  ],
  "class-drop-large": [
    {
      name: "class drop beyond the overall drop",
      unit: "points",
      direction: "larger",
      of: (evidence) => {
        const place = placeOf(evidence, "plain", "conv5");
        const overall = meansOf(place, "overall_drop");
        const means = meansOf(place, "split_half_drop").map((drop, network) => drop - overall[network]);
        return estimateOf(place, { means, measure: "beyondOverall" });
      },
    },
  ],
  "class-drop-size": [
    {
      name: "largest max class drop",
      unit: "points",
      direction: "larger",
      of: (evidence) => perNetwork(evidence, "max_class_drop", (drops) => Math.max(...drops)),
    },
  ],
  "few-classes": [
    {
      name: "classes that a unit hurts",
      unit: "number",
      direction: "smaller",
      of: (evidence) => perNetwork(evidence, "hurt_classes", mean),
    },
  ],
  "alike-classes": [
    {
      name: "steps between the classes that a unit hurts, beyond chance",
      unit: "number",
      direction: "smaller",
      of: (evidence) => closeness(networksOf(evidence, "plain")),
    },
  ],
  "unit-sets": [
    {
      name: "share of a class's accuracy lost to 10 greedy units",
      unit: "percent",
      direction: "larger",
      of: ({ sets }) => lostShare(sets, "conv5", 10),
    },
  ],
  "selectivity-overall": [
    {
      name: "class selectivity with the overall drop, divided by ceilings",
      unit: "number",
      direction: "smaller",
      of: (evidence) => correctedCorrelation(evidence, "class_selectivity", "overall_drop"),
    },
  ],
  "selectivity-poor": [
    {
      name: "size of class selectivity's correlation with the overall drop, divided by ceilings",
      unit: "number",
      direction: "smaller",
      of: (evidence) => sizeOf(correctedCorrelation(evidence, "class_selectivity", "overall_drop")),
    },
  ],
  "attributes-class": [
    {
      name: "class selectivity with the max class drop, divided by ceilings",
      unit: "number",
      direction: "larger",
      of: (evidence) => correctedCorrelation(evidence, "class_selectivity", "max_class_drop"),
    },
  ],
  prediction: [{ name: "accuracy of the ensemble", unit: "percent", direction: "larger", of: ensembleAccuracy }],
  "prediction-order": [
    {
      name: "concept alignment beyond the better of the two others",
      unit: "points",
      direction: "larger",
      of: conceptLead,
    },
  ],
  rotation: [
    {
      name: "units beyond random directions, beyond the overall drop",
      unit: "points",
      direction: "larger",
      of: ({ rotation }) => compareWithDirections(rotation, "conv5").specific,
    },
  ],
  "batch-norm": [spread("batch norm", "conv4", "smaller"), spread("batch norm", "conv5", "smaller")],
  "dropout-conv5": [spread("channel dropout", "conv5", "smaller"), strongest("channel dropout", "conv5", "smaller")],
  "dropout-conv4": [spread("channel dropout", "conv4", "larger"), strongest("channel dropout", "conv4", "larger")],
  detectors: (["batch norm", "channel dropout"] as const).map((variant) => ({
    name: `units that detect a concept, ${variant}`,
    unit: "percent",
    direction: "smaller",
    of: (evidence) => networkInterval(detectors(evidence, variant, "conv5")),
  })),
};

function spread(variant: Variant, layer: string, direction: "larger" | "smaller"): ControlMeasure {
  return {
    name: `class drop without the luck of choosing, ${layer}`,
    unit: "points",
    direction,
    of: (evidence) => dropOf(evidence, { variant, layer, column: "split_half_drop", measure: "ofClass" }),
  };
}

function strongest(variant: Variant, layer: string, direction: "larger" | "smaller"): ControlMeasure {
  return {
    name: `the ten most damaging units, ${layer}`,
    unit: "points",
    direction,
    of: (evidence) => networkInterval(largestOf(evidence, variant, layer)),
  };
}

function dropOf(
  evidence: Evidence,
  {
    variant = "plain",
    layer = "conv5",
    column,
    measure,
  }: { variant?: Variant; layer?: string; column: string; measure: ImageMeasure },
): Estimate {
  const place = placeOf(evidence, variant, layer);
  return estimateOf(place, { means: meansOf(place, column), measure });
}

function perNetwork(evidence: Evidence, column: string, reduce: (values: Float64Array) => number): Estimate {
  return networkInterval(networksOf(evidence, "plain").map((network) => reduce(unitValues(network, "conv5", column))));
}

/** Of a number of either sign. */
function sizeOf({ value, low, high }: Estimate): Estimate {
  if (value < 0) return sizeOf({ value: -value, low: -high, high: -low });
  return { value, low: Math.max(0, low), high: Math.max(high, -low) };
}
