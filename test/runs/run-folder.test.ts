import { existsSync, readdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parquetMetadata, parquetReadObjects } from "hyparquet";
import { expect, test } from "vitest";
import { openAtomicFile } from "../../src/files/atomic-file.ts";
import { openTableReader } from "../../src/runs/read-table.ts";
import { openRun, startRun } from "../../src/runs/run-folder.ts";
import { concatTables, doubles, integers, makeTable, rowsWhere, type Table, texts } from "../../src/tables/table.ts";
import { exampleManifest, exampleUnits, newFolder } from "./example-run.ts";

test("a table comes back as it was written, missing values included", async () => {
  const run = startRun(newFolder(), exampleManifest);
  run.writeTable("units", exampleUnits());
  const read = await run.readTable("units");
  expect(read).toEqual(exampleUnits());
  expect(Object.is(doubles(read, "overall_drop")[2], -1e-17)).toBe(true);
  expect(Object.keys((await run.readTable("units", { columns: ["unit"] })).columns)).toEqual(["unit"]);
  expect(run.tableNames()).toEqual(["units"]);
});

test("the file has the declared types, and null where a value is missing", async () => {
  const run = startRun(newFolder(), exampleManifest);
  run.writeTable("units", exampleUnits());
  const file = new Uint8Array(readFileSync(run.file("units.parquet"))).buffer;
  const schema = parquetMetadata(file).schema.slice(1);
  expect(schema.map(({ name, type, repetition_type }) => `${name} ${type} ${repetition_type}`)).toEqual([
    "layer BYTE_ARRAY REQUIRED",
    "unit INT32 REQUIRED",
    "overall_drop DOUBLE OPTIONAL",
    "max_class_drop DOUBLE OPTIONAL",
    "max_class INT32 OPTIONAL",
    "min_class_drop DOUBLE OPTIONAL",
    "min_class INT32 OPTIONAL",
  ]);
  const rows = await parquetReadObjects({ file });
  expect(rows[2]).toEqual({
    layer: "conv5",
    unit: 0,
    overall_drop: -1e-17,
    max_class_drop: 0,
    max_class: 1,
    min_class_drop: null,
    min_class: null,
  });
});

test("large tables are written in parts and read back, whole or in ranges", async () => {
  const run = startRun(newFolder(), exampleManifest);
  const part = (start: number, rows: number): Table =>
    makeTable({
      layer: Array.from({ length: rows }, (_, row) => (start + row < 150_000 ? "conv4" : "conv5")),
      unit: Int32Array.from({ length: rows }, (_, row) => (start + row) % 512),
      image: Int32Array.from({ length: rows }, (_, row) => start + row),
      prediction: Int32Array.from({ length: rows }, (_, row) => ((start + row) % 7 === 0 ? -1 : (start + row) % 10)),
    });
  const parts = [part(0, 120_000), part(120_000, 5), part(120_005, 100_001)];
  const writer = run.createTable("flips");
  for (const each of parts) writer.append(each);
  expect(run.hasTable("flips")).toBe(false);
  writer.commit();
  const whole = concatTables(parts);
  const read = await run.readTable("flips");
  expect(Object.keys(read.columns)).toEqual(Object.keys(whole.columns));
  for (const [name, column] of Object.entries(read.columns)) expect(column.join()).toBe(whole.columns[name].join());
  const range = await (await run.openTable("flips")).read({ columns: ["image"], start: 99_990, end: 120_010 });
  expect(integers(range, "image").join()).toBe(integers(whole, "image").slice(99_990, 120_010).join());
});

test("an empty table keeps its columns", async () => {
  const run = startRun(newFolder(), exampleManifest);
  const empty = makeTable({
    layer: [],
    unit: new Int32Array(0),
    image: new Int32Array(0),
    prediction: new Int32Array(0),
  });
  run.writeTable("flips", empty);
  expect(await run.readTable("flips")).toEqual(empty);
});

test("columns join by key: values of other rows stay, new columns are missing there", async () => {
  const run = startRun(newFolder(), exampleManifest);
  run.writeTable("units", exampleUnits());
  await run.addColumns("units", makeTable({ layer: ["conv5"], unit: Int32Array.of(0), l1_norm: Float64Array.of(5) }));
  await run.addColumns(
    "units",
    makeTable({
      layer: ["conv4", "conv4"],
      unit: Int32Array.of(1, 0),
      l1_norm: Float64Array.of(4, 3),
      concept: ["red", ""],
    }),
  );
  const units = await run.readTable("units");
  expect(doubles(units, "l1_norm")).toEqual(Float64Array.of(3, 4, 5));
  expect(texts(units, "concept")).toEqual(["", "red", ""]);
  expect(doubles(units, "overall_drop")).toEqual(doubles(exampleUnits(), "overall_drop"));
  const stray = makeTable({ layer: ["conv5"], unit: Int32Array.of(1), l1_norm: Float64Array.of(5) });
  await expect(run.addColumns("units", stray)).rejects.toThrow("expected rows of the table to join, got row 0");
  const twice = concatTables([stray, stray]);
  await expect(
    run.addColumns("units", { ...twice, columns: { ...twice.columns, unit: Int32Array.of(0, 0) } }),
  ).rejects.toThrow("got the same row twice");
});

