import { mkdir, symlink, utimes } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openImageSet } from "../../src/data/open-image-set.ts";
import { folderOf, noise, png } from "./pictures.ts";

const pictures = [0, 1, 2, 3, 4].map((seed) => noise(seed, 6, 4));
const files = await Promise.all(pictures.map(png));
const [a, b, c, d, e] = files as [Buffer, Buffer, Buffer, Buffer, Buffer];

describe("a folder with one subfolder per class", () => {
  it("has classes by name and images by path, in sorted order, nothing hidden and nothing else", async () => {
    const folder = await folderOf({
      "dog/2.png": a,
      "dog/10.PNG": b,
      "cat/z.png": c,
      "cat/more/a.png": d,
      "cat/.hidden.png": e,
      "cat/notes.txt": "no image",
      ".git/x.png": e,
      "readme.txt": "no class",
    });
    const set = await openImageSet(folder);
    expect(set.classNames).toEqual(["cat", "dog"]);
    expect([0, 1, 2, 3].map((image) => set.imageName(image))).toEqual([
      "cat/z.png",
      "cat/more/a.png",
      "dog/10.PNG",
      "dog/2.png",
    ]);
    expect([...set.labels]).toEqual([0, 0, 1, 1]);
    for (const [image, seed] of [2, 3, 1, 0].entries()) {
      const read = await set.read(image);
      expect(Buffer.from(read.data).equals(pictures[seed]?.data)).toBe(true);
    }
  });

  it("has one name for accents however they are stored, and two folders of one name are an error", async () => {
    const [composed, taken] = ["caf\u00E9", "cafe\u0301"];
    const folder = await folderOf({ [`${taken}/1.png`]: a, "cafx/1.png": b, [`ecole/${taken}.png`]: c });
    const set = await openImageSet(folder);
    expect(set.classNames).toEqual(["cafx", composed, "ecole"]);
    expect(set.imageName(1)).toBe(`${taken}/1.png`);
    expect(Buffer.from((await set.read(1)).data).equals(pictures[0]?.data as Buffer)).toBe(true);
    const same = await openImageSet(await folderOf({ [`${composed}/1.png`]: a, "cafx/1.png": b, "ecole/1.png": c }));
    expect([same.classNames, same.hash]).toEqual([set.classNames, set.hash]);
    await expect(openImageSet(await folderOf({ [`${taken}/1.png`]: a, [`${composed}/1.png`]: b }))).rejects.toThrow(
      `expected one subfolder per class, got two called "${composed}", whose names differ only in how accents are stored`,
    );
  });

  it("passes over what archivers leave; a folder of splits is none of classes", async () => {
    const folder = await folderOf({ "__MACOSX/cat/._1.png": a, "cat/1.png": a, "dog/1.png": b });
    expect((await openImageSet(folder)).classNames).toEqual(["cat", "dog"]);
    const splits = await folderOf({ "train/cat/1.png": a, "train/dog/1.png": b, "val/cat/1.png": c });
    await expect(openImageSet(splits)).rejects.toThrow(
      `${splits}: expected one subfolder per class, got the splits "train", "val"; name one of them: ${join(splits, "val")}`,
    );
    expect((await openImageSet(await folderOf({ "test/1.png": a, "train/1.png": b }))).classNames).toEqual([
      "test",
      "train",
    ]);
  });

  it("names a link to nothing", async () => {
    const folder = await folderOf({ "cat/1.png": a });
    await symlink(join(folder, "gone.png"), join(folder, "cat", "2.png"));
    await expect(openImageSet(folder)).rejects.toThrow("2.png: expected an image file, got none there");
  });

  it("names a link to itself, and leaves it out as any file that cannot be read", async () => {
    const folder = await folderOf({ "cat/1.png": a, "dog/1.png": b });
    await symlink("2.png", join(folder, "cat", "2.png"));
    await symlink("there", join(folder, "dog", "back")); // no image by its name
    await symlink("back", join(folder, "dog", "there"));
    const line = `${join(folder, "cat", "2.png")}: expected an image file, got a link that leads back to itself`;
    await expect(openImageSet(folder)).rejects.toThrow(line);
    const set = await openImageSet(folder, { skipUnreadable: true });
    expect([set.imageCount, set.skipped]).toEqual([2, [{ name: "cat/2.png", reason: line }]]);
    const self = join(folder, "self");
    await symlink("self", self);
    await expect(openImageSet(self)).rejects.toThrow(`${self}: expected a data set that can be read, got a link`);
  });

  it("follows links", async () => {
    const elsewhere = await folderOf({ "1.png": a });
    const folder = await folderOf({ "cat/1.png": b });
    await symlink(elsewhere, join(folder, "dog"));
    const set = await openImageSet(folder);
    expect(set.classNames).toEqual(["cat", "dog"]);
    expect(set.imageCount).toBe(2);
  });

  it("has a hash of contents and labels: not of places or times, but of order", async () => {
    const first = await openImageSet(await folderOf({ "x/1.png": a, "x/2.png": b, "y/1.png": c }));
    const moved = await folderOf({ "p/a.png": a, "p/b.png": b, "q/a.png": c });
    await utimes(join(moved, "p/a.png"), 1, 1);
    expect((await openImageSet(moved)).hash).toBe(first.hash);
    for (const other of [
      { "x/1.png": b, "x/2.png": a, "y/1.png": c },
      { "x/1.png": a, "y/1.png": b, "y/2.png": c },
      { "x/1.png": a, "x/2.png": d, "y/1.png": c },
    ]) {
      expect((await openImageSet(await folderOf(other))).hash).not.toBe(first.hash);
    }
  });

  it("limits per class, and hashes what is left", async () => {
    const folder = await folderOf({ "x/1.png": a, "x/2.png": b, "y/1.png": c, "y/2.png": d });
    const set = await openImageSet(folder, { limit: 1 });
    expect([0, 1].map((image) => set.imageName(image))).toEqual(["x/1.png", "y/1.png"]);
    expect(set.hash).toBe((await openImageSet(await folderOf({ "x/1.png": a, "y/1.png": c }))).hash);
  });

  it("keeps a class without images, refuses a folder without images or classes, and no folder", async () => {
    const folder = await folderOf({ "cat/1.png": a });
    await mkdir(join(folder, "dog"));
    expect((await openImageSet(folder)).classNames).toEqual(["cat", "dog"]);
    await expect(openImageSet(await folderOf({ "cat/1.txt": "" }))).rejects.toMatchObject({
      code: "data",
      message: expect.stringContaining("expected at least one image (.jpg"),
    });
    await expect(openImageSet(await folderOf({ "1.png": a }))).rejects.toThrow(
      "expected one subfolder per class, got 1 files and no subfolder",
    );
    await expect(openImageSet(join(folder, "nothing"))).rejects.toMatchObject({ code: "usage" });
  });

  it("names the file that cannot be decoded", async () => {
    const folder = await folderOf({
      "cat/1.png": a,
      "cat/2.png": a.subarray(0, 60),
      "cat/3.png": "",
      "cat/4.bmp": "BM",
    });
    const set = await openImageSet(folder);
    await expect(set.read(1)).rejects.toMatchObject({
      code: "data",
      message: expect.stringContaining("2.png: expected an image"),
    });
    await expect(set.read(2)).rejects.toThrow("3.png: expected an image, got an empty file");
    await expect(set.read(3)).rejects.toThrow("4.bmp: expected an image");
    await expect(set.read(4)).rejects.toThrow("expected an image in 0..3, got 4");
  });
});
