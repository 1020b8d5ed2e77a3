/** A run finds its images from any folder, and where they have moved to. */
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openRun } from "../../src/runs/run-folder.ts";
import { handFolder } from "../cli/hand-network.ts";
import { printedHere, unitscopeHere } from "../cli/run-here.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";

const quick = ["--shuffles", "0", "--resamples", "200"];

test("a run is followed from folder to folder", async () => {
  const folder = await handFolder();
  const run = join(folder, "run");
  await printedHere(["ablate", "network.onnx", "images", "--preprocess", "none", "--layers", "mix", "--out", "run"], {
    cwd: folder,
  });
  await printedHere(["attributes", run, ...quick], { cwd: "/" });
  await rename(join(folder, "images"), join(folder, "elsewhere"));
  const lost = await unitscopeHere(["attributes", run, "--pool", "max", ...quick]);
  expect([lost.code, lost.stderr]).toEqual([
    2,
    `run folder "${run}": expected its images at ${join(folder, "images")}, got none there; say where they are with --data PATH\n`,
  ]);
  await rename(join(folder, "elsewhere", "navy"), join(folder, "navy"));
  const other = await unitscopeHere(["attributes", run, "--data", join(folder, "elsewhere")]);
  expect(other.stderr).toMatch(/classes to match them by|expected the images of the run/);
  await rename(join(folder, "navy"), join(folder, "elsewhere", "navy"));
  await printedHere(["attributes", run, "--pool", "max", ...quick, "--data", "elsewhere"], { cwd: folder });
  await printedHere(["attributes", run, "--pool", "max", "--top", "1", ...quick], { cwd: "/" });
});

test("a run that goes on in another place finds its network and images there", async () => {
  const folder = await handFolder();
  const elsewhere = join(await temporaryFolder(), "moved");
  const run = join(elsewhere, "run");
  const more = ["--preprocess", "none", "--layers", "mix", "--out", "run"];
  await printedHere(["ablate", "network.onnx", "images", ...more], { cwd: folder });
  await rename(folder, elsewhere);
  await printedHere(["ablate", "network.onnx", "images", ...more], { cwd: elsewhere });
  await printedHere(["attributes", run, ...quick], { cwd: "/" });
  expect(openRun(run).manifest().model.path).toBe(join(elsewhere, "network.onnx"));
});
