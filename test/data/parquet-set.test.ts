import { readFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { openImageSet } from "../../src/data/open-image-set.ts";
import { colourImage, writtenFile } from "./arrays.ts";

const decoding = JSON.parse(readFileSync(new URL("../golden/decoding.json", import.meta.url), "utf8")) as Record<
  string,
  { rgb: string }
>;
const pictures = ["rgb.png", "444.jpg", "gray.png", "lossless.webp"].map(
  (name) => new Uint8Array(Buffer.from(decoding[name]?.rgb ?? "", "base64")),
);

describe("Parquet files of images", () => {
  it.each(["hugging-face", "zstd", "gzip"])("%s: encoded images", async (name) => {
    const set = await openImageSet(await writtenFile("parquet", name));
    expect([...set.labels]).toEqual([0, 1, 1, 0]);
    for (const image of [3, 0, 2, 1]) {
      const read = await set.read(image);
      expect([read.width, read.height]).toEqual([22, 17]);
      expect(Buffer.from(read.data).equals(pictures[image] as Uint8Array)).toBe(true);
    }
  });

  it("takes class names from Hugging Face's metadata, from text labels, else numbers", async () => {
    expect((await openImageSet(await writtenFile("parquet", "hugging-face"))).classNames).toEqual(["cat", "dog"]);
    expect((await openImageSet(await writtenFile("parquet", "zstd"))).classNames).toEqual(["0", "1"]);
    const named = await openImageSet(await writtenFile("parquet", "names"));
    expect(named.classNames).toEqual(["ape", "cat", "dog"]);
    expect([...named.labels]).toEqual([2, 1, 1, 0]);
  });

  it.each(["sized", "nested"])("%s: raw pixels", async (name) => {
    const set = await openImageSet(await writtenFile("parquet", name));
    for (let image = 0; image < 6; image++) {
      expect(await set.read(image)).toEqual({ width: 5, height: 4, data: colourImage(image) });
    }
  });

  it("takes raw pixels without a size for a square", async () => {
    const set = await openImageSet(await writtenFile("parquet", "raw"));
    const { width, height, data } = await set.read(5);
    expect([width, height]).toEqual([4, 4]);
    const rows = [0, 1, 2, 3].flatMap((y) => [...colourImage(5).subarray(15 * y, 15 * y + 12)]);
    expect([...data]).toEqual(rows);
  });

  it("reads images of any row group, many at a time", async () => {
    const set = await openImageSet(await writtenFile("parquet", "raw"));
    const order = [5, 0, 3, 1, 4, 2, 0, 5];
    const alone: Uint8Array[] = [];
    for (const image of order) alone.push((await set.read(image)).data);
    const together = await Promise.all(order.map(async (image) => (await set.read(image)).data));
    expect(together).toEqual(alone);
  });

  it("has the same hash however it is packed, and another with other labels", async () => {
    const hugging = await openImageSet(await writtenFile("parquet", "hugging-face"));
    const zstd = await openImageSet(await writtenFile("parquet", "zstd"));
    const named = await openImageSet(await writtenFile("parquet", "names"));
    expect(zstd.hash).toBe(hugging.hash);
    expect(named.hash).not.toBe(hugging.hash);
  });

  it("limits per class", async () => {
    const set = await openImageSet(await writtenFile("parquet", "raw"), { limit: 1 });
    expect([...set.labels]).toEqual([0, 1, 2]);
    expect(set.imageName(2)).toBe("raw.parquet/2");
  });

  it("says what is wrong", async () => {
    const missing = await writtenFile("parquet", "no-label");
    await expect(openImageSet(missing)).rejects.toThrow('expected columns "image" and "label", got "image", "caption"');
    const empty = await writtenFile("parquet", "no-bytes");
    await expect(openImageSet(empty)).rejects.toThrow(`row 1: "image": expected an image's bytes, got none`);
    const path = await writtenFile("parquet", "zstd");
    await writeFile(path, (await readFile(path)).subarray(0, 500));
    await expect(openImageSet(path)).rejects.toThrow(/expected a Parquet file, got: /);
  });
});
