import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seededRandom } from "../../src/numeric/random.ts";
import { mergeTails, type TailCounts, tailCounter, tailSize, tailThreshold } from "../../src/responses/tail-counts.ts";

/** The smallest value that at most the fraction of the values exceeds. */
function exactThreshold(values: Float32Array, fraction: number): number {
  const sorted = values.slice().sort();
  return sorted[sorted.length - 1 - Math.floor(fraction * values.length)];
}

/** Feeds maps of `positions` values to counters: block `b` goes to counter `b mod counters`. */
function count(
  values: Float32Array,
  { positions, block, counters, fraction }: { positions: number; block: number; counters: number; fraction: number },
): TailCounts {
  const keep = tailSize(values.length, fraction);
  const workers = Array.from({ length: counters }, () => tailCounter(1, keep));
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const parts: TailCounts[] = [];
  for (let first = 0, at = 0; first < values.length; first += block, at++) {
    const worker = workers[at % counters];
    for (let start = first; start < Math.min(values.length, first + block); start += positions) {
      const end = Math.min(values.length, first + block, start + positions);
      const map = values.subarray(start, end);
      worker?.add(0, {
        data: values,
        bits,
        start,
        end,
        maximum: Math.max(...map),
        zeros: map.filter((value) => value === 0).length,
      });
    }
    parts.push(worker?.take());
  }
  return parts.reduce((a, b) => mergeTails(a, b, keep));
}

/** What is smaller counts as 0. */
const SMALLEST = 1.1754944e-38;

describe("tailThreshold", () => {
  const value = fc.oneof(
    fc.float({ noNaN: true, min: -10, max: 10 }),
    fc.constantFrom(0, -0, 1.5, 1e-42, -1e-42),
    fc.float({ noNaN: true, min: Math.fround(1e-20), max: Math.fround(1e-10) }),
  );

  test("is the exact quantile rounded up by less than 1/1024, however the stream was split", () => {
    fc.assert(
      fc.property(
        fc.array(value, { minLength: 1, maxLength: 300 }),
        fc.constantFrom(0.005, 0.05, 0.4),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 3 }),
        (list, fraction, positions, counters) => {
          const values = Float32Array.from(list);
          const maximum = Math.max(...values);
          const options = { positions, counters, fraction };
          const tails = count(values, { ...options, block: 70 });
          const threshold = tailThreshold(tails, 0, values.length, fraction, maximum);
          const exact = exactThreshold(values, fraction);
          const normal = Math.abs(exact) < SMALLEST ? 0 : exact;
          expect(threshold).toBeGreaterThanOrEqual(normal - 1.2e-38); // what is smaller counts as 0
          expect(threshold - normal).toBeLessThanOrEqual(Math.abs(normal) / 1024);
          expect(values.filter((each) => each > threshold && Math.abs(each) >= SMALLEST).length).toBeLessThanOrEqual(
            fraction * values.length,
          );
          const other = count(values, { positions, counters: 1, fraction, block: 23 });
          expect(tailThreshold(other, 0, values.length, fraction, maximum)).toBe(threshold);
        },
      ),
      { numRuns: 300 },
    );
  });

  test("of a unit that is nearly always 0 is 0", () => {
    const values = new Float32Array(1000);
    values.fill(3, 0, 5);
    const tails = count(values, { positions: 10, block: 100, counters: 2, fraction: 0.005 });
    expect(tailThreshold(tails, 0, 1000, 0.005, 3)).toBe(0);
  });

  test("stays the same over long streams that several counters share", () => {
    const random = seededRandom(4);
    const values = Float32Array.from({ length: 200_000 }, () => Math.max(0, random.normal()) ** 2);
    const exact = exactThreshold(values, 0.005);
    const thresholds = [1, 2, 3].map((counters) => {
      const tails = count(values, { positions: 64, block: 6_400, counters, fraction: 0.005 });
      return tailThreshold(tails, 0, values.length, 0.005, 100);
    });
    expect(new Set(thresholds).size).toBe(1);
    expect(thresholds[0]).toBeGreaterThanOrEqual(exact);
    expect(thresholds[0]).toBeLessThan(exact * (1 + 1 / 1024));
  });
});
