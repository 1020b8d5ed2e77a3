/**
 * SIGKILL at random moments of shards and merges loses nothing: what is run again ends with the tables of one machine.
 * UNITSCOPE_KILLS says how often each is killed; the seed is printed when it fails.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runAblate } from "../../src/commands/ablate-run.ts";
import { sha256 } from "../../src/files/hash.ts";
import { seededRandom } from "../../src/numeric/random.ts";
import { planAblation } from "../../src/shards/plan-run.ts";
import { unitscope } from "../cli/run-cli.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";
import { writeStudy } from "./shared-study.ts";

const kills = Number(process.env["UNITSCOPE_KILLS"] ?? 2);
const seed = Number(process.env["UNITSCOPE_SEED"] ?? Date.now() % 2 ** 31);

function tablesOf(run: string): Record<string, string> {
  const names = readdirSync(run).filter((name) => name.endsWith(".parquet"));
  return Object.fromEntries(names.sort().map((name) => [name, sha256(readFileSync(join(run, name)))]));
}

test.skipIf(process.platform === "win32")(`shards and merges that are killed go on (seed ${seed})`, async () => {
  const folder = await temporaryFolder();
  const { model, data } = await writeStudy(folder, 1000);
  const options = { preprocess: "none", workers: 1 } as const;
  const alone = await runAblate(model, data, { ...options, out: join(folder, "alone") });
  const shared = join(folder, "shared");
  await planAblation(model, data, { ...options, out: shared, shards: 2, cost: false });
  const random = seededRandom(seed);
  /** Kills a command so many times, each time sooner or later than an undisturbed one takes, then lets it end. */
  const disturb = async (args: readonly string[], most: number): Promise<number> => {
    let killed = 0;
    for (let attempt = 0; attempt < kills; attempt++) {
      const { code } = await unitscope([...args, "--quiet"], {
        started: (child) => {
          const timer = setTimeout(() => child.kill("SIGKILL"), random.uniform() * most);
          child.once("exit", () => clearTimeout(timer));
        },
      });
      if (code === null) killed++;
      else expect(code).toBe(0);
    }
    const last = await unitscope([...args, "--quiet"]);
    expect(last).toMatchObject({ code: 0, stderr: "" });
    return killed;
  };
  const began = performance.now();
  expect((await unitscope(["run", shared, "--shard", "0", "--quiet"])).code).toBe(0);
  const usual = performance.now() - began;
  const killed = [
    await disturb(["run", shared, "--shard", "1", "--workers", "1"], usual),
    await disturb(["merge", shared], usual),
  ];
  expect(killed.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0);
  expect(tablesOf(shared)).toEqual(tablesOf(alone.run.path));
  expect(readdirSync(shared).filter((name) => name === "plan" || name === "shards")).toEqual([]);
});
