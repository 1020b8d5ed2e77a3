/** Decoding, resizing, cropping and scaling, to the bit, against Pillow and torchvision (test/golden/preprocessing.py). */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { decodeImage } from "../../src/data/decode-image.ts";
import type { RgbImage } from "../../src/data/image-set.ts";
import { preprocessingPresets } from "../../src/data/parse-preprocessing.ts";
import { fitImage, inputSize, pixelTable } from "../../src/data/preprocess-image.ts";
import { noPreprocessing, type Preprocessing } from "../../src/data/preprocessing.ts";

interface FitCase {
  readonly width: number;
  readonly height: number;
  readonly resize: Preprocessing["resize"];
  readonly crop: number | null;
  readonly interpolation: Preprocessing["interpolation"];
  readonly fitted: { readonly width: number; readonly height: number; readonly data: string };
}

function golden(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../golden/${name}`, import.meta.url), "utf8"));
}

function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "base64"));
}

/** The image that the script builds too. */
function pattern(width: number, height: number): RgbImage {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, at) => {
    const x = Math.floor(at / 3) % width;
    const y = Math.floor(at / 3 / width);
    return (x * x * 7 + y * y * 13 + x * y * 5 + (at % 3) * 89) % 256;
  });
  return { width, height, data };
}

const { cases, imagenetTable } = golden("preprocessing.json") as { cases: FitCase[]; imagenetTable: string };

describe("resize and centre crop as torchvision's", () => {
  it.each(cases)("$width×$height, resize $resize, crop $crop, $interpolation", (expected) => {
    const { resize, crop, interpolation } = expected;
    const preprocessing: Preprocessing = { ...noPreprocessing, resize, crop, interpolation };
    const image = pattern(expected.width, expected.height);
    const fitted = fitImage(image, preprocessing);
    expect([fitted.width, fitted.height]).toEqual([expected.fitted.width, expected.fitted.height]);
    expect(inputSize(image, preprocessing)).toEqual({ width: fitted.width, height: fitted.height });
    expect(Buffer.from(fitted.data).equals(bytesOf(expected.fitted.data))).toBe(true);
  });
});

describe("scaling as torchvision's", () => {
  it("gives every 8-bit value the same float32 as ToTensor and Normalize", () => {
    const expected = new Float32Array(bytesOf(imagenetTable).buffer);
    expect(pixelTable(preprocessingPresets["imagenet"])).toEqual(expected);
  });
});

describe("decoding as Pillow's", () => {
  const files = golden("decoding.json") as Record<string, { width: number; height: number; file: string; rgb: string }>;
  it.each(Object.entries(files))("%s", async (name, expected) => {
    const image = await decodeImage(bytesOf(expected.file), name);
    expect([image.width, image.height]).toEqual([expected.width, expected.height]);
    expect(Buffer.from(image.data).equals(bytesOf(expected.rgb))).toBe(true);
  });
});
