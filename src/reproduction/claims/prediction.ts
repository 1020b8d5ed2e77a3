/** Table 1 and figure 6: the class that a unit matters most for, predicted from its attributes. */
import { attributeLabel } from "../../figures/attribute-label.ts";
import { differenceInterval } from "../../stats/difference-interval.ts";
import type { Estimate } from "../../stats/nested-bootstrap.ts";
import { doubles, texts } from "../../tables/table.ts";
import { type Evidence, networksOf, unitValues } from "../evidence.ts";
import { type Claim, claim, count, type Finding, finding, inWords } from "./claim.ts";
import { allOf, isAbove, type Judged, type Outcome } from "./judgement.ts";
import { mean } from "./places.ts";
import { bounds } from "./rules.ts";

interface Row {
  readonly layer: string;
  readonly attribute: string;
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly chance: number;
  readonly majority: number;
}

const intervals =
  "95 % bootstrap over the units of each network; these networks held fixed; means over all ways to choose those to train on. The class itself is not sure: how often two halves of the images agree on it is shown beside (with all images it is surer)";

const rendered =
  "Concept alignment is with the built-in concepts (rendered textures, shapes, objects with parts, and colours), not with Broden's photographs.";

const shown = {
  pictures: [{ file: "prediction.svg", shows: "accuracy of predicting a unit's class, by attribute and layer" }],
  tables: ["predictions.csv"],
};

/** Attributes tell the class far better than chance. */
export function predictionClaim(evidence: Evidence): Claim {
  const rows = rowsOf(evidence.predictions);
  return claim("prediction", {
    headline: headlineOf(rows),
    findings: findingsOf(evidence, rows),
    intervals,
    judged: rows.map((row) => ({
      place: row.layer,
      statement: attributeLabel(row.attribute),
      outcome: allOf([isAbove(row, bounds.timesChance * row.chance), isAbove(row, row.majority)]),
    })),
    why: `Multiples of chance cannot be compared with the paper's, whose chance is 1 of 365. ${rendered}`,
    ...shown,
  });
}

/** Which attribute tells it best. */
export function predictionOrderClaim(evidence: Evidence): Claim {
  const rows = rowsOf(evidence.predictions);
  const judged = [...new Set(rows.map(({ layer }) => layer))].flatMap((layer): Judged[] => {
    const own = rows.filter((row) => row.layer === layer);
    const of = (attribute: string): Row | undefined => own.find((row) => row.attribute === attribute);
    const singles = own.filter(({ attribute }) => attribute !== "ensemble");
    const [concept, ensemble] = [of("concept_iou"), of("ensemble")];
    const others = singles.filter(({ attribute }) => attribute !== "concept_iou");
    return [
      {
        place: layer,
        statement: "a",
        outcome: concept ? allOf(others.map((other) => compare(concept, other))) : "unasked",
      },
      {
        place: layer,
        statement: "b",
        outcome: ensemble ? allOf(singles.map((other) => compare(ensemble, other))) : "unasked",
      },
    ];
  });
  return claim("prediction-order", {
    headline: headlineOf(rows),
    findings: findingsOf(evidence, rows),
    intervals: `${intervals}. Intervals are compared as if the attributes had been measured on different units, which is careful: what overlaps is open`,
    judged,
    why: `${rendered} The paper's four accuracies lie within a point of each other.`,
    ...shown,
  });
}

/** Accuracy of the ensemble at conv5. */
export function ensembleAccuracy({ predictions }: Evidence): Estimate {
  return rowsOf(predictions).find((row) => row.layer === "conv5" && row.attribute === "ensemble") ?? unknown;
}

/** What concept alignment predicts better at conv5 than the better of class correlation and class selectivity. */
export function conceptLead({ predictions }: Evidence): Estimate {
  const rows = rowsOf(predictions).filter(({ layer }) => layer === "conv5");
  const concept = rows.find(({ attribute }) => attribute === "concept_iou");
  const [other] = rows
    .filter(({ attribute }) => attribute !== "concept_iou" && attribute !== "ensemble")
    .sort((first, second) => second.value - first.value);
  return concept && other ? differenceInterval(concept, other) : unknown;
}

const unknown: Estimate = { value: Number.NaN, low: Number.NaN, high: Number.NaN };

/** Whether the intervals lie apart. */
function compare(first: Row, second: Row): Outcome {
  if (first.low > second.high) return "holds";
  return first.high < second.low ? "against" : "open";
}

function headlineOf(rows: readonly Row[]): string {
  return rows
    .filter(({ layer }) => layer === "conv5")
    .map((row) => `${attributeLabel(row.attribute)} ${inWords(row, "%")}`)
    .join(", ");
}

function findingsOf(evidence: Evidence, rows: readonly Row[]): Finding[] {
  const layers = [...new Set(rows.map(({ layer }) => layer))];
  return layers.flatMap((layer): Finding[] => {
    const own = rows.filter((row) => row.layer === layer);
    const agreement = mean(
      networksOf(evidence, "plain").map((network) => mean(unitValues(network, layer, "split_half_agreement"))),
    );
    return [
      ...own.map((row) => finding(layer, attributeLabel(row.attribute), "percent", row)),
      count(layer, "two halves of the images agree", "percent", agreement),
      count(layer, "always the most frequent class", "percent", own[0]?.majority ?? Number.NaN),
      count(layer, "chance", "percent", own[0]?.chance ?? Number.NaN),
    ];
  });
}

function rowsOf(predictions: Evidence["predictions"]): Row[] {
  const [layer, attribute] = [texts(predictions, "layer"), texts(predictions, "attribute")];
  const column = (name: string): Float64Array => doubles(predictions, name);
  return Array.from({ length: predictions.rows }, (_, row) => ({
    layer: layer[row],
    attribute: attribute[row],
    value: column("accuracy")[row],
    low: column("accuracy_low")[row],
    high: column("accuracy_high")[row],
    chance: column("chance")[row],
    majority: column("majority")[row],
  }));
}
