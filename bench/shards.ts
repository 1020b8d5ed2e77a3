/**
 * What shards and a queue cost: an ablation on one machine against the same in shards, one after the other in processes of
 * their own, as a cluster runs them, and on a queue with one worker; and three workers of which one is killed every few
 * seconds and another one comes. Processor time is compared, so that it matters less what else the machine does; the tables
 * must be the same to the byte. The queue needs redis-server.
 *
 *   npm run bench:shards -- [--images N of every class] [--layers a,b] [--shards 4,16] [--queue-shards 64]
 *     [--kill-every SECONDS or 0]
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startRedis, whyNoRedis } from "../test/queue/redis.ts";

const { values } = parseArgs({
  options: {
    images: { type: "string", default: "200" },
    layers: { type: "string", default: "conv5" },
    shards: { type: "string", default: "2,8" },
    "queue-shards": { type: "string" },
    "kill-every": { type: "string", default: "5" },
  },
});
const bin = fileURLToPath(new URL("../bin/unitscope.js", import.meta.url));
const model = fileURLToPath(new URL("../models/alexnet-cifar10.onnx", import.meta.url));
const study = [model, "cifar10:test", "--layers", values.layers, "--limit", values.images, "--quiet", "--workers", "1"];
const folder = mkdtempSync(join(tmpdir(), "unitscope-shards-"));
const counts = values.shards.split(",").map(Number);

/** Runs a command; its processor seconds, children's and threads' included. */
async function seconds(args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<number> {
  const timed = 'TIMEFORMAT="%U %S"; time "$@" >/dev/null';
  const child = spawn("/bin/bash", ["-c", timed, "-", process.execPath, bin, ...args], {
    stdio: ["ignore", "ignore", "pipe"],
    env,
  });
  let text = "";
  child.stderr.on("data", (part: Buffer) => {
    text += part.toString();
  });
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`unitscope ${args.join(" ")}: exit ${String(code)}\n${text}`);
  const [user = 0, system = 0] = (text.trim().split("\n").at(-1) ?? "").split(" ").map(Number);
  return user + system;
}

function tablesOf(run: string): string {
  const names = readdirSync(run).filter((name) => name.endsWith(".parquet"));
  return names
    .sort()
    .map((name) => readFileSync(join(run, name)).toString("base64"))
    .join("\n");
}

function verdict(run: string): string {
  if (tablesOf(run) === tablesOf(join(folder, "alone"))) return "the same tables";
  process.exitCode = 1;
  return "OTHER TABLES";
}

function more(cost: number, direct: number): string {
  return `${((cost / direct - 1) * 100).toFixed(1)} % more`;
}

async function inShards(count: number, direct: number): Promise<void> {
  const run = join(folder, `shards-${count}`);
  const planned = study.filter((word, at) => word !== "--workers" && study[at - 1] !== "--workers");
  execFileSync(process.execPath, [bin, "plan", ...planned, "--no-cost", "--shards", String(count), "--out", run]);
  let shards = 0;
  for (let shard = 0; shard < count; shard++)
    shards += await seconds(["run", run, "--shard", String(shard), "--quiet", "--workers", "1"]);
  const merge = await seconds(["merge", run, "--quiet"]);
  const cost = more(shards + merge, direct);
  console.log(
    `${count} shards: ${shards.toFixed(1)} s, merge ${merge.toFixed(1)} s of processor time: ${cost}, ${verdict(run)}`,
  );
}

async function onQueue(count: number, direct: number): Promise<void> {
  mkdirSync(join(folder, "redis"));
  const redis = await startRedis(join(folder, "redis"), "bench");
  const env = {
    ...process.env,
    UNITSCOPE_QUEUE: `redis://127.0.0.1:${redis.port}/0`,
    UNITSCOPE_QUEUE_PASSWORD: "bench",
  };
  const ablate = (run: string): Promise<number> =>
    seconds(["ablate", ...study, "--shards", String(count), "--out", run, "--queue"], env);
  const worker = ["worker", "--queue", "--workers", "1", "--quiet"];
  try {
    const quiet = join(folder, "queue");
    const [command, work] = await Promise.all([ablate(quiet), seconds([...worker, "--idle", "20s"], env)]);
    const cost = more(command + work, direct);
    console.log(
      `queue, ${count} shards: worker ${work.toFixed(1)} s, command ${command.toFixed(1)} s of processor time: ${cost}, ${verdict(quiet)}`,
    );
    if (values["kill-every"] !== "0")
      await withKills(ablate, () => spawn(process.execPath, [bin, ...worker], { stdio: "ignore", env }));
  } finally {
    await redis.stop();
  }
}

/** Three workers; every few seconds the oldest is killed, and another one comes. */
async function withKills(ablate: (run: string) => Promise<number>, start: () => ChildProcess): Promise<void> {
  const every = 1000 * Number(values["kill-every"]);
  const disturbed = async (name: string, isKilling: boolean): Promise<{ elapsed: number; kills: number }> => {
    const workers = [start(), start(), start()];
    let kills = 0;
    const killing = setInterval(() => {
      if (!isKilling) return;
      workers.shift()?.kill("SIGKILL");
      kills++;
      workers.push(start());
    }, every);
    const began = performance.now();
    try {
      await ablate(join(folder, name));
    } finally {
      clearInterval(killing);
      for (const worker of workers) worker.kill("SIGKILL");
    }
    return { elapsed: (performance.now() - began) / 1000, kills };
  };
  const calm = await disturbed("three", false);
  const { elapsed, kills } = await disturbed("killed", true);
  const times = `${elapsed.toFixed(0)} s of wall clock, ${(elapsed / calm.elapsed).toFixed(2)} times an undisturbed one's ${calm.elapsed.toFixed(0)} s`;
  console.log(
    `three workers, one killed every ${every / 1000} s (${kills} in all): ${times}; ${verdict(join(folder, "three"))}, ${verdict(join(folder, "killed"))}`,
  );
}

try {
  const direct = await seconds(["ablate", ...study, "--out", join(folder, "alone")]);
  console.log(`one machine: ${direct.toFixed(1)} s of processor time`);
  for (const count of counts) await inShards(count, direct);
  const why = whyNoRedis();
  if (why === undefined) await onQueue(Number(values["queue-shards"] ?? Math.max(...counts)), direct);
  else console.log(`queue: left out, ${why}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
