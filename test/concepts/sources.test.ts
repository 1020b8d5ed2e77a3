import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkConcepts } from "../../src/concepts/check-concepts.ts";
import type { ConceptSet } from "../../src/concepts/concept-set.ts";
import { openConcepts } from "../../src/concepts/open-concepts.ts";
import { encodeNumbers, encodePng } from "./png.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "unitscope-concepts-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function write(files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
}

/** A picture of 4×2 in one gray. */
const picture = encodePng(4, 2, new Uint8Array(8).fill(90));

/** Concept names that an image shows, with the pixels of those in maps. */
async function shown(set: ConceptSet, image: number): Promise<Record<string, number[] | "whole">> {
  const { maps, whole } = await set.labels(image);
  const found: Record<string, number[] | "whole"> = {};
  for (const map of maps) {
    map.forEach((label, pixel) => {
      if (label === 0) return;
      const list = (found[set.concepts[label - 1]?.name ?? "?"] ??= []);
      if (list !== "whole") list.push(pixel);
    });
  }
  for (const concept of whole) found[set.concepts[concept]?.name ?? "?"] = "whole";
  return found;
}

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

describe("folders of images and label PNGs", () => {
  const indices = [0, 1, 1, 2, 255, 0, 20, 20];
  const palette = Array.from({ length: 768 }, (_, i) => (i * 37) % 256);

  it("reads Pascal VOC, with its void, and its split lists", async () => {
    await write({
      "JPEGImages/2007_1.png": picture,
      "JPEGImages/2007_2.png": picture,
      "JPEGImages/unlabelled.png": picture,
      "SegmentationClass/2007_1.png": encodePng(4, 2, indices, { type: 3, palette }),
      "SegmentationClass/2007_2.png": encodePng(4, 2, indices, { type: 3, palette }),
      "ImageSets/Segmentation/val.txt": "2007_2\n",
    });
    const set = await openConcepts(folder);
    expect([set.format, set.imageCount, set.concepts.length]).toEqual(["folder", 2, 20]);
    expect(await shown(set, 0)).toEqual({ aeroplane: [1, 2], bicycle: [3], tvmonitor: [6, 7] });
    expect((await openConcepts(folder, { split: "val" })).imageName(0)).toBe(join("JPEGImages", "2007_2.png"));
  });

  it("reads ADE20K's challenge layout", async () => {
    await write({
      "objectInfo150.txt":
        "Idx\tRatio\tTrain\tVal\tStuff\tName\n1\t0.15\t11664\t1172\t1\twall\n2\t0.1\t1\t1\t1\tbuilding, edifice\n",
      "images/training/ADE_1.png": picture,
      "images/validation/ADE_2.png": picture,
      "annotations/training/ADE_1.png": encodePng(4, 2, [0, 1, 1, 2, 0, 0, 0, 0]),
      "annotations/validation/ADE_2.png": encodePng(4, 2, [2, 0, 0, 0, 0, 0, 0, 0]),
    });
    expect(await shown(await openConcepts(folder, { split: "train" }), 0)).toEqual({ wall: [1, 2], building: [3] });
    expect(await shown(await openConcepts(folder, { split: "val" }), 0)).toEqual({ building: [0] });
  });

  it("reads CamVid's colours", async () => {
    const map = [
      [128, 0, 0],
      [0, 0, 0],
      [64, 128, 64],
      [128, 0, 0],
      [0, 0, 0],
      [0, 0, 0],
      [0, 0, 0],
      [0, 0, 0],
    ].flat();
    await write({
      "label_colors.txt": "64 128 64\tAnimal\n128 0 0\tBuilding\n0 0 0\tVoid\n",
      "images/0001.png": picture,
      "labels/0001_L.png": encodePng(4, 2, map, { type: 2 }),
    });
    const set = await openConcepts(folder);
    expect(set.concepts.map(({ name }) => name)).toEqual(["Animal", "Building"]);
    expect(await shown(set, 0)).toEqual({ Building: [0, 3], Animal: [2] });
    await write({ "labels/0001_L.png": encodePng(4, 2, map.with(0, 127), { type: 2 }) });
    await expect((await openConcepts(folder)).labels(0)).rejects.toThrow(
      /0001_L\.png: pixel 0, 0: expected a label of .*label_colors\.txt, got colour 127 0 0/,
    );
  });

  it("reads a table of names with categories, by number and by colour of an indexed PNG", async () => {
    await write({
      "classes.csv": "name,r,g,b,category\ngrass,0,255,0,material\nsky,0,0,255,\n",
      "images/a.png": picture,
      "labels/a.png": encodePng(4, 2, [1, 0, 0, 0, 0, 0, 0, 1], { type: 3, depth: 1, palette: [0, 255, 0, 0, 0, 255] }),
    });
    const set = await openConcepts(folder);
    expect(set.concepts[0]).toEqual({ name: "grass", category: "material", number: 1 });
    expect(await shown(set, 0)).toEqual({ sky: [0, 7], grass: [1, 2, 3, 4, 5, 6] });
    await rm(join(folder, "classes.csv"));
    await write({ "labels.csv": "number,name\n1,grass\n" });
    expect(await shown(await openConcepts(folder), 0)).toEqual({ grass: [0, 7] });
  });

  it.each([
    [
      "no list of names",
      { "images/a.png": picture, "labels/a.png": picture },
      /expected a list of label names, got none of labels\.csv/,
    ],
    ["no labels", { "labels.txt": "-\ncat", "images/a.png": picture }, /expected a subfolder labels, annotations/],
    [
      "labels without an image",
      { "labels.txt": "-\ncat", "images/b.png": picture, "labels/a.png": picture },
      /a\.png: expected an image images.a\.\*, got none/,
    ],
    [
      "a split that is not there",
      { "labels.txt": "-\ncat", "images/a.png": picture, "labels/a.png": picture },
      /expected images of split val, got none/,
    ],
    [
      "an empty list",
      { "labels.txt": "background", "images/a.png": picture, "labels/a.png": picture },
      /expected 1\.\.65535 labels, got 0/,
    ],
  ])("refuses %s", async (_, files, message) => {
    await write(files);
    await expect(openConcepts(folder, { split: "val" })).rejects.toThrow(message);
  });
});

