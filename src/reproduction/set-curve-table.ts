/** Unit sets in short: mean accuracy of a class by strategy and step, as a table small enough to look at. */
import { setCurvesOf } from "../figures/from-tables.ts";
import { concatTables, makeTable, type Table, texts } from "../tables/table.ts";

/** Rows (layer, strategy, step) of a table `sets`; bands as in figure 4: smallest to largest of up to
 * 20 random sequences, the central 95 % of more. */
export function setCurveTable(sets: Table): Table {
  return concatTables(
    [...new Set(texts(sets, "layer"))].flatMap((layer) => {
      const { averages, rankSplit } = setCurvesOf(sets, layer);
      return averages.map(({ label, accuracy, low, high }) => {
        const values = Float64Array.from(accuracy);
        const missing = values.map(() => Number.NaN);
        return makeTable({
          layer: Array.from(values, () => layer),
          strategy: Array.from(values, () => label),
          rank_split: values.map(() => rankSplit),
          step: Int32Array.from(values, (_, step) => step),
          accuracy: values,
          accuracy_low: low ? Float64Array.from(low) : missing,
          accuracy_high: high ? Float64Array.from(high) : missing,
        });
      });
    }),
  );
}
