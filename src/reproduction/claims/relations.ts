/** Figure 5: which attributes go with the overall drop, and which with the max class drop. */
import { doubles, filterRows, texts } from "../../results/table.ts";
import { type Evidence, type NetworkEvidence, networksOf } from "../evidence.ts";
import { alexnetLayers } from "../networks.ts";
import { type Claim, type Finding, listed, verdictOf } from "./claim.ts";

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
}

/** Selectivity says little about the overall drop. */
export function overallRelationClaim(evidence: Evidence): Claim {
  const over = overNetworks(evidence, "class_selectivity", "overall_drop");
  const holds = over.correlations.map(({ value }) => Math.abs(value) < weak);
  return {
    id: "selectivity-overall",
    title: "Class selectivity is a poor predictor of the overall damage",
    where: "Abstract; figure 5, upper row",
    paper: "Attributes such as class selectivity hardly predict what a unit's removal does to the overall accuracy.",
    rule: `At conv5 the correlation of class selectivity with the overall drop is below ${weak.toFixed(2)} in size (a tenth of the variance) in every plain network; in part: in some.`,
    headline: `conv5, class selectivity: ${rangeOf(over.correlations)}`,
    findings: findingsOf(evidence, "overall_drop"),
    intervals: "95 % bootstrap over units for one network; for several, the smallest and the largest of them",
    verdict: verdictOf(holds),
    why: `At conv5 the correlations of the ${over.correlations.length} networks are ${over.correlations.map(({ value }) => value.toFixed(2)).join(", ")}.`,
    pictures: alexnetLayers.map(relationPicture),
    tables: ["relations.csv"],
  };
}

/** Selectivity and its like do say something about the max class drop. */
export function classRelationClaim(evidence: Evidence): Claim {
  const judged = predictors.map((attribute) => {
    const classes = overNetworks(evidence, attribute, "max_class_drop").correlations;
    const overall = overNetworks(evidence, attribute, "overall_drop").correlations;
    return {
      attribute,
      positive: classes.filter(({ low }) => low > 0).length,
      stronger: classes.filter(({ value }, at) => value > (overall[at]?.value ?? Number.NaN)).length,
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
    rule: `At conv5 the correlations of ${listed(predictors.map((name) => attributes[name]))} with the max class drop have intervals above 0 and are larger than those with the overall drop, in most of the plain networks; in part: for some of the attributes.`,
    headline: `conv5, class selectivity: ${rangeOf(overNetworks(evidence, "class_selectivity", "max_class_drop").correlations)}`,
    findings: findingsOf(evidence, "max_class_drop"),
    intervals: "95 % bootstrap over units for one network; for several, the smallest and the largest of them",
    verdict: verdictOf(holds),
    why: `At conv5: ${words.join("; ")}. A unit's damage also depends on how strongly it responds and how much is read from it, which selectivity, a ratio, does not see.`,
    pictures: alexnetLayers.map(relationPicture),
    tables: ["relations.csv"],
  };
}

function findingsOf(evidence: Evidence, drop: Drop): Finding[] {
  const { main } = evidence;
  return (Object.keys(attributes) as (keyof typeof attributes)[]).flatMap((attribute): Finding[] => {
    const over = overNetworks(evidence, attribute, drop);
    const values = over.correlations.map(({ value }) => value);
    return [
      ...alexnetLayers.flatMap((layer): Finding[] => {
        const found = correlationOf(main, layer, attribute, drop);
        return found ? [{ row: layer, column: attributes[attribute], unit: "number", ...known(found) }] : [];
      }),
      ...(values.length > 1
        ? [
            {
              row: `conv5 (mean of ${values.length} networks)`,
              column: attributes[attribute],
              unit: "number",
              value: values.reduce((sum, value) => sum + value, 0) / values.length,
              low: Math.min(...values),
              high: Math.max(...values),
            } satisfies Finding,
          ]
        : []),
    ];
  });
}

function overNetworks(
  evidence: Evidence,
  attribute: string,
  drop: Drop,
): { readonly correlations: readonly Correlation[] } {
  const found = networksOf(evidence, "plain").map((network) => correlationOf(network, "conv5", attribute, drop));
  return { correlations: found.filter((each) => each !== undefined) };
}

function correlationOf(
  { relations }: NetworkEvidence,
  layer: string,
  attribute: string,
  drop: Drop,
): Correlation | undefined {
  const [layers, names, drops] = [texts(relations, "layer"), texts(relations, "attribute"), texts(relations, "drop")];
  const row = filterRows(relations, (at) => layers[at] === layer && names[at] === attribute && drops[at] === drop);
  const value = row.rows === 1 ? (doubles(row, "pearson")[0] as number) : Number.NaN;
  if (Number.isNaN(value)) return undefined;
  return { value, low: doubles(row, "pearson_low")[0] as number, high: doubles(row, "pearson_high")[0] as number };
}

function known({ value, low, high }: Correlation): Pick<Finding, "value" | "low" | "high"> {
  return { value, low: Number.isNaN(low) ? null : low, high: Number.isNaN(high) ? null : high };
}

/** The mean correlation over networks, with the smallest and the largest. */
function rangeOf(correlations: readonly Correlation[]): string {
  const values = correlations.map(({ value }) => value);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const show = (value: number): string => value.toFixed(2).replace("-", "−");
  return `r = ${show(mean)} (${show(Math.min(...values))} to ${show(Math.max(...values))} over ${values.length} networks)`;
}

function relationPicture(layer: string): { file: string; shows: string } {
  return { file: `relations-${layer}.svg`, shows: `attributes of the units of ${layer} against their drops` };
}
