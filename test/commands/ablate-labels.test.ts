/** Several labels in one command: each has the counts of a run with that label alone, once, in a folder of its own. */
import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { ablateLabels } from "../../src/commands/ablate-labels.ts";
import { runAblate } from "../../src/commands/ablate-run.ts";
import { askedLabels } from "../../src/commands/asked-labels.ts";
import { measureSets } from "../../src/commands/measure-sets.ts";
import { listOf } from "../../src/data/classes/class-list.ts";
import { openRun, type RunFolder } from "../../src/runs/run-folder.ts";
import { unitscope } from "../cli/run-cli.ts";
import { npz } from "../data/npz.ts";
import { IMAGES, type LabelFiles, labelFiles, names, plainLogits, UNITS } from "./label-network.ts";

let files: LabelFiles;
beforeAll(async () => {
  files = await labelFiles();
});

const options = (out: string, label: string): Parameters<typeof ablateLabels>[2] => ({
  ...{ preprocess: "none", classes: files.classes, layers: ["c"], workers: 1 },
  ...{ out: join(files.folder, out), label },
});
const rowsOf = async (run: RunFolder): Promise<unknown> => {
  const tables = await Promise.all(
    (["drops", "units", "flips", "baseline"] as const).map((name) => run.readTable(name)),
  );
  return tables.map(({ rows, columns }) => [rows, columns]);
};

test("every label has the tables of a run with that label alone, and a row of what they say", async () => {
  const { folder, model, data, matrix } = files;
  const shares: number[] = [];
  const { rows, table } = await ablateLabels(model, data, options("some", "boat,1"), {
    progress: (share) => shares.push(share),
  });
  expect([...shares].sort((a, b) => a - b)).toEqual(shares);
  expect([shares[0], shares.at(-1)]).toEqual([0, 1]);
  expect(rows.map(({ label, run }) => [label, run])).toEqual([
    ["boat", "boat"],
    ["dog", "dog"],
  ]);
  expect(JSON.parse(readFileSync(table, "utf8"))).toEqual(rows.toReversed()); // in the order of the outputs
  const intact = (await plainLogits({ folder, model }, 0))[0];
  for (const row of rows) {
    const own = await runAblate(model, data, { ...options(`alone-${row.label}`, row.label) });
    expect(await rowsOf(openRun(join(folder, "some", row.run)))).toEqual(await rowsOf(own.run));
    const label = names.indexOf(row.label);
    const truth = Array.from({ length: IMAGES }, (_, image) => matrix[4 * image + label] === 1);
    const right = truth.filter((is, image) => intact[image][label] > 0 === is).length;
    const having = truth.filter((is) => is).length;
    expect(row).toMatchObject({ images_with: having, images_without: IMAGES - having, units: UNITS, layer: "r" });
    expect(row.accuracy).toBeCloseTo(right / IMAGES, 12);
    expect(row.max_class_drop).toBe(Math.max(...(own.units.columns["max_class_drop"] as Float64Array)));
  }
  // A label's run is a run as any other.
  await measureSets(join(folder, "some", "dog"), { size: 2, randomSequences: 2, seed: 1 });
});

test("what is done is not done again, what is missing is", async () => {
  const { folder, model, data } = files;
  const file = (label: string): string => join(folder, "again", label, "drops.parquet");
  const abort = new AbortController();
  const stopped = ablateLabels(model, data, options("again", "cat,dog"), {
    signal: abort.signal,
    progress: (_, label) => label === "dog" && abort.abort(new Error("enough")),
  });
  await expect(stopped).rejects.toThrow();
  const first = statSync(file("cat")).mtimeMs;
  const bytes = readFileSync(file("cat"));
  const { rows } = await ablateLabels(model, data, options("again", "cat,dog"));
  expect(rows.map(({ label }) => label)).toEqual(["cat", "dog"]);
  expect(statSync(file("cat")).mtimeMs).toBe(first);
  rmSync(join(folder, "again", "cat"), { recursive: true });
  await ablateLabels(model, data, options("again", "cat,dog"));
  expect(readFileSync(file("cat"))).toEqual(bytes);
});

test("a second command adds its labels to the table, in the order of the outputs; a run that is gone is in it no more", async () => {
  const { folder, model, data } = files;
  const table = (): { label: string }[] =>
    JSON.parse(readFileSync(join(folder, "grown", "labels.json"), "utf8")) as { label: string }[];
  const first = await ablateLabels(model, data, options("grown", "tree,dog"));
  expect(first.labelCount).toBe(2);
  const held = new Map(table().map((row) => [row.label, row]));
  const { rows, labelCount } = await ablateLabels(model, data, options("grown", "boat,cat"));
  expect([rows.map(({ label }) => label), labelCount]).toEqual([["boat", "cat"], 4]);
  expect(table().map(({ label }) => label)).toEqual(names);
  for (const row of table()) expect(row).toEqual(held.get(row.label) ?? rows.find(({ label }) => label === row.label));
  rmSync(join(folder, "grown", "dog"), { recursive: true });
  await ablateLabels(model, data, options("grown", "cat,boat"));
  expect(table().map(({ label }) => label)).toEqual(["cat", "tree", "boat"]);
});

