/** Networks for several labels an image: accuracy and drops of each label, against counting every label the plain way. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { runAblate } from "../../src/commands/ablate-run.ts";
import { measureSets } from "../../src/commands/measure-sets.ts";
import { study } from "../../src/commands/study.ts";
import { openSubject, reopenSubject } from "../../src/commands/subject.ts";
import { openRun } from "../../src/runs/run-folder.ts";
import { doubles, integers } from "../../src/tables/table.ts";
import { unitscopeHere } from "../cli/run-here.ts";
import { npz } from "../data/npz.ts";
import { folderOf, noise, png } from "../data/pictures.ts";
import { IMAGES, type LabelFiles, labelFiles, names, plainLogits, UNITS } from "./label-network.ts";

let files: LabelFiles;
let [folder, model, data] = ["", "", ""];
let matrix: Int32Array;
const classes = (): string => files.classes;
beforeAll(async () => {
  files = await labelFiles();
  ({ folder, model, data, matrix } = files);
});

test("accuracy and drops of every label are those of counting the whole network's probabilities at 0.5", async () => {
  const [intact, ...without] = await plainLogits(files, UNITS);
  let flips = 0;
  for (const name of ["dog", "boat"]) {
    const label = names.indexOf(name);
    const out = join(folder, name);
    const options = { preprocess: "none", classes: classes(), label: name, workers: 1, verify: 1, out };
    const result = await runAblate(model, data, { ...options, layers: ["c"] });
    const truth = (image: number): number => matrix[image * 4 + label];
    const right = (rows: Float32Array[], image: number): boolean => rows[image][label] > 0 === (truth(image) === 1);
    const images = Array.from({ length: IMAGES }, (_, image) => image);
    expect(result.accuracy).toBeCloseTo(images.filter((image) => right(intact, image)).length / IMAGES, 12);
    const drops = await openRun(out).readTable("drops");
    const [lost, gained, of, drop] = [
      integers(drops, "lost"),
      integers(drops, "gained"),
      integers(drops, "images"),
      doubles(drops, "drop"),
    ];
    expect(lost.length).toBe(2 * UNITS);
    for (let unit = 0; unit < UNITS; unit++) {
      for (const cls of [0, 1]) {
        const own = images.filter((image) => truth(image) === cls);
        const before = own.filter((image) => right(intact, image));
        const after = own.filter((image) => right(without[unit], image));
        const row = 2 * unit + cls;
        expect(of[row]).toBe(own.length);
        expect(lost[row]).toBe(before.filter((image) => !after.includes(image)).length);
        expect(gained[row]).toBe(after.filter((image) => !before.includes(image)).length);
        expect(drop[row]).toBeCloseTo((before.length - after.length) / own.length, 12);
        flips += lost[row] + gained[row];
      }
    }
    expect(openRun(out).manifest()).toMatchObject({
      classNames: [`no ${name}`, name],
      options: { label: name },
      notes: [
        `output "logits": label ${label} of 0..3 alone is read, as present where its probability is above 0.5`,
        `the classes are images without the label, "no ${name}", and with it, "${name}": accuracy and drops are this label's alone`,
      ],
    });
  }
  expect(flips).toBeGreaterThan(40);
});

test("a run of a label is opened again for it, and later commands work on it", async () => {
  const out = join(folder, "again");
  const options = { preprocess: "none", classes: classes(), label: "3", limit: 20, workers: 1, out };
  await runAblate(model, data, { ...options, layers: ["c"] });
  const run = openRun(out);
  const subject = await reopenSubject(run);
  expect([...subject.images.classNames, subject.model.classCount]).toEqual(["no boat", "boat", 2]);
  const present = matrix.filter((value, at) => at % 4 === 3 && value === 1).length;
  expect(subject.images.imageCount).toBe(20 + Math.min(20, present));
  await measureSets(out, { size: 2, randomSequences: 2, seed: 1, verify: 1 });
});

test.each([
  [{ label: "bot" }, "network.onnx", /option "label": expected classes of .*, got "bot"; the nearest is "boat"/],
  [{ label: "4" }, "network.onnx", /option "label": expected class numbers in 0\.\.3 of .*, got 4/],
  [
    { label: "cat" },
    "exclusive.onnx",
    /option "label": .* got "logits" with 4 classes behind a softmax, which exclude/,
  ],
  [{}, "network.onnx", /expected one label an image, or 0 and 1 for each of several together with option "label"/],
])("%j is refused", async (options, file, message) => {
  const path = file === "network.onnx" ? model : join(folder, file);
  await expect(openSubject(path, data, { preprocess: "none", classes: classes(), ...options })).rejects.toThrow(
    message,
  );
});

test("logits without a sigmoid are read, and the doubt is said in the caller's words", async () => {
  const path = join(folder, "logits.onnx");
  const options = { preprocess: "none", classes: classes(), label: "cat" };
  const { model: opened } = await openSubject(path, data, options);
  expect(opened.notes.join()).toMatch(/no sigmoid to tell that its labels do not exclude .*; leave option "label" out/);
  const flags = ["--preprocess", "none", "--classes", classes(), "--label", "cat", "--out", join(folder, "doubted")];
  expect((await unitscopeHere(["ablate", path, data, ...flags])).stderr).toMatch(/^caution: .*; leave --label out/m);
});

test("names without the network's are refused", async () => {
  const lists = await folderOf({ "l.csv": "path,labels\n1.png,cat;dog\n", "1.png": Buffer.from("no picture") });
  const open = (label: string): Promise<unknown> =>
    openSubject(model, join(lists, "l.csv"), { preprocess: "none", label });
  await expect(open("cat")).rejects.toThrow(
    /expected names of its 4 labels to find "cat" by, got none; give option "classes" FILE/,
  );
  await expect(open("1")).rejects.toThrow(
    /expected names of its 4 labels to match those of data .*l\.csv" by, got none/,
  );
});

const pictures = Object.fromEntries(
  await Promise.all([0, 1, 2].map(async (image) => [`${image}.png`, await png(noise(image, 8, 8))] as const)),
);
const listed = async (text: string, label: string): Promise<{ labels: number[]; hash: string; notes: string }> => {
  const lists = await folderOf({ ...pictures, "l.csv": text });
  const options = { preprocess: "none", classes: classes(), label };
  const { images, model: opened } = await openSubject(model, join(lists, "l.csv"), options);
  return { labels: [...images.labels], hash: images.hash, notes: opened.notes.join() };
};

test("a label's column and lists of labels are the same images and labels", async () => {
  const lists = await listed("path,tags\n0.png,cat\n1.png,cat;dog\n2.png,\n", "dog");
  expect(lists.labels).toEqual([0, 1, 0]);
  const table = "fold,path,Dog,CAT,weather\n1,0.png,0,1,fine\n2,1.png,1,1,\n1,2.png,0,0,rain\n";
  expect(await listed(table, "dog")).toEqual(lists);
  const signed = await listed("path,dog\n0.png,-1\n1.png,1\n2.png,-1\n", "1");
  expect(signed).toMatchObject({ labels: lists.labels, hash: lists.hash });
  expect(signed.notes).toMatch(/this label's alone; in its column, -1 is read as without$/);
});

test.each([
  ["path,dogs,cat\n0.png,0,1\n1.png,1,0\n", /expected one column of the label "dog", got none; the nearest is "dogs"/],
  ["path,dog,DOG\n0.png,0,1\n1.png,1,0\n", /expected one column of the label "dog", got "dog" and "DOG"/],
  ["path,tags,dog\n0.png,cat,1\n1.png,dog,0\n", /the label "dog" in one place, got a column of labels and "dog"/],
  ["path,dog\n0.png,1\n1.png,1\n", /expected images with the label "dog" and without, got 2 with and 0 without/],
  ["path,tags\n0.png,cat\n1.png,boat\n", /expected images with the label "dog" and without, got 0 with and 2 without/],
  ["path,tags\n0.png,cat\n1.png,bird;dog\n", /expected classes of .*, got "bird"; the nearest is/],
])("%j is refused for a label", async (text, message) => {
  await expect(listed(text, "dog")).rejects.toThrow(message);
});

test("a matrix without names must have a column for each of the network's labels", async () => {
  const images = { dims: [2, 8, 8, 3], data: new Uint8Array(2 * 8 * 8 * 3) };
  const labels = { dims: [2, 3], data: Int32Array.from([1, 0, 0, 0, 1, 1]) };
  const few = join(await folderOf({ "few.npz": npz({ images, labels }) }), "few.npz");
  await expect(openSubject(model, few, { preprocess: "none", classes: classes(), label: "cat" })).rejects.toThrow(
    /expected 0 or 1 for each of the 4 labels of .*, got 3 of them/,
  );
});

test("a study of a label makes the label's page, which says what its two classes are and how it was made", async () => {
  const out = join(folder, "study");
  const done: string[] = [];
  const options = { preprocess: "none", classes: classes(), label: "dog", concepts: [], quick: true, workers: 1, out };
  const step = ({ title, isDone }: { title: string; isDone: boolean }): unknown => isDone || done.push(title);
  const { page } = await study(model, data, options, { step });
  const text = readFileSync(page, "utf8");
  expect(text).toMatch(/The classes are images without the label, .*no dog.*, and with it, .*dog.*: accuracy/);
  expect(text).toMatch(/unitscope study network\.onnx images\.npz .*--classes labels\.txt --label dog/);
  const [first] = done.splice(0);
  await study(model, data, options, { step });
  expect([first, done]).toEqual(["ablation", []]);
  const other = study(model, data, { ...options, label: "cat" }, { step });
  await expect(other).rejects.toThrow(/expected .*; choose another folder/);
});
