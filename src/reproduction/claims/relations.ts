/** Figure 5: which attributes go with the overall drop, and which with the max class drop. */

import { pearson } from "../../stats/correlation.ts";
import type { Estimate } from "../../stats/nested-bootstrap.ts";
import { networkInterval } from "../../stats/network-interval.ts";
import { doubles, filterRows, texts } from "../../tables/table.ts";
import { type Evidence, type NetworkEvidence, networksOf, unitValues } from "../evidence.ts";
import { alexnetLayers } from "../studies.ts";
import { type Claim, claim, count, type Finding, finding, points } from "./claim.ts";
import { isNegative, isPositive, isWithin, type Outcome } from "./judgement.ts";
import { layersOf } from "./places.ts";
import { bounds } from "./rules.ts";

type Drop = "overall_drop" | "max_class_drop";

/** Attributes of figure 5, by their columns. */
export const attributeWords = {
  class_selectivity: "class selectivity",
  class_correlation: "class correlation",
  concept_iou: "concept alignment",
  l1_norm: "L1 norm",
} as const;

type Attribute = keyof typeof attributeWords;

/** Their attributeNames. */
export const attributeNames = Object.keys(attributeWords) as readonly Attribute[];

/** The attributes that say what a unit responds to. */
const responding = attributeNames.filter((name) => name !== "l1_norm");

const intervals =
  "95 % bootstrap over units for one network as it was measured; Student's t over networks for their mean, which holds the images fixed. Ceiling: √ of the drops' split-half reliability, the largest correlation that their noise leaves room for";

/** The paper's signs for the overall drop, with and without the class that a unit is most selective for. */
export function selectivityOverallClaim(evidence: Evidence): Claim {
  const found = attributeNames.map((attribute) => ({
    attribute,
    means: [correctedCorrelation(evidence, attribute, "overall_drop"), elsewhereCorrelation(evidence, attribute)],
  }));
  const own = meanOver(evidence, (network) =>
    pearsonOfKnown(unitValues(network, "conv5", "overall_drop"), unitValues(network, "conv5", "max_class_drop")),
  );
  return claim("selectivity-overall", {
    headline: headlineOf(evidence, "overall_drop"),
    findings: [
      ...findingsOf(evidence, "overall_drop"),
      ...found.map(({ attribute, means }) =>
        finding(
          "conv5, mean of the networks, without the class that a unit is most selective for",
          attributeWords[attribute],
          "number",
          means[1],
        ),
      ),
    ].filter(({ value }) => !Number.isNaN(value)),
    intervals: `${intervals}. Without a unit's own class: r as it was measured`,
    judged: found.map(({ attribute, means }) => ({
      place: attributeWords[attribute],
      statement: "",
      outcome: unanimous(means.map((each) => (attribute === "l1_norm" ? isPositive(each) : isNegative(each)))),
    })),
    why: `Positive correlations here mean that units with more of the attribute do more damage. With ${evidence.classCount} classes a unit's own class is ${points(1 / evidence.classCount, 0)} % of its overall drop's images, with the paper's 365 classes 0.3 %${Number.isNaN(own.value) ? "" : `: the two drops go together with r = ${decimal(own.value)} here`}. So a sign counts only if it is the same without the unit's own class.`,
    pictures: alexnetLayers.map(relationPicture),
    tables: ["relations.csv", "networks-relations.csv", "networks-units.csv"],
  });
}

/** Selectivity says little about the overall drop. */
export function selectivityPoorClaim(evidence: Evidence): Claim {
  return claim("selectivity-poor", {
    headline: headlineOf(evidence, "overall_drop"),
    findings: findingsOf(evidence, "overall_drop"),
    intervals,
    judged: [
      {
        place: "class selectivity",
        statement: "",
        outcome: isWithin(correctedCorrelation(evidence, "class_selectivity", "overall_drop"), bounds.weak),
      },
    ],
    pictures: alexnetLayers.map(relationPicture),
    tables: ["relations.csv", "networks-relations.csv", "networks-units.csv"],
  });
}

/** Selectivity and its like do say something about the max class drop, and more than about the overall drop. */
export function attributesClassClaim(evidence: Evidence): Claim {
  const contrast = (["class_selectivity", "class_correlation"] as const).map((attribute) => {
    const sign = Math.sign(correctedCorrelation(evidence, attribute, "overall_drop").value);
    const ofClass = (network: NetworkEvidence): number => correctedOf(network, attribute, "max_class_drop");
    return {
      attribute,
      difference: meanOver(
        evidence,
        (network) => ofClass(network) - sign * correctedOf(network, attribute, "overall_drop"),
      ),
      lead: meanOver(evidence, (network) => ofClass(network) - correctedOf(network, "concept_iou", "max_class_drop")),
    };
  });
  return claim("attributes-class", {
    headline: headlineOf(evidence, "max_class_drop"),
    findings: [
      ...findingsOf(evidence, "max_class_drop"),
      ...contrast.map(({ attribute, difference }) =>
        finding(
          "conv5, more than the size of that with the overall drop, divided by ceilings",
          attributeWords[attribute],
          "number",
          difference,
        ),
      ),
      ...contrast.map(({ attribute, lead }) =>
        finding("conv5, more than concept alignment's, divided by ceilings", attributeWords[attribute], "number", lead),
      ),
    ],
    intervals,
    judged: [
      ...attributeNames.map((attribute) => ({
        place: attributeWords[attribute],
        statement: "a",
        outcome: predicts(correctedCorrelation(evidence, attribute, "max_class_drop")),
      })),
      ...contrast.map(({ attribute, difference }) => ({
        place: attributeWords[attribute],
        statement: "b",
        outcome: isPositive(difference),
      })),
      ...contrast.map(({ attribute, lead }) => ({
        place: attributeWords[attribute],
        statement: "c",
        outcome: isPositive(lead),
      })),
    ],
    pictures: alexnetLayers.map(relationPicture),
    tables: ["relations.csv", "networks-relations.csv", "networks-units.csv"],
  });
}

