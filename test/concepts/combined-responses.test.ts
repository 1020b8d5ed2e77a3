import { describe, expect, it } from "vitest";
import { combineResponses } from "../../src/concepts/combined-responses.ts";
import { randomDirections } from "../../src/numeric/random-directions.ts";

describe("combineResponses", () => {
  it("is a product of matrices", async () => {
    const shape = { unitCount: 3, height: 1, width: 2 };
    const combined = await combineResponses(shape, Float64Array.of(1, 5, 0, 0, 0, 2, -1, 7, 0.5));
    expect(combined.unitCount).toBe(3);
    const of = async (...data: number[]): Promise<number[]> => [...(await combined.combine(Float32Array.from(data)))];
    expect(await of(100, 101, 0, 0, 120, 121)).toEqual([100, 101, 240, 242, -100 + 60, -101 + 60.5]);
    expect(await of(0, 1, 0, 0, 20, 21)).toEqual([0, 1, 40, 42, 10, 9.5]);
    await combined.close();
    await expect(combineResponses(shape, new Float64Array(4))).rejects.toThrow(
      "expected a multiple of 3 values, got 4",
    );
  });
});

describe("randomDirections", () => {
  it("is orthonormal in blocks of the layer's size, and fixed by the seed", () => {
    const [units, count] = [12, 30];
    const rows = randomDirections(units, count, 5);
    expect(randomDirections(units, count, 5)).toEqual(rows);
    expect(randomDirections(units, count, 6)).not.toEqual(rows);
    for (let a = 0; a < count; a++) {
      for (let b = 0; b < count; b++) {
        if (Math.floor(a / units) !== Math.floor(b / units)) continue;
        let product = 0;
        for (let i = 0; i < units; i++) product += rows[a * units + i] * rows[b * units + i];
        expect(Math.abs(product - (a === b ? 1 : 0))).toBeLessThan(1e-12);
      }
    }
  });

  it("is uniform: every coordinate has mean 0 and variance 1 / units", () => {
    const units = 8;
    const count = 8000;
    const rows = randomDirections(units, count, 1);
    for (let i = 0; i < units; i++) {
      let [sum, squares] = [0, 0];
      for (let row = 0; row < count; row++) {
        const value = rows[row * units + i];
        sum += value;
        squares += value * value;
      }
      expect(Math.abs(sum / count)).toBeLessThan(0.02); // 5 standard errors of 1 / √(8 · 8000)
      expect(Math.abs(squares / count - 1 / units)).toBeLessThan(0.01);
    }
  });
});
