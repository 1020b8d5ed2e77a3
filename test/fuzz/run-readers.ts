/** Readers of what a run's folder holds beside finished blocks: manifest, tables, plan, lock. */
import { writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { sha256 } from "../../src/files/hash.ts";
import { commandsOf, notesOf } from "../../src/runs/repeat-commands.ts";
import { openRun } from "../../src/runs/run-folder.ts";
import { lockRun } from "../../src/runs/run-lock.ts";
import { formatManifest } from "../../src/runs/run-manifest.ts";
import { writeParquetTable } from "../../src/runs/write-table.ts";
import { recordedPasses, recordPass, writeRunPlan } from "../../src/shards/run-plan.ts";
import { statusOf } from "../../src/shards/run-status.ts";
import { openShardRecord } from "../../src/shards/shard-records.ts";
import { schemaVersion } from "../../src/tables/schema.ts";
import { exampleManifest, exampleUnits } from "../runs/example-manifest.ts";
import { damageParquet } from "./containers.ts";
import { filesOf } from "./files-of.ts";
import { damageJson, damageText, pick } from "./mutate.ts";
import { plan } from "./piece-readers.ts";
import { checkThat, type Reader } from "./reader.ts";

/** The lock of a process of this machine that has ended. */
const lockText = JSON.stringify({
  pid: 999_999_999,
  host: hostname(),
  command: "ablate",
  since: "2024-05-01T10:00:00.000Z",
  process: null,
});

const asText = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

const manifest = {
  ...exampleManifest,
  model: { ...exampleManifest.model, path: "/none/net.onnx" },
  steps: [
    {
      command: "sets",
      options: { size: 10, layers: ["conv5"] },
      finished: "2024-05-01T11:00:00.000Z",
      timings: { total: 5 },
    },
  ],
};

const manifestReader: Reader = {
  name: "run.json",
  build: async () => ({ "run.json": Buffer.from(formatManifest(manifest)) }),
  damage: (random, files) => ({ "run.json": Buffer.from(damageJson(random, asText(files["run.json"]))) }),
  read: async (folder) => {
    const run = openRun(folder);
    const found = run.manifest();
    return sha256(JSON.stringify(found), JSON.stringify(run.layerSlugs()), ...commandsOf(found), ...notesOf(found));
  },
};

const tableReader: Reader = {
  name: "tables",
  build: async () =>
    await filesOf((folder) => {
      writeFileSync(join(folder, "run.json"), formatManifest(manifest));
      writeParquetTable(join(folder, "units.parquet"), "units", exampleUnits());
    }),
  damage: (random, files) => ({ ...files, "units.parquet": damageParquet(random, files["units.parquet"]) }),
  read: async (folder) => {
    const run = openRun(folder);
    const table = await run.readTable("units");
    const layer = await run.readTable("units", { layer: "conv4" });
    for (const values of Object.values(table.columns)) checkThat(values.length === table.rows, "a value for every row");
    return sha256(
      ...[table, layer].flatMap(({ columns }) =>
        Object.entries(columns).map(([name, values]) => `${name} ${values.join()}`),
      ),
    );
  },
};

const planReader: Reader = {
  name: "plan.json",
  build: async () => {
    let open: ReturnType<typeof openShardRecord> | undefined;
    return await filesOf(
      (folder) => {
        const passes = [{ pass: "sweep", count: 1, stage: 1 }];
        writeRunPlan(folder, {
          schemaVersion,
          unitscope: "0.1.0",
          works: [{ kind: "sets", options: { size: 5 } }],
          shards: 3,
          passes,
          places: { model: "../net.onnx", data: "../images" },
          planned: "2024-05-01T10:00:00.000Z",
          merged: null,
        });
        recordPass(folder, plan, { passes });
        openShardRecord(folder, 1).finish({ sweep: { images: 40, elapsedMs: 1000 } });
        open = openShardRecord(folder, 2);
        writeFileSync(join(folder, ".lock"), lockText);
      },
      () => open?.drop(),
    );
  },
  damage: (random, files) => {
    const name = pick(random, Object.keys(files));
    return { ...files, [name]: Buffer.from(damageJson(random, asText(files[name]))) };
  },
  read: async (folder) => {
    const { passes, shards, isComplete } = statusOf(folder);
    (await lockRun(folder, "sets", { touchMs: 20 })).release();
    return sha256(JSON.stringify([passes, shards, isComplete, recordedPasses(folder)]));
  },
};

const lockReader: Reader = {
  name: "lock",
  build: async () => ({
    ".lock": Buffer.from(lockText),
  }),
  damage: (random, files) => ({
    ".lock": Buffer.from(
      random.integer(2) === 0 ? damageJson(random, asText(files[".lock"])) : damageText(random, asText(files[".lock"])),
    ),
  }),
  read: async (folder) => {
    (await lockRun(folder, "sets", { touchMs: 20 })).release();
    return "free";
  },
};

/** All of them. */
export const runReaders: readonly Reader[] = [manifestReader, tableReader, planReader, lockReader];
