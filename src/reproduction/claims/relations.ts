/** Figure 5: which attributes go with the overall drop, and which with the max class drop. */
import { doubles, filterRows, texts } from "../../tables/table.ts";
import { type Evidence, type NetworkEvidence, networksOf } from "../evidence.ts";
import { alexnetLayers } from "../networks.ts";
import { type Claim, count, type Finding, finding, heldOf, listed, verdictOf } from "./claim.ts";

type Drop = "overall_drop" | "max_class_drop";

/** Attributes of figure 5, by their columns. */
const attributes = {
  class_selectivity: "class selectivity",
  class_correlation: "class correlation",
  concept_iou: "concept alignment",
  l1_norm: "L1 norm",
} as const;

/** The attributes that the paper calls good predictors of damage to a class. */
const predictors = ["class_selectivity", "class_correlation", "concept_iou"] as const;

/** A correlation that explains less than a tenth of the variance is weak. */
const weak = Math.sqrt(0.1);

interface Correlation {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly ceiling: number;
}

/** Selectivity says little about the overall drop. */
export function overallRelationClaim(evidence: Evidence): Claim {
  const found = overNetworks(evidence, "class_selectivity", "overall_drop");
  const holds = found.map(({ value, ceiling }) => Math.abs(value) < weak * Math.min(1, ceiling) && ceiling > weak);
  return {
    id: "selectivity-overall",
    title: "Class selectivity is a poor predictor of the overall damage",
    where: "Abstract; figure 5, upper row",
    paper: "Attributes such as class selectivity hardly predict what a unit's removal does to the overall accuracy.",
    rule: `At conv5 of a plain network, the correlation of class selectivity with the overall drop is less than ${weak.toFixed(2)} (a tenth of the variance) of the noise ceiling, the largest correlation that the drops' own noise leaves room for. Same: in every network.`,
    headline: `conv5, class selectivity: ${rangeOf(found)}`,
    findings: findingsOf(evidence, "overall_drop"),
    intervals,
    verdict: verdictOf(holds),
    held: heldOf(holds),
    why: `At conv5 the correlations of the ${found.length} networks are ${listed(found.map(({ value, ceiling }) => `${decimal(value)} (ceiling ${decimal(ceiling)})`))}.`,
    pictures: alexnetLayers.map(relationPicture),
    tables: ["relations.csv"],
  };
}

/** Selectivity and its like do say something about the max class drop. */
export function classRelationClaim(evidence: Evidence): Claim {
  const judged = predictors.map((attribute) => {
    const classes = overNetworks(evidence, attribute, "max_class_drop");
    const overall = overNetworks(evidence, attribute, "overall_drop");
    return {
      attribute,
      positive: classes.filter(({ low }) => low > 0).length,
      stronger: classes.filter(({ value }, at) => value > Math.abs(overall[at]?.value ?? Number.NaN)).length,
      of: classes.length,
    };
  });
  const holds = judged.map(({ positive, stronger, of }) => positive > of / 2 && stronger > of / 2);
  const words = judged.map(
    ({ attribute, positive, stronger, of }) =>
      `${attributes[attribute]}: above 0 in ${positive} of ${of} networks, stronger than with the overall drop in ${stronger}`,
  );
  return {
    id: "attributes-class",
    title: "Class selectivity and other attributes predict the damage to a class",
    where: "Abstract; figure 5, lower row",
    paper: "The same attributes are good predictors of how much a unit matters to the class it matters most to.",
    rule: `At conv5, an attribute's correlation with the max class drop has an interval above 0 and is larger than the size of its correlation with the overall drop, in most of the plain networks. Same: for ${listed(predictors.map((name) => attributes[name]))}, those that describe what a unit responds to; L1 norm is shown beside them.`,
    headline: `conv5, class selectivity: ${rangeOf(overNetworks(evidence, "class_selectivity", "max_class_drop"))}`,
    findings: findingsOf(evidence, "max_class_drop"),
    intervals,
    verdict: verdictOf(holds),
    held: heldOf(holds),
    why: `At conv5: ${words.join("; ")}.`,
    pictures: alexnetLayers.map(relationPicture),
    tables: ["relations.csv"],
  };
}

const intervals =
  "95 % bootstrap over units for one network; the smallest and the largest of several. Ceiling: √ of the drops' split-half reliability";

function findingsOf(evidence: Evidence, drop: Drop): Finding[] {
  const names = Object.keys(attributes) as (keyof typeof attributes)[];
  const ofMain = alexnetLayers.flatMap((layer): Finding[] => {
    const found = names.map((attribute) => correlationOf(evidence.main, layer, attribute, drop));
    return [
      ...found.map((each, at) => finding(layer, attributes[names[at]], "number", each)),
      count(layer, "noise ceiling", "number", found[0]?.ceiling ?? Number.NaN),
    ];
  });
  const over = names.flatMap((attribute): Finding[] => {
    const values = overNetworks(evidence, attribute, drop)
      .map(({ value }) => value)
      .filter((value) => !Number.isNaN(value));
    if (values.length < 2) return [];
    const value = values.reduce((sum, each) => sum + each, 0) / values.length;
    const ends = { low: Math.min(...values), high: Math.max(...values) };
    return [
      finding(`conv5, mean of ${values.length} networks (smallest to largest)`, attributes[attribute], "number", {
        value,
        ...ends,
      }),
    ];
  });
  return [...ofMain, ...over];
}

/** One correlation per plain network; `NaN` where a network has none. */
function overNetworks(evidence: Evidence, attribute: string, drop: Drop): readonly Correlation[] {
  return networksOf(evidence, "plain").map((network) => correlationOf(network, "conv5", attribute, drop));
}

function correlationOf({ relations }: NetworkEvidence, layer: string, attribute: string, drop: Drop): Correlation {
  const [layers, names, drops] = [texts(relations, "layer"), texts(relations, "attribute"), texts(relations, "drop")];
  const row = filterRows(relations, (at) => layers[at] === layer && names[at] === attribute && drops[at] === drop);
  const cell = (column: string): number => doubles(row, column)[0] ?? Number.NaN;
  return { value: cell("pearson"), low: cell("pearson_low"), high: cell("pearson_high"), ceiling: cell("ceiling") };
}

/** The mean correlation over networks, with the smallest and the largest. */
function rangeOf(correlations: readonly Correlation[]): string {
  const values = correlations.map(({ value }) => value).filter((value) => !Number.isNaN(value));
  if (values.length === 0) return "nothing measured";
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return `r = ${decimal(mean)} (${decimal(Math.min(...values))} to ${decimal(Math.max(...values))} over ${values.length} networks)`;
}

function decimal(value: number): string {
  return Number.isNaN(value) ? "unknown" : (Math.round(100 * value) / 100 + 0).toFixed(2).replace("-", "−");
}

function relationPicture(layer: string): { file: string; shows: string } {
  return { file: `relations-${layer}.svg`, shows: `attributes of the units of ${layer} against their drops` };
}
