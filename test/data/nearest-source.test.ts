import { join } from "node:path";
import { expect, test } from "vitest";
import { openSubject } from "../../src/commands/subject.ts";
import { openImageSet } from "../../src/data/open-image-set.ts";
import { folderOf, noise, png } from "./pictures.ts";

const image = await png(noise(1, 6, 4));
const folder = await folderOf({ "photos/cat/1.png": image, "photos/dog/1.png": image, "list.csv": "" });

const advice = async (spec: string): Promise<string> => {
  const error = await openImageSet(spec).then(
    () => new Error("opened"),
    (cause: Error) => cause,
  );
  expect(error).toMatchObject({ code: "usage" });
  expect(error.message).toMatch(/^[^\n]*, got none of these; [^\n]*$/);
  return error.message.split("got none of these; ")[1] ?? "";
};

test.each([
  ["cifar10", 'did you mean "cifar10:train"?'],
  ["cifr10:test", 'did you mean "cifar10:test"?'],
  ["tiny-imagenet100:test", 'did you mean "tiny-imagenet-100:test"?'],
])("a data set by name: %s", async (spec, said) => {
  expect(await advice(spec)).toBe(said);
});

test("a command says so before it reads the network", async () => {
  const nowhere = join(folder, "nowhere.csv");
  await expect(openSubject(join(folder, "list.csv"), nowhere)).rejects.toThrow(`data "${nowhere}": expected`);
});

test("a path: the nearest name beside it, what there is beside it, or the folder that is not there", async () => {
  expect(await advice(join(folder, "photo"))).toBe(`did you mean "${join(folder, "photos")}"?`);
  expect(await advice(join(folder, "Photos"))).toBe(`did you mean "${join(folder, "photos")}"?`);
  expect(await advice(join(folder, "list"))).toBe(`did you mean "${join(folder, "list.csv")}"?`);
  expect(await advice(join(folder, "something"))).toBe(`"${folder}" holds list.csv, photos: check the path`);
  const within = join(folder, "phots", "cat");
  expect(await advice(within)).toBe(
    `there is no folder "${join(folder, "phots")}": did you mean "${join(folder, "photos")}"?`,
  );
  expect(await advice(join(folder, "nowhere", "a", "b"))).toBe(
    `there is no folder "${join(folder, "nowhere")}": check the path`,
  );
});
