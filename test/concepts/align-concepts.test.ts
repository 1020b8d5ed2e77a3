import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { alignConcepts, type ConceptAlignment } from "../../src/concepts/align-concepts.ts";
import {
  categoryRows,
  conceptColumns,
  detectorsByCategory,
  randomNull,
  shuffledNull,
  vectorRows,
} from "../../src/concepts/alignment-tables.ts";
import { bestConcepts } from "../../src/concepts/best-concepts.ts";
import type { ConceptLayer } from "../../src/concepts/concept-layer.ts";
import { type ConceptSet, makeLabelMaps } from "../../src/concepts/concept-set.ts";
import { measured, overlapCounter } from "../../src/concepts/overlap-counter.ts";
import { emptyCounts, intersectionOverUnion } from "../../src/concepts/overlap-counts.ts";
import { seededRandom } from "../../src/numeric/random.ts";
import { givenResponses } from "./given-responses.ts";

interface Golden {
  fraction: number;
  units: number;
  height: number;
  width: number;
  categoryOf: number[];
  responses: number[][];
  images: { height: number; width: number; maps: number[][]; whole: number[] }[];
  thresholds: number[];
  intersections: number[][];
  unitPixels: number[][];
  conceptPixels: number[];
  categoryPixels: number[];
  iou: number[][];
  best: number[];
  auroc: (number | null)[];
}
const golden = JSON.parse(readFileSync(new URL("../golden/concept-alignment.json", import.meta.url), "utf8")) as Golden;

/** The golden set, or some of its images. */
function setOf(images: Golden["images"] = golden.images): ConceptSet {
  return {
    name: "golden",
    format: "test",
    concepts: golden.categoryOf.map((category, i) => ({ name: `k${i}`, category: `c${category}`, number: i + 1 })),
    imageCount: images.length,
    hash: "",
    imageName: String,
    read: () => Promise.reject(new Error("no pixels")),
    labels: async (image) => {
      const { height, width, maps, whole } = images[image];
      return makeLabelMaps(
        "golden",
        height,
        width,
        maps.map((map) => Uint16Array.from(map)),
        whole,
      );
    },
  };
}

function layerOf(
  responses: number[][] = golden.responses,
  how: { workers?: number; blockSize?: number } = {},
): ConceptLayer {
  return givenResponses((image) => responses[image], [golden.units, golden.height, golden.width], how);
}

/** Intersections without the place for unlabelled pixels. */
function intersectionsOf({ counts, unitCount, concepts }: ConceptAlignment): number[][] {
  return Array.from({ length: unitCount }, (_, unit) => [
    ...counts.intersections.subarray(unit * (concepts.length + 1) + 1, (unit + 1) * (concepts.length + 1)),
  ]);
}

