/** Weights of large networks lie in a file that sessions share: the same results, and nothing is left behind. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { seededRandom } from "../../src/numeric/random.ts";
import type { Graph } from "../../src/onnx/graph.ts";
import { writeModel } from "../../src/onnx/model-file.ts";
import { floatValue, openSession } from "../../src/runtime/session.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";

const SIDE = 3_000;

/** A product with 36 MB of weights: row `r` of the matrix is `r + 1` everywhere. */
function largeGraph(): Graph {
  const data = new Float32Array(new SharedArrayBuffer(4 * SIDE * SIDE));
  for (let row = 0; row < SIDE; row++) data.fill(row + 1, row * SIDE, (row + 1) * SIDE);
  return {
    name: "large",
    inputs: [{ name: "x", type: "float32", shape: ["N", SIDE] }],
    outputs: [{ name: "y", type: "float32", shape: ["N", SIDE] }],
    nodes: [{ name: "", op: "MatMul", domain: "", inputs: ["x", "w"], outputs: ["y"], attributes: {} }],
    constants: new Map([["w", { type: "float32", dims: [SIDE, SIDE], data }]]),
    opsets: new Map([["", 17]]),
    metadata: new Map(),
  };
}

async function lastRow(): Promise<number> {
  const session = await openSession(largeGraph());
  const x = new Float32Array(SIDE);
  x[SIDE - 1] = 1;
  const { y } = await session.run({ x: floatValue([1, SIDE], x) });
  await session.close();
  return Number(y?.data[0]);
}

afterEach(() => vi.unstubAllEnvs());

test("a session over weights in a file computes with them", async () => {
  const folder = await temporaryFolder();
  vi.stubEnv("TMPDIR", folder);
  expect(await lastRow()).toBe(SIDE);
  expect(readdirSync(folder).filter((name) => name.startsWith(`unitscope-weights-${process.pid}-`))).toHaveLength(1);
});

test("weights in a file and inside the model give the same numbers, but for rounding", async () => {
  vi.stubEnv("TMPDIR", await temporaryFolder());
  const random = seededRandom(5);
  const graph = largeGraph();
  const weights = graph.constants.get("w")?.data as Float32Array;
  for (let at = 0; at < weights.length; at++) weights[at] = random.uniform() - 0.5;
  const x = floatValue(
    [2, SIDE],
    Float32Array.from({ length: 2 * SIDE }, () => random.uniform() - 0.5),
  );
  const results: (readonly number[])[] = [];
  for (const model of [graph, writeModel(graph)]) {
    const session = await openSession(model);
    results.push(Array.from((await session.run({ x }))["y"]?.data as Float32Array));
    await session.close();
  }
  const [mapped = [], inside = []] = results;
  expect(mapped).toHaveLength(2 * SIDE);
  // Sums of 3,000 products below 1/4 in float32, in another order: 3,000 roundings of 2⁻²⁴ of sums of at most 15.
  const apart = Math.max(...mapped.map((value, at) => Math.abs(value - (inside[at] ?? Number.NaN))));
  expect(apart).toBeLessThan(3_000 * 2 ** -24 * 15);
});

/** Runs a script in a process of its own, with `folder` for temporary files; what it printed as JSON. */
async function inProcess(folder: string, script: string): Promise<unknown> {
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    env: { ...process.env, TMPDIR: folder },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let printed = "";
  child.stdout.on("data", (text: Buffer) => {
    printed += text.toString();
  });
  expect(await once(child, "close")).toEqual([0, null]);
  return JSON.parse(printed);
}

const built = (module: string): string => JSON.stringify(new URL(`../../dist/runtime/${module}.js`, import.meta.url));

test("a process leaves no file behind, and takes away those of killed ones", async () => {
  const folder = await temporaryFolder();
  const killed = "unitscope-weights-4194305-0-x.bin"; // above the largest process number
  const [running, others] = [`unitscope-weights-${process.pid}-0-x.bin`, "weights.bin"];
  for (const name of [killed, running, others]) writeFileSync(join(folder, name), "");
  const found = await inProcess(
    folder,
    `import { readFileSync } from "node:fs";
     const { storeWeights } = await import(${built("weights-file")});
     const data = new Float32Array(new SharedArrayBuffer(1 << 20)).fill(7);
     const stored = storeWeights([data, data]);
     const { location, offset, length } = stored.placeOf(data);
     const bytes = new Uint8Array(readFileSync(stored.folder + "/" + location));
     const read = new Float32Array(bytes.buffer, offset, length / 4);
     console.log(JSON.stringify([bytes.length, read.every((value) => value === 7)]));`,
  );
  expect(found).toEqual([1 << 20, true]);
  expect(readdirSync(folder).sort()).toEqual([running, others].sort());
});

test("on a full disk, weights go inside the model", async () => {
  const folder = await temporaryFolder();
  const found = await inProcess(
    folder,
    `import fs, { readdirSync } from "node:fs";
     import { syncBuiltinESMExports } from "node:module";
     fs.writeSync = () => { throw Object.assign(new Error("no space"), { code: "ENOSPC" }); };
     syncBuiltinESMExports();
     const { openSession } = await import(${built("session")});
     const data = new Float32Array(${SIDE * SIDE}).fill(3);
     const session = await openSession({
       name: "large", metadata: new Map(), opsets: new Map([["", 17]]),
       inputs: [{ name: "x", type: "float32", shape: ["N", ${SIDE}] }],
       outputs: [{ name: "y", type: "float32", shape: ["N", ${SIDE}] }],
       nodes: [{ name: "", op: "MatMul", domain: "", inputs: ["x", "w"], outputs: ["y"], attributes: {} }],
       constants: new Map([["w", { type: "float32", dims: [${SIDE}, ${SIDE}], data }]]),
     });
     const x = new Float32Array(${SIDE}); x[0] = 2;
     const { y } = await session.run({ x: { type: "float32", dims: [1, ${SIDE}], data: x } });
     console.log(JSON.stringify([y.data[0], readdirSync(process.env.TMPDIR).filter((name) => name.startsWith("unitscope"))]));`,
  );
  expect(found).toEqual([6, []]);
});
