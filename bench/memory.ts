/**
 * Whether memory and open files stay flat in a process that works for long: batches through a session, blocks of a sweep
 * with all its routes, and jobs of a worker (a shard each: model and images opened, threads started and ended).
 *
 *   npm run bench:memory -- [--batches 10000] [--jobs 1000]
 *
 * Exit code 1 if the second half of a series holds more than the first did, by more than 5 % or more than one file.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { sweepPass } from "../src/ablation/sweep.ts";
import { sweepWork } from "../src/ablation/sweep-pass.ts";
import { openModel } from "../src/runtime/open-model.ts";
import { floatValue, openSession } from "../src/runtime/session.ts";
import { planAblation } from "../src/shards/plan-run.ts";
import { runShard } from "../src/shards/run-shard.ts";
import { randomImages, randomNetwork, SIDE } from "../test/ablation/random-network.ts";
import { sourceOf } from "../test/passes/images-in-memory.ts";
import { writeStudy } from "../test/shards/shared-study.ts";

const { values } = parseArgs({
  options: { batches: { type: "string", default: "10000" }, jobs: { type: "string", default: "1000" } },
});
/** Times at which a series is looked at. */
const LOOKS = 20;

interface Look {
  readonly megabytes: number;
  readonly files: number;
}

/** Memory that the process holds once garbage is collected, and its open files. */
function look(): Look {
  for (let times = 0; times < 2; times++) globalThis.gc?.();
  const held = /VmRSS:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  return { megabytes: Number(held) / 1024, files: readdirSync("/proc/self/fd").length };
}

/** Runs a step many times and looks at what the process holds. */
async function series(title: string, count: number, step: (at: number) => Promise<unknown>): Promise<void> {
  if (count === 0) return;
  const looks: Look[] = [];
  const began = performance.now();
  for (let at = 0; at < count; at++) {
    await step(at);
    if ((at + 1) % Math.max(1, Math.floor(count / LOOKS)) === 0) looks.push(look());
  }
  const most = (part: readonly Look[], of: keyof Look): number => Math.max(...part.map((each) => each[of]));
  // What is made once (caches, compiled code) is there after a fifth.
  const steady = looks.slice(Math.floor(looks.length / 5));
  const [first, second] = [steady.slice(0, steady.length >> 1), steady.slice(steady.length >> 1)];
  const [before, after] = [most(first, "megabytes"), most(second, "megabytes")];
  const isFlat = after <= 1.05 * before && most(second, "files") <= most(first, "files") + 1;
  if (!isFlat) process.exitCode = 1;
  console.log(
    `${title}: ${count.toLocaleString("en")}, at most ${before.toFixed(0)} MB then ${after.toFixed(0)} MB, ${most(first, "files")} then ${most(second, "files")} open files, ${((performance.now() - began) / 1000).toFixed(0)} s${isFlat ? "" : " NOT FLAT"}`,
  );
  console.log(`  MB: ${looks.map(({ megabytes }) => megabytes.toFixed(0)).join(" ")}`);
}

const [batches, jobs] = [Number(values.batches), Number(values.jobs)];

const shipped = await openModel(fileURLToPath(new URL("../models/alexnet-cifar10.onnx", import.meta.url)));
const session = await openSession(shipped.graph, { threads: 1 });
const pixels = Float32Array.from({ length: 3 * 32 * 32 }, (_, at) => Math.sin(at));
await series("batches through a session of the shipped network", batches, () =>
  session.run({ [shipped.input.name]: floatValue([1, 3, 32, 32], pixels) }),
);
await session.close();

const { model } = await randomNetwork({
  seed: 3,
  blocks: ["batch norm", "max pool", "residual"],
  head: "two products",
});
const layers = model.layers.filter(({ kind }) => kind === "convolution");
const BLOCK = 4;
const labels = Int32Array.from({ length: BLOCK }, (_, image) => image % model.classCount);
const images = sourceOf(randomImages(BLOCK, 1), [3, SIDE, SIDE], labels);
const pass = await sweepPass(model, { images, layers, options: { workers: 1, verify: 0.01 } });
const sweep = await sweepWork.open(pass.setup);
const block = await images.read(Int32Array.from(labels.keys()));
await series("blocks through a sweep of every convolution of a small network, all routes", batches, () =>
  sweep(block, () => undefined),
);

const folder = mkdtempSync(join(tmpdir(), "unitscope-memory-"));
try {
  const study = await writeStudy(folder, 40);
  const run = join(folder, "run");
  await planAblation(study.model, study.data, { preprocess: "none", out: run, shards: 1, cost: false });
  await series("jobs of a worker", jobs, async () => {
    await runShard(run, { shard: 0, workers: 1 });
    rmSync(join(run, "pieces"), { recursive: true, force: true });
    rmSync(join(run, "shards"), { recursive: true, force: true });
  });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
