/** Mean changes are part of every sweep unless they are left out; the counts are the same either way. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { openRun } from "../../src/runs/run-folder.ts";
import { handFolder } from "./hand-network.ts";
import { unitscopeHere } from "./run-here.ts";

test("--counts-only leaves out the mean changes and nothing else", async () => {
  const folder = await handFolder();
  const tables = [];
  for (const more of [[], ["--counts-only"]]) {
    const run = join(folder, `run${more.length}`);
    const given = ["ablate", join(folder, "network.onnx"), join(folder, "images"), "--preprocess", "none"];
    const { code, stderr } = await unitscopeHere([...given, "--out", run, "--quiet", ...more]);
    expect([code, stderr]).toEqual([0, ""]);
    tables.push((await openRun(run).readTable("drops")).columns);
  }
  const [whole, counts] = tables;
  const companions = ["logprob", "margin"].flatMap((name) => [`${name}_drop`, `${name}_p_value`, `${name}_q_value`]);
  expect(Object.keys(whole ?? {})).toEqual(expect.arrayContaining(companions));
  for (const name of companions) expect(counts ?? {}).not.toHaveProperty(name);
  for (const name of ["lost", "gained", "q_value"]) expect(counts?.[name]).toEqual(whole?.[name]);
});
