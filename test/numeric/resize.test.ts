import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Interpolation, resizeImage, type Window } from "../../src/numeric/resize.ts";
import { noise } from "../data/pictures.ts";

const sides = fc.integer({ min: 1, max: 24 });

/** The triangle filter over both axes at once, in float64, without rounding in between. */
function naive(image: ReturnType<typeof noise>, width: number, height: number): number[] {
  const taps = (from: number, to: number, at: number): number[] => {
    const support = Math.max(from / to, 1);
    const centre = (at + 0.5) * (from / to);
    const weights = Array.from({ length: from }, (_, tap) => Math.max(0, 1 - Math.abs(tap + 0.5 - centre) / support));
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return weights.map((weight) => weight / sum);
  };
  const result: number[] = [];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < 3; channel++) {
        let sum = 0;
        taps(image.height, height, y).forEach((row, fromY) => {
          taps(image.width, width, x).forEach((column, fromX) => {
            sum += row * column * image.data[3 * (fromY * image.width + fromX) + channel];
          });
        });
        result.push(sum);
      }
    }
  }
  return result;
}

/** A resizing of one kind. */
function resizeBy(interpolation: Interpolation) {
  return (image: Parameters<typeof resizeImage>[0], width: number, height: number, window?: Window): Uint8Array =>
    resizeImage(image, { width, height }, interpolation, window);
}

describe("resizing", () => {
  it("is the triangle filter, within the rounding of two passes", () => {
    fc.assert(
      fc.property(sides, sides, sides, sides, fc.integer(), (fromWidth, fromHeight, width, height, seed) => {
        const image = noise(seed, fromWidth, fromHeight);
        const exact = naive(image, width, height);
        const resized = resizeImage(image, { width, height }, "bilinear");
        expect(resized.length).toBe(exact.length);
        resized.forEach((value, at) => expect(Math.abs(value - exact[at])).toBeLessThan(1.001)); // half per pass
      }),
      { numRuns: 40 },
    );
  });

  it.each([
    ["bilinear", resizeBy("bilinear")],
    ["bicubic", resizeBy("bicubic")],
    ["nearest", resizeBy("nearest")],
  ])("%s: a window of the result is that part of the whole result", (_, resize) => {
    fc.assert(
      fc.property(sides, sides, sides, sides, fc.nat(), fc.nat(), (fromWidth, fromHeight, width, height, a, b) => {
        const image = noise(a, fromWidth, fromHeight);
        const left = a % width;
        const top = b % height;
        const window = { left, top, width: width - left, height: Math.max(1, (height - top) >> 1) };
        const whole = resize(image, width, height);
        const part = resize(image, width, height, window);
        const expected: number[] = [];
        for (let y = top; y < top + window.height; y++) {
          expected.push(...whole.subarray(3 * (y * width + left), 3 * (y * width + width)));
        }
        expect([...part]).toEqual(expected);
      }),
    );
  });

  it.each([
    ["bilinear", resizeBy("bilinear")],
    ["bicubic", resizeBy("bicubic")],
    ["nearest", resizeBy("nearest")],
  ])("%s: keeps an image at its own size, and a constant image constant", (_, resize) => {
    fc.assert(
      fc.property(
        sides,
        sides,
        sides,
        sides,
        fc.integer({ min: 0, max: 255 }),
        (fromWidth, fromHeight, width, height, value) => {
          const image = noise(value, fromWidth, fromHeight);
          expect(resize(image, fromWidth, fromHeight)).toEqual(image.data);
          const constant = { ...image, data: image.data.map(() => value) };
          expect(resize(constant, width, height).every((each) => each === value)).toBe(true);
        },
      ),
    );
  });
});
