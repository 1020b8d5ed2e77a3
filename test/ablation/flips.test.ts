import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BaselineTable, type Counts, countFlips, type LayerFlips, mergeFlips } from "../../src/ablation/flips.ts";

/** A baseline and the flips of a layer, as every sweep could give them. */
const sweeps = fc
  .record({
    classCount: fc.integer({ min: 2, max: 5 }),
    unitCount: fc.integer({ min: 1, max: 4 }),
    imageCount: fc.integer({ min: 1, max: 30 }),
  })
  .chain(({ classCount, unitCount, imageCount }) => {
    const classes = fc.array(fc.integer({ min: 0, max: classCount - 1 }), {
      minLength: imageCount,
      maxLength: imageCount,
    });
    const shifts = fc.array(fc.integer({ min: 0, max: classCount - 1 }), {
      minLength: unitCount * imageCount,
      maxLength: unitCount * imageCount,
    });
    return fc.record({ labels: classes, predictions: classes, shifts }).map(({ labels, predictions, shifts }) => {
      const baseline: BaselineTable = {
        labels: Int32Array.from(labels),
        predictions: Int32Array.from(predictions),
        classCount,
      };
      const rows: [number, number, number][] = [];
      shifts.forEach((shift, pair) => {
        const image = pair % imageCount;
        if (shift > 0)
          rows.push([Math.floor(pair / imageCount), image, ((predictions[image] ?? 0) + shift) % classCount]);
      });
      return { baseline, flips: flipsOf(rows, unitCount), rows };
    });
  });

function flipsOf(rows: readonly (readonly [number, number, number])[], unitCount: number): LayerFlips {
  return {
    layer: "conv",
    unitCount,
    unit: Int32Array.from(rows, (row) => row[0]),
    image: Int32Array.from(rows, (row) => row[1]),
    prediction: Int32Array.from(rows, (row) => row[2]),
  };
}

/** Counts of two sets of images together. */
function sumOf(one: Counts, other: Counts): Counts {
  const add = (x: Int32Array, y: Int32Array): Int32Array => x.map((value, i) => value + y[i]);
  const { images, correct, lost, gained } = other;
  return {
    ...one,
    images: add(one.images, images),
    correct: add(one.correct, correct),
    lost: add(one.lost, lost),
    gained: add(one.gained, gained),
  };
}

describe("countFlips", () => {
  it("equals the accuracy before minus after, class by class", () => {
    fc.assert(
      fc.property(sweeps, ({ baseline, rows, flips }) => {
        const counts = countFlips(baseline, flips);
        for (let unit = 0; unit < flips.unitCount; unit++) {
          const after = Int32Array.from(baseline.predictions);
          for (const [u, image, prediction] of rows) if (u === unit) after[image] = prediction;
          for (let cls = 0; cls < baseline.classCount; cls++) {
            let lost = 0;
            let gained = 0;
            baseline.labels.forEach((label, image) => {
              if (label !== cls) return;
              const before = baseline.predictions[image] === label;
              if (before && after[image] !== label) lost++;
              if (!before && after[image] === label) gained++;
            });
            expect(counts.lost[unit * baseline.classCount + cls]).toBe(lost);
            expect(counts.gained[unit * baseline.classCount + cls]).toBe(gained);
          }
        }
        expect(counts.images.reduce((sum, n) => sum + n, 0)).toBe(baseline.labels.length);
      }),
    );
  });

  it("adds up over disjoint images", () => {
    fc.assert(
      fc.property(sweeps, fc.array(fc.boolean(), { minLength: 30, maxLength: 30 }), ({ baseline, flips }, halves) => {
        const include = Uint8Array.from(baseline.labels, (_, image) => (halves[image] ? 1 : 0));
        const one = countFlips(baseline, flips, { include });
        const other = countFlips(baseline, flips, { include: include.map((kept) => 1 - kept) });
        expect(sumOf(one, other)).toEqual(countFlips(baseline, flips));
      }),
    );
  });

  it("does not depend on how flips were split and ordered", () => {
    fc.assert(
      fc.property(sweeps, fc.integer({ min: 0, max: 100 }), ({ rows, flips }, cut) => {
        const at = cut % (rows.length + 1);
        const parts = [flipsOf(rows.slice(at), flips.unitCount), flipsOf(rows.slice(0, at), flips.unitCount)];
        const { layer: _, unitCount: __, ...merged } = flips;
        expect(mergeFlips(parts)).toEqual(merged);
      }),
    );
  });

  it("refuses what no sweep can give", () => {
    const baseline: BaselineTable = {
      labels: Int32Array.of(0, 1),
      predictions: Int32Array.of(0, 0),
      classCount: 2,
    };
    expect(() => countFlips(baseline, flipsOf([[0, 0, 0]], 1))).toThrow("expected a changed prediction in 0..1, got 0");
    expect(() => countFlips(baseline, flipsOf([[1, 0, 1]], 1))).toThrow("got unit 1 image 0");
    expect(() => countFlips(baseline, flipsOf([[0, 2, 1]], 1))).toThrow("got unit 0 image 2");
    expect(() => countFlips({ ...baseline, labels: Int32Array.of(0, 2) }, flipsOf([], 1))).toThrow(
      "expected label in 0..1, got 2 at image 1",
    );
    expect(() => mergeFlips([flipsOf([[0, 0, 1]], 1), flipsOf([[0, 0, 1]], 1)])).toThrow("unit 0 image 0 twice");
  });
});
