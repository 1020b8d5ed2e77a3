import fc from "fast-check";
import { expect, test } from "vitest";
import { pairedDifferenceInterval } from "../../src/stats/paired-difference.ts";

test("12 of 100 images lost and none gained, by hand", () => {
  // p10 = 13/102, p01 = 1/102: 0.11765 ± 1.95996 · √((0.13725 − 0.01384) / 102)
  const { low, high } = pairedDifferenceInterval(12, 0, 100);
  expect(low).toBeCloseTo(0.04947, 5);
  expect(high).toBeCloseTo(0.18582, 5);
});

test("swapping lost and gained turns the interval around zero; it stays within -1 and 1", () => {
  const counts = fc.tuple(fc.nat(50), fc.nat(50), fc.nat(50));
  fc.assert(
    fc.property(counts, ([lost, gained, others]) => {
      const images = lost + gained + others;
      if (images === 0) return;
      const [one, other] = [
        pairedDifferenceInterval(lost, gained, images),
        pairedDifferenceInterval(gained, lost, images),
      ];
      expect(one.low).toBeCloseTo(-other.high, 12);
      expect(one.low).toBeGreaterThanOrEqual(-1);
      expect(one.high).toBeLessThanOrEqual(1);
      expect(one.low).toBeLessThan(one.high);
    }),
  );
});

test("it holds the true difference about as often as it says", () => {
  // Exactly, over all outcomes of 12 images with P(lost) = 0.2 and P(gained) = 0.05.
  const [images, lostRate, gainedRate] = [12, 0.2, 0.05];
  const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1));
  let covered = 0;
  for (let lost = 0; lost <= images; lost++) {
    for (let gained = 0; gained + lost <= images; gained++) {
      const rest = images - lost - gained;
      const ways = factorial(images) / (factorial(lost) * factorial(gained) * factorial(rest));
      const p = ways * lostRate ** lost * gainedRate ** gained * (1 - lostRate - gainedRate) ** rest;
      const { low, high } = pairedDifferenceInterval(lost, gained, images);
      if (low <= lostRate - gainedRate && lostRate - gainedRate <= high) covered += p;
    }
  }
  expect(covered).toBeGreaterThan(0.93);
});

test("no images, no interval", () => {
  expect(pairedDifferenceInterval(0, 0, 0)).toEqual({ low: Number.NaN, high: Number.NaN });
});
