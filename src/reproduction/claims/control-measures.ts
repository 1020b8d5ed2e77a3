/** The number of each claim that trained networks are compared by with networks that learned nothing; at conv5. */
import { type Estimate } from "../../stats/nested-bootstrap.ts";
import { networkInterval } from "../../stats/network-interval.ts";
import { type Evidence, networksOf, unitValues } from "../evidence.ts";
import { closeness } from "./alike-classes.ts";
import type { FindingUnit } from "./claim.ts";
import { lastLayers, overNetworks } from "./over-networks.ts";
import { estimateOf, type ImageMeasure, mean, meansOf, placeOf } from "./places.ts";
import { conceptLead, ensembleAccuracy } from "./prediction.ts";
import { attributeNames, attributeWords, correctedCorrelation, elsewhereCorrelation } from "./relations.ts";
import { superiorityAtLast, unitsBeyondDirections } from "./rotation.ts";
import type { ClaimId } from "./rules.ts";
import { lostAfter, lostShare } from "./unit-sets.ts";

/** A number that both kinds of network have. */
export interface ControlMeasure {
  readonly name: string;
  readonly unit: FindingUnit;
  /** The side of untrained networks that trained ones are on if the claim is about what was learned. */
  readonly direction: "larger" | "smaller";
  readonly of: (evidence: Evidence) => Estimate;
}

/** By claim, what is compared. The claims about ways of training have none. */
export const controlMeasures: Readonly<Partial<Record<ClaimId, readonly ControlMeasure[]>>> = {
  "overall-drop-small": [
    {
      name: "mean overall drop",
      unit: "points",
      direction: "smaller",
      of: (evidence) => dropOf(evidence, { column: "overall_drop", measure: { of: "overall" } }),
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
        return estimateOf(place, { means, measure: { of: "ofClass", beyond: 1 } });
      },
    },
    {
      name: "class drop, times the overall drop",
      unit: "number",
      direction: "larger",
      of: (evidence) => {
        const place = placeOf(evidence, "plain", "conv5");
        const overall = meansOf(place, "overall_drop");
        return networkInterval(meansOf(place, "split_half_drop").map((drop, network) => drop / overall[network]));
      },
    },
  ],
  "class-drop-size": [
    {
      name: "largest max class drop of each network",
      unit: "points",
      direction: "larger",
      of: (evidence) => perNetwork(evidence, "max_class_drop", (drops) => Math.max(...drops)),
    },
  ],
  "few-classes": [
    {
      name: "classes that a unit costs images, mean over all units",
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
      of: (evidence) => overNetworks(lastLayers(evidence), ({ sets }) => lostShare(sets, "conv5", 10)),
    },
    {
      name: "points lost to 15 random units",
      unit: "points",
      direction: "smaller",
      of: (evidence) => overNetworks(lastLayers(evidence), ({ sets }) => lostAfter(sets, "conv5", "random", 15)),
    },
  ],
  "selectivity-overall": [
    {
      name: "class selectivity with the overall drop, divided by ceilings",
      unit: "number",
      direction: "smaller",
      of: (evidence) => correctedCorrelation(evidence, "class_selectivity", "overall_drop"),
    },
    {
      name: "class selectivity with the drop of other classes",
      unit: "number",
      direction: "smaller",
      of: (evidence) => elsewhereCorrelation(evidence, "class_selectivity"),
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
  "attributes-class": attributeNames.map((attribute) => ({
    name: `${attributeWords[attribute]} with the max class drop, divided by ceilings`,
    unit: "number",
    direction: "larger",
    of: (evidence) => correctedCorrelation(evidence, attribute, "max_class_drop"),
  })),
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
      of: unitsBeyondDirections,
    },
    {
      name: "P(a unit's is larger)",
      unit: "number",
      direction: "larger",
      of: (evidence) => networkInterval(lastLayers(evidence).map(superiorityAtLast)),
    },
  ],
};

function dropOf(evidence: Evidence, { column, measure }: { column: string; measure: ImageMeasure }): Estimate {
  const place = placeOf(evidence, "plain", "conv5");
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
