import { describe, expect, it } from "vitest";
import { seededRandom } from "../../src/numeric/random.ts";
import { maxDropNull } from "../../src/stats/max-drop-null.ts";
import { type LayerCounts, specificityNull } from "../../src/stats/specificity-null.ts";

/**
 * A layer whose units hurt all classes as these are fragile, in numbers of their own; the first `specific` units lose
 * `extra` more images of one class each. Classes differ in accuracy and size.
 */
function fragileLayer(seed: number, { specific = 0, extra = 0 } = {}): LayerCounts {
  const random = seededRandom(seed, 8);
  const [unitCount, classCount] = [40, 10];
  const images = Int32Array.from({ length: classCount }, (_, cls) => 300 + 20 * cls);
  const correct = images.map((count, cls) => Math.round(count * (0.6 + 0.035 * cls)));
  const fragility = Float64Array.from({ length: classCount }, (_, cls) => 1 + ((cls * 7) % 10));
  const cumulative = fragility.map((_, cls) => fragility.slice(0, cls + 1).reduce((sum, each) => sum + each, 0) / 55);
  const lost = new Int32Array(unitCount * classCount);
  const gained = new Int32Array(unitCount * classCount);
  for (let unit = 0; unit < unitCount; unit++) {
    const strength = 20 + random.integer(120);
    for (let image = 0; image < strength; image++) {
      const at = random.uniform();
      const cls = cumulative.findIndex((bound) => at < bound);
      const counts = image % 3 === 0 ? gained : lost;
      counts[unit * classCount + cls] = (counts[unit * classCount + cls] ?? 0) + 1;
    }
    if (unit < specific)
      lost[unit * classCount + (unit % classCount)] = (lost[unit * classCount + (unit % classCount)] ?? 0) + extra;
  }
  return { unitCount, classCount, images, correct, lost, gained };
}

const mean = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((sum, each) => sum + each, 0) / values.length;

describe("specificityNull", () => {
  it("is not rejected by units that hurt all classes as these are fragile, which chance alone is", () => {
    const layers = Array.from({ length: 20 }, (_, seed) => fragileLayer(seed));
    const pValues = layers.flatMap((layer) => [...specificityNull(layer).pValues]);
    const error = Math.sqrt(0.05 / pValues.length);
    expect(pValues.filter((p) => p <= 0.05).length / pValues.length).toBeLessThan(0.05 + 3 * error);
    expect(pValues.filter((p) => p <= 0.05).length / pValues.length).toBeGreaterThan(0.015);
    const byChance = layers.slice(0, 5).flatMap(({ lost, gained, images, unitCount }) =>
      Array.from({ length: unitCount }, (_, unit) => {
        const row = (values: Int32Array): Int32Array => values.subarray(unit * 10, unit * 10 + 10);
        return maxDropNull(row(lost), row(gained), images).pValue;
      }),
    );
    expect(byChance.filter((p) => p <= 0.05).length / byChance.length).toBeGreaterThan(0.2);
  });

  it("expects the max class drop that such units have", () => {
    const layers = Array.from({ length: 10 }, (_, seed) => fragileLayer(100 + seed));
    const observed = layers.flatMap(({ lost, gained, images, unitCount }) =>
      Array.from({ length: unitCount }, (_, unit) =>
        Math.max(
          ...Array.from(
            images,
            (count, cls) => ((lost[unit * 10 + cls] ?? 0) - (gained[unit * 10 + cls] ?? 0)) / count,
          ),
        ),
      ),
    );
    const found = layers.map(specificityNull);
    expect(Math.abs(mean(observed) / mean(found.flatMap(({ means }) => [...means])) - 1)).toBeLessThan(0.04);
    const above = found
      .flatMap(({ quantiles95 }) => [...quantiles95])
      .filter((bar, unit) => (observed[unit] ?? 0) > bar);
    expect(above.length / observed.length).toBeLessThan(0.06);
  });

  it("is rejected by units that single out a class", () => {
    const pValues = Array.from(
      { length: 10 },
      (_, seed) => specificityNull(fragileLayer(seed, { specific: 8, extra: 25 })).pValues,
    );
    const ofSpecific = pValues.flatMap((all) => [...all.subarray(0, 8)]);
    expect(ofSpecific.filter((p) => p <= 0.01).length / ofSpecific.length).toBeGreaterThan(0.85);
  });

  it("says 1 of a unit that changes nothing and NaN without images", () => {
    const layer = {
      unitCount: 1,
      classCount: 2,
      images: Int32Array.of(9, 0),
      correct: Int32Array.of(5, 0),
      lost: new Int32Array(2),
      gained: new Int32Array(2),
    };
    expect([...specificityNull(layer).pValues]).toEqual([1]);
    expect([...specificityNull(layer).means]).toEqual([0]);
    expect([...specificityNull({ ...layer, images: new Int32Array(2), correct: new Int32Array(2) }).pValues]).toEqual([
      Number.NaN,
    ]);
  });
});
