import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  fieldCentredAxis,
  halfPixelAxis,
  listRegion,
  thresholdedRegion,
  type UpsampleAxis,
  upsample,
} from "../../src/numeric/upsample.ts";

/** Bilinear interpolation as in any textbook: four corners, four weights. */
function naive(map: Float32Array, rows: UpsampleAxis, columns: UpsampleAxis): number[] {
  const at = (y: number, x: number) =>
    map[Math.min(y, rows.inputSize - 1) * columns.inputSize + Math.min(x, columns.inputSize - 1)];
  const values: number[] = [];
  for (let y = 0; y < rows.outputSize; y++) {
    for (let x = 0; x < columns.outputSize; x++) {
      const [i, v] = [rows.lower[y], rows.weight[y]];
      const [j, u] = [columns.lower[x], columns.weight[x]];
      values.push(
        at(i, j) * (1 - v) * (1 - u) +
          at(i, j + 1) * (1 - v) * u +
          at(i + 1, j) * v * (1 - u) +
          at(i + 1, j + 1) * v * u,
      );
    }
  }
  return values;
}

const size = fc.integer({ min: 1, max: 9 });
const maps = fc
  .tuple(size, size, fc.integer({ min: 1, max: 24 }), fc.integer({ min: 1, max: 24 }))
  .chain(([height, width, outHeight, outWidth]) =>
    fc
      .array(fc.oneof(fc.constant(0), fc.double({ min: -2, max: 2, noNaN: true })), {
        minLength: height * width,
        maxLength: height * width,
      })
      .map((values) => ({ height, width, outHeight, outWidth, map: Float32Array.from(values) })),
  );

describe("upsample", () => {
  it("equals torch's interpolate(mode='bilinear', align_corners=False)", () => {
    // torch.nn.functional.interpolate(torch.tensor([[[[0., 1.], [2., 5.]]]]), size=(4, 4), mode="bilinear")
    const out = upsample(Float32Array.of(0, 1, 2, 5), halfPixelAxis(2, 4), halfPixelAxis(2, 4));
    expect([...out]).toEqual([0, 0.25, 0.75, 1, 0.5, 0.875, 1.625, 2, 1.5, 2.125, 3.375, 4, 2, 2.75, 4.25, 5]);
  });

  it("is the four-corner formula, and stays within the response's range", () => {
    fc.assert(
      fc.property(maps, ({ height, width, outHeight, outWidth, map }) => {
        const rows = halfPixelAxis(height, outHeight);
        const columns = halfPixelAxis(width, outWidth);
        const out = upsample(map, rows, columns);
        const expected = naive(map, rows, columns);
        const [low, high] = [Math.min(...map), Math.max(...map)];
        out.forEach((value, i) => {
          expect(Math.abs(value - expected[i])).toBeLessThan(1e-12); // two roundings in float64
          expect(value >= low && value <= high).toBe(true);
        });
      }),
    );
  });

  it("keeps a constant response exactly", () => {
    const out = upsample(new Float32Array(49).fill(0.1), halfPixelAxis(7, 113), halfPixelAxis(7, 113));
    expect(new Set(out)).toEqual(new Set([Math.fround(0.1)]));
  });
});

describe("listRegion", () => {
  it("lists exactly the positions above the threshold, for both alignments", () => {
    fc.assert(
      fc.property(maps, fc.constantFrom(-1, 0, 0.5), fc.boolean(), (given, threshold, centred) => {
        const { height, width, outHeight, outWidth, map } = given;
        const axis = (inputSize: number, outputSize: number) =>
          centred
            ? fieldCentredAxis(inputSize, outputSize, { imageSize: 32, offset: 1.5, stride: 5 })
            : halfPixelAxis(inputSize, outputSize);
        const [rows, columns] = [axis(height, outHeight), axis(width, outWidth)];
        const expected: number[] = [];
        upsample(map, rows, columns).forEach((value, i) => value > threshold && expected.push(i));
        const shifted = new Float32Array(map.length + 3);
        shifted.set(map, 3);
        const out = new Int32Array(outHeight * outWidth + 5);
        const count = listRegion(shifted, threshold, rows, columns, out, { start: 3, outStart: 5 });
        expect([...out.subarray(5, 5 + count)]).toEqual(expected);
      }),
    );
  });
});

describe("fieldCentredAxis", () => {
  it("puts each response at the centre of its field", () => {
    // a 3×3 convolution without padding over 8 pixels: response j is centred on pixel j + 1
    const { lower, weight } = fieldCentredAxis(6, 8, { imageSize: 8, offset: 1, stride: 1 });
    expect([...lower]).toEqual([0, 0, 1, 2, 3, 4, 5, 5]);
    expect([...weight]).toEqual(Array.from(weight, () => 0));
  });

  it("is half-pixel alignment when the fields tile the image", () => {
    const tiled = fieldCentredAxis(4, 10, { imageSize: 32, offset: 3.5, stride: 8 });
    const half = halfPixelAxis(4, 10);
    tiled.weight.forEach((weight, x) => {
      expect(tiled.lower[x] + weight).toBeCloseTo(half.lower[x] + half.weight[x], 12);
    });
  });
});

describe("thresholdedRegion", () => {
  it("marks the region, strictly above", () => {
    expect([...thresholdedRegion(Float32Array.of(0, 1), 1, 2, 0.25, 1, 4)]).toEqual([0, 0, 1, 1]);
  });

  it("refuses a response of another shape", () => {
    expect(() => thresholdedRegion(new Float32Array(3), 2, 2, 0, 4, 4)).toThrow("expected 2×2 values, got 3");
  });
});
