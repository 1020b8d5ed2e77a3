/** Sets in the form of Broden. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkConcepts } from "../../src/concepts/check-concepts.ts";
import { openConcepts } from "../../src/concepts/open-concepts.ts";
import { encodeNumbers } from "./png.ts";
import { picture, shown, writeInto } from "./written-set.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "unitscope-concepts-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const write = (files: Readonly<Record<string, string | Uint8Array>>): Promise<void> => writeInto(folder, files);

describe("Broden", () => {
  const files = {
    "category.csv": "name,first,last,count,frequency\nobject,1,3,2,2\npart,2,2,1,1\nscene,300,300,1,1\n",
    "label.csv":
      'number,name,category,frequency,coverage,syns\n1,cat,object(2),2,1.0,\n2,door,part(5);object(3),1,0.1,"a;b"\n3,"dog, big",object(1),1,0.5,\n300,street-s,scene(1),1,1,\n',
    "c_object.csv": 'code,number,name,frequency,coverage\n1,1,cat,2,1\n2,2,door,1,0.1\n3,3,"dog, big",1,0.5\n',
    "index.csv":
      "image,split,ih,iw,sh,sw,object,part,scene\na.png,train,2,4,1,3,a_1.png;a_2.png,a_part.png,300\nb.png,val,2,4,1,3,,,0;300\n",
    "images/a.png": picture,
    "images/b.png": picture,
    "images/a_1.png": encodeNumbers(3, 1, [1, 0, 3]),
    "images/a_2.png": encodeNumbers(3, 1, [1, 1, 2]),
    "images/a_part.png": encodeNumbers(3, 1, [0, 2, 2]),
  };

  it("reads maps, numbers, several of them, and splits", async () => {
    await write(files);
    const set = await openConcepts(folder);
    expect(set).toMatchObject({ format: "Broden", imageCount: 2 });
    expect(set.concepts).toEqual([
      { name: "cat", category: "object", number: 1 },
      { name: "door", category: "part", number: 2 }, // the category with the higher frequency
      { name: "dog, big", category: "object", number: 3 },
      { name: "street-s", category: "scene", number: 300 },
    ]);
    const found = await shown(set, 0);
    expect(Object.fromEntries(Object.entries(found).map(([name, at]) => [name, [...at].sort()]))).toEqual({
      cat: [0, 1], // once, though two maps show it
      "dog, big": [2],
      door: [1, 2], // in the object's map and the part's, once a pixel
      "street-s": [..."whole"].sort(),
    });
    expect(await shown(set, 1)).toEqual({ "street-s": "whole" });
    expect(await set.read(0)).toMatchObject({ width: 4, height: 2 });
    const val = await openConcepts(folder, { split: "val" });
    expect([val.imageCount, val.imageName(0)]).toEqual([1, "b.png"]);
    expect(val.hash).not.toBe(set.hash);
  });

  it.each([
    [
      "a cut row",
      { "index.csv": files["index.csv"].slice(0, -8) },
      /index\.csv: row 3: expected 9 fields, got 7; the file may be truncated/,
    ],
    [
      "a missing file",
      { "index.csv": files["index.csv"].replace("b.png", "c.png") },
      /index\.csv: row 3: expected the file c\.png, got none there/,
    ],
    ["a missing table", { "category.csv": "" }, /category\.csv: expected a header, got an empty file/],
    [
      "a missing column",
      { "index.csv": files["index.csv"].replace("scene", "place") },
      /expected columns image, .*scene, got/,
    ],
    [
      "a size that is no number",
      { "index.csv": files["index.csv"].replace("1,3,a", "x,3,a") },
      /row 2: expected a whole number for sh, got "x"/,
    ],
    [
      "an unknown category",
      { "label.csv": files["label.csv"].replace("scene(1)", "place(1)") },
      /label\.csv: row 5: expected a category of category\.csv \(object, part, scene\), got "place\(1\)"/,
    ],
    [
      "a number twice",
      { "label.csv": files["label.csv"].replace("\n3,", "\n2,") },
      /label\.csv: row 4: expected each number once, got 2 again/,
    ],
    [
      "lists that disagree",
      { "c_object.csv": files["c_object.csv"].replace("cat", "cow") },
      /c_object\.csv: row 2: expected label 1 to be "cat" of object as in label\.csv, got 1 "cow"/,
    ],
    [
      "an empty split",
      { "index.csv": files["index.csv"].replaceAll(/train|val/g, "test") },
      /expected images of split train, got none; splits there: test/,
    ],
  ])("refuses %s on opening", async (_, change, message) => {
    await write({ ...files, ...change });
    await expect(openConcepts(folder, { split: "train" }).then(() => openConcepts(folder))).rejects.toThrow(message);
  });

  it.each([
    [
      "another size",
      { "images/a_1.png": encodeNumbers(1, 3, [1, 1, 1]) },
      /index\.csv: row 2: a_1\.png: expected 1×3 labels \(sh, sw\), got 3×1/,
    ],
    [
      "an unknown label",
      { "images/a_1.png": encodeNumbers(3, 1, [1, 9, 1]) },
      /row 2: a_1\.png: expected labels of label\.csv, got 9/,
    ],
    [
      "a label of another category",
      { "images/a_part.png": encodeNumbers(3, 1, [0, 1, 1]) },
      /row 2: a_part\.png: expected labels of category part, got 1 of object/,
    ],
    [
      "a damaged map",
      { "images/a_1.png": files["images/a_1.png"].subarray(0, 60) },
      /row 2: a_1\.png: expected a PNG of labels, got/,
    ],
  ])("refuses %s on reading, and a check lists it", async (_, change, message) => {
    await write({ ...files, ...change });
    const set = await openConcepts(folder);
    await expect(set.labels(0)).rejects.toThrow(message);
    const report = await checkConcepts(set);
    expect(report.problems).toEqual([expect.stringMatching(message)]);
    expect(report.readable).toBe(1);
  });

  it("is summed up by a check", async () => {
    await write(files);
    const { concepts, categories, problems, labelSizes } = await checkConcepts(await openConcepts(folder));
    expect(problems).toEqual([]);
    expect(labelSizes).toEqual([{ size: "1×3", images: 2 }]);
    expect(concepts.map(({ images, coverage }) => [images, coverage])).toEqual([
      [1, 2 / 3],
      [1, 2 / 3],
      [1, 1 / 3],
      [2, 2],
    ]);
    expect(categories.map(({ category, concepts: count, images }) => [category, count, images])).toEqual([
      ["object", 2, 1],
      ["part", 1, 1],
      ["scene", 1, 2],
    ]);
  });
});
