/**
 * A run as large as ResNet-50's with 1,000 classes, all layers: 26 million rows of drops, made up by a seed. Measures what
 * writing it layer by layer, reading one layer, replacing one, and reading its units cost in time, bytes and memory.
 *
 * npx tsx bench/large-run.ts [--classes 1000] [--scale 1] [--out FOLDER]
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { seededRandom } from "../src/numeric/random.ts";
import { startRun } from "../src/runs/run-folder.ts";
import { thisHardware } from "../src/runs/run-manifest.ts";
import { schemaVersion } from "../src/tables/schema.ts";
import { makeTable, type Table } from "../src/tables/table.ts";
import { version } from "../src/version.ts";

const { values } = parseArgs({
  options: {
    classes: { type: "string", default: "1000" },
    scale: { type: "string", default: "1" },
    out: { type: "string" },
  },
});
const [classCount, scale] = [Number(values.classes), Number(values.scale)];
const folder = values.out ?? mkdtempSync(join(tmpdir(), "unitscope-large-"));
const classNames = Array.from(
  { length: classCount },
  (_, cls) => `class ${cls}, with a name as long as ImageNet's are`,
);

/** Units of ResNet-50's convolutions, in their order (He et al. 2016, table 1). */
const stages = [
  { blocks: 3, width: 64 },
  { blocks: 4, width: 128 },
  { blocks: 6, width: 256 },
  { blocks: 3, width: 512 },
];
const layers = [
  { name: "conv1", units: 64 },
  ...stages.flatMap(({ blocks, width }, stage) =>
    Array.from({ length: blocks }, (_, block) =>
      [width, width, 4 * width, ...(block === 0 ? [4 * width] : [])].map((units, at) => ({
        name: `layer${stage + 1}.${block}.${at === 3 ? "downsample" : `conv${at + 1}`}`,
        units: Math.max(1, Math.round(units * scale)),
      })),
    ).flat(),
  ),
];

const began = performance.now();
let peak = 0;
const timer = setInterval(sample, 50);
const run = startRun(join(folder, "run"), manifest());
const drops = await run.rewriteLayers(
  "drops",
  layers.map(({ name }) => name),
);
const units = await run.rewriteLayers(
  "units",
  layers.map(({ name }) => name),
);
let rows = 0;
for (const [at, layer] of layers.entries()) {
  const table = layerDrops(layer, at);
  rows += table.rows;
  await drops.append(table);
  await units.append(layerUnits(layer));
  sample();
}
drops.commit();
units.commit();
report(
  `written: ${rows.toLocaleString("en")} rows of ${layers.length} layers, ${megabytes(run.file("drops.parquet"))}`,
  began,
);
await measure(
  "one layer read (layer4.2.conv3)",
  async () => (await run.readTable("drops", { layer: "layer4.2.conv3" })).rows,
);
await measure(
  "one column of it",
  async () => (await run.readTable("drops", { layer: "layer4.2.conv3", columns: ["drop"] })).rows,
);
await measure("units read", async () => (await run.readTable("units")).rows);
await measure("one layer replaced (layer2.0.conv1)", async () => {
  const replaced = layers.findIndex(({ name }) => name === "layer2.0.conv1");
  const table = layerDrops(layers[replaced], 1000);
  await run.replaceRows("drops", table, ["layer"]);
  return table.rows;
});
clearInterval(timer);
console.log(`peak memory: ${(peak / 2 ** 20).toFixed(0)} MiB resident`);
if (values.out === undefined) rmSync(folder, { recursive: true });

function sample(): void {
  peak = Math.max(peak, process.memoryUsage.rss());
}

async function measure(title: string, work: () => Promise<number>): Promise<void> {
  const start = performance.now();
  const found = await work();
  sample();
  report(`${title}: ${found.toLocaleString("en")} rows`, start);
}

function report(text: string, since: number): void {
  console.log(
    `${text}, ${((performance.now() - since) / 1000).toFixed(1)} s, peak so far ${(peak / 2 ** 20).toFixed(0)} MiB`,
  );
}

function megabytes(path: string): string {
  return `${(statSync(path).size / 1e6).toFixed(0)} MB`;
}

function layerDrops({ name, units: unitCount }: { name: string; units: number }, seed: number): Table {
  const random = seededRandom(seed + 1);
  const count = unitCount * classCount;
  const integersOf = (value: (row: number) => number): Int32Array =>
    Int32Array.from({ length: count }, (_, row) => value(row));
  const lost = integersOf(() => (random.uniform() < 0.3 ? Math.floor(8 * random.uniform() ** 3) : 0));
  const gained = integersOf(() => (random.uniform() < 0.25 ? Math.floor(5 * random.uniform() ** 3) : 0));
  const correct = integersOf((row) => 30 + ((row * 7) % 20));
  const p = Float64Array.from(lost, (each, row) => (each === gained[row] ? 1 : 0.5 ** Math.abs(each - gained[row])));
  return makeTable({
    layer: Array.from({ length: count }, () => name),
    unit: integersOf((row) => Math.floor(row / classCount)),
    class: integersOf((row) => row % classCount),
    class_name: Array.from({ length: count }, (_, row) => classNames[row % classCount]),
    images: new Int32Array(count).fill(50),
    correct,
    correct_ablated: correct.map((each, row) => each - lost[row] + gained[row]),
    lost,
    gained,
    drop: Float64Array.from(lost, (each, row) => (each - gained[row]) / 50),
    p_value: p,
    q_value: p.map((each) => Math.min(1, each * 1.5)),
  });
}

function layerUnits({ name, units: unitCount }: { name: string; units: number }): Table {
  const numbers = Int32Array.from({ length: unitCount }, (_, unit) => unit);
  return makeTable({
    layer: Array.from({ length: unitCount }, () => name),
    unit: numbers,
    overall_drop: new Float64Array(unitCount),
    max_class_drop: Float64Array.from(numbers, (unit) => 1 / (1 + unit)),
    max_class: numbers.map((unit) => unit % classCount),
    min_class_drop: new Float64Array(unitCount),
    min_class: numbers.map((unit) => (unit + 1) % classCount),
  });
}

function manifest(): Parameters<typeof startRun>[1] {
  return {
    schemaVersion,
    unitscope: version,
    command: "ablate",
    options: {},
    started: new Date().toISOString(),
    finished: null,
    model: { name: "made-up.onnx", path: "made-up.onnx", sha256: "0".repeat(64) },
    data: { name: "made up", hash: "0".repeat(64), images: 50 * classCount },
    classNames,
    preprocessing: {},
    layers: layers.map(({ name, units: count }) => ({
      name,
      kind: "convolution",
      tap: name,
      units: count,
      height: 7,
      width: 7,
    })),
    ablation: { method: "zero" },
    engine: "auto",
    seed: 1,
    hardware: thisHardware(),
    timings: {},
    steps: [],
  };
}
