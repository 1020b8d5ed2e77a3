/**
 * Sweeps and a step of training through WebGPU on a software adapter: SwiftShader, which Debian's and Ubuntu's `chromium` brings with it. Without
 * it these tests are skipped; CI installs it, and has the time for all methods: every process compiles its shaders anew.
 */
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { seededRandom } from "../../src/numeric/random.ts";
import { readModel } from "../../src/onnx/model-file.ts";
import { openRun } from "../../src/runs/run-folder.ts";
import { doubles, integers, type Table } from "../../src/tables/table.ts";
import { CLASSES, randomNetwork, SIDE } from "../ablation/random-network.ts";
import { printed, unitscope } from "../cli/run-cli.ts";
import { printedHere, unitscopeHere } from "../cli/run-here.ts";
import { npz } from "../data/npz.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";

const IMAGES = 60;
const chromium = "/usr/lib/chromium";
const driver = join(chromium, "vk_swiftshader_icd.json");

const dist = new URL("../../dist/", import.meta.url);

let folder: string;
let env: Record<string, string>;
beforeAll(async () => {
  folder = await temporaryFolder();
  env = {
    LD_LIBRARY_PATH: chromium, // libvulkan.so.1
    VK_ICD_FILENAMES: driver,
    VK_DRIVER_FILES: driver,
    XDG_RUNTIME_DIR: folder,
  };
  const recipe = { seed: 3, blocks: ["batch norm", "max pool"], head: "average" } as const;
  await writeFile(join(folder, "network.onnx"), (await randomNetwork(recipe)).bytes);
  const random = seededRandom(11);
  const pixels = Uint8Array.from({ length: IMAGES * SIDE * SIDE * 3 }, () => random.integer(256));
  const labels = Int32Array.from({ length: IMAGES }, (_, image) => image % CLASSES);
  const arrays = { images: { dims: [IMAGES, SIDE, SIDE, 3], data: pixels }, labels: { dims: [IMAGES], data: labels } };
  await writeFile(join(folder, "images.npz"), npz(arrays));
});

const args = (out: string, ...more: string[]): string[] => [
  ...["ablate", join(folder, "network.onnx"), join(folder, "images.npz"), "--preprocess", "none", "--quiet"],
  ...["--out", join(folder, out), ...more],
];

async function tablesOf(out: string): Promise<{ drops: Table; flips: Table; units: Table }> {
  const run = openRun(join(folder, out));
  return {
    drops: await run.readTable("drops"),
    flips: await run.readTable("flips"),
    units: await run.readTable("units"),
  };
}

