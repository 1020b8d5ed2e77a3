import { describe, expect, test } from "vitest";
import { activationStatistics } from "../../src/attributes/activation-statistics.ts";
import { seededRandom } from "../../src/numeric/random.ts";
import { totalMoments } from "../../src/responses/block-moments.ts";
import { mergeObserved, type Observed, withoutPooled } from "../../src/responses/observed.ts";
import { createObserver, type ObserverOptions } from "../../src/responses/observer.ts";

const imageCount = 50;
const classCount = 3;
const layers = [
  { name: "conv", units: 4, height: 3, width: 5 },
  { name: "fc", units: 3, height: 1, width: 1 },
];
const options: ObserverOptions = { layers, classCount, imageCount, topImages: 6 };

function responsesOf(layer: (typeof layers)[number]): Float32Array {
  const random = seededRandom(layer.units);
  const positions = layer.height * layer.width;
  return Float32Array.from({ length: imageCount * layer.units * positions }, (_, index) => {
    const unit = Math.floor(index / positions) % layer.units;
    const image = Math.floor(index / positions / layer.units);
    if (unit === 0) return 0;
    if (unit === 1) return image % 10 === 0 ? Math.round(4 * random.uniform()) : 0; // ties among its strongest
    return random.normal() * (unit === 2 ? 1 : 1e-3) + (unit === 2 ? 0 : 7);
  });
}

const responses = layers.map(responsesOf);
const probabilities = Float32Array.from({ length: imageCount * classCount }, (_, index) => (index % 7) / 10);

/** Observes in batches, takes after every `block` images, and puts the parts together in the order of the images. */
function observe({ batch, block, observers = 1 }: { batch: number; block: number; observers?: number }): Observed {
  const pool = Array.from({ length: observers }, () => createObserver(options));
  const parts: Observed[] = [];
  for (let start = 0, at = 0; start < imageCount; start += block, at++) {
    const observer = pool[at % observers];
    const end = Math.min(imageCount, start + block);
    for (let first = start; first < end; first += batch) {
      const count = Math.min(batch, end - first);
      observer?.observe({
        images: Int32Array.from({ length: count }, (_, row) => first + row),
        probabilities: probabilities.subarray(first * classCount, (first + count) * classCount),
        responses: responses.map((data) => {
          const size = data.length / imageCount;
          return data.slice(first * size, (first + count) * size);
        }),
      });
    }
    parts.push(structuredClone(observer?.take()));
  }
  return merge(parts);
}

function merge(parts: readonly Observed[]): Observed {
  return {
    shared: mergeObserved.shared(parts.map(({ shared }) => shared)),
    layers: layers.map((_, at) =>
      mergeObserved.layer(
        parts.map((part) => part.layers[at]),
        at,
      ),
    ),
  };
}

const whole = observe({ batch: imageCount, block: imageCount });

