import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkFit } from "../../src/commands/check-fit.ts";
import { type BatchOptions, type ImageBatch, imageBatches, setInputSize } from "../../src/data/image-batches.ts";
import type { ImageSet } from "../../src/data/image-set.ts";
import { openImageSet } from "../../src/data/open-image-set.ts";
import { preprocessingFromJson } from "../../src/data/parse-preprocessing.ts";
import { pixelSet } from "../../src/data/pixel-set.ts";
import { luma } from "../../src/data/preprocess-image.ts";
import { forChannels, noPreprocessing, type Preprocessing } from "../../src/data/preprocessing.ts";
import { folderOf, noise, png } from "./pictures.ts";

const side = 6;
const plane = side * side;
const pictures = Array.from({ length: 7 }, (_, seed) => noise(seed, side, side));

/** The pictures in memory, as planes. */
function inMemory(): ImageSet {
  const data = new Uint8Array(pictures.length * 3 * plane);
  pictures.forEach((picture, image) => {
    for (let at = 0; at < 3 * plane; at++)
      data[image * 3 * plane + (at % 3) * plane + Math.floor(at / 3)] = picture.data[at];
  });
  return pixelSet({
    name: "pictures",
    pixels: { data, channels: 3, width: side, height: side },
    labels: new Int32Array(pictures.length),
    classNames: ["all"],
  });
}

/** The same pictures as files. */
async function asFiles(): Promise<ImageSet> {
  const files: Record<string, Buffer> = {};
  for (const [image, picture] of pictures.entries()) files[`all/${image}.png`] = await png(picture);
  return openImageSet(await folderOf(files));
}

async function collect(set: ImageSet, preprocessing: Preprocessing, options?: BatchOptions): Promise<ImageBatch[]> {
  const batches: ImageBatch[] = [];
  for await (const batch of imageBatches(set, preprocessing, options)) batches.push(batch);
  return batches;
}

function joined(batches: readonly ImageBatch[]): number[] {
  return batches.flatMap((batch) => [...batch.pixels]);
}

const odd: Preprocessing = { ...noPreprocessing, range: [-1, 2], mean: [0.1, 0.2, 0.3], std: [0.5, 0.7, 1.3] };
const memory = inMemory();
const files = await asFiles();

