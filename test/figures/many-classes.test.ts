/** What figures do with many classes, far outliers and curves that nobody could tell apart. */
import { array, assert, double, integer, property } from "fast-check";
import { describe, expect, test } from "vitest";
import { axisDomain } from "../../src/figures/axis-domain.ts";
import { areaUnderCurve, mergeClassCurves } from "../../src/figures/merge-class-curves.ts";
import { classBars } from "../../src/figures/unit-drops.ts";

describe("bars of many classes", () => {
  const options = { factor: 1, alpha: 0.05, maxBars: 12, tested: true } as const;

  test("every class is drawn or counted, once, and the largest drops are drawn", () => {
    assert(
      property(array(integer({ min: -3, max: 6 }), { minLength: 1, maxLength: 400 }), (points) => {
        const classes = points.map((drop, cls) => ({
          name: `c${cls}`,
          drop: Math.max(0, drop - 3) / 10 - (drop < -1 ? 0.2 : 0),
        }));
        const bars = classBars(classes, options);
        expect(bars.length).toBeLessThanOrEqual(12);
        const drawn = bars.filter(({ value }) => value !== undefined);
        const counted = bars.flatMap(({ name, value }) =>
          value === undefined ? [Number(/\d[\d,]*/.exec(name)?.[0].replace(",", ""))] : [],
        );
        expect(drawn.length + counted.reduce((sum, count) => sum + count, 0)).toBe(classes.length);
        expect(drawn[0]?.value ?? 0).toBe(
          Math.max(...(drawn.length > 0 ? classes : [{ drop: 0 }]).map(({ drop }) => drop)),
        );
      }),
    );
  });

  test("classes without a change are one line, whatever their number", () => {
    const classes = Array.from({ length: 1000 }, (_, cls) => ({
      name: `c${cls}`,
      drop: cls < 2 ? 0.1 : cls === 2 ? -0.2 : 0,
    }));
    expect(classBars(classes, options).map(({ name }) => name)).toEqual([
      "c0",
      "c1",
      "… 997 classes without a net change",
      "c2",
    ]);
    const none = classes.map(({ name }) => ({ name, drop: 0 }));
    expect(classBars(none, options).map(({ name }) => name)).toEqual(["… 1,000 classes without a net change"]);
  });
});

describe("the domain of an axis", () => {
  test("holds all but a few values, and never fewer than those that are left out", () => {
    assert(
      property(array(double({ min: -1e6, max: 1e6, noNaN: true }), { maxLength: 60 }), (values) => {
        const { low, high, beyond } = axisDomain([values], [0]);
        expect(low).toBeLessThanOrEqual(0);
        expect(high).toBeGreaterThanOrEqual(0);
        expect(values.filter((value) => value < low || value > high)).toHaveLength(beyond);
        expect(beyond).toBeLessThanOrEqual(0.05 * values.length);
      }),
    );
  });

  test("cuts what would squash the rest, and nothing else", () => {
    const values = Array.from({ length: 100 }, (_, at) => at / 100);
    expect(axisDomain([[...values, 50]])).toEqual({ low: 0, high: 0.99, beyond: 1, farthest: 50 });
    expect(axisDomain([[...values, 5]])).toMatchObject({ high: 5, beyond: 0 });
    expect(axisDomain([[0, 0, 0, 1]])).toMatchObject({ high: 1, beyond: 0 });
    expect(axisDomain([[...new Float64Array(100), 1]])).toMatchObject({ high: 1, beyond: 0 });
    expect(axisDomain([])).toMatchObject({ low: 0, high: 1, beyond: 0 });
  });
});

describe("curves of many classes", () => {
  const line = (end: number, className = `to ${end}`): { className: string; accuracy: number[] } => ({
    className,
    accuracy: [0.8, (0.8 + end) / 2, end],
  });

  test("curves that lie on each other become one with the number of classes", () => {
    const { curves, bandHolds } = mergeClassCurves([line(0), ...Array.from({ length: 9 }, () => line(0.5))]);
    expect(curves.map(({ label }) => label)).toEqual(["to 0", "mean of 9 other classes"]);
    expect(Array.from(curves[1]?.accuracy ?? [])).toEqual([
      expect.closeTo(0.8),
      expect.closeTo(0.65),
      expect.closeTo(0.5),
    ]);
    expect(bandHolds).toBe("smallest to largest of 9 other classes");
    expect(mergeClassCurves(Array.from({ length: 4 }, () => line(0.5))).curves.map(({ label }) => label)).toEqual([
      "mean of 4 classes",
    ]);
  });

  test("few curves that differ are left alone", () => {
    const classes = [0, 0.2, 0.4, 0.6].map((end) => line(end));
    expect(mergeClassCurves(classes).curves.map(({ label }) => label)).toEqual(["to 0", "to 0.2", "to 0.4", "to 0.6"]);
    expect(mergeClassCurves([]).curves).toEqual([]);
  });

  test("of 365, three at either end stand out, and the mean is of the others", () => {
    const classes = Array.from({ length: 365 }, (_, cls) => line(((cls * 7) % 365) / 500, `class ${cls}`));
    const { curves, bandHolds } = mergeClassCurves(classes);
    expect(curves).toHaveLength(7);
    const areas = curves.slice(0, 6).map(({ accuracy }) => areaUnderCurve(accuracy));
    const sorted = classes.map(({ accuracy }) => areaUnderCurve(accuracy)).sort((a, b) => a - b);
    expect(areas).toEqual([...sorted.slice(0, 3), ...sorted.slice(-3)]);
    const { label, accuracy, low, high } = curves[6] ?? { label: "", accuracy: [] };
    expect(label).toBe("mean of 359 other classes");
    expect(bandHolds).toBe("the central 95\u00a0% of 359 other classes");
    expect(accuracy[2]).toBeCloseTo(sorted.slice(3, -3).reduce((sum, area) => sum + (2 * area - 0.8), 0) / 359);
    for (let step = 0; step < 3; step++) {
      expect(low?.[step]).toBeLessThanOrEqual((accuracy[step] ?? 0) + 1e-9);
      expect(high?.[step]).toBeGreaterThanOrEqual((accuracy[step] ?? 1) - 1e-9);
    }
  });
});
