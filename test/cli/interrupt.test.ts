/** Ctrl-C: exit code 130, nothing that looks finished, and the same command continues to the same tables. */
import { existsSync, readdirSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { seededRandom } from "../../src/numeric/random.ts";
import { openRun } from "../../src/runs/run-folder.ts";
import { doubles, integers } from "../../src/tables/table.ts";
import { CLASSES, randomNetwork, SIDE } from "../ablation/random-network.ts";
import { npz } from "../data/npz.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";
import { unitscope } from "./run-cli.ts";
import { printedHere, unitscopeHere } from "./run-here.ts";

const IMAGES = 2560; // ten blocks
const SLOW = 1020; // four

let folder: string;
beforeAll(async () => {
  folder = await temporaryFolder();
  const recipe = { seed: 3, blocks: ["overlapping pool"], head: "two products" } as const;
  await writeFile(join(folder, "network.onnx"), (await randomNetwork(recipe)).bytes);
  const random = seededRandom(11);
  const pixels = Uint8Array.from({ length: IMAGES * SIDE * SIDE * 3 }, () => random.integer(256));
  const labels = Int32Array.from({ length: IMAGES }, (_, image) => image % CLASSES);
  const arrays = { images: { dims: [IMAGES, SIDE, SIDE, 3], data: pixels }, labels: { dims: [IMAGES], data: labels } };
  await writeFile(join(folder, "images.npz"), npz(arrays));
});

/** All images by difference. */
const fast = (out: string, ...more: string[]): string[] => [
  ...["ablate", join(folder, "network.onnx"), join(folder, "images.npz"), "--preprocess", "none", "--all"],
  ...["--out", join(folder, out), ...more],
];

/** Four blocks of them, the plain way, so that there is time to interrupt it. */
const slow = (out: string, ...more: string[]): string[] => [
  ...fast(out, ...more),
  ...["--engine", "plain", "--limit", String(SLOW / CLASSES)],
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
  /** Checks that two runs hold the same, byte by byte, and the same pieces. */
  async function expectSame(out: string, other: string): Promise<void> {
    const [run, whole] = [openRun(join(folder, out)), openRun(join(folder, other))];
    expect(run.manifest().finished).not.toBeNull();
    expect(run.manifest().layers).toEqual(whole.manifest().layers);
    expect(filesOf(out)).toEqual(filesOf(other)); // the observed responses, and nothing of the sweep
    expect(run.tableNames()).toEqual(whole.tableNames());
    expect(whole.tableNames()).toContain("drops");
    for (const name of whole.tableNames()) {
      const bytes = await readFile(join(run.path, `${name}.parquet`));
      expect(bytes.equals(await readFile(join(whole.path, `${name}.parquet`)))).toBe(true);
    }
  }

  test("exits with 130, says how to go on, and leaves tables that say how many images they are of", async () => {
    let isSent = false;
    const { code, stdout, stderr } = await unitscope([...slow("run", "--workers", "1"), "--quiet"], {
      started: (child) => {
        const watch = setInterval(() => {
          if (piecesOf("run").length < 1) return;
          clearInterval(watch);
          isSent = child.kill("SIGINT");
        }, 5);
      },
    });
    expect({ isSent, code, stdout }).toEqual({ isSent: true, code: 130, stdout: "" });
    const found =
      /^interrupted after (\d,\d{3}|\d{3}) of 1,020 images, of which the tables are: run the same command again to continue where it stopped\n$/.exec(
        stderr,
      );
    const images = Number(found?.[1]?.replace(",", ""));
    const run = openRun(join(folder, "run"), { isPartialFine: true });
    expect(run.manifest().finished).toBeNull();
    expect(run.manifest().layers.map((layer) => layer.images)).toEqual(run.manifest().layers.map(() => images));
    expect(run.tableNames()).toEqual(["layers", "units", "drops", "baseline", "flips"]);
    expect((await run.readTable("baseline")).rows).toBe(images);
    const drops = await run.readTable("drops");
    const [seen, drop, lower, upper] = [
      integers(drops, "images"),
      ...["drop", "lower", "upper"].map((name) => doubles(drops, name)),
    ] as const;
    expect(seen.reduce((sum, each) => sum + each, 0)).toBe(images * (await run.readTable("units")).rows);
    expect(drop.every((each, row) => lower[row] <= each && each <= upper[row] && lower[row] < upper[row])).toBe(true);
    const refused = await unitscopeHere(["figures", join(folder, "run")]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(
      /^run folder ".*": expected a finished sweep, got layer ".*" measured on [\d,]+ of 1,020 images; finish it with: unitscope ablate, without --until and --budget\n$/,
    );
    await printedHere(slow("run"));
    await printedHere(slow("undisturbed"));
    await expectSame("run", "undisturbed");
    // The limits that were written held.
    const whole = doubles(await openRun(join(folder, "run")).readTable("drops"), "drop");
    const held = whole.filter((each, row) => lower[row] <= each && each <= upper[row]).length;
    expect(held / whole.length).toBeGreaterThan(0.95);
  });

  test("an accuracy ends it too, and it goes on to the same tables", async () => {
    expect(await printedHere(fast("until", "--until", "20", "--workers", "1"))).toMatch(
      /after [\d,]+ of 2,560 images; limits hold with 95 %/,
    );
    await printedHere(fast("other", "--until", "20", "--workers", "2"));
    for (const name of ["units", "drops", "flips"] as const) {
      const [one, two] = await Promise.all(
        ["until", "other"].map((out) => readFile(join(folder, out, `${name}.parquet`))),
      );
      expect(one.equals(two)).toBe(true);
    }
    const run = openRun(join(folder, "until"), { isPartialFine: true });
    const units = await run.readTable("units");
    const reached = new Set(integers(units, "images"));
    expect(Math.min(...reached)).toBeLessThan(IMAGES);
    const drops = await run.readTable("drops");
    const [seen, lower, upper] = [integers(drops, "images"), doubles(drops, "lower"), doubles(drops, "upper")];
    lower.forEach((low, row) => {
      if (seen[row] < IMAGES / CLASSES) expect(upper[row] - low).toBeLessThanOrEqual(0.4);
    });
    await printedHere(fast("until"));
    await printedHere(fast("whole"));
    await expectSame("until", "whole");
  });
});
