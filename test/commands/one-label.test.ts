/** Networks for several labels an image: accuracy and drops of each label, against counting every label the plain way. */
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { openReference } from "../../src/ablation/plain-route.ts";
import { switchedTensors } from "../../src/ablation/switched-tensors.ts";
import { runAblate } from "../../src/commands/ablate-run.ts";
import { measureSets } from "../../src/commands/measure-sets.ts";
import { openSubject, passImages, reopenSubject } from "../../src/commands/subject.ts";
import { seededRandom } from "../../src/numeric/random.ts";
import { floatTensor, node, type Tensor } from "../../src/onnx/graph.ts";
import { writeModel } from "../../src/onnx/model-file.ts";
import { openRun } from "../../src/runs/run-folder.ts";
import { openModel } from "../../src/runtime/open-model.ts";
import { doubles, integers } from "../../src/tables/table.ts";
import { networkOf, normal } from "../ablation/all-pairs.ts";
import { unitscope } from "../cli/run-cli.ts";
import { npz } from "../data/npz.ts";
import { folderOf } from "../data/pictures.ts";

const names = ["cat", "dog", "tree", "boat"];
const IMAGES = 90;
const UNITS = 6;

/** Four labels, each with a bias that makes it present on about half of the images. */
function network(last: "Sigmoid" | "Softmax" | "Identity", fc: Tensor, bias: readonly number[]): Uint8Array {
  const nodes = [
    node("Conv", ["input", "w", "b"], ["c"], { pads: [1, 1, 1, 1] }),
    node("Relu", ["c"], ["r"]),
    node("GlobalAveragePool", ["r"], ["g"]),
    node("Flatten", ["g"], ["f"]),
    node("Gemm", ["f", "fc", "bias"], ["z"]),
    node(last, ["z"], ["logits"]),
  ];
  const constants = { w: normal(1, [UNITS, 3, 3, 3], 0.5), b: normal(2, [UNITS], 0.1), fc };
  return writeModel(networkOf(nodes, { ...constants, bias: floatTensor([4], bias) }));
}

let folder: string;
let model: string;
let data: string;
let matrix: Int32Array;
const classes = (): string => join(folder, "labels.txt");
beforeAll(async () => {
  const random = seededRandom(5);
  const pixels = Uint8Array.from({ length: IMAGES * 8 * 8 * 3 }, () => random.integer(256));
  matrix = Int32Array.from({ length: IMAGES * 4 }, (_, at) => Number(random.uniform() < [0.5, 0.4, 0.6, 0.1][at % 4]));
  const fc = normal(3, [UNITS, 4]);
  const files = {
    "images.npz": npz({
      images: { dims: [IMAGES, 8, 8, 3], data: pixels },
      labels: { dims: [IMAGES, 4], data: matrix },
    }),
    "labels.txt": names.join("\n"),
    "first.onnx": network("Sigmoid", fc, [0, 0, 0, 0]),
    "exclusive.onnx": network("Softmax", fc, [0, 0, 0, 0]),
    "logits.onnx": network("Identity", fc, [0, 0, 0, 0]),
  };
  folder = await folderOf(files);
  // Logits around 0, so that predictions flip.
  const [z] = await plainLogits(join(folder, "first.onnx"), 0);
  const bias = names.map((_, label) => -z.reduce((sum, row) => sum + row[label], 0) / IMAGES);
  const centred = await folderOf({ "network.onnx": network("Sigmoid", fc, bias) });
  model = join(centred, "network.onnx");
  data = join(folder, "images.npz");
});

/** All logits of every image, the whole network on one image at a time: intact, then without each unit. */
async function plainLogits(path: string, unitCount: number): Promise<Float32Array[][]> {
  const whole = await openModel(path);
  const options = { preprocess: "none", classes: classes(), label: "0" };
  const source = passImages(await openSubject(path, join(folder, "images.npz"), options));
  const block = await source.read(Int32Array.from({ length: IMAGES }, (_, image) => image));
  const [{ tap, units }] = whole.layers;
  const reference = openReference(whole, switchedTensors(whole, [tap]));
  const found: Float32Array[][] = [];
  for (let unit = -1; unit < unitCount; unit++) {
    const removal = unit < 0 ? null : { tap, units: [unit], replacement: new Float32Array(units) };
    const rows: Float32Array[] = [];
    for (let row = 0; row < IMAGES; row++) rows.push((await reference.logits(block, row, removal)).slice());
    found.push(rows);
  }
  await reference.close();
  return found;
}

test("accuracy and drops of every label are those of counting the whole network's probabilities at 0.5", async () => {
  const [intact, ...without] = await plainLogits(model, UNITS);
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
      notes: [`output "logits": label ${label} of 0..3 alone is read, as present where its probability is above 0.5`],
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
  expect((await unitscope(["ablate", path, data, ...flags])).stderr).toMatch(/^caution: .*; leave --label out/m);
});

test("names without the network's are refused", async () => {
  const lists = await folderOf({ "l.csv": "path,labels\n1.png,cat;dog\n", "1.png": Buffer.from("no picture") });
  await expect(openSubject(model, join(lists, "l.csv"), { preprocess: "none", label: "cat" })).rejects.toThrow(
    /expected names of its 4 labels to match those of data .* give option "classes" FILE/,
  );
});
