/** ImageNet's validation images with the development kit's own labels. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { fitClasses } from "../../src/data/classes/fit-classes.ts";
import { openImageSet } from "../../src/data/open-image-set.ts";
import { folderOf, noise, png } from "./pictures.ts";

const [a, b, c] = (await Promise.all([0, 1, 2].map((seed) => png(noise(seed, 5, 5))))) as [Buffer, Buffer, Buffer];
const truth = "ILSVRC2012_validation_ground_truth.txt";
const val = (image: number): string => `val/ILSVRC2012_val_0000000${image}.JPEG`;
const images = { [val(1)]: a, [val(2)]: b, [val(3)]: c };

test("numbers alone are classes by the development kit's table, whatever their order", async () => {
  const table = "1 n02119789\n171 n02105855\n361 n03345487\n490 n01751748\n";
  const folder = await folderOf({ ...images, [truth]: "490\n361\r\n171\n", "ILSVRC2012_ids.txt": table });
  const set = await openImageSet(join(folder, truth), { root: join(folder, "val") });
  expect(set.imageName(2)).toBe("ILSVRC2012_val_00000003.JPEG");
  const fitted = await fitClasses(set, { place: "model", classCount: 1000, metadata: new Map() });
  // Sea snake, fire engine and Shetland sheepdog, where torchvision has them.
  expect(fitted && [...fitted.labels]).toEqual([65, 555, 230]);
  expect(fitted && fitted.classNames[65]).toBe("sea snake");
});

test.each([
  [
    { [truth]: "490\n361\n" },
    truth,
    /ground_truth\.txt: expected "path label" lines, or a file ILSVRC2012_ids\.txt beside/,
  ],
  [
    { [truth]: "490\n2\n", "ilsvrc2012_ids.txt": "490 n01751748" },
    truth,
    /:2: expected a number of .*ids\.txt, got 2$/,
  ],
  [
    { [truth]: "1\n", "ILSVRC2012_ids.txt": "n02119789\n" },
    truth,
    /ids\.txt:1: expected a number, once, and its WordNet/,
  ],
  [
    { "val.txt": "ILSVRC2012_val_00000001.JPEG 490\n" },
    "val.txt",
    /to be number 65, .* got 490, which is the development/,
  ],
])("%j is refused", async (files, list, message) => {
  const folder = await folderOf({ ...images, ...files });
  await expect(openImageSet(join(folder, list), { root: join(folder, "val") })).rejects.toThrow(message);
});