describe("COCO", () => {
  const annotations = {
    images: [{ id: 7, file_name: "a.png", height: 2, width: 4 }],
    categories: [
      { id: 18, name: "dog" },
      { id: 44, name: "bottle" },
    ],
    annotations: [
      { id: 1, image_id: 7, category_id: 18, segmentation: [[0, 0, 2, 0, 2, 2, 0, 2]] },
      { id: 2, image_id: 7, category_id: 44, segmentation: { size: [2, 4], counts: [2, 4, 2] }, iscrowd: 1 },
      { id: 3, image_id: 7, category_id: 18, segmentation: [[1, 0, 2, 0, 2, 1, 1, 1]] },
    ],
  };
  it("draws polygons and runs, which may overlap", async () => {
    await write({ "annotations/instances_val2017.json": JSON.stringify(annotations), "val2017/a.png": picture });
    const set = await openConcepts(folder, { split: "val" });
    expect(set.format).toBe("COCO");
    expect(await shown(set, 0)).toEqual({ dog: [0, 1, 4, 5], bottle: [2, 6, 1, 5] });
    await expect(openConcepts(folder, { split: "train" })).rejects.toThrow(
      "expected one annotation file of split train, got 0 of 1",
    );
  });

  it.each([
    [
      { annotations: [{ ...annotations.annotations[0], image_id: 8 }] },
      /annotation 1: expected an image_id of images, got 8/,
    ],
    [
      { annotations: [{ ...annotations.annotations[0], category_id: 5 }] },
      /annotation 1: expected a category_id of categories, got 5/,
    ],
    [{ images: [{ ...annotations.images[0], height: "2" }] }, /images\.0\.height: expected COCO's form, got: /],
    [{ images: [{ ...annotations.images[0], file_name: "z.png" }] }, /expected image z\.png in images\//],
  ])("refuses what does not fit together", async (change, message) => {
    await write({ "annotations.json": JSON.stringify({ ...annotations, ...change }), "images/a.png": picture });
    await expect(openConcepts(folder)).rejects.toThrow(message);
  });

  it("refuses a mask of another size, and text that is not JSON", async () => {
    const wrong = {
      ...annotations,
      annotations: [{ ...annotations.annotations[1], segmentation: { size: [4, 2], counts: [8] } }],
    };
    await write({ "annotations.json": JSON.stringify(wrong), "images/a.png": picture });
    await expect((await openConcepts(folder)).labels(0)).rejects.toThrow(
      "annotation 2: expected a mask of 2×4, got 4×2",
    );
    await write({ "annotations.json": "{ images" });
    await expect(openConcepts(folder)).rejects.toThrow("annotations.json: expected JSON, got: ");
  });
});

describe("our own JSON", () => {
  const set = {
    concepts: [
      { number: 1, name: "dog", category: "object" },
      { number: 2, name: "leash", category: "object" },
      { number: 40, name: "street", category: "scene" },
    ],
    images: [
      {
        file: "a.png",
        split: "train",
        labels: [40],
        maps: ["a-map.png"],
        regions: [
          { concept: 1, mask: "a-dog.png" },
          { concept: 2, box: [0, 0, 2, 1] },
          { concept: 2, polygon: [3, 1, 4, 1, 4, 2, 3, 2] },
        ],
      },
      { file: "b.png" },
    ],
  };
  const files = {
    "concepts.json": JSON.stringify(set),
    "a.png": picture,
    "b.png": picture,
    "a-map.png": encodePng(4, 2, [0, 0, 0, 0, 40, 0, 2, 0]),
    "a-dog.png": encodePng(4, 2, [255, 0, 0, 0, 0, 0, 0, 0]),
  };

  it("mixes maps, masks, boxes, polygons and whole-image labels", async () => {
    await write(files);
    const opened = await openConcepts(folder);
    expect(opened).toMatchObject({ format: "JSON", imageCount: 2 });
    const found = await shown(opened, 0);
    expect(found["dog"]).toEqual([0]);
    expect([...(found["leash"] ?? [])].sort()).toEqual([0, 1, 6, 7]);
    expect(found["street"]).toBe("whole"); // and its pixel in the map is not counted again
    expect(await shown(opened, 1)).toEqual({});
    expect((await opened.labels(1)).width).toBe(4);
    expect((await openConcepts(folder, { split: "train" })).imageCount).toBe(1);
  });

  it.each([
    [
      { images: [{ file: "a.png", regions: [{ concept: 9, box: [0, 0, 1, 1] }] }] },
      /images\.0 \(a\.png\): expected a number of concepts, got 9/,
    ],
    [
      { images: [{ file: "a.png", maps: ["a-map.png", "wide.png"] }] },
      /wide\.png: expected 2×4 as the image's other maps, got 1×8/,
    ],
    [{ images: [{ file: "a.png", mask: "x" }] }, /images\.0: expected the form of docs\/concepts\.md, got: .*mask/],
    [{ images: [{ file: "none.png" }] }, /images\.0 \(none\.png\): expected the file none\.png, got none there/],
    [{ concepts: [set.concepts[0], set.concepts[0]] }, /concepts: expected each number once/],
  ])("refuses what does not fit together", async (change, message) => {
    await write({
      ...files,
      "wide.png": encodePng(8, 1, new Uint8Array(8)),
      "concepts.json": JSON.stringify({ ...set, ...change }),
    });
    await expect(openConcepts(folder).then((opened) => opened.labels(0))).rejects.toThrow(message);
  });
});

it("says when there is no such folder", async () => {
  await expect(openConcepts(join(folder, "nowhere"))).rejects.toThrow(
    /nowhere: expected a folder with a segmented image set, got none there/,
  );
});
