/** SIGKILL at random moments of shards and merges loses nothing; `npm run bench:kills` does it to all commands, more often. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runAblate } from "../../src/commands/ablate-run.ts";
import { seededRandom } from "../../src/numeric/random.ts";
import { planAblation } from "../../src/shards/plan-run.ts";
import { unitscope } from "../cli/run-cli.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";
import { disturb, tablesOf } from "./disturb.ts";
import { writeStudy } from "./shared-study.ts";

const seed = Number(process.env["UNITSCOPE_SEED"] ?? Date.now() % 2 ** 31);

test.skipIf(process.platform === "win32")(`shards and merges that are killed go on (seed ${seed})`, async () => {
  const folder = await temporaryFolder();
  const { model, data } = await writeStudy(folder, 1000);
  const options = { preprocess: "none", workers: 1 } as const;
  const alone = await runAblate(model, data, { ...options, out: join(folder, "alone") });
  const shared = join(folder, "shared");
  await planAblation(model, data, { ...options, out: shared, shards: 2, cost: false });
  const random = seededRandom(seed);
  const began = performance.now();
  expect((await unitscope(["run", shared, "--shard", "0", "--quiet"])).code).toBe(0);
  const often = { kills: 2, most: performance.now() - began, random };
  const run = await disturb({ command: () => ["run", shared, "--shard", "1", "--workers", "1"], ...often });
  const merge = await disturb({ command: () => ["merge", shared], ...often });
  expect([run.killed, merge.killed]).toEqual([2, 2]);
  expect(tablesOf(shared)).toEqual(tablesOf(alone.run.path));
  expect(readdirSync(shared).filter((name) => name === "plan" || name === "shards")).toEqual([]);
});