describe("observer", () => {
  test("agrees with a naive computation", () => {
    layers.forEach(({ units, height, width }, at) => {
      const positions = height * width;
      const layer = whole.layers[at];
      for (let unit = 0; unit < units; unit++) {
        const maps = Array.from({ length: imageCount }, (_, image) => {
          const start = (image * units + unit) * positions;
          return [...responses[at].subarray(start, start + positions)];
        });
        const all = maps.flat();
        const mean = all.reduce((sum, value) => sum + value, 0) / all.length;
        const deviation = Math.sqrt(all.reduce((sum, value) => sum + (value - mean) ** 2, 0) / all.length);
        const statistics = activationStatistics(layer, 0.005);
        expect(statistics.mean[unit]).toBeCloseTo(mean, 12);
        expect(statistics.std[unit]).toBeCloseTo(deviation, 12);
        expect(statistics.min[unit]).toBe(Math.min(...all));
        expect(statistics.max[unit]).toBe(Math.max(...all));
        expect(statistics.sparsity[unit]).toBe(all.filter((value) => value === 0).length / all.length);
        expect(statistics.negative_fraction[unit]).toBe(all.filter((value) => value < 0).length / all.length);
        const silent = maps.filter((map) => map.every((value) => value === 0)).length;
        expect(statistics.silent_fraction[unit]).toBe(silent / imageCount);
        const strongest = maps
          .map((map, image) => ({ image, value: Math.max(...map), isSilent: map.every((value) => value === 0) }))
          .filter(({ isSilent }) => !isSilent)
          .sort((a, b) => b.value - a.value || a.image - b.image)
          .slice(0, 6);
        expect(layer.top.counts[unit]).toBe(strongest.length);
        expect([...layer.top.indices.subarray(unit * 6, unit * 6 + strongest.length)]).toEqual(
          strongest.map(({ image }) => image),
        );
        maps.forEach((map, image) => {
          const sum = map.reduce((total, value) => total + value, 0);
          expect(layer.pooledMean[image * units + unit]).toBeCloseTo(sum / positions, 12);
          expect(layer.pooledMax[image * units + unit]).toBe(Math.max(...map));
        });
      }
    });
    expect(whole.shared.probabilities).toEqual(probabilities);
  });

  test.each([
    { batch: 7, block: 20 },
    { batch: 20, block: 20, observers: 2 },
    { batch: 1, block: 3, observers: 3 },
  ])("gives the same in parts: %o", (how) => {
    const parts = observe(how);
    expect(parts.shared.images.length).toBe(imageCount);
    parts.layers.forEach((layer, at) => {
      const other = whole.layers[at];
      for (const key of [
        "minimum",
        "maximum",
        "zeros",
        "negatives",
        "silent",
        "top",
        "pooledMean",
        "pooledMax",
      ] as const) {
        expect(layer[key]).toEqual(other[key]);
      }
      const [a, b] = [activationStatistics(layer, 0.005), activationStatistics(other, 0.005)];
      expect(a.top_threshold).toEqual(b.top_threshold);
      a.mean.forEach((value, unit) => expect(value).toBeCloseTo(b.mean[unit], 13));
      a.std.forEach((value, unit) => expect(value).toBeCloseTo(b.std[unit], 13));
    });
  });

  test("does not depend on which observer saw a block", () => {
    const one = observe({ batch: 5, block: 10, observers: 1 });
    const three = observe({ batch: 5, block: 10, observers: 3 });
    three.layers.forEach((layer, at) => {
      expect({ ...layer, tail: null }).toEqual({ ...one.layers[at], tail: null });
    });
  });

  test("merges to the same whatever the order and grouping of the parts", () => {
    const parts = [0, 12, 30].map((start, at) => {
      const observer = createObserver(options);
      const end = [12, 30, imageCount][at] ?? 0;
      observer.observe({
        images: Int32Array.from({ length: end - start }, (_, row) => start + row),
        probabilities: probabilities.slice(start * classCount, end * classCount),
        responses: responses.map((data) =>
          data.slice((start * data.length) / imageCount, (end * data.length) / imageCount),
        ),
      });
      return observer.take();
    });
    const straight = merge(parts);
    const [a, b, c] = parts as [Observed, Observed, Observed];
    for (const other of [merge([c, a, b]), merge([merge([c, b]), a]), merge([b, merge([a, c])])]) {
      expect(other).toEqual(straight);
    }
    expect(totalMoments(straight.layers[0].moments).count).toBe(imageCount * 15);
  });

  test("a silent unit has no strongest images, zero deviation and threshold 0", () => {
    const layer = whole.layers[0];
    const statistics = activationStatistics(layer, 0.005);
    expect(layer.top.counts[0]).toBe(0);
    expect([statistics.std[0], statistics.sparsity[0], statistics.silent_fraction[0]]).toEqual([0, 1, 1]);
    expect(statistics.top_threshold[0]).toBe(0);
  });

  test("without pooled responses, its size does not grow with the images", () => {
    const bare = withoutPooled(whole.layers[0]);
    expect(bare.pooledMean.length + bare.pooledMax.length).toBe(0);
    expect(bare.moments).toEqual(whole.layers[0]?.moments);
  });

  test("names the place of a response that is not finite", () => {
    const observer = createObserver(options);
    const bad = responses.map((data) => data.slice(0, (2 * data.length) / imageCount));
    (bad[0] as Float32Array)[4 * 15 + 2 * 15 + 3] = Number.NaN;
    expect(() =>
      observer.observe({ images: Int32Array.of(4, 9), probabilities: probabilities.slice(0, 6), responses: bad }),
    ).toThrow('layer "conv", unit 2: expected finite responses, got NaN at image 9');
  });

  test("refuses batches of the wrong size, and to take nothing", () => {
    const observer = createObserver(options);
    const batch = {
      images: Int32Array.of(0),
      probabilities: probabilities.slice(0, 3),
      responses: responses.map((data) => data.slice(0, data.length / imageCount)),
    };
    expect(() => observer.take()).toThrow("expected images before take");
    observer.observe(batch);
    expect(() => observer.observe({ ...batch, responses: [] })).toThrow('responses of layer "conv"');
  });
});
