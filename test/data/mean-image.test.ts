/** Mean images: subtracted from every image, cropped at the centre, in both layouts, from both kinds of file. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { checkImageSet } from "../../src/data/check-image-set.ts";
import { imageBatches } from "../../src/data/image-batches.ts";
import type { ImageSet } from "../../src/data/image-set.ts";
import { openImageSet } from "../../src/data/open-image-set.ts";
import { parsePreprocessing } from "../../src/data/parse-preprocessing.ts";
import { folderOf, noise, png } from "./pictures.ts";

const image = noise(3, 4, 4);
const means = Float32Array.from({ length: 3 * 6 * 6 }, (_, at) => at / 7);

function npy(shape: readonly number[], values: Float32Array): Buffer {
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(", ")}), }`.padEnd(117) + "\n";
  const start = Buffer.from(`\x93NUMPY\x01\x00..${header}`, "latin1");
  start.writeUInt16LE(header.length, 8);
  return Buffer.concat([start, Buffer.from(values.buffer)]);
}

/** Caffe's BlobProto: num, channels, height, width, packed data. */
function blob(values: Float32Array): Uint8Array {
  const writer = new BinaryWriter();
  for (const [at, dim] of [1, 3, 6, 6].entries()) writer.tag(at + 1, WireType.Varint).int32(dim);
  writer.tag(5, WireType.LengthDelimited).fork();
  for (const value of values) writer.float(value);
  return writer.join().finish();
}

const folder = await folderOf({
  "images/a/1.png": await png(image),
  "mean.npy": npy([3, 6, 6], means),
  "mean.binaryproto": blob(means),
  "small.npy": npy([3, 2, 2], means.slice(0, 12)),
  "p.json": '{"range": [0, 255], "channels": "bgr", "mean_image": "mean.npy"}',
});
const set = await openImageSet(join(folder, "images"));

async function pixels(of: ImageSet, preprocess: string): Promise<Float32Array> {
  for await (const batch of imageBatches(of, await parsePreprocessing(preprocess))) return batch.pixels;
  throw new Error("no batch");
}

describe("a mean image", () => {
  const expected = Float32Array.from({ length: 48 }, (_, at) => {
    const [channel, y, x] = [Math.floor(at / 16), Math.floor((at % 16) / 4), at % 4];
    return image.data[3 * (4 * y + x) + 2 - channel] - means[36 * channel + 6 * (y + 1) + x + 1];
  });

  it("is cropped and subtracted, its path starting from the JSON's folder", async () => {
    expect(await pixels(set, join(folder, "p.json"))).toEqual(expected);
  });

  it("is read from Caffe's format, and put in order for the other layout", async () => {
    const text = JSON.stringify({
      range: [0, 255],
      channels: "bgr",
      layout: "nhwc",
      mean_image: join(folder, "mean.binaryproto"),
    });
    const found = await pixels(set, text);
    expect(found).toEqual(Float32Array.from(found, (_, at) => expected[(at % 3) * 16 + Math.floor(at / 3)]));
  });

  it("must fit, be one, and stay the same", async () => {
    const given = async (file: string): Promise<Float32Array> =>
      pixels(set, JSON.stringify({ mean_image: join(folder, file) }));
    await expect(given("small.npy")).rejects.toThrow(
      "expected a mean image of 3 channels of at least 4×4, got 3 of 2×2",
    );
    await expect(given("none.npy")).rejects.toThrow("expected a mean image (.npy or .binaryproto), got none there");
    await expect(given("p.json")).rejects.toThrow("p.json: expected a NumPy array");
    const preprocessing = await parsePreprocessing(JSON.stringify({ mean_image: join(folder, "mean.npy") }));
    await writeFile(
      join(folder, "mean.npy"),
      npy(
        [3, 6, 6],
        means.map((value) => value + 1),
      ),
    );
    const batches = imageBatches(set, preprocessing);
    await expect(batches.next()).rejects.toThrow("expected the mean image that was given first, got another file");
  });
});

describe("EXIF orientation", () => {
  it("is counted, ignored, and applied on request", async () => {
    const upright = noise(5, 6, 4);
    const turned = await sharp(upright.data, { raw: { width: 6, height: 4, channels: 3 } })
      .withMetadata({ orientation: 6 })
      .tiff({ compression: "none" })
      .toBuffer();
    const images = await folderOf({ "a/1.tif": turned, "a/2.png": await png(upright) });
    const ignored = await openImageSet(images);
    const report = await checkImageSet(ignored);
    expect([report.turned, report.sizes.length]).toEqual([1, 1]);
    expect((await ignored.read(0)).data).toEqual(upright.data);
    const applied = await openImageSet(images, { orient: true });
    const { width, height, data } = await applied.read(0);
    expect([width, height]).toEqual([4, 6]); // 6: the first row is the right side
    for (let y = 0; y < 6; y++) {
      for (let x = 0; x < 4; x++) {
        const from = 3 * ((3 - x) * 6 + y);
        expect(data.slice(3 * (4 * y + x), 3 * (4 * y + x) + 3)).toEqual(upright.data.slice(from, from + 3));
      }
    }
  });
});
