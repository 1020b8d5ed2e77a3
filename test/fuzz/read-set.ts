/** Reading of an image set under test. */
import type { ImageSet } from "../../src/data/image-set.ts";
import { sha256 } from "../../src/files/hash.ts";
import { checkThat } from "./reader.ts";

/** Reads a set whole and says what was in it. */
export async function readSet(set: ImageSet): Promise<string> {
  checkThat(set.labels.length === set.imageCount, "as many labels as images");
  checkThat(
    set.labels.every((label) => label >= 0 && label < set.classNames.length),
    "labels of its classes",
  );
  checkThat(set.classNames.length <= 1_000_000, "a million classes at most");
  const parts: (string | Uint8Array)[] = [set.classNames.join("\n"), set.labels.join(), set.hash];
  for (let image = 0; image < Math.min(set.imageCount, 12); image++) {
    const { width, height, data } = await set.read(image);
    checkThat(width > 0 && height > 0 && data.length === 3 * width * height, "three bytes for every pixel");
    parts.push(`${width}×${height}`, data);
  }
  return sha256(...parts);
}
