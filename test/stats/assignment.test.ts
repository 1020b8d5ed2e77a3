import * as fc from "fast-check";
import { expect, test } from "vitest";
import { bestAssignment } from "../../src/stats/assignment.ts";
import { golden } from "./golden.ts";

/** The best sum by trying every assignment. */
function bruteForce(
  scores: Float64Array,
  rows: number,
  columns: number,
  row = 0,
  taken: readonly number[] = [],
): number {
  if (row === rows) return 0;
  const sums = Array.from({ length: columns }, (_, column) => column)
    .filter((column) => !taken.includes(column))
    .map((column) => scores[row * columns + column] + bruteForce(scores, rows, columns, row + 1, [...taken, column]));
  return Math.max(...sums);
}

test("chooses what scipy's linear_sum_assignment chooses", () => {
  for (const { rows, columns, scores, chosen } of golden.assignment) {
    expect([...bestAssignment(Float64Array.from(scores), rows, columns)]).toEqual(chosen);
  }
});

test("has the largest sum, every column at most once", () => {
  const tables = fc
    .record({ rows: fc.integer({ min: 1, max: 5 }), more: fc.integer({ min: 0, max: 2 }) })
    .chain(({ rows, more }) =>
      fc.record({
        rows: fc.constant(rows),
        columns: fc.constant(rows + more),
        scores: fc.array(fc.integer({ min: -9, max: 9 }), {
          minLength: rows * (rows + more),
          maxLength: rows * (rows + more),
        }),
      }),
    );
  fc.assert(
    fc.property(tables, ({ rows, columns, scores }) => {
      const values = Float64Array.from(scores);
      const chosen = bestAssignment(values, rows, columns);
      expect(new Set(chosen).size).toBe(rows);
      const sum = chosen.reduce((total, column, row) => total + values[row * columns + column], 0);
      expect(sum).toBe(bruteForce(values, rows, columns));
    }),
  );
});
