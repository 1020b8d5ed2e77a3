/** What of a run is compared with other runs on the page: figure 5's relations, figure 7's drops, table 1. */
import { rotationDropsOf } from "../figures/from-tables.ts";
import { doubles, integers, isMissing, rowsWhere, type Table, texts } from "../tables/table.ts";
import type { PredictionData, RelationData, RotationChunk } from "./page-data.ts";

/** A layer's rows of `relations`. */
export function relationRows(relations: Table, layer: string): RelationData[] {
  const own = rowsWhere(relations, "layer", layer);
  const [attribute, drop] = [texts(own, "attribute"), texts(own, "drop")];
  const value = (name: string, row: number): number => {
    const column = own.columns[name];
    return column && !isMissing(column, row) ? Number(column[row]) : Number.NaN;
  };
  return attribute.map((name, row) => ({
    attribute: name,
    drop: drop[row],
    pearson: value("pearson", row),
    low: value("pearson_low", row),
    high: value("pearson_high", row),
    slope: value("slope", row),
    intercept: value("intercept", row),
  }));
}

/** The drops of all bases of a run's table `rotation`; `order`: the names of the network's layers. */
export function rotationData(rotation: Table, order: readonly string[]): RotationChunk {
  const plain = (samples: readonly ArrayLike<number>[]): number[][] => samples.map((sample) => Array.from(sample));
  return {
    layers: rotationDropsOf(rotation, order).map(({ layer, bases }) => ({
      layer,
      bases: bases.map(({ label, max, overall }) => ({ label, max: plain(max), overall: plain(overall) })),
    })),
  };
}

/** Table 1 from the rows of `predictions` that stand for all splits together. */
export function predictionData(
  averages: Table,
  { train, networks }: { train: number; networks: number },
): PredictionData {
  const [layer, attribute, units] = [
    texts(averages, "layer"),
    texts(averages, "attribute"),
    integers(averages, "units"),
  ];
  const [accuracy, low, high] = [
    doubles(averages, "accuracy"),
    doubles(averages, "accuracy_low"),
    doubles(averages, "accuracy_high"),
  ];
  const [majority, pValue] = [doubles(averages, "majority"), doubles(averages, "p_value")];
  return {
    train,
    networks,
    chance: doubles(averages, "chance")[0],
    rows: layer.map((name, row) => ({
      layer: name,
      attribute: attribute[row],
      units: units[row],
      accuracy: accuracy[row],
      low: low[row],
      high: high[row],
      majority: majority[row],
      pValue: pValue[row],
    })),
  };
}
