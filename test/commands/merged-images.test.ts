/** Layers whose tensors hold several images of a batch in each row: they are ablated, though nothing else is read of them. */
import { cp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { floatTensor, type Graph, intTensor, node } from "../../src/onnx/graph.ts";
import { openRun } from "../../src/runs/run-folder.ts";
import { texts } from "../../src/tables/table.ts";
import { handFolder } from "../cli/hand-network.ts";
import { printedHere, unitscopeHere } from "../cli/run-here.ts";

/** The same behind a convolution that changes nothing, whose responses can be read. */
const behindOne = (graph: Graph): Graph => {
  const merged = twice(graph);
  const nodes = merged.nodes.map((each) => ({
    ...each,
    inputs: each.inputs.map((name) => (name === "input" ? "copied" : name)),
  }));
  return {
    ...merged,
    nodes: [node("Conv", ["input", "copy.weight"], ["copied"], { kernel_shape: [1, 1] }), ...nodes],
    constants: new Map([...merged.constants, ["copy.weight", floatTensor([3, 3, 1, 1], [1, 0, 0, 0, 1, 0, 0, 0, 1])]]),
  };
};

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

test("attributes describe the other layers, and say which they leave out", async () => {
  const folder = await handFolder(behindOne);
  const run = join(folder, "run");
  const ablation = ["ablate", join(folder, "network.onnx"), join(folder, "images"), "--preprocess", "none"];
  await printedHere([...ablation, "--layers", "mix,copy", "--out", run, "--workers", "1"]);
  const quick = ["--shuffles", "5", "--resamples", "100", "--workers", "1"];
  const { code, stdout, stderr } = await unitscopeHere(["attributes", run, "--concepts", "colors", ...quick]);
  expect([code, stderr]).toEqual([
    0,
    expect.stringContaining('left out: layer "mix": expected responses of one image'),
  ]);
  expect(stdout).toContain("responses observed before"); // beside the ablation
  const { layers, leftOut } = JSON.parse(await printedHere(["attributes", run, ...quick, "--json"])) as {
    layers: { layer: string }[];
    leftOut: { layer: string }[];
  };
  expect([layers, leftOut].map((list) => list.map(({ layer }) => layer))).toEqual([["copy"], ["mix"]]);
  const vectors = await openRun(run).readTable("vectors", { columns: ["layer"] });
  expect(new Set(texts(vectors, "layer"))).toEqual(new Set(["copy"]));
  await printedHere(["report", run]);
  const named = await unitscopeHere(["attributes", run, "--layers", "copy,mix", ...quick]);
  expect([named.code, named.stderr]).toEqual([2, expect.stringContaining("only its ablation can be measured")]);
});

test("a study leaves out what cannot be done with a layer, and says so", async () => {
  const folder = await handFolder(behindOne);
  const run = [join(folder, "network.onnx"), join(folder, "images"), "--out", join(folder, "study")];
  const options = ["--preprocess", "none", "--no-concepts", "--layers", "copy,mix", "--quick", "--workers", "1"];
  const { code, stdout, stderr } = await unitscopeHere(["study", ...run, ...options]);
  expect([code, stdout]).toEqual([0, expect.stringContaining("page: ")]);
  expect(stderr).toContain('layer "mix": expected responses of one image each');
  expect(stderr).toContain("rotation left out: ");
  expect(openRun(join(folder, "study")).tableNames()).toEqual(
    expect.arrayContaining(["vectors", "images", "relations", "sets"]),
  );
});
