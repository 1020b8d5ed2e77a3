import { expect, test } from "vitest";
import { points } from "../../src/cli/points.ts";

test("drops are points with two decimals, and nothing is not negative", () => {
  expect([0.1234, -0.05, 0.00001, -0.00001, -0].map(points)).toEqual(["12.34", "-5.00", "0.00", "0.00", "0.00"]);
});
