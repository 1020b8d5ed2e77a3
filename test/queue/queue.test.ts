/** Plans computed by workers of a queue on a real Redis: the tables of one machine, whatever goes away in between. */
import { type ChildProcess } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { runAblate } from "../../src/commands/ablate-run.ts";
import { sha256 } from "../../src/files/hash.ts";
import { followPlan } from "../../src/queue/follow-plan.ts";
import { postedPlans, postPlan } from "../../src/queue/notice-board.ts";
import { cardOf } from "../../src/queue/plan-card.ts";
import { queueAddress } from "../../src/queue/queue-address.ts";
import { openQueue, type QueueLink } from "../../src/queue/queue-link.ts";
import { cleanQueue, queueStatus } from "../../src/queue/queue-status.ts";
import type { QueueTimes } from "../../src/queue/queue-times.ts";
import { shareRun } from "../../src/queue/share-run.ts";
import { openRun } from "../../src/runs/run-folder.ts";
import { mergeRun } from "../../src/shards/merge-run.ts";
import { planAblation } from "../../src/shards/plan-run.ts";
import { statusOf } from "../../src/shards/run-status.ts";
import { shardRecords } from "../../src/shards/shard-records.ts";
import { version } from "../../src/version.ts";
import { type Finished, unitscope } from "../cli/run-cli.ts";
import { printedHere, unitscopeHere } from "../cli/run-here.ts";
import { isNeeded, until } from "../cluster/find-program.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";
import { writeStudy } from "../shards/shared-study.ts";
import { type RedisServer, startRedis, whyNoRedis } from "./redis.ts";

const why = whyNoRedis();
const IMAGES = 520; // three blocks
const PASSWORD = "kept/from:all@eyes";
const times: QueueTimes = {
  lockMs: 5_000,
  stalledMs: 2_000,
  pollMs: 200,
  retryMs: 100,
  settleMs: 1_000,
  declineMs: 1_000,
};
/** What the command line says of itself is part of the plan. */
const options = {
  preprocess: "none",
  method: "zero",
  engine: "auto",
  continuous: true,
  provider: "cpu",
  workers: 1,
} as const;

