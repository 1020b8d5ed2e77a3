/**
 * SIGKILL at random moments, so many times for each of ablate, attributes, sets, rotate, train, run (a shard), worker and
 * merge. What a killed command left is continued by the next one; whenever one ends by itself its tables (of train, the
 * model) are compared with an undisturbed run's, byte for byte, and it begins anew. The worker needs redis-server.
 *
 *   npm run bench:kills -- [--kills 50] [--only train,merge] [--seed 1]
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { sha256 } from "../src/files/hash.ts";
import { seededRandom } from "../src/numeric/random.ts";
import { queueAddress } from "../src/queue/queue-address.ts";
import { openQueue } from "../src/queue/queue-link.ts";
import { shareRun } from "../src/queue/share-run.ts";
import { mergeRun } from "../src/shards/merge-run.ts";
import { planAblation } from "../src/shards/plan-run.ts";
import { printed } from "../test/cli/run-cli.ts";
import { startRedis, whyNoRedis } from "../test/queue/redis.ts";
import { type Disturbed, disturb, tablesOf } from "../test/shards/disturb.ts";
import { writeStudy } from "../test/shards/shared-study.ts";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "50" },
    only: { type: "string" },
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
  },
});
const kills = Number(values.kills);
const random = seededRandom(Number(values.seed));
const folder = mkdtempSync(join(tmpdir(), "unitscope-kills-"));
const at = (...names: string[]): string => join(folder, ...names);
const { model, data } = await writeStudy(folder, 520);
const network = ["--preprocess", "none", "--workers", "1"];
const small = ["--widths", "8,8,8,8,8", "--fc", "8,8", "--batch", "32", "--threads", "1", "--limit", "40"];
const training = ["train", "alexnet", data, "--epochs", "6", ...small, "--out", "model.onnx"];
const checkpoint = "model.onnx.checkpoint";

/** A command to disturb. */
interface Victim {
  readonly name: string;
  /** Makes the folder that it begins with, under a name. */
  readonly begin: (run: string) => Promise<void>;
  readonly command: (run: string) => readonly string[];
  /** What it made, by name. */
  readonly made: (run: string) => Promise<Record<string, string>>;
}

const onRun = (name: string, ...more: readonly string[]): Victim => ({
  name,
  begin: async (run) => cpSync(at("ablated"), run, { recursive: true }),
  command: (run) => [name, run, "--workers", "1", ...more],
  made: async (run) => tablesOf(run),
});
const planned = async (run: string, done: readonly number[]): Promise<void> => {
  await planAblation(model, data, { preprocess: "none", workers: 1, out: run, shards: 2, cost: false });
  for (const shard of done) await printed(["run", run, "--shard", String(shard), "--workers", "1"]);
};
const victims: readonly Victim[] = [
  {
    name: "ablate",
    begin: async () => {},
    command: (run) => ["ablate", model, data, ...network, "--out", run],
    made: async (run) => tablesOf(run),
  },
  onRun("attributes", "--shuffles", "20"),
  onRun("sets", "--size", "3", "--random-sequences", "3"),
  onRun("rotate", "--seeds", "1"),
  {
    name: "train",
    begin: async (run) => {
      mkdirSync(run);
    },
    command: (run) => (existsSync(join(run, checkpoint)) ? [...training, "--resume"] : training),
    made: async (run) => ({ model: sha256(readFileSync(join(run, "model.onnx"))) }),
  },
  {
    name: "run",
    begin: (run) => planned(run, [0]),
    command: (run) => ["run", run, "--shard", "1", "--workers", "1"],
    made: async (run) => {
      await mergeRun(run);
      return tablesOf(run);
    },
  },
  {
    name: "merge",
    begin: (run) => planned(run, [0, 1]),
    command: (run) => ["merge", run],
    made: async (run) => tablesOf(run),
  },
];

function equal(a: Record<string, string>, b: Record<string, string>): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Begins as often as it ends, and tells what came of it. */
async function disturbed({ name, begin, command, made }: Victim): Promise<void> {
  const [base, reference, run] = [at(`${name}-base`), at(`${name}-reference`), at(name)];
  await begin(base);
  const reset = (path: string): void => {
    rmSync(path, { recursive: true, force: true });
    if (existsSync(base)) cpSync(base, path, { recursive: true });
  };
  const cwdOf = (path: string): string => (existsSync(path) ? path : folder);
  reset(reference);
  const start = performance.now();
  await printed(command(reference), { cwd: cwdOf(reference) });
  const usual = performance.now() - start;
  const expected = await made(reference);
  let same = 0;
  reset(run);
  const counts = await disturb({
    ...{ command: () => command(run), cwd: name === "train" ? run : folder },
    ...{ kills, most: usual, random },
    ended: async () => {
      if (equal(await made(run), expected)) same++;
      reset(run);
    },
  });
  tell(name, counts, same, usual);
}

function tell(name: string, { killed, ended }: Disturbed, same: number, usual: number): void {
  const verdict = same === ended ? "all the same" : `${ended - same} OTHERS`;
  const tables = name === "train" ? "models" : "tables";
  console.log(
    `${name}: killed ${killed} times within ${(usual / 1000).toFixed(1)} s; ended ${ended} times, ${tables}: ${verdict}`,
  );
  if (same !== ended) process.exitCode = 1;
}

/** Workers of a queue are killed while a command follows the plan; each ends by itself when nothing is left. */
async function disturbedWorkers(): Promise<void> {
  const why = whyNoRedis();
  if (why !== undefined) {
    console.log(`worker: left out, ${why}`);
    return;
  }
  const redis = await startRedis(at("redis"), "password");
  const times = { lockMs: 2_000, stalledMs: 500, pollMs: 200, retryMs: 200, settleMs: 2_000, declineMs: 1_000 };
  const env = {
    UNITSCOPE_QUEUE: `redis://127.0.0.1:${redis.port}/0`,
    UNITSCOPE_QUEUE_PASSWORD: "password",
    UNITSCOPE_QUEUE_TIMES: JSON.stringify(times),
  };
  const link = await openQueue(queueAddress(undefined, env));
  // More than twice the three blocks: each is of some layers of one.
  const plan = { preprocess: "none", workers: 1, shards: 7, cost: false } as const;
  const expected = tablesOf(at("ablated"));
  let [number, same, plans] = [0, 0, 0];
  const over = new AbortController();
  const followed = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const run = at(`queue-${++number}`);
      await shareRun(link, () => planAblation(model, data, { ...plan, out: run }), { times });
      plans++;
      if (equal(tablesOf(run), expected)) same++;
      rmSync(run, { recursive: true });
    }
  };
  const following = followed();
  const start = performance.now();
  let begun = 0;
  const command = (): readonly string[] => {
    if (begun++ === kills) over.abort(); // all but the last are killed
    return ["worker", "--queue", "--workers", "1", "--idle", over.signal.aborted ? "5s" : "1h"];
  };
  const usual = 10_000;
  const { killed } = await disturb({ command, cwd: folder, env, kills, most: usual, random });
  await following;
  console.log(`workers: ${((performance.now() - start) / 1000).toFixed(0)} s`);
  tell("worker", { killed, ended: plans }, same, usual);
  link.close();
  await redis.stop();
}

try {
  console.log(`seed ${values.seed}, ${kills} kills each`);
  await printed(["ablate", model, data, ...network, "--out", at("ablated")]);
  mkdirSync(at("redis"));
  const chosen = values.only?.split(",");
  for (const victim of victims) if (!chosen || chosen.includes(victim.name)) await disturbed(victim);
  if (!chosen || chosen.includes("worker")) await disturbedWorkers();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
