import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { parquetMetadata } from "hyparquet";
import { expect, test } from "vitest";
import { openTableReader } from "../../src/runs/read-table.ts";
import { type RunFolder, startRun } from "../../src/runs/run-folder.ts";
import { concatTables, doubles, integers, makeTable, type Table, texts } from "../../src/tables/table.ts";
import { exampleManifest, newFolder } from "./example-run.ts";

const classNames = ["cat", "dog", "a class whose name is much longer than sixteen bytes"];
const layers = ["conv1", "layer4.2.conv3 of a long scope 1", "layer4.2.conv3 of a long scope 2"];

/** Drops of a layer with `units` units; `shift` tells versions apart. */
function layerDrops(layer: string, units: number, shift: number): Table {
  const rows = units * classNames.length;
  const number = (value: (row: number) => number): Int32Array =>
    Int32Array.from({ length: rows }, (_, row) => value(row));
  return makeTable({
    layer: Array.from({ length: rows }, () => layer),
    unit: number((row) => Math.floor(row / classNames.length)),
    class: number((row) => row % classNames.length),
    class_name: Array.from({ length: rows }, (_, row) => classNames[row % classNames.length]),
    images: number(() => 50),
    correct: number((row) => (row * 7) % 50),
    correct_ablated: number((row) => (row * 11 + shift) % 50),
    lost: number((row) => row % 5),
    gained: number(() => 1),
    drop: Float64Array.from({ length: rows }, (_, row) => (row % 13 === 0 ? Number.NaN : (row % 100) / 100 - shift)),
  });
}

/** Columns as text, so that a difference is found fast. */
function flat(table: Table): Record<string, string> {
  return Object.fromEntries(Object.entries(table.columns).map(([name, column]) => [name, column.join()]));
}

async function written(parts: readonly Table[]): Promise<RunFolder> {
  const run = startRun(newFolder(), exampleManifest);
  const writer = await run.rewriteLayers("drops", layers);
  for (const part of parts) await writer.append(part);
  expect(run.hasTable("drops")).toBe(false);
  writer.commit();
  return run;
}

test("a layer is written when it is done, lies in row groups of its own, and names are dictionaries", async () => {
  const parts = layers.map((layer) => layerDrops(layer, 3000, 0));
  const run = await written(parts);
  const { groups, rows } = await openTableReader(run.file("drops.parquet"), "drops");
  expect([rows, groups.map(({ layer, start }) => [layer, start])]).toEqual([
    27_000,
    layers.map((l, at) => [l, 9000 * at]),
  ]);
  const file = new Uint8Array(readFileSync(run.file("drops.parquet"))).buffer;
  for (const { columns } of parquetMetadata(file).row_groups) {
    const named = new Map(columns.map(({ meta_data }) => [meta_data?.path_in_schema.join("."), meta_data?.encodings]));
    expect(named.get("layer")).toContain("RLE_DICTIONARY");
    expect(named.get("class_name")).toContain("RLE_DICTIONARY");
  }
  expect(flat(await run.readTable("drops"))).toEqual(flat(concatTables(parts)));
});

test("a layer is read from its own row groups alone, whatever the others hold", async () => {
  const parts = layers.map((layer) => layerDrops(layer, 3000, 0));
  const run = await written(parts);
  const path = run.file("drops.parquet");
  const { groups, groupBytes } = await openTableReader(path, "drops");
  for (const group of [groups[0], groups[2]]) {
    const { bytes, start } = await groupBytes(group);
    const file = openSync(path, "r+");
    writeSync(file, new Uint8Array(bytes.length).fill(0xff), 0, bytes.length, start);
    closeSync(file);
  }
  await expect(run.readTable("drops")).rejects.toThrow("expected a Parquet file, got a damaged one");
  const read = await run.readTable("drops", { layer: layers[1], columns: ["drop", "unit"] });
  expect(Object.keys(read.columns)).toEqual(["drop", "unit"]);
  expect(doubles(read, "drop").join()).toBe(doubles(parts[1], "drop").join());
  expect((await run.readTable("drops", { layer: "conv9" })).rows).toBe(0);
});

test("replacing a layer copies the others as they are, new columns and small layers included", async () => {
  const run = await written(layers.map((layer) => layerDrops(layer, 3000, 0)));
  const groupsOf = async (): Promise<Map<string | undefined, Uint8Array>> => {
    const { groups, groupBytes } = await openTableReader(run.file("drops.parquet"), "drops");
    return new Map(
      await Promise.all(groups.map(async (group) => [group.layer, (await groupBytes(group)).bytes] as const)),
    );
  };
  const before = await groupsOf();
  await run.replaceRows("drops", layerDrops(layers[0], 2800, 3), ["layer"]);
  const after = await groupsOf();
  expect([...after.keys()]).toEqual([layers[1], layers[2], layers[0]]);
  for (const layer of layers.slice(1))
    expect(Buffer.compare(after.get(layer) ?? bytes0, before.get(layer) ?? bytes0)).toBe(0);
  const expected = [layerDrops(layers[1], 3000, 0), layerDrops(layers[2], 3000, 0), layerDrops(layers[0], 2800, 3)];
  expect(flat(await run.readTable("drops"))).toEqual(flat(concatTables(expected)));

  // A column that the held rows lack: they are decoded and written again with it missing.
  const small = layerDrops("fc", 4, 1);
  const withP: Table = {
    rows: small.rows,
    columns: { ...small.columns, p_value: new Float64Array(small.rows).fill(0.5) },
  };
  await run.replaceRows("drops", withP, ["layer"]);
  const all = await run.readTable("drops");
  expect(all.rows).toBe(27_000 - 600 + 12);
  const fc = await run.readTable("drops", { layer: "fc" });
  expect(flat(fc)).toEqual(flat({ rows: 12, columns: { ...withP.columns } }));
  expect((await run.readTable("drops", { layer: layers[1] })).columns["p_value"].every(Number.isNaN)).toBe(true);
  expect(integers(await run.readTable("drops", { layer: layers[0] }), "correct_ablated").join()).toBe(
    integers(expected[2], "correct_ablated").join(),
  );
});

const bytes0 = new Uint8Array(0);

test("only rows that also have the named values go", async () => {
  const run = startRun(newFolder(), exampleManifest);
  const vectors = (layer: string, attribute: string, value: number): Table =>
    makeTable({
      layer: [layer],
      unit: Int32Array.of(0),
      attribute: [attribute],
      index: Int32Array.of(0),
      name: ["cat"],
      value: Float64Array.of(value),
    });
  run.writeTable(
    "vectors",
    concatTables([vectors("a", "roc_auc", 1), vectors("a", "concept_iou", 2), vectors("b", "roc_auc", 3)]),
  );
  const writer = await run.rewriteLayers("vectors", ["a"], { attribute: ["roc_auc"] });
  await writer.append(vectors("a", "roc_auc", 4));
  writer.commit();
  const held = await run.readTable("vectors");
  expect(texts(held, "attribute")).toEqual(["concept_iou", "roc_auc", "roc_auc"]);
  expect(doubles(held, "value")).toEqual(Float64Array.of(2, 3, 4));
});
