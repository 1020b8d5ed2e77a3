/** Readers of a training's checkpoint and of the page's chunks. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { sha256 } from "../../src/files/hash.ts";
import { decodeChunk, encodeChunk } from "../../src/report/chunk.ts";
import { resumeStreams } from "../../src/training/batches.ts";
import { readCheckpoint, writeCheckpoint } from "../../src/training/checkpoint.ts";
import { signed } from "./containers.ts";
import { filesOf } from "./files-of.ts";
import { damageAny, damageJson, type Files } from "./mutate.ts";
import { checkThat, type Reader } from "./reader.ts";

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

/** All of them. */
export const checkpointReaders: readonly Reader[] = [checkpointReader, headerReader, chunkReader];
