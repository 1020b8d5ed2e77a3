/** Rankings of a layer's units by their attributes, from the tables of a run. */

import type { GivenRanking } from "../sets/plan-curves.ts";
import { doubles, hasValues, integers, type Table, texts } from "../tables/table.ts";

/** Attributes of a unit whatever the class; whether they saw the run's images. */
const unitAttributes: readonly (readonly [name: string, sawImages: boolean])[] = [
  ["l1_norm", false],
  ["l1_norm_folded", false],
  ["concept_iou", false],
  ["mean", true],
  ["std", true],
];
/** Attributes with an entry for every class: a class's sequence follows its own entries. */
const classAttributes: readonly string[] = ["class_selectivity", "class_correlation", "roc_auc"];

/** Every attribute that the run holds for the layer, by falling value. */
export function givenRankings(
  layer: string,
  { units, vectors }: { units: Table | undefined; vectors: Table | undefined },
  unitCount: number,
): GivenRanking[] {
  const rankings: GivenRanking[] = [];
  if (vectors) {
    const [layers, names] = [texts(vectors, "layer"), texts(vectors, "attribute")];
    const [unit, index, value] = [integers(vectors, "unit"), integers(vectors, "index"), doubles(vectors, "value")];
    for (const name of classAttributes) {
      const scores = new Map<number, Float64Array>();
      for (let row = 0; row < vectors.rows; row++) {
        if (layers[row] !== layer || names[row] !== name) continue;
        const cls = index[row];
        const own = scores.get(cls) ?? new Float64Array(unitCount).fill(Number.NaN);
        own[unit[row]] = value[row];
        scores.set(cls, own);
      }
      if (scores.size > 0) rankings.push({ name, scores, sawImages: true });
    }
  }
  if (units) {
    const [layers, unit] = [texts(units, "layer"), integers(units, "unit")];
    for (const [name, sawImages] of unitAttributes) {
      if (!hasValues(units, name)) continue;
      const column = doubles(units, name);
      const scores = new Float64Array(unitCount).fill(Number.NaN);
      for (let row = 0; row < units.rows; row++) {
        if (layers[row] === layer) scores[unit[row]] = column[row];
      }
      if (scores.some((score) => !Number.isNaN(score))) rankings.push({ name, scores, sawImages });
    }
  }
  return rankings;
}
