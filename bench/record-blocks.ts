/**
 * Records what sweeping all layers of a network costs, layer by layer, in processor time of one thread: opening it, and a
 * (unit, image) pair, from the difference between many and few units. `bench/scaling.ts` simulates many machines with it.
 *
 * Goes on with what OUT.json holds; `--skip` leaves layers out whose names match, and the simulation then takes the mean of
 * their neighbours of the same kind.
 *
 *   npx tsx bench/record-blocks.ts MODEL.onnx OUT.json [--pairs 12] [--images 1] [--skip REGEX]
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { parseArgs } from "node:util";
import { sweepPass } from "../src/ablation/sweep.ts";
import { sweepWork } from "../src/ablation/sweep-pass.ts";
import type { Layer } from "../src/onnx/layers.ts";
import { modelFromBytes } from "../src/runtime/open-model.ts";
import { version } from "../src/version.ts";
import { normalImages } from "./deep.ts";

/** What was recorded. */
export interface RecordedBlocks {
  readonly network: string;
  readonly unitscope: string;
  readonly recorded: string;
  readonly classCount: number;
  /** Seconds of processor time to open the model file. */
  readonly openModel: number;
  /** All of the network's, in order. */
  readonly names: readonly string[];
  readonly units: readonly number[];
  readonly layers: readonly RecordedLayer[];
}

/** Seconds of processor time: opening its sessions, a block's fixed part for an image, and a (unit, image) pair. */
export interface RecordedLayer {
  readonly name: string;
  readonly units: number;
  readonly open: number;
  readonly image: number;
  readonly pair: number;
}

if (process.argv[1]?.endsWith("record-blocks.ts")) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      pairs: { type: "string", default: "12" },
      images: { type: "string", default: "1" },
      skip: { type: "string" },
    },
  });
  const [path, out] = positionals;
  if (path === undefined || out === undefined) throw new Error("expected MODEL.onnx OUT.json");
  const count = Number(values.images);
  const bytes = readFileSync(path);
  const began = cpuSeconds();
  const model = await modelFromBytes(bytes, { path });
  const openModel = cpuSeconds() - began;
  const source = normalImages(count);
  const block = await source.read(Int32Array.from({ length: count }, (_, image) => image));
  const measure = async (layer: Layer): Promise<RecordedLayer> => {
    const pass = await sweepPass(model, { images: source, layers: [layer], options: { workers: 1, verify: 0 } });
    const setup = { ...pass.setup, options: { ...pass.setup.options, threads: 1 } };
    const openBegan = cpuSeconds();
    const work = await sweepWork.open(setup);
    const run = async (units: number): Promise<number> => {
      const only = [Int32Array.from({ length: units }, (_, at) => Math.floor((at * layer.units) / units))];
      const start = cpuSeconds();
      await work({ ...block, only }, () => {});
      return cpuSeconds() - start;
    };
    await run(1); // opens what is opened late
    const open = cpuSeconds() - openBegan;
    const few = Math.max(1, Math.round(Number(values.pairs) / 4 / count));
    const many = Math.max(few + 1, Math.round(Number(values.pairs) / count));
    const [short, long] = [await run(few), await run(many)];
    const pair = Math.max(0, long - short) / ((many - few) * count);
    const image = Math.max(0, short - few * count * pair) / count;
    return { name: layer.name, units: layer.units, open, image, pair };
  };
  const layers: RecordedLayer[] = existsSync(out)
    ? [...(JSON.parse(readFileSync(out, "utf8")) as RecordedBlocks).layers]
    : [];
  const skipped = values.skip === undefined ? undefined : new RegExp(values.skip);
  for (const layer of model.layers) {
    if (skipped?.test(layer.name) || layers.some(({ name }) => name === layer.name)) continue;
    const found = await measure(layer);
    layers.push(found);
    console.log(
      `${found.name}: ${found.units} units, open ${found.open.toFixed(2)} s, pair ${(1000 * found.pair).toFixed(2)} ms`,
    );
    const recorded: RecordedBlocks = {
      network: basename(path),
      unitscope: version,
      recorded: new Date().toISOString().slice(0, 10),
      classCount: model.classCount,
      openModel,
      names: model.layers.map(({ name }) => name),
      units: model.layers.map(({ units }) => units),
      layers,
    };
    writeFileSync(out, `${JSON.stringify(recorded, null, 1)}\n`);
  }
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
