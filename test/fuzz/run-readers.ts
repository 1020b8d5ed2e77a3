/** Readers of what a run's folder holds, of checkpoints and of the page's chunks. */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { type BaselinePart, mergeSwept, type SweptPart } from "../../src/ablation/sweep-pass.ts";
import { UnitscopeError } from "../../src/errors.ts";
import { sha256 } from "../../src/files/hash.ts";
import { exactSums } from "../../src/numeric/exact-sums.ts";
import { folderStore } from "../../src/passes/block-store.ts";
import { consecutiveBlocks } from "../../src/passes/image-order.ts";
import { absentBlocks } from "../../src/passes/pass-runner.ts";
import { type Plan, planKey } from "../../src/passes/plan.ts";
import { mergeStored } from "../../src/passes/run-pass.ts";
import { encodeValue } from "../../src/passes/value-codec.ts";
import { decodeChunk, encodeChunk } from "../../src/report/chunk.ts";
import { commandsOf, notesOf } from "../../src/report/repeat-commands.ts";
import { openRun } from "../../src/runs/run-folder.ts";
import { lockRun } from "../../src/runs/run-lock.ts";
import { formatManifest } from "../../src/runs/run-manifest.ts";
import { writeParquetTable } from "../../src/runs/write-table.ts";
import { recordedPasses, recordPass, writeRunPlan } from "../../src/shards/run-plan.ts";
import { statusOf } from "../../src/shards/run-status.ts";
import { openShardRecord } from "../../src/shards/shard-records.ts";
import { schemaVersion } from "../../src/tables/schema.ts";
import { resumeStreams } from "../../src/training/batches.ts";
import { readCheckpoint, writeCheckpoint } from "../../src/training/checkpoint.ts";
import { exampleManifest, exampleUnits } from "../runs/example-manifest.ts";
import { signed, withPayload } from "./containers.ts";
import { damageParquet } from "./image-readers.ts";
import { damageAny, damageBytes, damageJson, damageText, type Files, pick } from "./mutate.ts";
import { checkThat, type Reader } from "./reader.ts";

/** The files that something writes into a folder. */
async function filesOf(write: (folder: string) => unknown, end: () => void = () => {}): Promise<Files> {
  const folder = mkdtempSync(join(tmpdir(), "unitscope-fuzz-build-"));
  try {
    await write(folder);
    const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    return Object.fromEntries(
      names.map((entry) => {
        const path = join(entry.parentPath, entry.name);
        return [path.slice(folder.length + 1), new Uint8Array(readFileSync(path))];
      }),
    );
  } finally {
    end();
    rmSync(folder, { recursive: true, force: true });
  }
}

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

