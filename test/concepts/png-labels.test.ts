import { crc32 } from "node:zlib";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { decodePng, labelNumbers } from "../../src/concepts/png-labels.ts";
import { seededRandom } from "../../src/numeric/random.ts";
import { encodeNumbers, encodePng } from "./png.ts";

/** Smooth with some noise, so that an adaptive encoder uses all filters. */
function picture(width: number, height: number, channels: number): Uint8Array {
  const random = seededRandom(4);
  return Uint8Array.from({ length: width * height * channels }, (_, i) => {
    const [x, y] = [Math.floor(i / channels) % width, Math.floor(i / channels / width)];
    return (y < height / 2 ? 3 * x + 2 * y : 90 + 40 * Math.sin(x / 5) + random.integer(9)) & 255;
  });
}

describe("decodePng", () => {
  it("reads what another encoder wrote, with every filter", async () => {
    for (const channels of [1, 3] as const) {
      const pixels = picture(61, 43, channels);
      const bytes = await sharp(pixels, { raw: { width: 61, height: 43, channels } })
        .png({ adaptiveFiltering: true, compressionLevel: 9 })
        .toBuffer();
      const png = decodePng(bytes, "test");
      expect(png).toMatchObject({ width: 61, height: 43 });
      const gray = png.channels === 3 && channels === 1 ? png.data.filter((_, i) => i % 3 === 0) : png.data;
      expect([...gray]).toEqual([...pixels]);
    }
  });

  it("drops alpha", async () => {
    const pixels = picture(9, 7, 4);
    const bytes = await sharp(pixels, { raw: { width: 9, height: 7, channels: 4 } })
      .png()
      .toBuffer();
    expect([...decodePng(bytes, "test").data]).toEqual([...pixels].filter((_, i) => i % 4 !== 3));
  });

  it("gives indices, not colours, at every depth", () => {
    for (const depth of [1, 2, 4, 8]) {
      const samples = Array.from({ length: 5 * 3 }, (_, i) => i % Math.min(2 ** depth, 7));
      const palette = samples.flatMap((index) => [255 - index, index, 9]);
      const png = decodePng(encodePng(5, 3, samples, { type: 3, depth, palette }), "test");
      expect([...png.data]).toEqual(samples);
      expect([...(png.palette ?? [])]).toEqual(palette);
    }
  });

  it("reads 16-bit gray, and numbers from red and green", () => {
    const numbers = [0, 1, 255, 256, 1197, 65_535];
    expect([...labelNumbers(decodePng(encodePng(3, 2, numbers, { depth: 16 }), "test"))]).toEqual(numbers);
    expect([...labelNumbers(decodePng(encodeNumbers(3, 2, numbers), "test"))]).toEqual(numbers);
  });

  it("refuses what is cut, damaged, interlaced or something else", () => {
    const whole = encodePng(20, 20, new Uint8Array(400).fill(7));
    const damaged = Buffer.from(whole);
    damaged.fill(0, 45, 50);
    const interlaced = Buffer.from(whole);
    interlaced[28] = 1;
    interlaced.writeUInt32BE(crc32(interlaced.subarray(12, 29)), 29);
    expect(() => decodePng(whole.subarray(0, -20), "map.png")).toThrow(
      "map.png: expected a PNG of labels, got a trunc",
    );
    expect(() => decodePng(damaged, "map.png")).toThrow('got a damaged chunk "IDAT"');
    expect(() => decodePng(interlaced, "map.png")).toThrow("got an interlaced one");
    expect(() => decodePng(Buffer.from("GIF89a, surely"), "map.png")).toThrow("got 14 bytes that are not PNG");
  });
});
