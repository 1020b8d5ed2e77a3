/** The script of docs/clusters.md on a real Slurm: a job array with tasks that are killed and requeued, then the merge. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runAblate } from "../../src/commands/ablate-run.ts";
import { sha256 } from "../../src/files/hash.ts";
import { planAblation } from "../../src/shards/plan-run.ts";
import { readRunPlan } from "../../src/shards/run-plan.ts";
import { bin } from "../cli/run-cli.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";
import { writeStudy } from "../shards/shared-study.ts";
import { isNeeded, until } from "./find-program.ts";
import { type Slurm, startSlurm, whyNoSlurm } from "./slurm.ts";

const script = new URL("../../examples/clusters/slurm.sh", import.meta.url).pathname;
const why = whyNoSlurm();

/** Tasks that are killed, and the program of all: until it has happened, these stop where they have begun. */
const held = ["1", "4"];
const unitscope = `#!/bin/sh
case "$SLURM_ARRAY_TASK_ID" in ${held.join("|")}) [ "$1" != run ] || [ -e "$2.killed-$SLURM_ARRAY_TASK_ID" ] || hold=--import="$2.hold.mjs" ;; esac
exec ${process.execPath} $hold ${bin} "$@"
`;

/**
 * What a task that is held loads first. It is one process: of several, Slurm may miss one that has just begun, and then
 * waits for its output until it gives the node up.
 */
const hold = `import { readdirSync } from "node:fs";
const wait = setInterval(() => {
  const begun = readdirSync(process.argv[3] + "/shards").some((name) => Number(name.slice(0, 6)) === Number(process.env.SLURM_ARRAY_TASK_ID));
  if (begun) process.kill(process.pid, "SIGSTOP");
}, 20);
wait.unref();
process.on("exit", () => process.kill(process.pid, "SIGSTOP")); // it was done before: the task is killed all the same
`;

describe.skipIf(why !== undefined && !isNeeded("slurm"))(
  `Slurm${why === undefined ? "" : ` (left out: ${why})`}`,
  () => {
    let folder: string;
    let slurm: Slurm;
    beforeAll(async () => {
      if (why !== undefined) throw new Error(`expected Slurm for this test, got ${why}`);
      folder = await temporaryFolder();
      slurm = await startSlurm(folder, unitscope);
    });
    afterAll(() => slurm?.close());

    test("an array of six tasks, two of them killed and requeued, ends with the tables of one machine", async () => {
      const { model, data } = await writeStudy(folder, 1300); // six blocks
      const options = { preprocess: "none", workers: 1 } as const;
      const shared = join(folder, "shared");
      writeFileSync(`${shared}.hold.mjs`, hold);
      await planAblation(model, data, { ...options, out: shared, shards: 6, cost: false });
      const printed = await slurm.run(script, [shared]);
      expect(printed).toMatch(/^stage 1 of 1: job array \d+\nmerge: job \d+\n$/);
      const [array = ""] = printed.match(/\d+(?=\nmerge)/) ?? [];

      const killed = new Set<string>();
      await until(async () => {
        for (const task of await running(array)) {
          if (killed.has(task) || !held.includes(task) || !isAtWork(shared, Number(task))) continue;
          const mark = `${shared}.killed-${task}`;
          writeFileSync(mark, "");
          try {
            await slurm.run("scancel", ["--signal=KILL", `${array}_${task}.0`]); // the step; the whole job would be cancelled
            killed.add(task);
          } catch {
            rmSync(mark); // Slurm itself had put it back into the queue meanwhile: it is stopped again
          }
        }
        await bringForward(array);
        return killed.size === held.length;
      }, 300).catch((cause) => slurm.fail(cause));
      const alone = await runAblate(model, data, { ...options, out: join(folder, "alone") });
      await until(
        async () => {
          await bringForward(array);
          return readRunPlan(shared).merged !== null;
        },
        500,
        200,
      ).catch((cause) => slurm.fail(cause));
      for (const task of killed) {
        const details = await slurm.run("scontrol", ["show", "job", `${array}_${task}`]);
        expect(details).toMatch(/Restarts=[1-9]/);
      }
      expect(tablesOf(shared)).toEqual(tablesOf(alone.run.path));
      expect(tablesOf(shared)).toHaveLength(5);
    }, 900_000);

    /** Numbers of the tasks that run. */
    async function running(array: string): Promise<string[]> {
      const tasks = await slurm.run("squeue", ["-h", "-r", "-j", array, "-t", "RUNNING", "-o", "%K"]);
      return tasks.split("\n").filter((task) => task !== "");
    }

    /** Slurm lets a requeued task wait for two minutes: here it may begin at once. */
    async function bringForward(array: string): Promise<void> {
      const tasks = await slurm
        .run("squeue", ["-h", "-r", "-j", array, "-t", "PENDING", "-o", "%K %r"])
        .catch(() => "");
      for (const [, task] of tasks.matchAll(/^(\d+) BeginTime$/gm)) {
        const now = ["update", `JobId=${array}_${task}`, "StartTime=now"];
        await slurm.run("scontrol", now).catch(() => ""); // it has begun meanwhile
      }
    }
  },
);

/** Whether a process has begun with a shard. */
function isAtWork(run: string, shard: number): boolean {
  try {
    return readdirSync(join(run, "shards")).some((name) => Number(name.slice(0, 6)) === shard);
  } catch {
    return false;
  }
}

/** Names of a run's tables and the SHA-256 of their bytes. */
function tablesOf(run: string): [name: string, hash: string][] {
  const names = readdirSync(run).filter((name) => name.endsWith(".parquet"));
  return names.sort().map((name) => [name, sha256(readFileSync(join(run, name)))]);
}