test("rows are replaced by what they belong to", async () => {
  const run = startRun(newFolder(), exampleManifest);
  const vectors = (layer: string, attribute: string, value: number): Table =>
    makeTable({
      layer: [layer, layer],
      unit: Int32Array.of(0, 0),
      attribute: [attribute, attribute],
      index: Int32Array.of(0, 1),
      name: ["cat", "dog"],
      value: Float64Array.of(value, value + 1),
    });
  await run.replaceRows("vectors", vectors("conv4", "roc_auc", 1), ["layer", "attribute"]);
  await run.replaceRows("vectors", vectors("conv5", "roc_auc", 3), ["layer", "attribute"]);
  await run.replaceRows("vectors", vectors("conv4", "roc_auc", 5), ["layer", "attribute"]);
  const held = await run.readTable("vectors");
  expect(held.rows).toBe(4);
  expect(doubles(rowsWhere(held, "layer", "conv4"), "value")).toEqual(Float64Array.of(5, 6));
  expect(doubles(rowsWhere(held, "layer", "conv5"), "value")).toEqual(Float64Array.of(3, 4));
});

test("a column stays with the rows that have values of it, and goes with the last of them", async () => {
  const run = startRun(newFolder(), exampleManifest);
  const rows = 9_000; // a row group of the layer's own
  const sets = (strategy: string, calls: boolean): Table => {
    const ones = new Int32Array(rows).fill(1);
    return makeTable({
      layer: Array.from(ones, () => "conv5"),
      strategy: Array.from(ones, () => strategy),
      class: ones,
      class_name: Array.from(ones, () => "cat"),
      seed: ones,
      step: ones,
      unit: ones,
      images: ones,
      correct: ones,
      accuracy: Float64Array.from(ones),
      drop: Float64Array.from(ones),
      rank_split: Float64Array.from(ones),
      ...(calls && { called: ones }),
    });
  };
  await run.replaceRows("sets", sets("greedy", true), ["layer", "strategy"]);
  await run.replaceRows("sets", sets("random", false), ["layer", "strategy"]);
  await run.replaceRows("sets", sets("random", false), ["layer", "strategy"]);
  expect(integers(await run.readTable("sets"), "called").filter((value) => value === 1)).toHaveLength(rows);
  await run.replaceRows("sets", sets("greedy", false), ["layer", "strategy"]);
  expect(Object.keys((await run.readTable("sets")).columns)).not.toContain("called");
});

test("tables that break the contract are refused", () => {
  const run = startRun(newFolder(), exampleManifest);
  const units = exampleUnits();
  const withColumn = (name: string, column: Int32Array | Float64Array | string[]): Table => ({
    rows: 3,
    columns: { ...units.columns, [name]: column },
  });
  expect(() => run.writeTable("units", withColumn("colour", ["", "", ""]))).toThrow('of its schema, got "colour"');
  expect(() => run.writeTable("units", withColumn("l1_norm", Int32Array.of(1, 2, 3)))).toThrow(
    "expected double, got int32",
  );
  expect(() => run.writeTable("units", withColumn("mean", Float64Array.of(1, Infinity, 0)))).toThrow(
    "expected a finite number",
  );
  expect(() => run.writeTable("units", withColumn("max_class", Int32Array.of(1, -2, 0)))).toThrow(
    "row 1: expected 0 or more, got -2",
  );
  expect(() => run.writeTable("units", withColumn("layer", ["a", "", "b"]))).toThrow("expected a text");
  expect(() => run.writeTable("units", makeTable({ layer: ["a"] }))).toThrow('expected a column "unit", got none');
  expect(readdirSync(run.path)).toEqual(["run.json"]); // nothing half-written is left
});