describe("batches of preprocessed images", () => {
  it("gives one gray channel, the same from memory and from files, in either layout", async () => {
    const gray: Preprocessing = { ...noPreprocessing, channels: "gray", mean: [0.2], std: [0.5] };
    const [batch] = await collect(memory, gray);
    expect(batch?.dims).toEqual([pictures.length, 1, side, side]);
    expect(joined(await collect(files, gray))).toEqual(joined(await collect(memory, gray)));
    const last = await collect(files, { ...gray, layout: "nhwc" });
    expect(last[0]?.dims).toEqual([pictures.length, side, side, 1]);
    expect(joined(last)).toEqual(joined(await collect(memory, gray)));
    const [red = 0, green = 0, blue = 0] = pictures[0]?.data ?? [];
    const value = Math.round(0.299 * red + 0.587 * green + 0.114 * blue);
    expect(batch?.pixels[0]).toBeCloseTo((value / 255 - 0.2) / 0.5, 2);
  });

  it("keeps the value of every gray pixel", async () => {
    for (let value = 0; value < 256; value++) expect(luma(value, value, value)).toBe(value);
    const data = Uint8Array.from({ length: 256 }, (_, at) => at);
    const set = pixelSet({
      name: "ramp",
      pixels: { data, channels: 1, width: 16, height: 16 },
      labels: new Int32Array(1),
      classNames: ["all"],
    });
    const [batch] = await collect(set, { ...noPreprocessing, channels: "gray", mean: [0], std: [1] });
    expect([...(batch?.pixels ?? [])]).toEqual([...data].map((each) => Math.fround(each / 255)));
  });

  it("hold (v / 255 · (high − low) + low − mean) / std, in planes", async () => {
    const [batch] = await collect(memory, odd, { start: 2, end: 3 });
    expect(batch?.dims).toEqual([1, 3, side, side]);
    for (let channel = 0; channel < 3; channel++) {
      for (let at = 0; at < plane; at++) {
        const value = (pictures[2]?.data[3 * at + channel] ?? 0) / 255;
        const expected = (value * 3 - 1 - odd.mean[channel]) / odd.std[channel];
        expect(batch?.pixels[channel * plane + at]).toBeCloseTo(expected, 5);
      }
    }
  });

  it.each([
    odd,
    { ...odd, layout: "nhwc" },
    { ...odd, channels: "bgr" },
    { ...odd, channels: "bgr", layout: "nhwc" },
    { ...odd, resize: side, crop: side },
    { ...odd, resize: 9, crop: 7 },
    { ...odd, crop: 4, interpolation: "nearest" },
    { ...odd, crop: 8 },
  ] as Preprocessing[])("are the same bits from memory and from files: %j", async (preprocessing) => {
    const fromFiles = joined(await collect(files, preprocessing));
    expect(joined(await collect(memory, preprocessing))).toEqual(fromFiles);
    expect(fromFiles.every(Number.isFinite)).toBe(true);
  });

  it("puts blue first with bgr, and channels last with nhwc, with mean and std in the order of channels", async () => {
    const means: Preprocessing = { ...noPreprocessing, mean: [0, 10, 20], channels: "bgr", layout: "nhwc" };
    const [batch] = await collect(memory, means, { end: 1 });
    expect(batch?.dims).toEqual([1, side, side, 3]);
    const [red, green, blue] = pictures[0]?.data ?? [];
    const expected = [blue ?? 0, green ?? 0, red ?? 0].map((value, channel) => Math.fround(value / 255) - 10 * channel);
    expect([...(batch?.pixels.subarray(0, 3) ?? [])]).toEqual(expected.map(Math.fround));
  });

  it("do not depend on how they are cut", async () => {
    const whole = joined(await collect(files, odd));
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 0, max: 7 }), async (batchSize, start) => {
        for (const set of [memory, files]) {
          const batches = await collect(set, odd, { batchSize, start });
          expect(batches.map((batch) => batch.start)).toEqual(batches.map((_, at) => start + at * batchSize));
          expect(batches.reduce((sum, batch) => sum + batch.count, 0)).toBe(7 - start);
          expect(joined(batches)).toEqual(whole.slice(start * 3 * plane));
        }
      }),
      { numRuns: 25 },
    );
  });

  it("read no further than one batch ahead of a reader that leaves", async () => {
    const read: number[] = [];
    const watched: ImageSet = { ...files, read: (image) => (read.push(image), files.read(image)) };
    for await (const batch of imageBatches(watched, { ...odd, crop: 4 }, { batchSize: 2 })) {
      expect(batch.count).toBe(2);
      break;
    }
    expect(read.sort((a, b) => a - b)).toEqual([0, 1, 2, 3]);
  });

  it("stop when interrupted", async () => {
    const stop = new AbortController();
    const seen: number[] = [];
    const run = async (): Promise<void> => {
      for await (const batch of imageBatches(memory, odd, { batchSize: 2, signal: stop.signal })) {
        seen.push(batch.start);
        stop.abort();
      }
    };
    await expect(run()).rejects.toMatchObject({ code: "interrupted" });
    expect(seen).toEqual([0]);
  });

  it("refuse images of different sizes, unless they are cropped to one", async () => {
    const folder = await folderOf({ "all/1.png": await png(noise(1, 6, 6)), "all/2.png": await png(noise(2, 7, 6)) });
    const set = await openImageSet(folder);
    await expect(collect(set, noPreprocessing)).rejects.toThrow(
      'all/2.png: expected 6×6 pixels like all/1.png, got 7×6; resize and crop with option "preprocess"',
    );
    const [batch] = await collect(set, { ...noPreprocessing, crop: 6 });
    expect(batch?.count).toBe(2);
  });

  it("pass on what cannot be decoded", async () => {
    const folder = await folderOf({ "all/1.png": await png(noise(1, 6, 6)), "all/2.png": "no picture" });
    await expect(collect(await openImageSet(folder), noPreprocessing)).rejects.toThrow("2.png: expected an image");
  });

  it("refuse ranges and batch sizes that make no sense", async () => {
    await expect(collect(memory, odd, { batchSize: 0 })).rejects.toThrow(
      "batch size: expected a whole number from 1, got 0",
    );
    await expect(collect(memory, odd, { start: 5, end: 4 })).rejects.toThrow(
      "expected a range of images within 0..7, got 5..4",
    );
    await expect(collect(memory, odd, { end: 8 })).rejects.toThrow("got 0..8");
  });

  it("know their size beforehand", async () => {
    expect(await setInputSize(files, noPreprocessing)).toEqual({ width: 6, height: 6 });
    expect(await setInputSize(memory, { ...noPreprocessing, resize: 12 })).toEqual({ width: 12, height: 12 });
    expect(await setInputSize(files, { ...noPreprocessing, resize: 12, crop: 10 })).toEqual({ width: 10, height: 10 });
  });
});

