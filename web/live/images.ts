/** Images for the network in the page: those of the run, and any that the reader drops in. */
import type { RgbImage } from "../../src/data/image-set.ts";
import { fitImage, inputSize, pixelTable, writePixels } from "../../src/data/preprocess-image.ts";
import type { Preprocessing } from "../../src/data/preprocessing.ts";
import { unpackPixels } from "../../src/report/live-images.ts";
import type { LiveData } from "../../src/report/page-data.ts";
import { loadChunk } from "../data/chunks.ts";

/** Pixels of one of the run's images that are in the page, at the size of the network's input. */
export async function runImage(live: LiveData, number: number): Promise<RgbImage | undefined> {
  const { numbers, blockSize, blocks, width, height } = live.images;
  const place = numbers.indexOf(number);
  const block = blocks[Math.floor(place / blockSize)];
  if (place < 0 || block === undefined) return undefined;
  const { arrays } = await loadChunk(block);
  return { width, height, data: unpackPixels(arrays["pixels"] as Uint8Array, place % blockSize, { width, height }) };
}

/**
 * What the network is fed with for an image: resized, cropped and scaled as the run's images were. Where the run resizes
 * nothing, an image of another size is resized and cropped to what the network takes, and `note` says so.
 */
export function networkInput(live: LiveData, image: RgbImage): { input: Float32Array; seen: RgbImage; note: string } {
  let preprocessing = live.preprocessing as Preprocessing;
  const { channels, height, width } = live.input;
  let note = "";
  let size = inputSize(image, preprocessing);
  if ((size.width !== width || size.height !== height) && width === height) {
    preprocessing = { ...preprocessing, resize: height, crop: height };
    note = `resized to ${width}×${height}, since the network takes only that`;
    size = inputSize(image, preprocessing);
  }
  if (size.width !== width || size.height !== height) {
    throw new Error(`image: expected ${width}×${height} pixels after preprocessing, got ${size.width}×${size.height}`);
  }
  const seen = fitImage(image, preprocessing);
  const input = new Float32Array(channels * height * width);
  writePixels(seen, preprocessing, pixelTable(preprocessing), input, 0);
  return { input, seen, note };
}

/** Decodes an image file at its own size, with its stored colours: no colour profile, no rotation, no alpha. */
export async function decodeFile(file: Blob): Promise<RgbImage> {
  const bitmap = await createImageBitmap(file, {
    colorSpaceConversion: "none",
    imageOrientation: "none" as "from-image",
    premultiplyAlpha: "none",
  });
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d", { willReadFrequently: true }) as OffscreenCanvasRenderingContext2D;
  context.drawImage(bitmap, 0, 0);
  const { data, width, height } = context.getImageData(0, 0, bitmap.width, bitmap.height);
  const rgb = new Uint8Array(3 * width * height);
  for (let from = 0, to = 0; from < data.length; from += 4, to += 3) {
    rgb[to] = data[from] as number;
    rgb[to + 1] = data[from + 1] as number;
    rgb[to + 2] = data[from + 2] as number;
  }
  return { width, height, data: rgb };
}

/** Draws an image into a canvas at its own size. */
export function paintImage(canvas: HTMLCanvasElement, { width, height, data }: RgbImage): void {
  canvas.width = width;
  canvas.height = height;
  const pixels = new ImageData(width, height);
  for (let from = 0, to = 0; from < data.length; from += 3, to += 4) {
    pixels.data[to] = data[from] as number;
    pixels.data[to + 1] = data[from + 1] as number;
    pixels.data[to + 2] = data[from + 2] as number;
    pixels.data[to + 3] = 255;
  }
  canvas.getContext("2d")?.putImageData(pixels, 0, 0);
}
