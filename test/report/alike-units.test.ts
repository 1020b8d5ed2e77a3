import fc from "fast-check";
import { expect, test } from "vitest";
import { alikeUnits } from "../../src/report/alike-units.ts";
import { pearson } from "../../src/stats/correlation.ts";

test("the most correlated other units, as a plain comparison of all pairs finds them", () => {
  const [units, images, count] = [6, 9, 3];
  const responses = fc.array(fc.integer({ min: 0, max: 50 }), {
    minLength: units * images,
    maxLength: units * images,
  });
  fc.assert(
    fc.property(responses, (values) => {
      const pooled = Float64Array.from(values);
      const row = (unit: number): Float64Array => pooled.subarray(unit * images, (unit + 1) * images);
      const varies = (unit: number): boolean => new Set(row(unit)).size > 1;
      const alike = alikeUnits(pooled, units, { count });
      for (let unit = 0; unit < units; unit++) {
        const all = Array.from({ length: units }, (_, other) => other)
          .filter((other) => other !== unit && varies(unit) && varies(other))
          .map((other) => pearson(row(unit), row(other)))
          .sort((a, b) => b - a);
        for (let place = 0; place < count; place++) {
          const other = alike.units[unit * count + place];
          if (place >= all.length) expect(other).toBe(-1);
          else {
            expect(alike.correlations[unit * count + place]).toBeCloseTo(all[place], 4);
            expect(other).not.toBe(unit);
          }
        }
      }
    }),
    { numRuns: 40 },
  );
});

test("silent units are like nothing", () => {
  const { units } = alikeUnits(Float64Array.of(0, 0, 0, 1, 2, 3, 2, 4, 6), 3, { count: 2 });
  expect([...units]).toEqual([-1, -1, 2, -1, 1, -1]);
});
