/** Pictures, and the reader of each format. */
import { join } from "node:path";
import sharp from "sharp";
import { decodeImageFile } from "../../src/data/decode-image.ts";
import { sha256 } from "../../src/files/hash.ts";
import { seededRandom } from "../../src/numeric/random.ts";
import { damagePng } from "./containers.ts";
import { damageAny } from "./mutate.ts";
import { checkThat, type Reader } from "./reader.ts";

/** Sides of a picture. */
export const WIDTH = 9;
export const HEIGHT = 7;

/** Bytes, by default one picture of them. */
export function pixels(seed: number, count: number = 3 * WIDTH * HEIGHT): Uint8Array {
  const random = seededRandom(seed);
  return Uint8Array.from({ length: count }, () => random.integer(256));
}

/** A picture as a file. */
export async function picture(
  seed: number,
  format: "png" | "jpeg" | "webp" | "gif" | "tiff" | "avif" = "png",
): Promise<Buffer> {
  const raw = { width: WIDTH, height: HEIGHT, channels: 3 } as const;
  return await sharp(pixels(seed), { raw }).toFormat(format).toBuffer();
}

const encoded = (format: "png" | "jpeg" | "webp" | "gif" | "tiff" | "avif"): Reader => ({
  name: format,
  build: async () => ({ [`a.${format}`]: await picture(1, format) }),
  damage: (random, files) => {
    const name = `a.${format}`;
    if (format === "png" && random.integer(3) > 0) return { [name]: damagePng(random, files[name]) };
    return damageAny(random, files);
  },
  read: async (folder) => {
    const { width, height, data } = await decodeImageFile(join(folder, `a.${format}`));
    checkThat(width > 0 && height > 0 && data.length === 3 * width * height, "three bytes for every pixel");
    return sha256(`${width}×${height}`, data);
  },
});

/** One for every format. */
export const pictureReaders: readonly Reader[] = (["png", "jpeg", "webp", "gif", "tiff", "avif"] as const).map(encoded);