describe("four channels", () => {
  const rgba = forChannels(noPreprocessing, 4);
  const stored = (channels: 3 | 4, side: number = 2): ImageSet =>
    pixelSet({
      name: "bands",
      pixels: {
        data: Uint8Array.from({ length: 2 * channels * side * side }, (_, at) => at),
        channels,
        width: side,
        height: side,
      },
      labels: Int32Array.of(0, 1),
      classNames: ["a", "b"],
    });

  it("are an array's, as they stand, in either layout", async () => {
    const [planar] = await collect(stored(4), rgba);
    expect(planar?.dims).toEqual([2, 4, 2, 2]);
    expect([...(planar?.pixels ?? [])].map((value) => Math.round(255 * value))).toEqual([...Array(32).keys()]);
    const [last] = await collect(stored(4), { ...rgba, layout: "nhwc" });
    expect(last?.dims).toEqual([2, 2, 2, 4]);
    expect([...(last?.pixels ?? [])].slice(0, 8).map((value) => Math.round(255 * value))).toEqual([
      0, 4, 8, 12, 1, 5, 9, 13,
    ]);
  });

  const input = { name: "x", layout: "nchw", channels: 4, height: 2, width: 2 } as const;
  const check = async (images: ImageSet, channels: 3 | 4): Promise<void> =>
    await checkFit(
      {
        model: { input: { ...input, channels } },
        images,
        preprocessing: forChannels(noPreprocessing, channels),
      },
      "model",
    );

  it("are refused by networks of three, other images by those of four, and so is resizing them", async () => {
    await expect(check(stored(4), 3)).rejects.toThrow(
      'data "bands": expected images of 3 channels for input "x", got four',
    );
    await expect(check(stored(3), 4)).rejects.toThrow("expected arrays (.npz) of four channels and of its size");
    await expect(
      checkFit(
        {
          model: { input },
          images: stored(4, 3),
          preprocessing: { ...rgba, resize: 2 },
        },
        "model",
      ),
    ).rejects.toThrow("got arrays of another size");
  });

  it("want a mean and a deviation each", () => {
    expect(preprocessingFromJson('{"channels": "rgba"}', "p")).toMatchObject({ mean: [0, 0, 0, 0], std: [1, 1, 1, 1] });
    expect(() => preprocessingFromJson('{"preset": "imagenet", "channels": "rgba"}', "p")).toThrow(
      'p: expected "mean" to be three numbers (one for gray, four for rgba) for channels "rgba", got the 3 of preset "imagenet"',
    );
  });
});
