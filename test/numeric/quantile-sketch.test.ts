import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TailSketch } from "../../src/numeric/quantile-sketch.ts";
import { seededRandom } from "../../src/numeric/random.ts";
import type { SketchState } from "../../src/numeric/sketch-state.ts";

/** The definition, by sorting. */
function exactThreshold(values: Float32Array, fraction: number): number {
  const descending = values.slice().sort().reverse();
  return descending[Math.floor(fraction * values.length)] + 0;
}

const finite = fc.float({ noNaN: true, noDefaultInfinity: true });

describe("TailSketch", () => {
  it("equals the order statistic for any values, ties and signs among them", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(finite, fc.constantFrom(0, -0, 1, -1)), { minLength: 1, maxLength: 2000 }),
        fc.constantFrom(0.005, 0.01, 0.25, 0.9),
        (list, fraction) => {
          const values = Float32Array.from(list);
          const sketch = new TailSketch(1, values.length, { fraction });
          for (let i = 0; i < values.length; i += 7) sketch.add(values.subarray(i, i + 7));
          const threshold = sketch.threshold(0);
          expect(threshold).toBe(exactThreshold(values, fraction));
          const above = values.filter((value) => value > threshold).length;
          expect(above).toBeLessThanOrEqual(fraction * values.length);
          expect(sketch.relativeError(0)).toBe(0);
          expect(sketch.maximum(0) + 0).toBe(Math.max(...values) + 0);
          expect(sketch.minimum(0) + 0).toBe(Math.min(...values) + 0);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("gives the same for any order, split and merge", () => {
    const random = seededRandom(1);
    const values = Float32Array.from({ length: 60_000 }, () => Math.max(0, random.normal()));
    const expected = exactThreshold(values, 0.005);
    for (let trial = 0; trial < 3; trial++) {
      random.shuffle(values);
      const parts = [0, 1, 2].map(() => new TailSketch(1, values.length));
      for (let i = 0; i < values.length; i += 1000) parts[(i / 1000) % 3]?.add(values.subarray(i, i + 1000));
      const [whole, ...others] = parts as [TailSketch, ...TailSketch[]];
      for (const other of others) whole.merge(other);
      expect(whole.threshold(0)).toBe(expected);
    }
  });

  it.each([
    ["exactly", 65_536, 20_000],
    ["within its bound when it runs out of room", 64, 20_000],
  ])("may leave out what cannot matter after other blocks, %s", (_, capacity, count) => {
    const random = seededRandom(3);
    for (const shift of [0, -0.5, 3]) {
      const values = Float32Array.from({ length: count }, () => Math.max(shift, random.normal()));
      const options = { fraction: 0.02, capacity };
      const seen = new TailSketch(1, count, options);
      const states: SketchState[] = [];
      let kept = 0;
      for (let i = 0; i < count; i += 500) {
        const block = new TailSketch(1, count, options);
        block.skipBelow(seen.floors());
        block.add(values.subarray(i, i + 500));
        states.push(structuredClone(block.state()));
        kept += block.state().tails[0].keys.length;
        seen.merge(block);
      }
      const order = random.shuffle(Uint32Array.from(states, (_, at) => at));
      const whole = TailSketch.from(states[order[0]]);
      for (const at of order.subarray(1)) whole.merge(TailSketch.from(states[at]));
      const exact = exactThreshold(values, 0.02);
      expect(whole.threshold(0)).toBeGreaterThanOrEqual(exact);
      expect(whole.threshold(0)).toBeLessThanOrEqual(exact * (1 + whole.relativeError(0)));
      expect(whole.maximum(0)).toBe(Math.max(...values));
      expect(whole.minimum(0)).toBe(Math.min(...values));
      if (capacity > count) expect(whole.relativeError(0)).toBe(0);
      expect(kept).toBeLessThan(count / 5);
    }
  });

  it("has all that matters, whichever machine's sketch of a block is kept, and in whatever order each met the blocks", () => {
    const value = fc.oneof(
      { weight: 4, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.integer({ min: -2, max: 3 }) },
    );
    const blocks = fc.array(fc.array(value, { minLength: 40, maxLength: 40 }), { minLength: 2, maxLength: 5 });
    fc.assert(
      fc.property(blocks, fc.constantFrom(0.02, 0.2, 0.5), fc.integer(), (made, fraction, seed) => {
        const total = made.length * 40;
        const random = seededRandom(seed >>> 0);
        /** Every block's sketch by a machine that meets the blocks in an order of its own. */
        const sketchesOf = (order: Int32Array): Map<number, SketchState> => {
          const seen = new TailSketch(1, total, { fraction });
          const states = new Map<number, SketchState>();
          for (const at of order) {
            const sketch = new TailSketch(1, total, { fraction });
            sketch.skipBelow(seen.floors());
            sketch.add(Float32Array.from(made[at] ?? []));
            states.set(at, structuredClone(sketch.state()));
            seen.merge(sketch);
          }
          return states;
        };
        const listed = Int32Array.from(made.keys());
        const machines = [
          sketchesOf(listed),
          sketchesOf(listed.toReversed()),
          sketchesOf(random.shuffle(listed.slice())),
        ];
        const whole = new TailSketch(1, total, { fraction });
        for (const at of listed) {
          const kept = machines[random.integer(machines.length)]?.get(at);
          if (kept) whole.merge(TailSketch.from(kept));
        }
        expect(whole.threshold(0)).toBe(exactThreshold(Float32Array.from(made.flat()), fraction));
      }),
      { numRuns: 300 },
    );
  });

  it("stays within its stated bound when it runs out of room", () => {
    const random = seededRandom(2);
    const values = Float32Array.from({ length: 200_000 }, () => Math.exp(random.normal()) - 0.2);
    const whole = new TailSketch(1, values.length, { capacity: 2048, fraction: 0.05 });
    const half = new TailSketch(1, values.length, { capacity: 2048, fraction: 0.05 });
    whole.add(values.subarray(0, 150_000));
    half.add(values.subarray(150_000));
    whole.merge(half);
    const exact = exactThreshold(values, 0.05);
    const bound = whole.relativeError(0);
    expect(bound).toBeGreaterThan(0);
    expect(bound).toBeLessThan(0.01);
    expect(whole.threshold(0)).toBeGreaterThanOrEqual(exact);
    expect(whole.threshold(0)).toBeLessThanOrEqual(exact * (1 + bound));
  });

  it("keeps the units apart", () => {
    const sketch = new TailSketch(3, 400);
    for (let step = 0; step < 4; step++) {
      sketch.add(Float32Array.from({ length: 300 }, (_, i) => (i < 100 ? step * 100 + i : i < 200 ? 0 : -5)));
    }
    expect([...sketch.thresholds()]).toEqual([397, 0, -5]);
  });

  it("refuses values that are not numbers, too many values, and none", () => {
    const sketch = new TailSketch(2, 4);
    expect(() => sketch.threshold(1)).toThrow("unit 1: expected at least one response, got none");
    expect(() => sketch.add(Float32Array.of(1, 2, 3, Number.NaN))).toThrow(
      "unit 1: expected finite responses, got NaN",
    );
    expect(() => new TailSketch(1, 4).add(Float32Array.of(1, -Infinity))).toThrow("got -Infinity");
    expect(() => new TailSketch(1, 1).add(Float32Array.of(1, 2))).toThrow("expected at most 1 values");
    expect(() => new TailSketch(2, 8).add(Float32Array.of(1, 2, 3))).toThrow("expected a multiple of 2 values, got 3");
    expect(() => new TailSketch(1, 1, { fraction: 1 })).toThrow("expected fraction in (0, 1), got 1");
  });
});
