import { expect, test } from "vitest";
import { seededRandom } from "../../src/numeric/random.ts";
import { sequentialTests } from "../../src/stats/sequential-test.ts";

/** Tests of `count` values that lie `shift` above the null's, up to `most` draws. */
function run(count: number, most: number, { shift = 0, seed = 1 }: { shift?: number; seed?: number } = {}) {
  const random = seededRandom(seed);
  const observed = Float64Array.from({ length: count }, () => random.normal() + shift);
  const tests = sequentialTests(count);
  for (let at = 0; at < most && tests.open().length > 0; at++) tests.draw((test) => random.normal() >= observed[test]);
  return tests;
}

test("hold their level under the null, wherever they stop", () => {
  const pValues = run(20_000, 499).pValues();
  for (const level of [0.002, 0.01, 0.05, 0.1, 0.3, 0.7]) {
    const share = pValues.filter((p) => p <= level).length / pValues.length;
    expect(share).toBeLessThan(level + 3 * Math.sqrt((level * (1 - level)) / pValues.length));
    // The test is exact: not far below its level either.
    expect(share).toBeGreaterThan(0.8 * level - 0.002);
  }
});

test("stop early where nothing is, and go on where something is", () => {
  const mean = (values: Int32Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [none, effect] = [run(2_000, 499), run(2_000, 499, { shift: 4 })];
  expect(mean(none.draws)).toBeLessThan(60);
  expect(mean(effect.draws)).toBeGreaterThan(400);
  expect(effect.pValues().filter((p) => p <= 0.01).length / 2_000).toBeGreaterThan(0.9);
});

test("h / l where the l-th draw was the h-th to reach, else the usual p-value", () => {
  const tests = sequentialTests(3, { stopAfter: 2 });
  expect([...tests.pValues()]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
  for (const reached of [[0, 1], [1], [], [0]]) tests.draw((test) => reached.includes(test));
  expect([...tests.pValues()]).toEqual([2 / 4, 2 / 2, 1 / 5]);
  expect([...tests.draws]).toEqual([4, 2, 4]);
  expect([...tests.open()]).toEqual([2]);
});
