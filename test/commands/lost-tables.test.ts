/** A run whose tables are missing or damaged says which command makes them again, and that command does, to the byte. */
import { cpSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { type AblateRunOptions, runAblate } from "../../src/commands/ablate-run.ts";
import { runAttributes } from "../../src/commands/attributes-run.ts";
import { runFigures } from "../../src/commands/figures-run.ts";
import { measureSets } from "../../src/commands/measure-sets.ts";
import { reportRuns } from "../../src/commands/report.ts";
import { sha256 } from "../../src/files/hash.ts";
import { exportRun } from "../../src/runs/export.ts";
import { openRun } from "../../src/runs/run-folder.ts";
import { openModel } from "../../src/runtime/open-model.ts";
import type { TableName } from "../../src/tables/schema.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";
import { writeStudy } from "../shards/shared-study.ts";

const swept = ["layers", "units", "drops", "baseline", "flips"] as const;

let folder: string;
let model: string;
let data: string;
let layers: string[];
beforeAll(async () => {
  folder = await temporaryFolder();
  ({ model, data } = await writeStudy(folder, 520)); // three blocks
  layers = (await openModel(model)).layers.filter(({ kind }) => kind === "convolution").map(({ name }) => name);
  await ablate("whole", { layers });
  await runAttributes(join(folder, "whole"), { shuffles: 3, resamples: 100, workers: 1 });
});

const ablate = async (out: string, options: Partial<AblateRunOptions>, cautions: string[] = []): Promise<void> => {
  const settings = { preprocess: "none", workers: 1, ...options, out: join(folder, out) };
  await runAblate(model, data, settings, { caution: (text) => cautions.push(text) });
};

/** Another copy of the run, without a table or with half of it. */
function lose(out: string, table: TableName, how: "gone" | "cut"): string {
  const path = join(folder, out);
  cpSync(join(folder, "whole"), path, { recursive: true });
  const file = join(path, `${table}.parquet`);
  if (how === "gone") rmSync(file);
  else truncateSync(file, Math.floor(readFileSync(file).length / 2));
  return path;
}

const hashes = (path: string, tables: readonly TableName[]): string[] =>
  tables.map((table) => sha256(readFileSync(join(path, `${table}.parquet`))));

test.each([
  ["drops", "gone"],
  ["flips", "cut"],
  ["layers", "gone"],
  ["baseline", "cut"],
] as const)("%s that is %s is made again, and nothing else changes", async (table, how) => {
  const path = lose(`${table} ${how}`, table, how);
  const cautions: string[] = [];
  await ablate(`${table} ${how}`, { layers: layers.slice(0, 1) }, cautions); // the other layers have to come back too
  expect(cautions).toContain(
    `run folder "${path}": ${table}.parquet missing or damaged: ${layers.join(", ")} are measured again`,
  );
  const all = [...swept, "vectors", "images"] as const;
  expect(hashes(path, all)).toEqual(hashes(join(folder, "whole"), all));
});

test("units lose what attributes wrote, which is said and comes back", async () => {
  const path = lose("units", "units", "cut");
  const cautions: string[] = [];
  await ablate("units", { layers }, cautions);
  expect(cautions.join("\n")).toContain(
    `units.parquet missing or damaged: ${layers.join(", ")} are measured again; afterwards repeat: unitscope attributes ${path} --shuffles 3 --resamples 100`,
  );
  await runAttributes(path, { shuffles: 3, resamples: 100, workers: 1 });
  expect(hashes(path, swept)).toEqual(hashes(join(folder, "whole"), swept));
});

test("a sweep that may end early does not make tables again", async () => {
  const path = lose("early", "drops", "cut");
  const before = hashes(path, swept);
  await expect(ablate("early", { layers, budget: 1e-6 })).rejects.toThrow(
    'expected whole tables to add to, got drops.parquet missing or damaged; repeat without option "until" and option "budget"',
  );
  expect(hashes(path, swept)).toEqual(before);
});

test.each(["gone", "cut"] as const)("what needs a table that is %s says which command makes it", async (how) => {
  const advice = (path: string): string =>
    `make it with: unitscope ablate ${model} ${data} --layers ${layers.join(",")} --preprocess none --out ${path}`;
  const drops = lose(`drops-${how}`, "drops", how);
  await expect(runFigures(drops)).rejects.toThrow(advice(drops));
  await expect(reportRuns([drops])).rejects.toThrow(advice(drops));
  const flips = lose(`flips-${how}`, "flips", how);
  await expect(runAttributes(flips, { workers: 1 })).rejects.toThrow(advice(flips));
  await expect(exportRun(openRun(flips, { isPartialFine: true }), "csv")).rejects.toThrow(advice(flips));
});

test("a later command's table has to be deleted first, and is missed", async () => {
  const path = lose("vectors", "vectors", "cut");
  const sets = { size: 1, randomSequences: 1, workers: 1 };
  const command = `unitscope attributes ${path} --shuffles 3 --resamples 100`;
  await expect(measureSets(path, sets)).rejects.toThrow(`; delete it and make it with: ${command}`);
  rmSync(join(path, "vectors.parquet"));
  await expect(reportRuns([path])).rejects.toThrow(`expected vectors.parquet, got none; make it with: ${command}`);
  await runAttributes(path, { shuffles: 3, resamples: 100, workers: 1 });
  expect(hashes(path, ["vectors"])).toEqual(hashes(join(folder, "whole"), ["vectors"]));
});

test.each(["images", "relations"] as const)(
  "attributes always write %s, so that a page without them is refused",
  async (table) => {
    const path = lose(`without ${table}`, table, "gone");
    const command = `unitscope attributes '${path}' --shuffles 3 --resamples 100`;
    await expect(reportRuns([path])).rejects.toThrow(`expected ${table}.parquet, got none; make it with: ${command}`);
    await expect(runFigures(path)).rejects.toThrow(`make it with: ${command}`);
    await runAttributes(path, { shuffles: 3, resamples: 100, workers: 1 });
    expect(hashes(path, [table])).toEqual(hashes(join(folder, "whole"), [table]));
  },
);

test("the command names a file of preprocessing by its absolute path: it works in any folder", async () => {
  const file = join(folder, "own.json");
  writeFileSync(file, '{"preset": "none"}');
  await ablate("own", { layers: layers.slice(0, 1), preprocess: relative(process.cwd(), file) });
  rmSync(join(folder, "own", "drops.parquet"));
  await expect(runFigures(join(folder, "own"))).rejects.toThrow(` --preprocess ${file} `);
});
