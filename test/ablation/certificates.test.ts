/** Bounds must be bounds: never below what happens, and tight enough to certify something. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { certificates } from "../../src/ablation/certificates.ts";
import { openFastRoute } from "../../src/ablation/fast-route.ts";
import { matrixNormBound, matrixNormBounds } from "../../src/ablation/spectral-norm.ts";
import { boundSuffix } from "../../src/ablation/suffix-bound.ts";
import { planSuffix } from "../../src/ablation/suffix-plan.ts";
import { seededRandom } from "../../src/numeric/random.ts";
import { CLASSES, randomImages, randomNetwork, SIDE } from "./random-network.ts";

const IMAGES = 160;

/** The spectral norm by power iteration: from below, but converged to 1e-9 for these sizes. */
function spectralNorm(data: Float32Array, rows: number, columns: number): number {
  let x = new Float64Array(columns).map((_, i) => 1 + i / columns);
  let norm = 0;
  for (let step = 0; step < 3000; step++) {
    const y = new Float64Array(rows);
    for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) y[r] += data[r * columns + c] * x[c];
    const z = new Float64Array(columns);
    for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) z[c] += data[r * columns + c] * y[r];
    const length = Math.hypot(...z);
    if (length === 0) return 0;
    norm = Math.sqrt(length);
    x = z.map((value) => value / length);
  }
  return norm;
}

describe("matrix norm bounds", () => {
  test("are at least the norm and at most 15 % above it", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 24 }),
        fc.integer({ min: 1, max: 24 }),
        fc.integer({ min: 1, max: 1000 }),
        async (rows, columns, seed) => {
          const random = seededRandom(seed);
          const data = Float32Array.from({ length: rows * columns }, () => random.normal());
          const norm = spectralNorm(data, rows, columns);
          const bound = await matrixNormBound(data, rows, columns);
          expect(bound).toBeGreaterThanOrEqual(norm * (1 - 1e-7)); // rounding of the iteration
          // With 32nd powers, n equal singular values cost a factor of n^(1/64); the slack is 1.002.
          expect(bound).toBeLessThanOrEqual(norm * 1.15);
        },
      ),
      { numRuns: 25, seed: 11 },
    );
  });

  test("of a stack are those of its matrices", async () => {
    const random = seededRandom(3);
    const data = Float32Array.from({ length: 3 * 4 * 6 }, () => random.normal());
    const bounds = await matrixNormBounds(data, { count: 3, rows: 4, columns: 6 });
    bounds.forEach((bound, i) => {
      const norm = spectralNorm(data.subarray(i * 24, (i + 1) * 24), 4, 6);
      expect(bound).toBeGreaterThanOrEqual(norm * (1 - 1e-7));
      expect(bound).toBeLessThanOrEqual(norm * 1.15);
    });
  });
});

test("a certified pair keeps its prediction", async () => {
  let certified = 0;
  for (let seed = 1; seed <= 15; seed++) {
    const { model } = await randomNetwork({ seed, blocks: ["plain", "max pool"], head: "two products" });
    const data = randomImages(IMAGES, seed);
    for (const layer of model.layers.filter(({ isOutput }) => !isOutput)) {
      const plan = planSuffix(model, layer.tap);
      const bound = await boundSuffix(model, plan);
      if (!bound) continue;
      const fast = await openFastRoute(model, [{ plan, replacement: new Float32Array(layer.units) }]);
      const block = await fast.prepare({ count: IMAGES, imageDims: [3, SIDE, SIDE], data });
      const opened = fast.layers[0];
      if (!opened) throw new Error("no layer");
      const table = certificates(bound, opened.ports, {
        units: layer.units,
        classCount: CLASSES,
        tolerance: model.tieTolerance,
        floor: model.logitFloor,
      })(block);
      const rows = Int32Array.from({ length: IMAGES }, (_, row) => row);
      for (let unit = 0; unit < layer.units; unit++) {
        const logits = await opened.removeUnit(block, unit, rows);
        for (const row of rows) {
          if (!table.isCertain(row, unit)) continue;
          certified++;
          const top = (values: Float32Array): number => {
            const own = values.subarray(row * CLASSES, (row + 1) * CLASSES);
            return own.indexOf(own.reduce((a, b) => Math.max(a, b)));
          };
          expect(top(logits)).toBe(top(block.logits));
        }
      }
      await fast.close();
    }
  }
  expect(certified).toBeGreaterThan(100);
});