describe.skipIf(!existsSync(driver))("WebGPU on a software adapter", () => {
  const ways = [
    ["zero", "auto"],
    ["mean", "auto"],
    ["weights", "auto"],
    ["zero", "plain"],
  ] as const;
  test.each(process.env["CI"] ? ways : ways.slice(0, 1))(
    "method %s, engine %s: the counts are those of the whole network on the CPU",
    async (method, engine) => {
      const device = `${method}-${engine}`;
      const oracle = `${device}-cpu`;
      await printed(args(device, "--method", method, "--engine", engine, "--provider", "webgpu"), { env });
      await printedHere(args(oracle, "--method", method, "--engine", "plain"));
      const [own, expected] = await Promise.all([tablesOf(device), tablesOf(oracle)]);
      if (method === "zero") expect(expected.flips.rows).toBeGreaterThan(20);
      expect(own.flips).toEqual(expected.flips);
      for (const column of ["images", "correct", "lost", "gained"]) {
        expect(integers(own.drops, column)).toEqual(integers(expected.drops, column));
      }
      const [changes, others] = [own, expected].map(({ drops }) => doubles(drops, "logprob_drop"));
      changes.forEach((change, row) => expect(Math.abs(change - others[row])).toBeLessThan(1e-4));
    },
  );

  test("attributes, sets and rotated bases run there too", async () => {
    const run = join(folder, "zero-auto");
    const options = ["--provider", "webgpu", "--quiet"];
    await printed(["attributes", run, "--shuffles", "0", "--resamples", "200", "--top", "1", ...options], { env });
    const layers = openRun(run)
      .manifest()
      .layers.map(({ name }) => name);
    const one = ["--layers", layers.at(-1) ?? "", ...options]; // every layer's shaders take seconds to compile
    await printed(["sets", run, "--size", "2", "--strategy", "greedy", ...one], { env });
    await printed(["rotate", run, "--seeds", "1", "--no-pca", ...one], { env });
    const device = await openRun(run).readTable("units");
    const other = join(folder, "zero-auto-cpu");
    await printedHere(["attributes", other, "--shuffles", "0", "--resamples", "200", "--top", "1", "--quiet"]);
    const cpu = await openRun(other).readTable("units");
    for (const column of ["mean", "std", "class_selectivity", "class_correlation"]) {
      const values = doubles(cpu, column);
      expect(values.some((value) => value > 0)).toBe(true);
      doubles(device, column).forEach((value, unit) => {
        if (Number.isNaN(values[unit])) expect(value).toBeNaN();
        else expect(Math.abs(value - values[unit])).toBeLessThan(1e-4);
      });
    }
  });

  test("what was placed on the device is read there, not from memory", async () => {
    const script = `
      const [{ openSession, floatValue, place }, { node }] = await Promise.all(
        ["runtime/session.js", "onnx/graph.js"].map((name) => import(new URL(name, ${JSON.stringify(dist.href)}))),
      );
      const [inputs, outputs] = ["x", "y"].map((name) => [{ name, type: "float32", shape: null }]);
      const graph = { name: "g", inputs, outputs, nodes: [node("Mul", ["x", "x"], ["y"])], constants: new Map(),
        opsets: new Map([["", 13]]), metadata: new Map() };
      const session = await openSession(graph, { provider: "webgpu" });
      const data = Float32Array.of(1, 2, 3, 4);
      const placed = await place({ x: floatValue([4], data) }, "webgpu");
      const first = await session.run(placed.values); // compared with the CPU
      data.fill(0);
      const second = await session.run(placed.values);
      placed.free();
      const third = await session.run({ x: floatValue([4], data) });
      console.log(JSON.stringify([first, second, third].map(({ y }) => [...y.data])));
      process.exit(0);`;
    const command = [process.execPath, "--input-type=module", "--eval", script];
    const { stdout, stderr } = await unitscope([], { env, command });
    expect(stderr).toBe("");
    expect(JSON.parse(stdout)).toEqual([
      [1, 4, 9, 16],
      [1, 4, 9, 16],
      [0, 0, 0, 0],
    ]);
  });

  test.runIf(process.env["CI"])("a step of training there is the CPU's", async () => {
    const random = seededRandom(12);
    const [count, side] = [24, 32];
    const pixels = Uint8Array.from({ length: count * side * side * 3 }, () => random.integer(256));
    const labels = Int32Array.from({ length: count }, (_, image) => image % CLASSES);
    const arrays = { images: { dims: [count, side, side, 3], data: pixels }, labels: { dims: [count], data: labels } };
    await writeFile(join(folder, "pictures.npz"), npz(arrays));
    const train = (name: string, ...more: string[]): string[] => [
      ...["train", "alexnet", join(folder, "pictures.npz"), "--batch", String(count), "--quiet"],
      ...["--widths", "8,8,8,8,8", "--fc", "16,16", "--out", join(folder, name), ...more],
    ];
    await printedHere(train("start.onnx", "--epochs", "0"));
    await printedHere(train("cpu.onnx", "--epochs", "1"));
    await printed(train("device.onnx", "--epochs", "1", "--provider", "webgpu"), { env });
    const [start, cpu, device] = await Promise.all(
      ["start.onnx", "cpu.onnx", "device.onnx"].map(
        async (name) => readModel(await readFile(join(folder, name))).constants,
      ),
    );
    let moved = 0;
    for (const [name, { data }] of start ?? []) {
      const [own, other] = [cpu?.get(name)?.data, device?.get(name)?.data];
      if (!(data instanceof Float32Array && own instanceof Float32Array && other instanceof Float32Array)) continue;
      const steps = data.map((value, at) => own[at] - value);
      const largest = Math.max(...steps.map(Math.abs));
      if (largest > 1e-6) moved++;
      steps.forEach((step, at) => expect(Math.abs(other[at] - data[at] - step)).toBeLessThan(1e-3 * largest + 1e-7));
    }
    expect(moved).toBeGreaterThan(10);
  });
});

test("a device that is not there is one clear line, never the CPU instead", async () => {
  const none = { LD_LIBRARY_PATH: "", VK_ICD_FILENAMES: "/none", VK_DRIVER_FILES: "/none" };
  const refused = await unitscope(args("none", "--provider", "cuda"), { env: none });
  expect(refused.code).toBe(2);
  expect(refused.stderr).toBe(
    "--provider: expected CUDA's part of ONNX Runtime and a device, got none; run: node node_modules/onnxruntime-node/script/install.js, see docs/gpu.md, or use cpu\n",
  );
  const several = await unitscopeHere(args("none", "--provider", "webgpu", "--workers", "2"));
  expect(several.code).toBe(2);
  expect(several.stderr).toBe("--workers: expected 1 on a device (webgpu), got 2\n");
  expect(existsSync(join(folder, "none"))).toBe(false);
});
