import { describe, expect, it } from "vitest";
import { combineResponses } from "../../src/concepts/combined-responses.ts";
import { type ResponseSource, rememberResponses } from "../../src/concepts/response-source.ts";
import { randomDirections } from "../../src/numeric/random-directions.ts";

/** Image i responds with 100·i + 10·unit + position, from one reused buffer; unit 1 is silent. */
function sourceOf(): ResponseSource & { asked: number[] } {
  const buffer = new Float32Array(6);
  const source = {
    unitCount: 3,
    height: 1,
    width: 2,
    asked: [] as number[],
    async *responsesOf(images: Int32Array) {
      for (const image of images) {
        source.asked.push(image);
        buffer.set([0, 1, 2, 3, 4, 5].map((i) => (i === 2 || i === 3 ? 0 : 100 * image + 10 * (i >> 1) + (i & 1))));
        yield { image, data: buffer };
      }
    },
  };
  return source;
}

async function all(source: ResponseSource, images: number[]): Promise<number[][]> {
  const found: number[][] = [];
  for await (const { data } of source.responsesOf(Int32Array.from(images))) found.push([...data]);
  return found;
}

describe("rememberResponses", () => {
  it("asks for each image once, in any order", async () => {
    const source = sourceOf();
    const remembered = rememberResponses(source, 4, 96);
    expect(await all(remembered, [2, 0])).toEqual(await all(sourceOf(), [2, 0]));
    expect(await all(remembered, [0, 1, 2, 3])).toEqual(await all(sourceOf(), [0, 1, 2, 3]));
    expect(source.asked).toEqual([2, 0, 1, 3]);
  });

  it("keeps nothing when not everything fits", () => {
    const source = sourceOf();
    expect(rememberResponses(source, 4, 95)).toBe(source);
  });
});

describe("combineResponses", () => {
  it("is a product of matrices", async () => {
    const directions = Float64Array.of(1, 5, 0, 0, 0, 2, -1, 7, 0.5);
    const combined = await combineResponses(sourceOf(), directions);
    expect(combined).toMatchObject({ unitCount: 3, height: 1, width: 2 });
    expect(await all(combined, [1, 0])).toEqual([
      [100, 101, 240, 242, -100 + 60, -101 + 60.5],
      [0, 1, 40, 42, 10, 9.5],
    ]);
    await combined.close();
    await expect(combineResponses(sourceOf(), new Float64Array(4))).rejects.toThrow(
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
