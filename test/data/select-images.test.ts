import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openImageSet } from "../../src/data/open-image-set.ts";
import { pixelSet } from "../../src/data/pixel-set.ts";
import { firstPerClass, imagesPerClass, limitPerClass, selectImages } from "../../src/data/select-images.ts";

const labels = Int32Array.of(0, 0, 0, 1, 2, 2);
const set = pixelSet({
  name: "six:test",
  pixels: { data: Uint8Array.from({ length: 6 * 12 }, (_, at) => at), channels: 3, height: 2, width: 2 },
  labels,
  classNames: ["a", "b", "c"],
});

describe("subsets of image sets", () => {
  it("keep images, labels and names together", async () => {
    const some = selectImages(set, [4, 1]);
    expect([...some.labels]).toEqual([2, 0]);
    expect(some.imageName(0)).toBe("test/4");
    expect(await some.read(1)).toEqual(await set.read(1));
    expect(some.pixels?.data).toEqual(Uint8Array.from({ length: 24 }, (_, at) => (at < 12 ? 48 + at : at)));
    expect([...imagesPerClass(some)]).toEqual([1, 0, 1]);
  });

  it("have a hash of their own, the whole set's if nothing is cut", () => {
    expect(selectImages(set, [0, 1, 2, 3, 4, 5])).toBe(set);
    expect(limitPerClass(set, 3)).toBe(set);
    const hashes = [[0], [1], [0, 1], [1, 0], [5, 4, 3, 2, 1, 0]].map((images) => selectImages(set, images).hash);
    expect(new Set([...hashes, set.hash]).size).toBe(6);
  });

  it("refuse images that are not there", () => {
    expect(() => selectImages(set, [6])).toThrow('data "six:test": expected an image in 0..5, got 6');
    expect(() => selectImages(set, [-1])).toThrow("got -1");
  });
});

describe("the first images of every class", () => {
  it("are so many of each or all it has, in order", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 4 })), fc.integer({ min: 1, max: 6 }), (all, limit) => {
        const kept = [...firstPerClass(Int32Array.from(all), limit)];
        expect(kept).toEqual(
          all.flatMap((label, at) => (all.slice(0, at).filter((each) => each === label).length < limit ? [at] : [])),
        );
      }),
    );
  });

  it("keep every class of a set that is sorted by class", () => {
    expect([...limitPerClass(set, 1).labels]).toEqual([0, 1, 2]);
  });

  it.each([0, -1, 1.5, Number.NaN])("refuse a limit of %d", async (limit) => {
    await expect(openImageSet("nothing", { limit })).rejects.toThrow(
      `option "limit": expected a whole number of images per class from 1, got ${limit}`,
    );
  });
});
