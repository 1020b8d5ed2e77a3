/** Choosing, encoding and reading back the pictures on a unit's card. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { hurtImages } from "../../src/attributes/hurt-images.ts";
import { decodeSheet, encodeSheet, type Tile, tilePixels, tileSize } from "../../src/attributes/sprite-sheet.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";

describe("hurtImages", () => {
  const baseline = {
    labels: Int32Array.of(0, 1, 2, 0, 1, 2),
    predictions: Int32Array.of(0, 1, 2, 0, 1, 0),
  };
  const margins = Float64Array.of(0.5, 3, 3, 2, 0.1, 9);
  const flips = {
    layer: "conv",
    unitCount: 3,
    unit: Int32Array.of(0, 0, 0, 0, 2),
    image: Int32Array.of(0, 1, 2, 5, 3),
    prediction: Int32Array.of(1, 0, 1, 2, 2),
  };

  test("right before, wrong after; the surest first, ties by image", () => {
    expect(hurtImages(baseline, margins, flips, 9)).toEqual([
      [
        { image: 1, prediction: 0 },
        { image: 2, prediction: 1 },
        { image: 0, prediction: 1 },
      ],
      [],
      [{ image: 3, prediction: 2 }],
    ]);
  });

  test("at most so many", () => {
    expect(hurtImages(baseline, margins, flips, 1).map((images) => images.map(({ image }) => image))).toEqual([
      [1],
      [],
      [3],
    ]);
  });
});

describe("sprite sheet", () => {
  const size = { width: 48, height: 16 };
  const flat = (red: number, green: number, blue: number): Uint8Array =>
    Uint8Array.from({ length: 3 * 48 * 16 }, (_, at) => [red, green, blue][at % 3]);
  const region = Uint8Array.from({ length: 48 * 16 }, (_, at) => (at % 48 < 21 && at < 48 * 9 ? 1 : 0));

  test("is read back: colours nearly, regions exactly, empty places empty", async () => {
    const tiles: (Tile | undefined)[] = [
      { pixels: flat(200, 30, 60), region },
      { pixels: flat(10, 120, 250), region: null },
      undefined,
      { pixels: flat(255, 255, 255), region },
    ];
    const path = join(await temporaryFolder(), "sheet.webp");
    await writeFile(path, await encodeSheet(tiles, 3, size));
    const read = await decodeSheet(path, size);
    expect(read).toHaveLength(6);
    expect([read[2], read[4], read[5]]).toEqual([undefined, undefined, undefined]);
    expect(read[0]?.region).toEqual(region);
    expect(read[1]?.region).toEqual(new Uint8Array(48 * 16).fill(1));
    for (const at of [0, 1, 3]) {
      const off = read[at]?.pixels.map((value, index) => Math.abs(value - (tiles[at]?.pixels[index] as number)));
      const mean = (off ?? new Uint8Array([255])).reduce((sum, each) => sum + each, 0) / (off?.length ?? 1);
      expect(mean).toBeLessThan(4); // lossy, most at the seams of tiles
    }
  });

  test("refuses a tile of another size, and a file that is no sheet", async () => {
    await expect(encodeSheet([{ pixels: new Uint8Array(3), region: null }], 1, size)).rejects.toThrow(
      "tile 0: expected 48×16 pixels, got 1",
    );
    const path = join(await temporaryFolder(), "sheet.webp");
    await writeFile(path, "no picture");
    await expect(decodeSheet(path, size)).rejects.toThrow(
      /sheet\.webp: expected a sheet of tiles, got .*attributes RUN/,
    );
  });

  test("large images become small tiles of the same shape, small ones stay", () => {
    expect(tileSize({ width: 448, height: 224 })).toEqual({ width: 96, height: 48 });
    expect(tileSize({ width: 32, height: 32 })).toEqual({ width: 32, height: 32 });
    const image = { width: 4, height: 4, data: new Uint8Array(48).fill(77) };
    expect(tilePixels(image, { width: 4, height: 4 })).toBe(image.data);
    expect([...tilePixels(image, { width: 2, height: 2 })]).toEqual(Array(12).fill(77));
  });
});
