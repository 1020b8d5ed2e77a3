import { expect, test } from "vitest";
import { seededRandom } from "../../src/numeric/random.ts";
import { differenceInterval } from "../../src/stats/difference-interval.ts";
import { wilsonInterval } from "../../src/stats/wilson.ts";

test("is Newcombe's interval for two proportions (his table II, method 10)", () => {
  const share = (right: number, of: number) => ({ value: right / of, ...wilsonInterval(right, of) });
  for (const [a, b, low, high] of [
    [share(56, 70), share(48, 80), 0.0524, 0.3339],
    [share(9, 10), share(3, 10), 0.1705, 0.809],
    [share(10, 10), share(0, 20), 0.6791, 1],
  ] as const) {
    const found = differenceInterval(a, b);
    expect([found.low, found.high]).toEqual([expect.closeTo(low, 3), expect.closeTo(high, 3)]);
  }
});

test("covers a true difference as often as it says, for estimates of unequal and lopsided error", () => {
  const random = seededRandom(3);
  // The mean of an exponential variable over n draws, with the exact interval's approximation on the log scale.
  const draw = (mean: number, n: number) => {
    let sum = 0;
    for (let at = 0; at < n; at++) sum -= mean * Math.log(1 - random.uniform());
    const value = sum / n;
    const reach = 1.96 / Math.sqrt(n);
    return { value, low: value * Math.exp(-reach), high: value * Math.exp(reach) };
  };
  let covered = 0;
  for (let time = 0; time < 2_000; time++) {
    const { low, high } = differenceInterval(draw(2, 40), draw(1, 60));
    if (low <= 1 && high >= 1) covered++;
  }
  expect(covered / 2_000).toBeGreaterThan(0.93);
  expect(covered / 2_000).toBeLessThan(0.97);
});

test("knows nothing where one side knows nothing", () => {
  const known = { value: 1, low: 0, high: 2 };
  const found = differenceInterval(known, { value: 0, low: Number.NaN, high: Number.NaN });
  expect([found.value, found.low, found.high]).toEqual([1, Number.NaN, Number.NaN]);
});
