/** What a page says in its first sentences of runs in which nothing happens. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { seededRandom } from "../../src/numeric/random.ts";
import { floatTensor, node } from "../../src/onnx/graph.ts";
import { writeModel } from "../../src/onnx/model-file.ts";
import { findingsOf } from "../../src/report/findings.ts";
import { openRun } from "../../src/runs/run-folder.ts";
import { networkOf, normal } from "../ablation/all-pairs.ts";
import { printedHere } from "../cli/run-here.ts";
import { npz } from "../data/npz.ts";
import { folderOf } from "../data/pictures.ts";

test("where no removal changes a prediction, no drop is called the largest and no correlation is made up", async () => {
  const nodes = [
    node("Conv", ["input", "w", "b"], ["c"], { pads: [1, 1, 1, 1] }),
    node("Relu", ["c"], ["r"]),
    node("GlobalAveragePool", ["r"], ["g"]),
    node("Flatten", ["g"], ["f"]),
    node("Gemm", ["f", "fc", "bias"], ["logits"]),
  ];
  const constants = { w: normal(1, [6, 3, 3, 3], 0.5), b: normal(2, [6], 0.1), fc: normal(3, [6, 2], 0.1) };
  const random = seededRandom(4);
  const images = { dims: [40, 8, 8, 3], data: Uint8Array.from({ length: 40 * 8 * 8 * 3 }, () => random.integer(256)) };
  const labels = { dims: [40], data: Int32Array.from({ length: 40 }, (_, image) => image % 2) };
  const folder = await folderOf({
    "certain.onnx": writeModel(networkOf(nodes, { ...constants, bias: floatTensor([2], [900, 0]) })),
    "images.npz": npz({ images, labels }),
  });
  const run = join(folder, "run");
  await printedHere([
    "ablate",
    join(folder, "certain.onnx"),
    join(folder, "images.npz"),
    "--preprocess",
    "none",
    "--out",
    run,
  ]);
  await printedHere(["attributes", run, "--shuffles", "0", "--resamples", "200"]);
  expect(openRun(run).hasTable("relations")).toBe(true);
  const found = await findingsOf(openRun(run));
  expect(found.map(({ about }) => about)).toEqual(["accuracy", "effects"]);
  expect(found[1]?.text).toBe("No unit of r, removed alone, costs any class accuracy on these images.");
});
