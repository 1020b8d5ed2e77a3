import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeChunk, encodeChunk } from "../../src/report/chunk.ts";
import { chooseImages, imageLimit, pixelBudget, pixelsChunk, unpackPixels } from "../../src/report/live-images.ts";

test("pixels come back to the bit", () => {
  const image = fc.uint8Array({ minLength: 5 * 4 * 3, maxLength: 5 * 4 * 3 });
  fc.assert(
    fc.property(fc.array(image, { minLength: 1, maxLength: 4 }), (images) => {
      const chunk = pixelsChunk(images.map((data) => ({ width: 5, height: 4, data })));
      const pixels = decodeChunk(encodeChunk(chunk)).arrays["pixels"] as Uint8Array;
      images.forEach((data, at) => expect(unpackPixels(pixels, at, { width: 5, height: 4 })).toEqual(data));
    }),
  );
});

test("every class in turn, the images that the most units flip first", () => {
  expect(chooseImages([0, 0, 1, 1, 1], [1, 3, 0, 2, 2], 5)).toEqual([1, 3, 0, 4, 2]);
  expect(chooseImages([0, 0, 1, 1, 1], [1, 3, 0, 2, 2], 3)).toEqual([1, 3, 0]);
});

test("the budget limits large images, but leaves some", () => {
  expect(imageLimit({ width: 32, height: 32 }, 10)).toBe(Math.floor(pixelBudget / 3072));
  expect(imageLimit({ width: 4000, height: 4000 }, 1000)).toBe(10);
});
