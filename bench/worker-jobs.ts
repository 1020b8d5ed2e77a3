/**
 * Whether a worker, or the process that it keeps for shards, holds ever more memory or open files: the same shards are
 * computed over and over, a block of images each, their files removed in between. Prints on the way, for both processes,
 * resident memory as it is, then what V8's heap and its buffers hold once garbage is collected, and open descriptors.
 * Needs redis-server, and /proc. `--merged` has jobs without work instead: their plan is merged.
 *
 *   npm run bench:jobs -- [--jobs 1000] [--merged]
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { planQueue, postPlan } from "../src/queue/notice-board.ts";
import { cardOf } from "../src/queue/plan-card.ts";
import { queueAddress } from "../src/queue/queue-address.ts";
import { openQueue } from "../src/queue/queue-link.ts";
import { queueTimes } from "../src/queue/queue-times.ts";
import { addShards } from "../src/queue/shard-jobs.ts";
import { mergeRun } from "../src/shards/merge-run.ts";
import { planAblation } from "../src/shards/plan-run.ts";
import { runShard } from "../src/shards/run-shard.ts";
import { bin } from "../test/cli/run-cli.ts";
import { startRedis } from "../test/queue/redis.ts";
import { writeStudy } from "../test/shards/shared-study.ts";

const { values } = parseArgs({
  options: { jobs: { type: "string", default: "1000" }, merged: { type: "boolean", default: false } },
});
const jobs = Number(values.jobs);
/** Shards of the plan; each is a block of images. */
const SHARDS = 20;
const folder = mkdtempSync(join(tmpdir(), "unitscope-jobs-"));
const probe = join(folder, "probe");
mkdirSync(probe);
const { model, data } = await writeStudy(folder, values.merged ? 50 : SHARDS * 256);
const run = join(folder, "run");
await planAblation(model, data, {
  preprocess: "none",
  out: run,
  shards: values.merged ? 1 : SHARDS,
  cost: false,
});
if (values.merged) {
  await runShard(run, { shard: 0, workers: 1 });
  await mergeRun(run);
}
const redis = await startRedis(folder, "bench");
const env = { UNITSCOPE_QUEUE: `redis://127.0.0.1:${redis.port}/0`, UNITSCOPE_QUEUE_PASSWORD: "bench" };
const link = await openQueue(queueAddress(undefined, env));
const card = cardOf(run);
const queue = planQueue(link, card.id);
await postPlan(link, card);
const preload = fileURLToPath(new URL("memory-probe.cjs", import.meta.url));
const worker = spawn(process.execPath, [bin, "worker", "--queue", "--quiet", "--workers", "1"], {
  stdio: "ignore",
  env: {
    ...process.env,
    ...env,
    NODE_OPTIONS: `--expose-gc --require ${JSON.stringify(preload)}`,
    UNITSCOPE_PROBE: probe,
  },
});

/** What a process holds, in words. */
async function heldBy(pid: number): Promise<string> {
  const file = join(probe, String(pid));
  rmSync(file, { force: true });
  process.kill(pid, "SIGUSR2");
  while (!existsSync(file)) await sleep(50);
  const held = JSON.parse(readFileSync(file, "utf8")) as Record<"before" | "rss" | "heapUsed" | "external", number>;
  const mb = (bytes: number): string => (bytes / 1e6).toFixed(1);
  const files = readdirSync(`/proc/${pid}/fd`).length;
  return `${mb(held.before)} MB resident (collected ${mb(held.rss)}: heap ${mb(held.heapUsed)}, buffers ${mb(held.external)}), ${files} files`;
}

async function look(done: number): Promise<void> {
  const [child] = readFileSync(`/proc/${worker.pid}/task/${worker.pid}/children`, "utf8").trim().split(" ");
  const of = child ? `; shards ${child}: ${await heldBy(Number(child))}` : "";
  console.log(`${done} jobs: worker ${await heldBy(worker.pid ?? 0)}${of}`);
}

async function untilDone(count: number): Promise<void> {
  while ((await queue.getCompletedCount()) < count) {
    if (await queue.getFailedCount()) throw new Error("expected no job to fail");
    await sleep(100);
  }
}

try {
  const step = Math.max(SHARDS, Math.floor(jobs / 10));
  const shards = values.merged ? [0] : Array.from({ length: SHARDS }, (_, shard) => shard);
  const times = queueTimes({});
  for (let done = 0, stage = 1; done < jobs; stage++) {
    rmSync(join(run, "shards"), { recursive: true, force: true });
    rmSync(join(run, "pieces"), { recursive: true, force: true });
    await addShards(queue, card, { stage, shards, times });
    done += shards.length;
    if (!values.merged || done % step === 0) await untilDone(done);
    if (done % step === 0) await look(done);
  }
} finally {
  worker.kill("SIGKILL");
  await queue.close();
  link.close();
  await redis.stop();
  rmSync(folder, { recursive: true, force: true });
}
