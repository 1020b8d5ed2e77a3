/**
 * Whether a worker keeps memory or open files: it gets so many jobs of a plan that is merged already, so that each is a
 * process that begins, reads the plan, and ends. Prints the worker's resident memory and open descriptors on the way.
 * Needs redis-server, and /proc.
 *
 *   npm run build && npx tsx bench/worker-jobs.ts [--jobs 1000]
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
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

const { values } = parseArgs({ options: { jobs: { type: "string", default: "1000" } } });
const jobs = Number(values.jobs);
const folder = mkdtempSync(join(tmpdir(), "unitscope-jobs-"));
const { model, data } = await writeStudy(folder, 50);
const run = join(folder, "run");
await planAblation(model, data, { preprocess: "none", out: run, shards: 1, cost: false });
await runShard(run, { shard: 0, workers: 1 });
await mergeRun(run);
const redis = await startRedis(folder, "bench");
const env = { UNITSCOPE_QUEUE: `redis://127.0.0.1:${redis.port}/0`, UNITSCOPE_QUEUE_PASSWORD: "bench" };
const link = await openQueue(queueAddress(undefined, env));
const card = cardOf(run);
const queue = planQueue(link, card.id);
for (let stage = 1; stage <= jobs; stage++) await addShards(queue, card, { stage, shards: [0], times: queueTimes({}) });
await postPlan(link, card);
const worker = spawn(process.execPath, [bin, "worker", "--queue", "--quiet", "--workers", "1"], {
  stdio: "ignore",
  env: { ...process.env, ...env },
});
try {
  const status = (): string => readFileSync(`/proc/${worker.pid}/status`, "utf8");
  const step = Math.max(1, Math.floor(jobs / 10));
  for (let next = step; next <= jobs; ) {
    await sleep(500);
    const done = await queue.getCompletedCount();
    if (await queue.getFailedCount()) throw new Error("expected no job to fail");
    if (done < next) continue;
    const memory = Number(/VmRSS:\s+(\d+)/.exec(status())?.[1]) / 1000;
    console.log(
      `${done} jobs: ${memory.toFixed(0)} MB, ${readdirSync(`/proc/${worker.pid}/fd`).length} open descriptors`,
    );
    next += step;
  }
} finally {
  worker.kill("SIGKILL");
  await queue.close();
  link.close();
  await redis.stop();
  rmSync(folder, { recursive: true, force: true });
}