test("a run is continued in its folder; another run is refused with what differs", () => {
  const path = newFolder();
  startRun(path, exampleManifest).updateManifest({ finished: "2024-05-01T10:01:00.000Z" });
  const later = { ...exampleManifest, started: "2024-05-02T10:00:00.000Z", layers: [] };
  expect(startRun(path, later).manifest().finished).toBe("2024-05-01T10:01:00.000Z");
  const other = { ...exampleManifest, model: { ...exampleManifest.model, sha256: "ef".repeat(32) } };
  expect(() => startRun(path, other)).toThrow(
    `run folder "${path}": expected the network net.onnx (SHA-256 abababababab…), got net.onnx (SHA-256 efefefefefef…); choose another folder`,
  );
  const fewer = { ...exampleManifest, data: { ...exampleManifest.data, hash: "12".repeat(32), images: 20 } };
  expect(() => startRun(path, fewer)).toThrow(
    "expected 30 images of cifar10:test (hash cdcdcdcdcdcd…), got 20 images of cifar10:test (hash 121212121212…); choose",
  );
  const mean = { ...exampleManifest, ablation: { method: "mean" } };
  expect(() => startRun(path, mean)).toThrow("expected ablation.method zero, got mean");
});

test("folders that hold no run are refused", () => {
  const path = newFolder();
  expect(() => openRun(join(path, "none"))).toThrow("expected a folder with run.json, got no such folder");
  writeFileSync(join(path, "notes.txt"), "mine");
  expect(() => openRun(path)).toThrow("expected a folder with run.json, got none; make one with: unitscope ablate");
  expect(() => openRun(join(path, "notes.txt"))).toThrow("got a file");
  expect(() => startRun(path, exampleManifest)).toThrow("expected an empty folder or a run, got notes.txt");
  expect(() => startRun(join(path, "notes.txt", "run"), exampleManifest)).toThrow(
    /expected a folder, got a file where a folder should be/,
  );
});

test("a missing table names the command that makes it; a damaged one is an error", async () => {
  const run = startRun(newFolder(), exampleManifest);
  await expect(run.readTable("sets")).rejects.toThrow(
    `run folder "${run.path}": expected sets.parquet, got none; make it with: unitscope sets ${run.path}`,
  );
  run.writeTable("units", exampleUnits());
  truncateSync(run.file("units.parquet"), 200);
  await expect(run.readTable("units")).rejects.toThrow(/units\.parquet: expected a Parquet file, got a damaged one/);
  await expect(openTableReader(run.file("none.parquet"), "units")).rejects.toThrow(
    "expected a file that can be read, got none there",
  );
});

test("later commands are kept in the manifest, a repeated one once", () => {
  const run = startRun(newFolder(), exampleManifest);
  const step = { command: "sets", options: { size: 20 }, finished: "2024-05-01T11:00:00.000Z", timings: { total: 5 } };
  run.addStep(step);
  run.addStep({ ...step, options: { size: 10 } });
  run.addStep({ ...step, timings: { total: 6 } });
  expect(openRun(run.path).manifest().steps).toEqual([
    { ...step, options: { size: 10 } },
    { ...step, timings: { total: 6 } },
  ]);
});

test("a damaged manifest is named with its field", () => {
  const run = startRun(newFolder(), exampleManifest);
  const manifestPath = run.file("run.json");
  const text = readFileSync(manifestPath, "utf8");
  writeFileSync(manifestPath, text.replace('"cores": 2', '"cores": "two"'));
  expect(() => run.manifest()).toThrow(`${manifestPath}: hardware.cores: expected a run manifest, got: Invalid input`);
  writeFileSync(manifestPath, text.replace('"schemaVersion": 1', '"schemaVersion": 99'));
  expect(() => openRun(run.path)).toThrow("expected schemaVersion 1, got 99");
  writeFileSync(manifestPath, text.slice(0, 40));
  expect(() => openRun(run.path)).toThrow("run.json: expected JSON, got 40 characters");
});

test.skipIf(!existsSync("/dev/full"))(
  "a full disk gives one clear line, and leaves the old file and no new one",
  () => {
    const run = startRun(newFolder(), exampleManifest);
    run.writeTable("units", exampleUnits());
    const before = readFileSync(run.file("units.parquet"));
    // The draft has the name that any other has here; every write to /dev/full says that the disk is full.
    const other = openAtomicFile(run.file("probe"));
    const [draft = ""] = readdirSync(run.path).filter((name) => name.startsWith(".probe."));
    other.abandon();
    const temporary = run.file(draft.replace(".probe.", ".units.parquet."));
    symlinkSync("/dev/full", temporary);
    expect(() => run.writeTable("units", exampleUnits())).toThrow(
      "units.parquet: expected room on the disk, got ENOSPC; free some room and run the same command again, or choose another folder",
    );
    expect(readFileSync(run.file("units.parquet"))).toEqual(before);
    expect(readdirSync(run.path).sort()).toEqual(["run.json", "units.parquet"]);
  },
);
