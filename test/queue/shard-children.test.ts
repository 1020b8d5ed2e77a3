/** The processes in which a worker carries out shards: one for many, another after one that is gone or failed. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openChildren, type ShardChildren } from "../../src/queue/shard-children.ts";
import { planAblation } from "../../src/shards/plan-run.ts";
import { shardRecords } from "../../src/shards/shard-records.ts";
import { until } from "../cluster/find-program.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";
import { writeStudy } from "../shards/shared-study.ts";

const stop = new AbortController();
let run: string;
let children: ShardChildren;
beforeAll(async () => {
  const folder = await temporaryFolder();
  const { model, data } = await writeStudy(folder, 520);
  run = join(folder, "run");
  await planAblation(model, data, { preprocess: "none", out: run, shards: 6, cost: false });
  children = openChildren({ path: run, places: {} }, { workers: 1, signal: stop.signal });
});
afterAll(async () => await children.rest());

const processOf = (shard: number): number => shardRecords(run).find((record) => record.shard === shard)?.pid ?? 0;
const isThere = (pid: number): boolean => existsSync(`/proc/${pid}`);

test.skipIf(process.platform !== "linux")("shards share a process, as long as it is sound", async () => {
  await children.carryOut(0);
  await children.carryOut(1);
  const first = processOf(0);
  expect(processOf(1)).toBe(first);

  process.kill(first, "SIGKILL"); // while it waits
  await until(() => !isThere(first), 20, 20);
  await children.carryOut(2);
  const second = processOf(2);
  expect(second).not.toBe(first);

  await expect(children.carryOut(6)).rejects.toThrow('option "shard": expected a number from 0 to 5, got 6');
  expect(isThere(second)).toBe(false);
  await children.carryOut(3);
  const third = processOf(3);
  await children.rest();
  expect(isThere(third)).toBe(false);

  await children.carryOut(4);
  stop.abort();
  await expect(children.carryOut(5)).rejects.toThrow("shard 5: expected to finish, got interrupted");
  await until(() => !isThere(processOf(4)), 20, 20);
});
