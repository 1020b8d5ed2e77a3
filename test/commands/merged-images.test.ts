/** Layers whose tensors hold several images of a batch in each row: they are ablated, though nothing else is read of them. */
import { cp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Graph, intTensor, node } from "../../src/onnx/graph.ts";
import { handFolder } from "../cli/hand-network.ts";
import { printedHere, unitscopeHere } from "../cli/run-here.ts";

/** Every image twice, all of the first before all of the second, as an augmentation inside the network; logits averaged. */
const twice = (graph: Graph): Graph => {
  const [{ name: logits } = { name: "" }] = graph.outputs;
  const renamed = (name: string): string => (name === "input" ? "both" : name === logits ? "each" : name);
  const nodes = graph.nodes.map((each) => ({
    ...each,
    inputs: each.inputs.map(renamed),
    outputs: each.outputs.map(renamed),
  }));
  return {
    ...graph,
    nodes: [
      node("Concat", ["input", "input"], ["both"], { axis: 0 }),
      ...nodes,
      node("Reshape", ["each", "apart"], ["pairs"]),
      node("ReduceMean", ["pairs"], [logits], { axes: [0], keepdims: 0 }),
    ],
    constants: new Map([...graph.constants, ["apart", intTensor([2, -1, 3])]]),
  };
};
const [once, merged] = [await handFolder(), await handFolder(twice)];
await cp(join(once, "images"), join(merged, "images"), { recursive: true });

async function dropsOf(folder: string): Promise<string[][]> {
  const run = ["network.onnx", "images", "--preprocess", "none", "--layers", "mix", "--out", join(folder, "run")];
  await printedHere(["ablate", ...run, "--verify", "1", "--workers", "1", "--quiet"], { cwd: folder });
  await printedHere(["export", join(folder, "run"), "--format", "csv"], { cwd: folder });
  const rows = (await readFile(join(folder, "run", "export", "drops.csv"), "utf8")).trim().split("\n");
  return rows.map((row) => row.split(",").slice(0, 10)); // up to the drop; what follows is rounded otherwise
}

test("such layers are ablated as others", async () => {
  expect(await dropsOf(merged)).toEqual(await dropsOf(once));
  const { code, stderr } = await unitscopeHere(["attributes", join(merged, "run")]);
  expect([code, stderr]).toEqual([2, expect.stringContaining("only its ablation can be measured")]);
});
