/**
 * The server of a queue goes away in the middle of a plan, for longer than any lock lives, at the times that users have:
 * stopped and started with what it held; stopped and started empty; hung with its connections open; stopped while a shard
 * is at work that takes longer (its process is held until 40 s after the next one is done). A command follows the plan and
 * two workers compute it meanwhile. Prints what each did and when, and compares the tables with one machine's. Needs
 * redis-server.
 *
 *   npm run bench:outage -- [--seconds 65] [--only kept,empty,hung,long] [--shards 6]
 */
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type SeenRecord, shardRecords } from "../src/shards/shard-records.ts";
import { type Finished, printed, unitscope } from "../test/cli/run-cli.ts";
import { until } from "../test/cluster/find-program.ts";
import { type RedisServer, startRedis } from "../test/queue/redis.ts";
import { tablesOf } from "../test/shards/disturb.ts";
import { writeStudy } from "../test/shards/shared-study.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "65" },
    only: { type: "string", default: "kept,empty,hung,long" },
    shards: { type: "string", default: "6" },
  },
});
const shards = Number(values.shards);
const LONGER_MS = 40_000;
const folder = mkdtempSync(join(tmpdir(), "unitscope-outage-"));
const children = new Set<ChildProcess>();
const servers: RedisServer[] = [];

/** How the server goes away, and comes back. */
const outages: Readonly<Record<string, (redis: RedisServer, away: () => Promise<void>) => Promise<void>>> = {
  kept: stopped,
  empty: stopped,
  long: stopped,
  hung: async (redis, away) => {
    redis.freeze();
    await away();
    redis.thaw();
  },
};

async function stopped(redis: RedisServer, away: () => Promise<void>): Promise<void> {
  await redis.stop();
  await away();
  await redis.start();
}

function isThere(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}

/** Starts a command that tells what it says, with the seconds since `begun`. */
function start(name: string, args: readonly string[], env: Record<string, string>, told: (text: string) => void) {
  let child: ChildProcess | undefined;
  const ended: Promise<Finished> = unitscope(args, {
    env,
    started: (process) => {
      child = process;
      children.add(process);
      process.stderr?.on("data", (text: Buffer) => {
        for (const line of text.toString().split("\n")) if (/server/.test(line)) told(`${name}: ${line.trim()}`);
      });
    },
  });
  void ended.then(({ code }) => told(`${name} ended with code ${code}`));
  return { ended, stop: () => child?.kill("SIGTERM") };
}

async function tryOutage(name: string, model: string, data: string, expected: Record<string, string>): Promise<void> {
  const begun = performance.now();
  const tell = (text: string): void =>
    console.log(`${name} ${((performance.now() - begun) / 1000).toFixed(1).padStart(6)} s  ${text}`);
  const [run, server] = [join(folder, name), join(folder, `redis-${name}`)];
  mkdirSync(server);
  const redis = await startRedis(server, "password", { forgets: name === "empty" });
  servers.push(redis);
  const env = { UNITSCOPE_QUEUE: `redis://127.0.0.1:${redis.port}/0`, UNITSCOPE_QUEUE_PASSWORD: "password" };
  const starts = new Map<number, Set<number>>();
  const records = (): SeenRecord[] => {
    const all = shardRecords(run);
    for (const { shard, pid } of all) starts.set(shard, (starts.get(shard) ?? new Set()).add(pid));
    return all;
  };
  const done = (): number =>
    new Set(records().flatMap(({ shard, elapsedMs }) => (elapsedMs === null ? [] : [shard]))).size;
  const atWork = (): SeenRecord[] => records().filter(({ elapsedMs, pid }) => elapsedMs === null && isThere(pid));
  const plan = ["--preprocess", "none", "--workers", "1", "--shards", String(shards), "--out", run, "--queue"];
  const command = start("command", ["ablate", model, data, ...plan], env, tell);
  const workers = [1, 2].map((number) => start(`worker ${number}`, ["worker", "--queue", "--workers", "1"], env, tell));
  await until(() => existsSync(join(run, "shards")) && done() >= 2 && atWork().length > 0, 600, 20);
  tell(`${done()} of ${shards} shards done, ${atWork().length} at work: the server goes away (${name})`);
  const [held] = name === "long" ? atWork() : [];
  if (held) process.kill(held.pid, "SIGSTOP");
  const away = async (): Promise<void> => {
    await sleep(1000 * Number(values.seconds));
    tell(`${done()} shards done, ${atWork().length} at work: the server comes back`);
  };
  await (outages[name] ?? stopped)(redis, away);
  const back = done();
  await until(() => done() > back, 600, 20);
  tell("the next shard is done");
  if (held) {
    for (const end = Date.now() + LONGER_MS; Date.now() < end; records()) await sleep(200);
    tell(`shard ${held.shard}, held until now, goes on; processes that began it: ${starts.get(held.shard)?.size}`);
    process.kill(held.pid, "SIGCONT");
  }
  const { code, stderr } = await command.ended;
  if (code !== 0) throw new Error(`expected the command to end well, got code ${code}\n${stderr}`);
  const isSame = JSON.stringify(tablesOf(run)) === JSON.stringify(expected);
  tell(`tables ${isSame ? "the same" : "OTHERS"}`);
  if (!isSame) process.exitCode = 1;
  for (const worker of workers) worker.stop();
  await Promise.all(workers.map(({ ended }) => ended));
}

try {
  const { model, data } = await writeStudy(folder, 256 * shards); // a block for every shard
  const alone = join(folder, "alone");
  await printed(["ablate", model, data, "--preprocess", "none", "--workers", "1", "--out", alone]);
  const expected = tablesOf(alone);
  for (const name of values.only.split(",")) await tryOutage(name, model, data, expected);
} finally {
  for (const child of children) child.kill("SIGKILL");
  for (const redis of servers) await redis.stop();
  rmSync(folder, { recursive: true, force: true });
}