test("labels of one table have one network, one method, the same images and layers", async () => {
  const { model, data, folder } = files;
  const path = join(folder, "same");
  await ablateLabels(model, data, options("same", "cat,dog"));
  const bytes = readFileSync(join(path, "labels.json"));
  const other = (change: Partial<Parameters<typeof ablateLabels>[2]>, from = data): Promise<unknown> =>
    ablateLabels(model, from, { ...options("same", "tree,boat"), ...change });
  const place = `run folder "${path}": label "cat", which its table holds: `;
  await expect(other({ method: "mean" })).rejects.toThrow(`${place}expected ablation.method zero, got mean; choose`);
  await expect(other({ layers: ["c", "g"] })).rejects.toThrow(`${place}expected layers ["r"], got ["g","r"]; choose`);
  await expect(other({ preprocess: '{"range": [0, 2]}' })).rejects.toThrow(`${place}expected preprocessing.`);
  await expect(other({ limit: 5 })).rejects.toThrow(`${place}expected data.hash `);
  await expect(ablateLabels(join(folder, "logits.onnx"), data, options("same", "tree,boat"))).rejects.toThrow(
    `${place}expected model.sha256 `,
  );
  expect(() => statSync(join(path, "tree"))).toThrow();
  expect(readFileSync(join(path, "labels.json"))).toEqual(bytes);
  writeFileSync(join(path, "labels.json"), "[{}]");
  await expect(other({})).rejects.toThrow(/labels\.json: 0\.label: expected a table of labels, got: .*; delete it/);
});

test("of all labels, those that all images have or none are left out, and said; a name for one is an error", async () => {
  const { folder, model } = files;
  const images = { dims: [4, 8, 8, 3], data: Uint8Array.from({ length: 4 * 8 * 8 * 3 }, (_, at) => (at * 37) % 256) };
  const labels = { dims: [4, 4], data: Int32Array.from([1, 0, 0, 1, 1, 1, 0, 0, 1, 0, 0, 1, 1, 0, 0, 0]) };
  const data = join(folder, "few.npz");
  writeFileSync(data, npz({ images, labels }));
  const cautions: string[] = [];
  const caution = (text: string): unknown => cautions.push(text);
  const { rows } = await ablateLabels(model, data, options("few", "all"), { caution });
  expect(rows.map(({ label, images_with }) => [label, images_with])).toEqual([
    ["dog", 1],
    ["boat", 2],
  ]);
  expect(cautions.slice(0, 2).join("\n")).toMatch(/left out: .*"cat" and without, got 4 with.*\n.*"tree".*got 0 with/);
  expect(cautions.filter((text) => text.startsWith('label "dog": the classes are images without'))).toHaveLength(1);
  await expect(ablateLabels(model, data, options("few", "dog,cat"))).rejects.toThrow(/label "cat" and without, got 4/);
});

test.each([
  [{ label: "cat,bot" }, /option "label": expected classes of .*, got "bot"; the nearest is "boat"/],
  [{ label: "cat,0" }, /option "label": expected each label once, got "cat" and "0"/],
  [{ label: "cat," }, /option "label": expected names of labels with commas between them, got "cat,"/],
  [{ label: "cat,dog", budget: 3 }, /option "budget": expected one label with it, got "cat,dog"/],
  [{ label: "cat,dog", verify: 2 }, /option "verify": expected a fraction from 0 to 1, got 2/],
])("%j is refused, and nothing is written", async (change, message) => {
  const call = ablateLabels(files.model, files.data, { ...options("refused", ""), ...change });
  await expect(call).rejects.toThrow(message);
  expect(() => statSync(join(files.folder, "refused"))).toThrow();
});

test("a folder that holds a run is refused; so are several labels where there is one run", async () => {
  const { model, data } = files;
  await runAblate(model, data, options("taken", "cat"));
  await expect(ablateLabels(model, data, options("taken", "all"))).rejects.toThrow(
    /expected an empty folder or one of runs of labels, got .*run\.json.*; choose another folder/,
  );
  await expect(runAblate(model, data, options("two", "cat,dog"))).rejects.toThrow(
    'option "label": expected one label, got 2: cat, dog',
  );
});

test("a name is taken as it stands before it is several", () => {
  const named = listOf(["tench, Tinca tinca", "all", "cat", "a,b"], "labels");
  const asked = (text: string): number[] =>
    askedLabels(text, { place: "m", classCount: 4, named }).labels.map(({ number }) => number);
  expect(["tench, Tinca tinca", "ALL", "cat,tench", "3", "a,b"].map(asked)).toEqual([[0], [1], [2, 0], [3], [3]]);
});

test("the command prints a line for every label", async () => {
  const flags = [
    "--preprocess",
    "none",
    "--classes",
    files.classes,
    "--layers",
    "c",
    "--workers",
    "1",
    "--counts-only",
  ];
  const out = join(files.folder, "printed");
  const args = ["ablate", files.model, files.data, ...flags, "--label", "cat,dog", "--out", out];
  const { code, stdout, stderr } = await unitscope(args);
  expect([code, stdout]).toEqual([
    0,
    expect.stringMatching(/^label +with +without +accuracy.*\ncat .*\ndog .*\ntable: /),
  ]);
  expect(stderr).toMatch(/^caution: label "cat": the classes are images without the label, "no cat"/m);
});
