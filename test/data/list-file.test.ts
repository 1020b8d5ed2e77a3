import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openImageSet } from "../../src/data/open-image-set.ts";
import { folderOf, noise, png } from "./pictures.ts";

const [a, b, c] = (await Promise.all([0, 1, 2].map((seed) => png(noise(seed, 5, 5))))) as [Buffer, Buffer, Buffer];

describe("list files", () => {
  it("reads paths and labels as Places365 ships them, from a root, with names beside the list", async () => {
    const images = await folderOf({ "a/airfield/1.png": a, "val 2.png": b });
    const lists = await folderOf({
      "val.txt": "/a/airfield/1.png 0\r\nval 2.png\t1\n\n",
      "categories_places365.txt": "/a/airfield 0\n/a/alcove/indoor 1\n",
    });
    const set = await openImageSet(join(lists, "val.txt"), { root: images });
    expect(set.classNames).toEqual(["airfield", "alcove/indoor"]);
    expect([...set.labels]).toEqual([0, 1]);
    expect([set.imageName(0), set.imageName(1)]).toEqual(["/a/airfield/1.png", "val 2.png"]);
    expect((await set.read(1)).width).toBe(5);
  });

  it("has one class for a name however its accents are stored", async () => {
    const csv = "path,label\n1.png,caf\u00E9\n2.png,cafe\u0301\n3.png,bar\n";
    const folder = await folderOf({ "list.csv": csv, "1.png": a, "2.png": b, "3.png": c });
    const set = await openImageSet(join(folder, "list.csv"));
    expect([set.classNames, [...set.labels]]).toEqual([
      ["bar", "caf\u00E9"],
      [1, 1, 0],
    ]);
  });

  it("finds files whose names the disk stores in the other way of Unicode", async () => {
    const lines = "r\u00E9sum\u00E9/1.png 0\nre\u0301sume\u0301/2.png 1\nne\u0301/3.png 0\n";
    const files = { "re\u0301sume\u0301/1.png": a, "re\u0301sume\u0301/2.png": b, "n\u00E9/3.png": c };
    const folder = await folderOf({ "list.txt": lines, ...files });
    const set = await openImageSet(join(folder, "list.txt"));
    expect(set.hash).toBe((await openImageSet(join(folder, "list.txt"), { root: folder })).hash);
    for (const [image, seed] of [0, 1, 2].entries()) {
      expect((await set.read(image)).data).toEqual(noise(seed, 5, 5).data);
    }
    const missing = await folderOf({ "list.txt": "r\u00E9sum\u00E9/1.png 0\n" });
    await expect(openImageSet(join(missing, "list.txt"))).rejects.toThrow(
      "r\u00E9sum\u00E9/1.png: expected an image file",
    );
  });

  it("starts relative paths from its own folder, and numbers classes without names", async () => {
    const folder = await folderOf({ "list.txt": "x/1.png 1\nx/2.png,0", "x/1.png": a, "x/2.png": b });
    const set = await openImageSet(join(folder, "list.txt"));
    expect(set.classNames).toEqual(["0", "1"]);
    expect((await set.read(0)).data).toEqual(noise(0, 5, 5).data);
  });

  it("has the hash of the same images in a folder", async () => {
    const folder = await folderOf({ "x/1.png": a, "x/2.png": b, "y/1.png": c });
    const list = await folderOf({ "l.txt": "x/1.png 0\nx/2.png 0\ny/1.png 1\n" });
    const listed = await openImageSet(join(list, "l.txt"), { root: folder });
    expect(listed.hash).toBe((await openImageSet(folder)).hash);
  });

  it.each([
    ["1.png", /list\.txt:1: expected "path label" with a label from 0, got "1\.png"/],
    ["1.png 0\n2.png -1", /list\.txt:2: expected "path label"/],
    ["1.png 0\n2.png cat", /list\.txt:2: expected "path label"/],
    ["\n\n", /expected "path label" lines, got an empty file/],
    ["1.png 0\nmissing.png 0", /missing\.png: expected an image file, got none there/],
    ["1.png 0\n1.png 99999999", /expected class indices as labels, got 99999999/],
    ["path,label\n1.png,crane, bird", /list\.txt:2: expected 2 fields, as the header has, got 3: .* into quotes/],
    [
      "path,label,class\n1.png,0,cat\n1.png,0,dog",
      /two that say the same, got "label" and "class", which differ for "1/,
    ],
    ['[{"path": "1.png", "label": 0}]', /list\.txt: expected a list file .* got JSON/],
    ["\0\x01\x02", /expected a list file, \.parquet or \.npz, got 3 bytes that are no text/],
  ])("refuses %j", async (text, message) => {
    const folder = await folderOf({ "list.txt": text, "1.png": a });
    await expect(openImageSet(join(folder, "list.txt"))).rejects.toThrow(message);
  });

  it("reads classes that were written as floating-point numbers by number, not by their text", async () => {
    const rows = Array.from({ length: 12 }, (_, cls) => `1.png,${cls}.0`);
    const folder = await folderOf({ "l.csv": ["path,label", ...rows].join("\n"), "1.png": a });
    const set = await openImageSet(join(folder, "l.csv"));
    expect([...set.labels]).toEqual(Array.from({ length: 12 }, (_, cls) => cls));
    expect(set.classNames.at(-1)).toBe("11");
  });

  it.each([";", "\t", ","])(
    "reads CSV with %j between its fields, and a second column that names the same classes",
    async (mark) => {
      const rows = [
        ["path", "label", "class"],
        ["1.png", "1", "dog, wild"],
        ["2.png", "0", "cat"],
      ];
      const text = rows
        .map((row) => row.map((field) => (/, /.test(field) ? `"${field}"` : field)).join(mark))
        .join("\r\n");
      const folder = await folderOf({ "l.csv": `\uFEFF${text}`, "1.png": a, "2.png": b });
      const set = await openImageSet(join(folder, "l.csv"));
      expect([[...set.labels], set.imageName(0)]).toEqual([[1, 0], "1.png"]);
    },
  );

  it("refuses text in other encodings, whose names would become one", async () => {
    const text = Buffer.from("path,label\n1.png,th\xe9\n1.png,th\xe8", "latin1");
    const folder = await folderOf({ "l.csv": text, "1.png": a });
    await expect(openImageSet(join(folder, "l.csv"))).rejects.toThrow(/l\.csv:2: expected text in UTF-8/);
  });

  it("keeps classes without images", async () => {
    const folder = await folderOf({ "l.txt": "1.png 2", "classes.txt": "cat\ndog\nfox", "1.png": a });
    const set = await openImageSet(join(folder, "l.txt"));
    expect([set.classNames, [...set.labels]]).toEqual([["cat", "dog", "fox"], [2]]);
  });

  it("refuses names that do not cover the labels, and several files of names", async () => {
    const few = await folderOf({ "l.txt": "1.png 0\n1.png 1", "classes.txt": "cat", "1.png": a });
    await expect(openImageSet(join(few, "l.txt"))).rejects.toThrow("expected names for at least 2 classes");
    const two = await folderOf({ "l.txt": "1.png 0", "classes.txt": "cat", "categories.txt": "cat", "1.png": a });
    await expect(openImageSet(join(two, "l.txt"))).rejects.toThrow("got categories.txt, classes.txt");
  });
});
