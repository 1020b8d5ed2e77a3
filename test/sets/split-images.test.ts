import * as fc from "fast-check";
import { expect, test } from "vitest";
import { splitImages } from "../../src/sets/split-images.ts";

const labelled = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 60 });

test("every image is on one side, and every class has its share on each", () => {
  fc.assert(
    fc.property(labelled, fc.double({ min: 0.05, max: 0.95, noNaN: true }), fc.nat(), (list, fraction, seed) => {
      const labels = Int32Array.from(list);
      const { choosing, measuring } = splitImages(labels, fraction, { seed });
      expect([...choosing, ...measuring].sort((a, b) => a - b)).toEqual(list.map((_, image) => image));
      for (const cls of new Set(list)) {
        const total = list.filter((label) => label === cls).length;
        const chosen = choosing.filter((image) => labels[image] === cls).length;
        expect(Math.abs(chosen - fraction * total)).toBeLessThanOrEqual(1);
        if (total > 1) expect(chosen).toBeGreaterThan(0);
        if (total > 1) expect(chosen).toBeLessThan(total);
      }
      expect(splitImages(labels, fraction, { seed }).choosing).toEqual(choosing);
    }),
  );
});

test("another seed splits otherwise; null splits nothing", () => {
  const labels = Int32Array.from({ length: 100 }, (_, i) => i % 3);
  expect(splitImages(labels, 0.5, { seed: 1 }).choosing).not.toEqual(splitImages(labels, 0.5, { seed: 2 }).choosing);
  const whole = splitImages(labels, null);
  expect(whole.choosing).toEqual(whole.measuring);
  expect(whole.choosing.length).toBe(100);
  expect(() => splitImages(labels, 1)).toThrow(
    'option "rankSplit": expected a fraction between 0 and 1, or none, got 1',
  );
});
