import { expect, test } from "vitest";
import {
  concatTables,
  doubles,
  filterRows,
  hasValues,
  integers,
  makeTable,
  rowsWhere,
  takeRows,
  texts,
} from "../../src/tables/table.ts";
import { exampleUnits } from "../runs/example-run.ts";

test("columns of different lengths are refused", () => {
  expect(() => makeTable({ a: Int32Array.of(1), b: ["x", "y"] })).toThrow(
    "expected columns of one length, got a 1, b 2",
  );
});

test("columns come back with their type, or an error names what is there", () => {
  const units = exampleUnits();
  expect(integers(units, "max_class")).toEqual(Int32Array.of(2, 0, 1));
  expect(texts(units, "layer")).toEqual(["conv4", "conv4", "conv5"]);
  expect(doubles(units, "overall_drop")[1]).toBe(1 / 3);
  expect(() => doubles(units, "unit", "units")).toThrow('units: column "unit": expected type double, got int32');
  expect(() => texts(makeTable({ a: ["x"] }), "b", "units")).toThrow('units: expected a column "b", got a');
});

test("rows are taken, filtered and put together; a column that a part lacks is missing there", () => {
  const units = exampleUnits();
  expect(integers(rowsWhere(units, "layer", "conv5"), "unit")).toEqual(Int32Array.of(0));
  expect(filterRows(units, () => true)).toBe(units);
  const both = concatTables([takeRows(units, [2]), makeTable({ layer: ["fc6"], unit: Int32Array.of(7) })]);
  expect(both.rows).toBe(2);
  expect(texts(both, "layer")).toEqual(["conv5", "fc6"]);
  expect(integers(both, "max_class")).toEqual(Int32Array.of(1, -1));
  expect(doubles(both, "overall_drop")[1]).toBeNaN();
  expect(hasValues(both, "max_class")).toBe(true);
  expect(hasValues(both, "min_class")).toBe(false);
  expect(texts(takeRows(units, [-1, 0]), "layer")).toEqual(["", "conv4"]);
});
