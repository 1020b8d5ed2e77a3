/** Networks that take images of any size: the preprocessing tells it, else the images do. */
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Graph } from "../../src/onnx/graph.ts";
import { handFolder } from "../cli/hand-network.ts";
import { printedHere, unitscopeHere } from "../cli/run-here.ts";

const anySize = (graph: Graph): Graph => ({
  ...graph,
  inputs: [{ name: "input", type: "float32", shape: ["N", 3, "height", "width"] }],
});
const [fixed, free] = [await handFolder(), await handFolder(anySize)];
await cp(join(fixed, "images"), join(free, "images"), { recursive: true });

async function unitsOf(folder: string, options: readonly string[]): Promise<unknown> {
  const out = join(folder, `run${options.length}`);
  const run = ["network.onnx", "images", ...options, "--out", out, "--workers", "1", "--quiet"];
  await printedHere(["ablate", ...run], { cwd: folder });
  await printedHere(["attributes", out, "--shuffles", "0", "--workers", "1", "--quiet"], { cwd: folder });
  return JSON.parse(await printedHere(["unit", out, "mix", "1", "--json"], { cwd: folder }));
}

test("the sizes of the images are those of the network", async () => {
  const plain = ["--preprocess", "none", "--layers", "mix"];
  const expected = await unitsOf(fixed, plain);
  expect(await unitsOf(free, plain)).toEqual(expected);
  expect(await unitsOf(free, ["--preprocess", '{"resize": [2, 2]}', "--layers", "mix", "--limit", "3"])).toBeDefined();
});

test("layers are listed at a size that is given", async () => {
  const network = join(free, "network.onnx");
  const { code, stderr } = await unitscopeHere(["layers", network]);
  expect([code, stderr]).toEqual([
    2,
    expect.stringContaining('got "input" float32 [N, 3, height, width]; give --size'),
  ]);
  const listed = await printedHere(["layers", network, "--size", "6x4"]);
  expect(listed).toMatch(/^network\.onnx: 3×6×4 input, 3 classes/);
  expect((await unitscopeHere(["layers", network, "--size", "6,4"])).stderr).toContain("expected pixels such as 224");
  const untold = await unitscopeHere(["ablate", network, join(free, "images"), "--out", join(free, "none")]);
  expect(untold.stderr).toContain("or to be told how images are preprocessed, got neither; give --preprocess");
});
