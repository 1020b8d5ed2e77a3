/** Sets in other forms: folders of label PNGs, COCO, our own JSON. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openConcepts } from "../../src/concepts/open-concepts.ts";
import { encodePng } from "./png.ts";
import { picture, shown, writeInto } from "./written-set.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "unitscope-concepts-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const write = (files: Readonly<Record<string, string | Uint8Array>>): Promise<void> => writeInto(folder, files);

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
