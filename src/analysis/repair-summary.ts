/** What the rest of a network makes up for, read off one layer's rows of the table `repair`. */
import { doubles, integers, type Table } from "../tables/table.ts";

/** A unit's mean effects over the classes that have images, in logits. */
export interface UnitRepair {
  readonly unit: number;
  readonly direct: number;
  readonly total: number;
}

/** A layer in numbers. */
export interface RepairSummary {
  /** The most repaired first. */
  readonly units: readonly UnitRepair[];
  readonly meanDirect: number;
  readonly meanTotal: number;
  /** (unit, class) effects, and of these the ones that are really repaired or made worse at 5 % false discoveries. */
  readonly effects: number;
  readonly repaired: number;
  readonly worsened: number;
}

/** Sums up a layer. @param table rows of `repair` of one layer. */
export function summariseRepair(table: Table): RepairSummary {
  const units = integers(table, "unit");
  const [direct, total, q] = [
    doubles(table, "direct_drop"),
    doubles(table, "total_drop"),
    doubles(table, "repaired_q_value"),
  ];
  const found = new Map<number, { unit: number; direct: number; total: number; classes: number }>();
  units.forEach((unit, row) => {
    if (Number.isNaN(direct[row])) return;
    const own = found.get(unit) ?? { unit, direct: 0, total: 0, classes: 0 };
    found.set(unit, {
      unit,
      direct: own.direct + direct[row],
      total: own.total + total[row],
      classes: own.classes + 1,
    });
  });
  const means = [...found.values()].map(({ unit, classes, ...sums }) => ({
    unit,
    direct: sums.direct / classes,
    total: sums.total / classes,
  }));
  const mean = (pick: (each: UnitRepair) => number): number =>
    means.reduce((sum, each) => sum + pick(each), 0) / means.length;
  const real = (sign: number): number =>
    q.filter((value, row) => value <= 0.05 && Math.sign(direct[row] - total[row]) === sign).length;
  return {
    units: means.sort((a, b) => b.direct - b.total - (a.direct - a.total)),
    meanDirect: mean((each) => each.direct),
    meanTotal: mean((each) => each.total),
    effects: q.filter((value) => !Number.isNaN(value)).length,
    repaired: real(1),
    worsened: real(-1),
  };
}
