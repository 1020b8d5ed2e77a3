import { readFile, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { openImageSet } from "../../src/data/open-image-set.ts";
import { colourImage, grayImage, writtenFile } from "./arrays.ts";

describe("NumPy archives", () => {
  it.each(["images-labels", "compressed", "planar", "positional"])(
    "%s: colour images, whatever the layout",
    async (name) => {
      const set = await openImageSet(await writtenFile("npz", name));
      expect([...set.labels]).toEqual([0, 1, 2, 0, 1, 2]);
      for (let image = 0; image < 6; image++) {
        expect(await set.read(image)).toEqual({ width: 5, height: 4, data: colourImage(image) });
      }
    },
  );

  it("takes class names from the archive, else numbers", async () => {
    expect((await openImageSet(await writtenFile("npz", "images-labels"))).classNames).toEqual(["cat", "dog", "œuf"]);
    expect((await openImageSet(await writtenFile("npz", "compressed"))).classNames).toEqual(["0", "1", "2"]);
  });

  it("repeats gray images over the channels", async () => {
    const set = await openImageSet(await writtenFile("npz", "gray"));
    for (let image = 0; image < 6; image++) expect((await set.read(image)).data).toEqual(grayImage(image));
  });

  it("opens one of several splits by name, and asks for it", async () => {
    const path = await writtenFile("npz", "splits");
    expect((await openImageSet(`${path}:train`)).imageCount).toBe(6);
    const test = await openImageSet(`${path}:test`);
    expect(test.imageCount).toBe(3);
    expect((await test.read(2)).data).toEqual(grayImage(2, 1));
    await expect(openImageSet(path)).rejects.toThrow(/expected one array of images, got 2 among .*name the split/);
    await expect(openImageSet(`${path}:val`)).rejects.toThrow('expected one array of images of split "val", got 0');
    expect([...(await openImageSet(`${await writtenFile("npz", "medmnist")}:test`)).labels]).toEqual([0, 1, 2]);
  });

  it("keeps a class without images", async () => {
    expect((await openImageSet(await writtenFile("npz", "gap"))).classNames).toEqual(["0", "1", "2"]);
  });

  it.each([
    ["float", /"images\.npy": expected uint8 images .*, got <f8 \[6, 4, 5, 3\]/],
    ["fortran", /expected a row-major array, got a column-major one/],
    ["no-labels", /expected one array of labels, got 0 among images/],
    ["short", /expected 4 images of 3×4×5 for as many labels, got 360 bytes/],
    ["negative", /image 0: expected a label in 0\.\.1, got -1/],
  ])("%s: refused with the reason", async (name, message) => {
    await expect(openImageSet(await writtenFile("npz", name))).rejects.toThrow(message);
  });

  it("refuses truncated and damaged archives", async () => {
    const path = await writtenFile("npz", "images-labels");
    const whole = await readFile(path);
    await writeFile(path, whole.subarray(0, 400));
    await expect(openImageSet(path)).rejects.toThrow(/expected a ZIP archive, got 400 bytes/);
    const damaged = Buffer.from(whole);
    damaged[300] = damaged[300] ^ 1; // a pixel
    await writeFile(path, damaged);
    await expect(openImageSet(path)).rejects.toThrow(/"images\.npy": expected 488 sound bytes, got damaged ones/);
  });
});
