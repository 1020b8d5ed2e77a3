/** Intersections are counted by runs; a naive count of pixels gives the same. */
import { expect, it } from "vitest";
import { measureRuns } from "../../src/concepts/concept-set.ts";
import { measured, overlapCounter } from "../../src/concepts/overlap-counter.ts";
import { sparseCounts } from "../../src/concepts/overlap-counts.ts";
import { seededRandom } from "../../src/numeric/random.ts";

const [height, width] = [30, 40];

/** A map whose labels come in runs of very different lengths. */
function mapOf(seed: number): Uint16Array {
  const random = seededRandom(seed);
  const map = new Uint16Array(height * width);
  for (let pixel = 0; pixel < map.length; ) {
    const end = pixel + 1 + random.integer(random.uniform() < 0.5 ? 5 : 600);
    map.fill(random.integer(4), pixel, end);
    pixel = end;
  }
  return map;
}

it("counts the pixels of every region under every label", () => {
  const random = seededRandom(9);
  const categoryOf = Int32Array.of(0, 0, 1);
  const shape = { unitCount: 6, height, width }; // as large as the maps, so that a response is a pixel's
  const thresholds = Float64Array.of(-1, 0.2, 0.5, 0.8, 0.99, 2);
  const sizes = { conceptCount: 3, categoryCount: 2, shuffles: 0, field: undefined };
  const counter = overlapCounter(shape, thresholds, sizes);
  const expected = new Float64Array(6 * 4);
  for (let image = 0; image < 5; image++) {
    const maps = [mapOf(2 * image), mapOf(2 * image + 1)];
    const responses = Float32Array.from({ length: 6 * height * width }, () => random.uniform());
    counter.add(responses, [measured({ height, width, maps, whole: [] }, categoryOf)]);
    for (let place = 0; place < responses.length; place++) {
      const unit = Math.floor(place / (height * width));
      if (!(responses[place] > thresholds[unit])) continue;
      for (const map of maps) expected[4 * unit + map[place % (height * width)]]++;
    }
  }
  expect(counter.counts[0].intersections).toEqual(expected);
  const { places, values } = sparseCounts(counter.counts[0]);
  expect([...places]).toEqual([...expected.keys()].filter((place) => expected[place] !== 0));
  expect([...values]).toEqual([...expected].filter((value) => value !== 0));
});

it("measures how far a label goes on, up to 255 pixels", () => {
  const map = new Uint16Array(600).fill(3, 300);
  const runs = measureRuns(map);
  expect([runs[0], runs[44], runs[45], runs[299], runs[300], runs[599]]).toEqual([255, 255, 255, 1, 255, 1]);
  expect(runs[298]).toBe(2);
});
