import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { exportCommand } from "../../src/cli/commands/export.ts";
import type { CliContext } from "../../src/cli/context.ts";
import { exportRun } from "../../src/runs/export.ts";
import { startRun } from "../../src/runs/run-folder.ts";
import { makeTable } from "../../src/tables/table.ts";
import { exampleManifest, exampleUnits, newFolder } from "./example-run.ts";

function contextThatKeeps(printed: string[], json: boolean): CliContext {
  return {
    print: (line) => printed.push(line),
    note: () => {},
    progress: () => ({ below: () => undefined, update: () => {}, finish: () => {} }),
    failed: () => undefined,
    signal: new AbortController().signal,
    json,
  };
}

const awkward = makeTable({
  layer: ['a"b', "c,d", "line\nbreak"],
  unit: Int32Array.of(0, 1, 2),
  overall_drop: Float64Array.of(0.1 + 0.2, 5e-324, Number.NaN),
  max_class_drop: Float64Array.of(1, 2, 3),
  max_class: Int32Array.of(0, -1, 1),
  min_class_drop: Float64Array.of(-1.5, 1e21, 0),
  min_class: Int32Array.of(0, 0, 0),
});

test("CSV has the columns' names, quotes where RFC 4180 asks for them, and empty fields for missing values", async () => {
  const run = startRun(newFolder(), exampleManifest);
  run.writeTable("units", awkward);
  const [file] = await exportRun(run, "csv");
  expect(file).toEqual({ table: "units", path: run.file("export", "units.csv"), rows: 3 });
  expect(readFileSync(run.file("export", "units.csv"), "utf8")).toBe(
    [
      "layer,unit,overall_drop,max_class_drop,max_class,min_class_drop,min_class",
      '"a""b",0,0.30000000000000004,1,0,-1.5,0',
      '"c,d",1,5e-324,2,,1e+21,0',
      '"line\nbreak",2,,3,1,0,0',
      "",
    ].join("\n"),
  );
});

test("JSON reads back as the rows, with null for missing values", async () => {
  const run = startRun(newFolder(), exampleManifest);
  run.writeTable("units", awkward);
  await exportRun(run, "json");
  const rows = JSON.parse(readFileSync(run.file("export", "units.json"), "utf8")) as Record<string, unknown>[];
  expect(rows).toHaveLength(3);
  expect(rows[0]).toEqual({
    layer: 'a"b',
    unit: 0,
    overall_drop: 0.30000000000000004,
    max_class_drop: 1,
    max_class: 0,
    min_class_drop: -1.5,
    min_class: 0,
  });
  expect(rows[1]?.["max_class"]).toBeNull();
  expect(rows[2]?.["overall_drop"]).toBeNull();
});

test("tables longer than a batch, and empty ones, are exported whole", async () => {
  const run = startRun(newFolder(), exampleManifest);
  const rows = 50_001;
  run.writeTable(
    "baseline",
    makeTable({
      image: Int32Array.from({ length: rows }, (_, image) => image),
      label: new Int32Array(rows),
      prediction: new Int32Array(rows),
      margin: Float64Array.from({ length: rows }, (_, image) => image / 3),
    }),
  );
  const none = new Int32Array(0);
  run.writeTable("flips", makeTable({ layer: [], unit: none, image: none, prediction: none }));
  await exportRun(run, "csv");
  await exportRun(run, "json");
  const lines = readFileSync(run.file("export", "baseline.csv"), "utf8").split("\n");
  expect(lines).toHaveLength(rows + 2);
  expect(Number(lines[50_001]?.split(",")[3])).toBe(50_000 / 3);
  expect(JSON.parse(readFileSync(run.file("export", "baseline.json"), "utf8"))).toHaveLength(rows);
  expect(readFileSync(run.file("export", "flips.csv"), "utf8")).toBe("layer,unit,image,prediction\n");
  expect(JSON.parse(readFileSync(run.file("export", "flips.json"), "utf8"))).toEqual([]);
});

test("the command prints the files, as lines or JSON", async () => {
  const run = startRun(newFolder(), exampleManifest);
  run.writeTable("units", exampleUnits());
  const lines: string[] = [];
  await exportCommand(contextThatKeeps(lines, false)).parseAsync([run.path, "--format", "csv"], { from: "user" });
  expect(lines).toEqual([run.file("export", "units.csv")]);
  const json: string[] = [];
  await exportCommand(contextThatKeeps(json, true)).parseAsync([run.path, "--format", "json"], { from: "user" });
  expect(JSON.parse(json.join(""))).toEqual([{ table: "units", path: run.file("export", "units.json"), rows: 3 }]);
});

test("a run without tables, and a format that is not known, are refused", async () => {
  const run = startRun(newFolder(), exampleManifest);
  await expect(exportRun(run, "csv")).rejects.toThrow("expected tables to export, got none");
  const command = exportCommand(contextThatKeeps([], false))
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  await expect(command.parseAsync([run.path, "--format", "xml"], { from: "user" })).rejects.toThrow(
    "Allowed choices are csv, json",
  );
});
