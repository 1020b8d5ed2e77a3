import { expect, test } from "vitest";
import { learningRateAt, scheduleNames } from "../../src/training/schedule.ts";

const rates = (schedule: (typeof scheduleNames)[number], totalSteps = 100): number[] =>
  Array.from({ length: totalSteps }, (_, step) => learningRateAt(step, { schedule, learningRate: 1, totalSteps }));

test("one-cycle climbs for a quarter from 1/25, then falls towards 1/2500", () => {
  const all = rates("one-cycle");
  expect(all[0]).toBeCloseTo(1 / 25, 12);
  expect(Math.max(...all)).toBe(1);
  expect(all.indexOf(1)).toBe(25);
  expect(all.slice(0, 26)).toEqual(all.slice(0, 26).toSorted((a, b) => a - b));
  expect(all.slice(25)).toEqual(all.slice(25).toSorted((a, b) => b - a));
  expect(all[99]).toBeLessThan(0.002);
  expect(all[99]).toBeGreaterThan(1 / 2500);
});

test("cosine starts at the highest rate and is half way down in the middle", () => {
  const all = rates("cosine");
  expect(all[0]).toBe(1);
  expect(all[50]).toBeCloseTo(0.5, 12);
  expect(all[99]).toBeCloseTo((1 + Math.cos(0.99 * Math.PI)) / 2, 12);
});

test("step falls to a tenth and a hundredth", () => {
  const all = rates("step");
  expect([all[0], all[49], all[50], all[74], all[75], all[99]]).toEqual([1, 1, 0.1, 0.1, 0.01, 0.01]);
});

test("a step outside the training is refused", () => {
  for (const step of [-1, 100, Number.NaN]) {
    expect(() => learningRateAt(step, { schedule: "cosine", learningRate: 1, totalSteps: 100 })).toThrow(
      `learning rate: expected a step in 0..99, got ${step}`,
    );
  }
});