describe("alignConcepts", () => {
  let alignment: ConceptAlignment;
  beforeAll(async () => {
    alignment = await alignConcepts(setOf(), layerOf(), { fraction: golden.fraction, shuffles: 5, randomUnits: 10 });
  });

  it("has numpy's thresholds and counts, every one", () => {
    expect([...alignment.thresholds]).toEqual(golden.thresholds.map(Math.fround));
    expect(intersectionsOf(alignment)).toEqual(golden.intersections);
    expect([...alignment.counts.unitPixels]).toEqual(golden.unitPixels.flat());
    expect([...alignment.counts.conceptPixels]).toEqual(golden.conceptPixels);
    expect([...alignment.counts.categoryPixels]).toEqual(golden.categoryPixels);
  });

  it("has numpy's IoUs and best concepts", () => {
    expect([...alignment.iou]).toEqual(golden.iou.flat());
    expect([...alignment.best.concept]).toEqual(golden.best);
  });

  it("has numpy's AUROC within the stated error", () => {
    golden.auroc.forEach((expected, unit) => {
      const { value, error } = alignment.auroc?.[unit] ?? { value: Number.NaN, error: Number.NaN };
      if (expected === null) return expect(value).toBeNaN();
      expect(error).toBeLessThan(0.005); // unit 3 has few values, so many pairs share a bin
      expect(Math.abs(value - expected)).toBeLessThanOrEqual(error + 1e-9); // the file's own rounding of ties
    });
  });

  it("computes an image's responses once for all passes over the set", async () => {
    const given = layerOf(golden.responses, { workers: 2, blockSize: 7 });
    const written = new Int32Array(golden.images.length);
    const once: ConceptLayer = {
      ...given,
      writeImage: async (image, into) => {
        if (written[image]++ > 0) throw new Error(`image ${image} was read again`);
        await given.writeImage(image, into);
      },
    };
    const found = await alignConcepts(setOf(), once, { fraction: golden.fraction, shuffles: 5, randomUnits: 10 });
    expect(found).toEqual(alignment);
    expect([...written]).toEqual(golden.images.map(() => 1));
  });

  it("does not depend on blocks, workers, nulls or the order of reading", async () => {
    const how = { workers: 2, blockSize: 7 };
    const fraction = golden.fraction;
    const plain = await alignConcepts(setOf(), layerOf(golden.responses, how), {
      fraction,
      shuffles: 0,
      randomUnits: 0,
    });
    expect(plain.counts).toEqual(alignment.counts);
    expect(plain.auroc).toEqual(alignment.auroc);
    const whole = await alignConcepts(setOf(), layerOf(golden.responses, how), {
      fraction,
      shuffles: 5,
      randomUnits: 10,
    });
    expect(whole).toEqual(alignment);
  });

  it("shuffles by giving every image another's labels, each label map once a shuffle", async () => {
    const order = golden.images.map((_, image) => image);
    const shuffled = seededRandom(3, 0x5f1e).shuffle(Int32Array.from(order));
    const categoryOf = Int32Array.from(golden.categoryOf);
    const { concepts, labels } = setOf();
    const sizes = { conceptCount: concepts.length, categoryCount: 3, shuffles: 0, field: undefined };
    const shape = { unitCount: golden.units, height: golden.height, width: golden.width };
    for (const blockSize of [40, 6]) {
      const layer = layerOf(golden.responses, { blockSize });
      const found = await alignConcepts(setOf(), layer, { fraction: golden.fraction, shuffles: 39, seed: 3 });
      for (const [shift, best] of found.shuffled.entries()) {
        const counter = overlapCounter(shape, found.thresholds, sizes);
        for (const [at, image] of shuffled.entries()) {
          const other = await labels(shuffled[(at - shift - 1 + 40) % 40]);
          counter.add(Float32Array.from(golden.responses[image]), [measured(other, categoryOf)]);
        }
        const iou = intersectionOverUnion(counter.counts[0], categoryOf);
        expect(best).toEqual(bestConcepts(iou, categoryOf));
        expect(counter.counts[0].conceptPixels).toEqual(alignment.counts.conceptPixels);
      }
    }
  });

  it("goes on with shuffles for those units alone that fewer than ten have reached, with the same IoUs", async () => {
    // Sixty images, so that rounds after the first are needed; whole label maps repeat.
    const images = Array.from({ length: 80 }, (_, image) => golden.images[(image * 7) % golden.images.length]);
    const responses = Array.from({ length: 80 }, (_, image) => golden.responses[(image * 7) % golden.images.length]);
    const settings = { fraction: golden.fraction, randomUnits: 0, auroc: false, seed: 5 };
    const some = await alignConcepts(setOf(images), layerOf(responses, { blockSize: 9 }), {
      ...settings,
      shuffles: 79,
    });
    expect(some.shuffled.length).toBe(49);
    expect(Math.max(...some.shuffleCounts)).toBe(79);
    const order = seededRandom(5, 0x5f1e).shuffle(Int32Array.from(images, (_, image) => image));
    const categoryOf = Int32Array.from(golden.categoryOf);
    const shape = { unitCount: golden.units, height: golden.height, width: golden.width };
    const sizes = { conceptCount: categoryOf.length, categoryCount: 3, shuffles: 0, field: undefined };
    const reached = new Int32Array(golden.units);
    const expected = new Float64Array(golden.units).fill(Number.NaN);
    for (let shift = 1; shift < 80; shift++) {
      const counter = overlapCounter(shape, some.thresholds, sizes);
      for (const [at, image] of order.entries()) {
        const other = await setOf(images).labels(order[(at - shift + 80) % 80]);
        counter.add(Float32Array.from(responses[image] ?? []), [measured(other, categoryOf)]);
      }
      const { iou } = bestConcepts(intersectionOverUnion(counter.counts[0], categoryOf), categoryOf);
      for (let unit = 0; unit < golden.units; unit++) {
        if (!(iou[unit] >= some.best.iou[unit]) || reached[unit] === 10) continue;
        if (++reached[unit] === 10) expected[unit] = 10 / shift;
      }
    }
    for (let unit = 0; unit < golden.units; unit++) {
      if (reached[unit] < 10) expected[unit] = (1 + reached[unit]) / 80;
    }
    expect(some.shuffledPValues).toEqual(expected);
    expect(new Set(some.shuffleCounts).size).toBeGreaterThan(1);
  });

  it("compares every unit with shuffled masks and random units", () => {
    expect(alignment.shuffled.length).toBe(5);
    expect(alignment.random?.unitCount).toBe(10);
    const unit = 1;
    const reached = alignment.shuffled.filter(({ iou }) => iou[unit] >= alignment.best.iou[unit]);
    expect(shuffledNull(alignment, unit).pValue).toBe((1 + reached.length) / 6);
    expect(randomNull(alignment, unit).iou).toBe(Math.max(...(alignment.random?.iou ?? [])));
    expect(conceptColumns(alignment).concept_p_value[unit]).toBe(
      Math.max(shuffledNull(alignment, unit).pValue ?? 0, randomNull(alignment, unit).pValue ?? 0),
    );
  });

  it("takes rotations as an argument: the identity gives the units themselves", async () => {
    const identity = Float64Array.from({ length: golden.units ** 2 }, (_, i) => (i % (golden.units + 1) === 0 ? 1 : 0));
    const turned = await alignConcepts(setOf(), layerOf(), { fraction: golden.fraction, directions: identity });
    expect(turned.random).toEqual(turned.best);
  });

  it("refuses responses that are not numbers, and empty sets", async () => {
    const broken = golden.responses.with(3, golden.responses[3].with(25, Number.NaN));
    await expect(alignConcepts(setOf(), layerOf(broken))).rejects.toThrow("unit 1: expected finite responses, got NaN");
    await expect(alignConcepts(setOf([]), layerOf())).rejects.toThrow("expected at least one image and one concept");
  });

  it("stops when it is told to", async () => {
    const signal = AbortSignal.abort();
    await expect(alignConcepts(setOf(), layerOf(), { signal })).rejects.toMatchObject({ code: "interrupted" });
  });

  it("becomes columns and rows", () => {
    const columns = conceptColumns(alignment);
    expect(columns.concept[2]).toBeNull();
    expect(columns.concept_iou[2]).toBe(0);
    expect(columns.concept_p_value[2]).toBeNull();
    expect(columns.concept.map((name) => (name === null ? -1 : Number(name.slice(1))))).toEqual(golden.best);
    expect(columns.detector).toEqual(columns.concept_iou.map((iou) => (iou > 0.04 ? 1 : 0)));
    // Five shuffles cannot show that anything is beyond chance.
    expect(columns.real_detector).toEqual(columns.detector.map(() => 0));
    expect(columns.concept_q_value[2]).toBeNull();
    const unit = 4;
    const [concept, category] = [golden.best[unit], golden.categoryOf[golden.best[unit]]];
    const both = golden.intersections[unit]?.[concept];
    expect(columns.concept_hit_rate[unit]).toBe(both / golden.conceptPixels[concept]);
    expect(columns.concept_false_alarm_rate[unit]).toBe(
      (golden.unitPixels[unit]?.[category] - both) / (golden.categoryPixels[category] - golden.conceptPixels[concept]),
    );
    const rows = [...categoryRows(alignment)];
    for (const row of rows) expect(row.iou).toBe(row.intersection / row.union);
    expect(rows.filter((row) => row.unit === 2)).toEqual([]);
    const vectors = [...vectorRows(alignment)];
    expect(vectors.map(({ value }) => value)).toEqual(golden.iou.flat());
    expect(vectors[8]).toMatchObject({ unit: 1, index: 2, name: "k1" });
    const detectors = detectorsByCategory(alignment);
    expect(detectors.map(({ category: name }) => name)).toEqual(["c0", "c1", "c2"]);
    expect(detectors.reduce((sum, { units }) => sum + units, 0)).toBe(columns.detector.filter(Boolean).length);
  });
});

describe("intersectionOverUnion", () => {
  it("leaves images without the category out of the union", () => {
    // One unit covers 10 pixels in an image with category 0 and 90 in one without; the concept has 30 pixels, 8 shared.
    const counts = emptyCounts(1, 1, 1);
    counts.intersections[1] = 8;
    counts.unitPixels[0] = 10;
    counts.conceptPixels[0] = 30;
    expect([...intersectionOverUnion(counts, Int32Array.of(0))]).toEqual([8 / 32]);
  });

  it("is 0, not NaN, where nothing is", () => {
    expect([...intersectionOverUnion(emptyCounts(2, 1, 1), Int32Array.of(0))]).toEqual([0, 0]);
  });
});