const plan: Plan = {
  pass: "sweep",
  key: planKey(
    { model: "ab".repeat(32), images: "cd".repeat(32), preprocessing: {} },
    { ablation: { method: "zero" } },
  ),
  shared: {},
  layers: ["conv1", "conv2"].map((name) => ({ name, key: { tap: `${name}/relu` }, units: 2 })),
  ...consecutiveBlocks(100, 40).plan,
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

/** What a sweep could find on a block. */
function partOf(block: number): { shared: BaselinePart; layers: SweptPart[] } {
  const images = consecutiveBlocks(100, 40).imagesOf(block);
  const layer = (seed: number): SweptPart => {
    const flipped = images.filter((image) => (image * 7 + seed) % 5 === 0);
    const values = Float64Array.from({ length: 2 * 3 * 8 }, (_, i) => Math.sin(block * 100 + seed * 10 + i));
    return {
      flips: { unit: flipped.map((image) => image % 2), image: flipped, prediction: flipped.map((image) => image % 3) },
      settled: { silent: block, certified: seed, closedForm: 0, suffix: images.length, plain: 1 },
      continuous: { classes: Int32Array.of(block, block + 1, 9), sums: exactSums(values), largest: values.slice(0, 8) },
      verified: block + seed,
    };
  };
  return {
    shared: { images, predictions: images.map((image) => image % 3), margins: Float32Array.from(images) },
    layers: [layer(0), layer(1)],
  };
}

const pieceFiles = async (): Promise<Files> =>
  await filesOf((folder) => {
    const store = folderStore<BaselinePart, SweptPart>(folder, plan);
    for (let block = plan.from; block < plan.to; block++) store.put(block, partOf(block));
  });

const readPieces = async (folder: string): Promise<string> => {
  const store = folderStore<BaselinePart, SweptPart>(folder, plan);
  const absent = absentBlocks(plan, store, { isThorough: true });
  if (absent.length > 0)
    throw new UnitscopeError("waiting", `sweep: expected all blocks, got none of ${absent.join()}`);
  const merged = mergeStored({ plan, merge: mergeSwept }, store);
  return sha256(encodeValue([merged.shared(), merged.layer(0), merged.layer(1)]));
};

const pieceReader: Reader = {
  name: "pieces",
  build: pieceFiles,
  damage: (random, files) => damageAny(random, files),
  read: readPieces,
  isGuarded: true,
};

const payloadReader: Reader = {
  name: "payloads",
  build: pieceFiles,
  damage: (random, files) => {
    const name = pick(random, Object.keys(files));
    const changed = withPayload(files[name], (payload) => {
      if (random.integer(3) === 0) return damageBytes(random, payload);
      const length = payload.readUInt32LE(4);
      const json = Buffer.from(damageJson(random, payload.toString("utf8", 8, 8 + length)));
      const start = (8 + length + 7) & ~7;
      const header = Buffer.from(payload.subarray(0, 8));
      header.writeUInt32LE(json.length, 4);
      const padding = Buffer.alloc((8 - ((8 + json.length) % 8)) % 8);
      return Buffer.concat([header, json, padding, payload.subarray(start)]);
    });
    return { ...files, [name]: changed };
  },
  read: readPieces,
};

const checkpointFiles = async (): Promise<Files> =>
  await filesOf((folder) =>
    writeCheckpoint(join(folder, "a.checkpoint"), {
      recipe: { seed: 1, epochs: 3 },
      epochsDone: 1,
      streams: { order: [1, 2, 3, 4], variation: [5, 6, 7, 8], masks: [9, 10, 11, 12] },
      log: [],
      state: new Map(
        ["w", "v"].map((name) => [
          name,
          { type: "float32", dims: [3, 4], data: Float32Array.from({ length: 12 }, Math.sin) },
        ]),
      ),
    }),
  );

const readState = async (folder: string): Promise<string> => {
  const { recipe, epochsDone, streams, log, state } = await readCheckpoint(join(folder, "a.checkpoint"));
  resumeStreams(streams).order.uniform();
  for (const { dims, data } of state.values()) {
    checkThat(dims.reduce((product, dim) => product * dim, 1) === data.length, "as many values as its shape has");
  }
  return sha256(
    JSON.stringify([recipe, epochsDone, streams, log]),
    ...[...state].map(([name, { dims, data }]) => `${name} ${dims.join()} ${data.join()}`),
  );
};

const checkpointReader: Reader = {
  name: "checkpoint",
  build: checkpointFiles,
  damage: (random, files) => damageAny(random, files),
  read: readState,
  isGuarded: true,
};

const headerReader: Reader = {
  name: "checkpoint header",
  build: checkpointFiles,
  damage: (random, files) => {
    const bytes = Buffer.from(files["a.checkpoint"]);
    const end = bytes.indexOf("\n");
    const header = damageJson(random, bytes.toString("utf8", 0, end)).replaceAll("\n", " ");
    return { "a.checkpoint": signed(Buffer.concat([Buffer.from(`${header}\n`), bytes.subarray(end + 1, -32)])) };
  },
  read: readState,
};

const chunkReader: Reader = {
  name: "chunk",
  build: async () => ({
    "a.chunk": encodeChunk({
      header: { units: 3 },
      arrays: { a: Int32Array.of(1, 2, 3), b: Float64Array.of(0.5, -1) },
    }),
  }),
  damage: (random, files) => {
    const bytes = Buffer.from(files["a.chunk"]);
    if (random.integer(3) === 0) return damageAny(random, files);
    const length = bytes.readInt32LE(0);
    const header = damageJson(random, bytes.toString("utf8", 4, 4 + length).trim());
    const start = Math.ceil((4 + Buffer.byteLength(header)) / 8) * 8;
    const own = Buffer.alloc(start, " ");
    own.writeInt32LE(start - 4, 0);
    own.write(header, 4);
    return { "a.chunk": Buffer.concat([own, bytes.subarray(4 + length)]) };
  },
  read: async (folder) => {
    const { header, arrays } = decodeChunk(await readFile(join(folder, "a.chunk")));
    return sha256(
      JSON.stringify(header),
      ...Object.entries(arrays).map(([name, values]) => `${name} ${values.join()}`),
    );
  },
};

const logReader: Reader = {
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
export const runReaders: readonly Reader[] = [
  manifestReader,
  tableReader,
  planReader,
  logReader,
  pieceReader,
  payloadReader,
  checkpointReader,
  headerReader,
  chunkReader,
];
