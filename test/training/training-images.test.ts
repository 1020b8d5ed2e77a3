import { describe, expect, test } from "vitest";
import type { ImageSet } from "../../src/data/image-set.ts";
import { pixelSet } from "../../src/data/pixel-set.ts";
import { noPreprocessing } from "../../src/data/preprocessing.ts";
import { openStreams, resumeStreams, shuffledImages, streamStates, trainingBatch } from "../../src/training/batches.ts";
import { trainingImages, type Variation } from "../../src/training/training-images.ts";

const size = 4;
const plane = size * size;
/** Two images; the value of a pixel is 1 + its place in the image (0 stands for "outside"). */
const set = pixelSet({
  name: "small",
  pixels: {
    data: Uint8Array.from({ length: 2 * 3 * plane }, (_, i) => 1 + (i % (3 * plane))),
    channels: 3,
    height: size,
    width: size,
  },
  labels: Int32Array.of(0, 1),
  classNames: ["a", "b"],
});
const plain = { flip: true, shift: 1, cutout: 0 };
/** `range` 0..255 without mean and deviation: a pixel becomes its own value. */
const preprocessing = { ...noPreprocessing, range: [0, 255] } as const;
const centre: Variation = { flip: false, x: 0.5, y: 0.5, cutX: 0, cutY: 0 };

async function written(
  variation: Variation | undefined,
  augmentation = plain,
  from: ImageSet = set,
): Promise<number[][]> {
  const target = new Float32Array(2 * 3 * plane).fill(-1);
  await trainingImages(from, { size, preprocessing, augmentation }).write(0, variation, target, 1);
  expect(
    target.subarray(0, 3 * plane).every((value) => value === -1),
    "the other place is untouched",
  ).toBe(true);
  // The red plane, by rows.
  return Array.from({ length: size }, (_, row) =>
    Array.from(target.subarray(3 * plane + row * size, 3 * plane + (row + 1) * size), Math.round),
  );
}

const whole = [
  [1, 2, 3, 4],
  [5, 6, 7, 8],
  [9, 10, 11, 12],
  [13, 14, 15, 16],
];

describe("an image of the input's size", () => {
  test("centred is unchanged, with and without a variation", async () => {
    expect(await written(undefined)).toEqual(whole);
    expect(await written(centre)).toEqual(whole);
  });

  test("shifts by at most `shift`, and 0 comes in", async () => {
    expect(await written({ ...centre, x: 0, y: 0 })).toEqual([
      [0, 0, 0, 0],
      [0, 1, 2, 3],
      [0, 5, 6, 7],
      [0, 9, 10, 11],
    ]);
    expect((await written({ ...centre, x: 0.999 }))[0]).toEqual([2, 3, 4, 0]);
  });

  test("is mirrored in every channel", async () => {
    expect(await written({ ...centre, flip: true })).toEqual(whole.map((row) => row.toReversed()));
    expect(await written({ ...centre, flip: true }, { ...plain, flip: false })).toEqual(whole);
  });

  test("loses a square to cutout, cut off at the border", async () => {
    expect(await written({ ...centre, cutX: 0, cutY: 1 }, { ...plain, cutout: 4 })).toEqual([
      [1, 2, 3, 4],
      [5, 6, 7, 8],
      [0, 0, 11, 12],
      [0, 0, 15, 16],
    ]);
  });
});

test("a larger image is cropped anywhere inside, and centred for a test", async () => {
  const data = Uint8Array.from({ length: 3 * 36 }, (_, i) => 1 + (i % 36));
  const pixels = { data, channels: 3, height: 6, width: 6 } as const;
  const large = pixelSet({ name: "large", pixels, labels: Int32Array.of(0), classNames: ["a"] });
  const still = { flip: false, shift: 0, cutout: 0 };
  expect((await written(undefined, still, large))[0]).toEqual([8, 9, 10, 11]);
  expect((await written({ ...centre, x: 0, y: 0.999 }, still, large))[0]).toEqual([13, 14, 15, 16]);
});

test("an image that is too small is named", async () => {
  const pixels = { data: new Uint8Array(3 * 9), channels: 3, height: 3, width: 3 } as const;
  const small = pixelSet({ name: "tiny", pixels, labels: Int32Array.of(0), classNames: ["a"] });
  await expect(written(undefined, plain, small)).rejects.toThrow(
    'image "tiny/0": expected at least 4×4 pixels, got 3×3; resize it with option "preprocess"',
  );
});

describe("batches", () => {
  const images = trainingImages(set, { size, preprocessing, augmentation: plain });
  const masks = [{ name: "mask/drop", shape: [50], probability: 0.25 }];
  const batch = (streams = openStreams(3), mixup = 0) =>
    trainingBatch(images, Int32Array.of(0, 1, 1, 0), { size, masks, mixup, streams });

  test("are fixed by the seed, and go on from a saved state", async () => {
    const streams = openStreams(3);
    const first = await batch(streams);
    const states = structuredClone(streamStates(streams));
    const second = await batch(streams);
    expect(await batch(openStreams(3))).toEqual(first);
    expect(second).not.toEqual(first);
    expect(await batch(resumeStreams(states))).toEqual(second);
  });

  test("have masks that keep the mean", async () => {
    const { "mask/drop": mask } = await batch();
    const values = Array.from(mask?.data as Float32Array);
    expect(new Set(values)).toEqual(new Set([0, Math.fround(4 / 3)]));
    const kept = values.filter((value) => value > 0).length / values.length;
    expect(kept).toBeGreaterThan(0.6);
    expect(kept).toBeLessThan(0.9);
  });

  test("mixed: images and labels with the same share, at mirrored places", async () => {
    const still = trainingImages(set, { size, preprocessing, augmentation: { flip: false, shift: 0, cutout: 0 } });
    const chosen = Int32Array.of(0, 1, 1, 0);
    const streams = openStreams(5);
    const { input, labels, other_labels, label_share } = await trainingBatch(still, chosen, {
      size,
      masks: [],
      mixup: 1,
      streams,
    });
    expect(Array.from(labels?.data as BigInt64Array)).toEqual([0n, 1n, 1n, 0n]);
    expect(Array.from(other_labels?.data as BigInt64Array)).toEqual([0n, 1n, 1n, 0n]);
    const share = Number(label_share?.data[0]);
    expect(share).toBeGreaterThan(0);
    expect(share).toBeLessThan(1);
    // Both images of the set are equal, so mixing changes nothing but rounding.
    expect(input?.data[5]).toBeCloseTo(6, 4);
  });

  test("every epoch has its own order of all images", () => {
    const streams = openStreams(1);
    const wide = { ...set, imageCount: 100 };
    const first = shuffledImages(wide, streams);
    const second = shuffledImages(wide, streams);
    expect(first.toSorted()).toEqual(Int32Array.from({ length: 100 }, (_, i) => i));
    expect(second).not.toEqual(first);
  });
});
