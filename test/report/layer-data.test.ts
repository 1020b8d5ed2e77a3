import { expect, test } from "vitest";
import { roundedQ } from "../../src/report/layer-data.ts";

test("a q-value in single precision stays on its side of 0.05", () => {
  for (const q of [0.05, 0.05 - 1e-12, 0.05 - 1e-9, 0.049999]) {
    expect(roundedQ(q)).toBeLessThanOrEqual(0.05);
    expect(roundedQ(q)).toBeCloseTo(q, 6);
  }
  for (const q of [0.05 + 1e-12, 0.05 + 1e-9, 0.050001]) {
    expect(Math.fround(roundedQ(q))).toBe(roundedQ(q));
    expect(roundedQ(q)).toBeGreaterThan(0.05);
  }
  expect(roundedQ(Number.NaN)).toBeNaN();
});