/** The paper's way and not weak; weaker if it is above 0 and surely weak. */
function predicts({ low, high }: Estimate): Outcome {
  return low > 0 && high < bounds.weak ? "weaker" : isPositive({ value: low, low, high });
}

/** What two ways of asking agree on. */
function unanimous(outcomes: readonly Outcome[]): Outcome {
  const [first = "open"] = outcomes;
  return outcomes.every((outcome) => outcome === first) ? first : "open";
}

/** The mean over networks of an attribute's correlation with the drop of all classes but the unit's own, at conv5. */
export function elsewhereCorrelation(evidence: Evidence, attribute: Attribute): Estimate {
  return meanOver(evidence, (network) =>
    pearsonOfKnown(
      unitValues(network, "conv5", attribute),
      network.classes.dropElsewhere.get("conv5") ?? new Float64Array(0),
    ),
  );
}

/** r of two columns over the units that have both; `NaN` with fewer than three. */
function pearsonOfKnown(first: Float64Array, second: Float64Array): number {
  const both = Array.from(first.keys()).filter((unit) => Number.isFinite(first[unit]) && Number.isFinite(second[unit]));
  if (both.length < 3) return Number.NaN;
  return pearson(
    Float64Array.from(both, (unit) => first[unit]),
    Float64Array.from(both, (unit) => second[unit]),
  );
}

function findingsOf(evidence: Evidence, drop: Drop): Finding[] {
  const ofOne = [evidence.lower, evidence.main].flatMap((network) =>
    layersOf(network).map((layer) => ({ network, layer })),
  );
  const ofMain = ofOne.flatMap(({ network, layer }): Finding[] => {
    const found = attributeNames.map((attribute) => correlationOf(network, { layer, attribute, drop }));
    return [
      ...found.map((each, at) => finding(layer, attributeWords[attributeNames[at]], "number", each)),
      count(layer, "noise ceiling", "number", found[0]?.ceiling ?? Number.NaN),
    ];
  });
  const several = networksOf(evidence, "plain").length;
  const over = attributeNames.map((attribute) =>
    finding(
      `conv5, mean of ${several} networks, divided by ceilings`,
      attributeWords[attribute],
      "number",
      correctedCorrelation(evidence, attribute, drop),
    ),
  );
  return [...ofMain, ...over].filter(({ value }) => !Number.isNaN(value));
}

/** The mean over networks at conv5 of a correlation divided by its noise ceiling, with its interval over networks. */
export function correctedCorrelation(evidence: Evidence, attribute: Attribute, drop: Drop): Estimate {
  return meanOver(evidence, (network) => correctedOf(network, attribute, drop));
}

function meanOver(evidence: Evidence, measure: (network: NetworkEvidence) => number): Estimate {
  return networkInterval(
    networksOf(evidence, "plain")
      .map(measure)
      .filter((value) => Number.isFinite(value)),
  );
}

/** `NaN` where the drops are all noise. */
function correctedOf(network: NetworkEvidence, attribute: Attribute, drop: Drop): number {
  const { value, ceiling } = correlationOf(network, { layer: "conv5", attribute, drop });
  return ceiling > bounds.weak ? value / ceiling : Number.NaN;
}

function correlationOf(
  { relations }: NetworkEvidence,
  { layer, attribute, drop }: { layer: string; attribute: Attribute; drop: Drop },
): Estimate & { readonly ceiling: number } {
  const [layers, columns, drops] = [texts(relations, "layer"), texts(relations, "attribute"), texts(relations, "drop")];
  const row = filterRows(relations, (at) => layers[at] === layer && columns[at] === attribute && drops[at] === drop);
  const cell = (column: string): number => doubles(row, column)[0] ?? Number.NaN;
  return { value: cell("pearson"), low: cell("pearson_low"), high: cell("pearson_high"), ceiling: cell("ceiling") };
}

function headlineOf(evidence: Evidence, drop: Drop): string {
  const said = responding.map((attribute) => {
    const { value, low, high } = correctedCorrelation(evidence, attribute, drop);
    if (Number.isNaN(value)) return `${attributeWords[attribute]} unknown`;
    const ends = Number.isNaN(low) ? "" : ` (${endOf(low)} to ${endOf(high)})`;
    return `${attributeWords[attribute]} ${decimal(value)}${ends}`;
  });
  return `conv5, r divided by its ceiling: ${said.join(", ")}`;
}

/** An end of an interval that would read as 0 gets the digits that show its side. */
function endOf(value: number, digits = 2): string {
  const text = value.toFixed(digits);
  return Number(text) === 0 && value !== 0 && digits < 4 ? endOf(value, digits + 1) : text.replace("-", "−");
}

function decimal(value: number): string {
  return (Math.round(100 * value) / 100 + 0).toFixed(2).replace("-", "−");
}

function relationPicture(layer: string): { file: string; shows: string } {
  return { file: `relations-${layer}.svg`, shows: `attributes of the units of ${layer} against their drops` };
}
