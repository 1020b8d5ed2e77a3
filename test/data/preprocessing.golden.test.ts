/** Decoding, resizing, cropping and scaling, to the bit, against Pillow, torchvision and NumPy (test/golden/preprocessing.py, presets.py). */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { decodeImage } from "../../src/data/decode-image.ts";
import { imageBatches } from "../../src/data/image-batches.ts";
import type { RgbImage } from "../../src/data/image-set.ts";
import { parsePreprocessing } from "../../src/data/parse-preprocessing.ts";
import { pixelSet } from "../../src/data/pixel-set.ts";
import { fitImage, inputSize, pixelTable } from "../../src/data/preprocess-image.ts";
import { noPreprocessing, type Preprocessing } from "../../src/data/preprocessing.ts";
import { preprocessingPresets } from "../../src/data/preprocessing-presets.ts";

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

interface PresetCase {
  /** A preset's name, or JSON. */
  readonly preset: string;
  readonly dims: readonly number[];
  /** Eight of the values, evenly spaced. */
  readonly some: readonly number[];
  readonly sha256: string;
}

describe("presets as torchvision, timm and Keras prepare an image (test/golden/presets.py)", () => {
  const { width, height, presets } = golden("presets.json") as {
    width: number;
    height: number;
    presets: PresetCase[];
  };
  it.each(presets)("$preset", async ({ preset, dims: expected, some, sha256 }) => {
    const { data: interleaved } = pattern(width, height);
    const plane = width * height;
    const data = Uint8Array.from(interleaved, (_, at) => interleaved[3 * (at % plane) + Math.floor(at / plane)]);
    const pixels = { data, channels: 3, height, width } as const;
    const set = pixelSet({ name: "one", pixels, labels: Int32Array.of(0), classNames: ["class"] });
    const preprocessing = await parsePreprocessing(preset);
    const range = { start: 0, end: 1, batchSize: 1 };
    for await (const { pixels: values, dims } of imageBatches(set, preprocessing, range)) {
      expect(dims).toEqual([1, ...expected]);
      const step = Math.floor(values.length / 7);
      expect(some.map((_, at) => values[at * step])).toEqual(some);
      expect(createHash("sha256").update(values).digest("hex")).toBe(sha256);
    }
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
