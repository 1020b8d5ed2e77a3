/** What class prediction learns from: a network's attribute vectors, and the class that each of its units is for. */
import { UnitscopeError } from "../errors.ts";
import type { Features } from "../stats/logistic-regression.ts";
import { doubles, integers, type Table, texts } from "../tables/table.ts";

/** The units of one layer of one network. */
export interface NetworkUnits {
  /** What to call the network in messages. */
  readonly name: string;
  /** The class that each unit matters most for, int32 `[unitCount]`; −1 leaves the unit out. */
  readonly target: Int32Array;
  /** Attribute vectors by attribute, one row a unit. */
  readonly vectors: Readonly<Record<string, Features>>;
}

/**
 * The class with the largest drop of each unit, from a layer's rows of `units`; −1 for a unit that hurts no class at
 * all, whose `max_class` is only a tie's lowest index.
 *
 * @param options.units `harmful`: every unit with a positive max class drop (the paper's way); `significant`: only
 *   those whose max class drop has a q-value of at most 0.05.
 */
export function classesOfUnits(
  units: Table,
  { units: which = "harmful" }: { units?: "harmful" | "significant" } = {},
): Int32Array {
  const maxClass = integers(units, "max_class");
  const drop = doubles(units, "max_class_drop");
  const qValues = which === "significant" ? doubles(units, "max_class_q_value") : undefined;
  return maxClass.map((cls, unit) => (drop[unit] > 0 && (qValues === undefined || qValues[unit] <= 0.05) ? cls : -1));
}

/**
 * One attribute's vectors of a layer as features, from the table `vectors`. An entry that is missing (the correlation
 * of a unit that never responds, the selectivity for a class without images) becomes 0, which is what "tells nothing"
 * means for selectivity, correlation and IoU.
 *
 * @throws {UnitscopeError} `run` if there is no such vector.
 */
export function vectorFeatures(vectors: Table, layer: string, attribute: string, unitCount: number): Features {
  const [layers, attributes] = [texts(vectors, "layer", "vectors"), texts(vectors, "attribute", "vectors")];
  const [unit, index] = [integers(vectors, "unit", "vectors"), integers(vectors, "index", "vectors")];
  const value = doubles(vectors, "value", "vectors");
  const rows: number[] = [];
  let featureCount = 0;
  for (let row = 0; row < vectors.rows; row++) {
    if (layers[row] !== layer || attributes[row] !== attribute) continue;
    if (unit[row] >= unitCount) {
      throw new UnitscopeError(
        "run",
        `vectors of layer "${layer}": expected unit in 0..${unitCount - 1}, got ${unit[row]}`,
      );
    }
    rows.push(row);
    featureCount = Math.max(featureCount, index[row] + 1);
  }
  if (featureCount === 0) {
    throw new UnitscopeError(
      "run",
      `vectors: expected ${attribute} of layer "${layer}", got none; make it with: unitscope attributes RUN`,
    );
  }
  const values = new Float64Array(unitCount * featureCount);
  for (const row of rows) {
    if (!Number.isNaN(value[row])) values[unit[row] * featureCount + index[row]] = value[row];
  }
  return { values, rowCount: unitCount, featureCount };
}
