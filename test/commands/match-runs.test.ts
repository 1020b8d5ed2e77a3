/** A network and the same with its units in another order: known partners; and one network by several methods. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runAblate } from "../../src/commands/ablate-run.ts";
import { runAttributes } from "../../src/commands/attributes-run.ts";
import { runComparison } from "../../src/commands/compare-runs.ts";
import { floatTensor, type Graph } from "../../src/onnx/graph.ts";
import { handFolder } from "../cli/hand-network.ts";

/** Units 2, 0, 3, 1 of the network are its units 0 to 3. */
const turned = [2, 0, 3, 1];

function reordered(graph: Graph): Graph {
  const constants = new Map(graph.constants);
  const rows = (name: string, size: number): number[] => {
    const data = Array.from(constants.get(name)?.data as Float32Array);
    return turned.flatMap((unit) => data.slice(unit * size, (unit + 1) * size));
  };
  constants.set("mix.weight", floatTensor([4, 3, 1, 1], rows("mix.weight", 3)));
  constants.set("shift", floatTensor([4], rows("shift", 1)));
  const read = Array.from(constants.get("read.weight")?.data as Float32Array);
  constants.set(
    "read.weight",
    floatTensor(
      [3, 4],
      [0, 1, 2].flatMap((cls) => turned.map((unit) => read[4 * cls + unit])),
    ),
  );
  return { ...graph, constants };
}

test("units are found in a network that has them in another order, with all their effects", async () => {
  const folder = await handFolder();
  const other = await handFolder(reordered);
  const paths = [join(folder, "run"), join(other, "run")];
  for (const [at, home] of [folder, other].entries()) {
    await runAblate(join(home, "network.onnx"), join(folder, "images"), { out: paths[at] ?? "", preprocess: "none" });
    await runAttributes(paths[at] ?? "", { shuffles: 0, resamples: 200 });
  }
  const { matches, methods } = await runComparison(paths, { out: join(folder, "out"), match: true });
  expect(methods).toBeNull();
  expect(matches?.[0]).toMatchObject({ pairs: 4, sameClass: 1 });
  expect(matches?.[0]?.medianCorrelation).toBeCloseTo(1, 5);
  const [header, ...lines] = readFileSync(join(folder, "out", "matched-units.csv"), "utf8")
    .trim()
    .split("\n");
  const columns = header?.split(",") ?? [];
  const cells = lines.map((line) => line.split(","));
  const column = (name: string): string[] => cells.map((row) => row[columns.indexOf(name)] ?? "");
  expect(column("other_unit").map(Number)).toEqual([0, 1, 2, 3].map((unit) => turned.indexOf(unit)));
  expect(column("max_class_drop")).toEqual(column("other_max_class_drop"));
});

test("one network by three methods: rank agreement, and what survives", async () => {
  const folder = await handFolder();
  const methods = ["zero", "mean", "optimal"] as const;
  const paths = methods.map((method) => join(folder, method));
  for (const [at, method] of methods.entries()) {
    const options = { out: paths[at] ?? "", preprocess: "none", method };
    await runAblate(join(folder, "network.onnx"), join(folder, "images"), options);
  }
  const found = await runComparison(paths, { out: join(folder, "out") });
  expect(found.methods?.pairs.map((pair) => pair.methods)).toEqual([
    ["zero", "mean"],
    ["zero", "optimal"],
    ["mean", "optimal"],
  ]);
  for (const { maxClassPearson, pairs, sameClass } of found.methods?.pairs ?? []) {
    expect(pairs).toBe(4);
    expect(maxClassPearson).toBeLessThanOrEqual(1);
    expect(sameClass).toBeGreaterThanOrEqual(0);
  }
  expect(found.methods?.layers).toMatchObject([{ methods: [...methods], surviving: 0 }]);
  expect(found.cautions).toContain("the runs ablate in different ways (zero, mean, optimal)");
  const csv = readFileSync(join(folder, "out", "methods.csv"), "utf8");
  expect(csv.split("\n")[0]).toBe(
    "layer,method,other_method,units,max_class_pearson,max_class_spearman,overall_spearman,same_class,effects,other_effects,effects_of_both",
  );
});
