/** Table 1 and figure 6: the class that a unit matters most for, predicted from its attributes. */
import { attributeLabel } from "../../figures/attribute-label.ts";
import { doubles, texts } from "../../tables/table.ts";
import type { Evidence } from "../evidence.ts";
import { type Claim, count, type Finding, finding, heldOf, inWords, listed, points, verdictOf } from "./claim.ts";

interface Row {
  readonly layer: string;
  readonly attribute: string;
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly chance: number;
  readonly majority: number;
  readonly pValue: number;
}

/** Attributes tell the class far better than chance. */
export function predictionClaim({ predictions }: Evidence): Claim {
  const rows = rowsOf(predictions);
  const layers = [...new Set(rows.map(({ layer }) => layer))];
  const best = layers.map((layer) => ({
    layer,
    ensemble: rows.find((row) => row.layer === layer && row.attribute === "ensemble") as Row,
    singles: rows.filter((row) => row.layer === layer && row.attribute !== "ensemble"),
  }));
  const holds = best.flatMap(({ ensemble: { value, low, chance, majority, pValue }, singles }) => [
    low > 2 * chance && low > majority && pValue < 0.001,
    singles.every((single) => value >= single.value),
  ]);
  const words = best.map(({ layer, ensemble, singles }) => {
    const first = singles.reduce((top, row) => (row.value > top.value ? row : top));
    return `at ${layer} the ensemble names ${points(ensemble.value, 1)} % of the units' classes, ${(ensemble.value / ensemble.chance).toFixed(1)} times chance; the best single attribute is ${attributeLabel(first.attribute)} with ${points(first.value, 1)} %`;
  });
  return {
    id: "prediction",
    title: "Attributes predict the class that a unit matters most for",
    where: "Table 1; figure 6",
    paper:
      "A logistic regression from attribute vectors, trained on the units of some networks, predicts the most damaged class of units of others far above chance; the ensemble of attributes does best.",
    rule: "At a layer, the ensemble's interval lies above twice chance and above always naming the class that is most frequent among the units trained on, with p < 0.001; and no single attribute does better than the ensemble. Same: both at conv4 and at conv5.",
    headline: listed(best.map(({ layer, ensemble }) => `${layer}: ${inWords(ensemble, "%")}`)),
    findings: best.flatMap(({ layer, ensemble, singles }): Finding[] => [
      ...[...singles, ensemble].map((row) => finding(layer, attributeLabel(row.attribute), "percent", row)),
      count(layer, "always the most frequent class", "percent", ensemble.majority),
      count(layer, "chance", "percent", ensemble.chance),
      count(layer, "p of the ensemble", "probability", ensemble.pValue),
    ]),
    intervals: "95 % bootstrap over the units of each network; means over all ways to choose the networks to train on",
    verdict: verdictOf(holds),
    held: heldOf(holds),
    why: `${capital(listed(words))}. Multiples of chance cannot be compared with the paper's, whose chance is 1 of 365 or 1,000.`,
    pictures: [{ file: "prediction.svg", shows: "accuracy of predicting a unit's class, by attribute and layer" }],
    tables: ["predictions.csv"],
  };
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
    pValue: column("p_value")[row],
  }));
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
