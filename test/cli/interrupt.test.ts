/** Ctrl-C: exit code 130, nothing that looks finished, and the same command continues to the same tables. */
import { existsSync, readdirSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { seededRandom } from "../../src/numeric/random.ts";
import { openRun } from "../../src/runs/run-folder.ts";
import { CLASSES, randomNetwork, SIDE } from "../ablation/random-network.ts";
import { npz } from "../data/npz.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";
import { printed, unitscope } from "./run-cli.ts";

const IMAGES = 1280; // five blocks

let folder: string;
beforeAll(async () => {
  folder = await temporaryFolder();
  const recipe = { seed: 3, blocks: ["overlapping pool", "residual", "plain"], head: "two products" } as const;
  await writeFile(join(folder, "network.onnx"), (await randomNetwork(recipe)).bytes);
  const random = seededRandom(11);
  const pixels = Uint8Array.from({ length: IMAGES * SIDE * SIDE * 3 }, () => random.integer(256));
  const labels = Int32Array.from({ length: IMAGES }, (_, image) => image % CLASSES);
  const arrays = { images: { dims: [IMAGES, SIDE, SIDE, 3], data: pixels }, labels: { dims: [IMAGES], data: labels } };
  await writeFile(join(folder, "images.npz"), npz(arrays));
});

const args = (out: string, ...more: string[]): string[] => [
  ...["ablate", join(folder, "network.onnx"), join(folder, "images.npz"), "--preprocess", "none", "--all"],
  ...["--engine", "plain", "--out", join(folder, out), ...more],
];

/** Pieces that a run holds, by the folder of their key. */
function filesOf(out: string): string[] {
  const pieces = join(folder, out, "pieces");
  if (!existsSync(pieces)) return [];
  const files = readdirSync(pieces, { recursive: true, encoding: "utf8" });
  return files.filter((name) => name.endsWith(".piece")).sort();
}

/** Finished blocks that a run holds. */
function piecesOf(out: string): string[] {
  return [...new Set(filesOf(out).map((file) => basename(file)))];
}

describe.skipIf(process.platform === "win32")("Ctrl-C during a sweep", () => {
  test("exits with 130 and says how to go on; the same command then ends with the tables of an undisturbed run", async () => {
    let isSent = false;
    const { code, stdout, stderr } = await unitscope([...args("run", "--workers", "1"), "--quiet"], {
      started: (child) => {
        const watch = setInterval(() => {
          if (piecesOf("run").length < 2) return;
          clearInterval(watch);
          isSent = child.kill("SIGINT");
        }, 5);
      },
    });
    const message = "interrupted: run the same command again to continue where it stopped\n";
    expect({ isSent, code, stdout, stderr }).toEqual({ isSent: true, code: 130, stdout: "", stderr: message });
    const run = openRun(join(folder, "run"));
    expect(run.manifest().finished).toBeNull();
    expect(run.tableNames()).toEqual([]);
    const kept = piecesOf("run");
    expect(kept.length).toBeGreaterThanOrEqual(2);
    expect(kept.length).toBeLessThan(Math.ceil(IMAGES / 256));

    await printed(args("run"));
    await printed(args("undisturbed"));
    expect(run.manifest().finished).not.toBeNull();
    expect(filesOf("run")).toEqual(filesOf("undisturbed")); // the observed responses, and nothing of the sweep
    const whole = openRun(join(folder, "undisturbed"));
    expect(run.tableNames()).toEqual(whole.tableNames());
    expect(whole.tableNames()).toContain("drops");
    for (const name of whole.tableNames()) {
      const bytes = await readFile(join(run.path, `${name}.parquet`));
      expect(bytes.equals(await readFile(join(whole.path, `${name}.parquet`)))).toBe(true);
    }
  });
});