describe.skipIf(why !== undefined && !isNeeded("redis"))(
  `a queue${why === undefined ? "" : ` (left out: ${why})`}`,
  () => {
    let folder: string;
    let model: string;
    let data: string;
    let alone: string;
    let redis: RedisServer;
    let link: QueueLink;
    let environment: Record<string, string>;
    /** Everything that any process printed. */
    const printed: Finished[] = [];
    const children = new Set<ChildProcess>();

    beforeAll(async () => {
      if (why !== undefined) throw new Error(`expected Redis for this test, got ${why}`);
      folder = await temporaryFolder();
      ({ model, data } = await writeStudy(folder, IMAGES));
      alone = (await runAblate(model, data, { ...options, out: join(folder, "alone") })).run.path;
      redis = await startRedis(await temporaryFolder(), PASSWORD);
      environment = {
        UNITSCOPE_QUEUE: `redis://127.0.0.1:${redis.port}/2`,
        UNITSCOPE_QUEUE_PASSWORD: PASSWORD,
        UNITSCOPE_QUEUE_TIMES: JSON.stringify(times),
        UNITSCOPE_CACHE: join(folder, "cache"),
      };
      link = await openQueue(queueAddress(undefined, environment));
    });
    afterEach(async () => {
      for (const child of children) child.kill("SIGKILL");
      await cleanQueue(link, { all: true });
    });
    afterAll(async () => {
      link?.close();
      await redis?.stop();
    });

    /** Starts a command; `ended` says how it ended. */
    function start(args: readonly string[], env: Record<string, string> = environment) {
      let child: ChildProcess | undefined;
      const ended = unitscope(args, {
        env,
        started: (process) => {
          child = process;
          children.add(process);
        },
      });
      void ended.then((finished) => {
        printed.push(finished);
        if (child) children.delete(child);
      });
      return { ended, pid: child?.pid ?? 0, kill: (signal: NodeJS.Signals) => child?.kill(signal) };
    }
    const startWorker = (...more: readonly string[]): ReturnType<typeof start> =>
      start(["worker", "--queue", "--workers", "1", ...more]);

    function tablesOf(run: string): Record<string, string> {
      const names = readdirSync(run).filter((name) => name.endsWith(".parquet"));
      return Object.fromEntries(names.sort().map((name) => [name, sha256(readFileSync(join(run, name)))]));
    }
    /** The same tables, row by row, so that a difference is seen, and to the byte. */
    async function expectSameTables(run: string): Promise<void> {
      const [own, other] = [run, alone].map((path) => openRun(path));
      for (const name of ["layers", "flips", "drops"] as const) {
        expect(await own.readTable(name), name).toEqual(await other.readTable(name));
      }
      expect(tablesOf(run)).toEqual(tablesOf(alone));
    }
    /** Shards that a process is at, from now on. */
    const atWork = (run: string): { shard: number; pid: number }[] =>
      shardRecords(run).filter(({ elapsedMs, pid }) => elapsedMs === null && existsSync(`/proc/${pid}`));

    test("loses nothing when a worker is killed, the server is away and forgets; two commands end with the same tables", async () => {
      const run = join(folder, "shared");
      const notes: string[] = [];
      const own = await openQueue(queueAddress(undefined, environment), (state) => notes.push(state));
      const first = shareRun(
        own,
        () => planAblation(model, data, { ...options, out: run, shards: 3, cost: false }),
        { times },
        { note: (text) => notes.push(text) },
      );
      await until(() => existsSync(join(run, "plan.json")));
      const second = start([
        "ablate",
        model,
        data,
        "--preprocess",
        "none",
        "--workers",
        "1",
        "--out",
        run,
        "--shards",
        "3",
        "--queue",
      ]);
      await until(() => notes.some((text) => text.startsWith("no worker yet")), 60);

      const killed = startWorker();
      await until(() => atWork(run).length > 0, 60, 20);
      const [orphan] = atWork(run);
      killed.kill("SIGKILL");
      await killed.ended;
      await until(() => !existsSync(`/proc/${orphan?.pid}`), 20, 20); // its child goes too
      const worker = startWorker();
      await until(() => atWork(run).length > 0, 60, 20);
      await redis.stop();
      await until(() => notes.includes("lost"));
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      await redis.start();
      await until(() => notes.includes("found"));
      await redis.command("flushall");
      const results = await first;
      const joined = await second.ended;
      worker.kill("SIGTERM");
      expect((await worker.ended).code).toBe(130);
      own.close();

      await expectSameTables(run);
      expect(joined, joined.stderr).toMatchObject({ code: 0 });
      expect(joined.stdout.includes("is merged already")).toBe(results !== undefined); // one of them merged
      expect(await postedPlans(link)).toEqual([]);
      expect(await queueStatus(link)).toMatchObject({ plans: [], workers: [] });
    });

    test("a server that refuses for a while, since its memory is full, is waited for", async () => {
      const run = join(folder, "full");
      const notes: string[] = [];
      const shared = shareRun(
        link,
        () => planAblation(model, data, { ...options, out: run, shards: 6, cost: false }),
        { times },
        { note: (text) => notes.push(text) },
      );
      const worker = startWorker();
      await until(() => atWork(run).length > 0, 60, 20);
      await redis.command("config", "set", "maxmemory", "1");
      await until(() => notes.some((text) => /the server refuses: OOM .*; waiting$/.test(text)), 60);
      await redis.command("config", "set", "maxmemory", "0");
      await shared;
      expect(notes).toContainEqual(expect.stringMatching(/the server takes commands again; going on$/));
      await expectSameTables(run);
      worker.kill("SIGTERM");
      expect((await worker.ended).code).toBe(130);
    });

    test("attributes, sets and rotate give the tables that they give without a queue", async () => {
      const [queued, direct] = ["queued", "direct"].map((name) => join(folder, name)) as [string, string];
      for (const run of [queued, direct]) cpSync(alone, run, { recursive: true });
      const worker = startWorker();
      for (const [command = "", ...more] of [
        ["attributes", "--shuffles", "20", "--resamples", "200"],
        ["sets", "--size", "2", "--strategy", "greedy,random", "--random-sequences", "2"],
        ["rotate", "--seeds", "1"],
      ]) {
        const words = [command, queued, ...more, "--workers", "1", "--shards", "2", "--queue"];
        const shared = await unitscopeHere(words, { env: environment });
        expect(shared, shared.stderr).toMatchObject({ code: 0 });
        printed.push(shared);
        await printedHere([command, direct, ...more, "--workers", "1"]);
      }
      // What is merged is off the board; whoever served it says so, and does not wait for other plans to leave it.
      const status = async (): Promise<string> =>
        (await unitscopeHere(["queue", "status", "--queue"], { env: environment })).stdout;
      expect(await status()).toMatch(/: no plan\n1 worker:\n.*, 1 at a time, waits for a plan\n$/);
      await until(async () => (await queueStatus(link)).workers[0]?.plan === null);
      worker.kill("SIGTERM");
      await worker.ended;
      expect(Object.keys(tablesOf(queued))).toEqual(expect.arrayContaining(["rotation.parquet", "sets.parquet"]));
      expect(tablesOf(queued)).toEqual(tablesOf(direct));
    });

    test("a shard that ends its process every time fails with its error, the others are done", async () => {
      const run = join(folder, "poisoned");
      await planAblation(model, data, { ...options, out: run, shards: 3, cost: false });
      const notes: string[] = [];
      const worker = startWorker();
      const healed = new AbortController();
      const poison = (async () => {
        while (!healed.signal.aborted) {
          for (const { shard, pid } of atWork(run)) if (shard === 1) process.kill(pid, "SIGKILL");
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      })();
      const followed = followPlan(link, run, { times }, { note: (text) => notes.push(text) });
      await expect(followed).rejects.toThrow(
        /expected every shard to be done, got an error in shard 1: its process was ended by SIGKILL; what is done is kept/,
      );
      healed.abort();
      await poison;
      expect(notes).toContain("shard 1 failed: its process was ended by SIGKILL");
      expect(statusOf(run).shards.done).toEqual([0, 2]);
      const { plans } = await queueStatus(link);
      expect(plans).toMatchObject([{ card: { run, shards: 3 }, jobs: { completed: 2, failed: 1 } }]);
      expect(await followPlan(link, run, { times })).toBe("computed"); // what failed is tried again
      await mergeRun(run);
      await expectSameTables(run);
      worker.kill("SIGTERM");
      await worker.ended;
    });

    test("a worker that lacks the files fetches them; one with another version or other bytes declines, and says why", async () => {
      const [here, gone] = [join(folder, "here"), join(folder, "gone")];
      mkdirSync(here);
      const [ownModel, ownData] = [join(here, "network one.onnx"), join(here, "images.npz")];
      cpSync(model, ownModel);
      cpSync(data, ownData);
      const run = join(folder, "fetched");
      await planAblation(ownModel, ownData, { ...options, out: run, shards: 2, cost: false });
      renameSync(here, gone);
      const other = join(folder, "other.onnx");
      writeFileSync(other, Buffer.concat([readFileSync(model), Buffer.from([0x8a, 0x01, 0])]));
      const stranger = { ...cardOf(run), id: "0".repeat(16), unitscope: "0.0.1" };
      await postPlan(link, stranger);

      const notes: string[] = [];
      const followed = followPlan(link, run, { times }, { note: (text) => notes.push(text) });
      const declining = startWorker("--model", other);
      await until(() => notes.some((text) => text.includes("declines")), 60);
      expect(notes.join()).toMatch(/worker .*, process \d+, \w+ declines: run folder .* expected the model of the run/);
      const { plans } = await queueStatus(link);
      expect(plans.map(({ declines }) => declines.map(({ reason }) => reason))).toEqual([
        [`expected unitscope 0.0.1, which planned it, got ${version}`],
        [expect.stringContaining("expected the model of the run")],
      ]);
      declining.kill("SIGTERM");
      await declining.ended;

      const asked: string[] = [];
      const server = createServer(({ url = "" }, response) => {
        asked.push(url);
        response.end(readFileSync(join(gone, decodeURIComponent(url).slice(1))));
      });
      await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
      const { port } = server.address() as AddressInfo;
      const worker = startWorker("--fetch", `http://127.0.0.1:${port}`, "--idle", "2s");
      expect(await followed).toBe("computed");
      expect(asked).toEqual(["/network%20one.onnx", "/images.npz"]);
      const processes = shardRecords(run).map(({ shard, pid }) => ({ shard, pid }));
      expect(processes).toEqual([0, 1].map((shard) => ({ shard, pid: processes[0]?.pid }))); // one for both
      expect(processes[0]?.pid).not.toBe(worker.pid);
      await mergeRun(run, { places: { model: join(gone, "network one.onnx"), data: join(gone, "images.npz") } });
      await expectSameTables(run);
      await worker.ended;
      server.close();
    });

    test("a password is in no output, file, or list of processes", async () => {
      const shown = `redis://someone:${encodeURIComponent(PASSWORD)}@127.0.0.1:${redis.port}/2`;
      const wrong = await start(["queue", "status", "--queue", shown]).ended; // there is no such user
      expect(wrong.code).toBe(2);
      expect(wrong.stderr).toMatch(
        /^caution: a password on the command line .*\nqueue redis:\/\/127\.0\.0\.1:\d+\/2: expected a Redis or Valkey server, got (WRONGPASS|NOAUTH)/,
      );
      const worker = start(["worker", "--queue", shown.replace("someone", "default")]);
      await until(() => /^unitscope\0*$/.test(readFileSync(`/proc/${worker.pid}/cmdline`, "utf8")), 60);
      worker.kill("SIGTERM");
      await worker.ended;
      const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
      const texts = [
        ...printed.flatMap(({ stdout, stderr }) => [stdout, stderr]),
        ...files.map((file) => readFileSync(join(file.parentPath, file.name), "latin1")),
      ];
      expect(texts.length).toBeGreaterThan(20);
      for (const secret of [PASSWORD, encodeURIComponent(PASSWORD)]) {
        expect(texts.filter((text) => text.includes(secret))).toEqual([]);
      }
    });
  },
);
