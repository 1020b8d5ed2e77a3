import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { averagesOf, runPrediction } from "../../src/commands/predict-runs.ts";
import { openTableReader } from "../../src/runs/read-table.ts";
import { doubles, texts } from "../../src/tables/table.ts";
import { newFolder } from "../runs/example-run.ts";
import { type Made, makeRun } from "./compared-runs.ts";

function makeRuns(folder: string, count: number, made: Partial<Made> = {}): string[] {
  return Array.from({ length: count }, (_, network) => makeRun(folder, `net-${network}`, { network, ...made }));
}

describe("runPrediction", () => {
  it("predicts classes that vectors tell, over all choices of networks, and writes what it found", async () => {
    const folder = newFolder();
    const out = join(folder, "out");
    const { predictions, figure, networks } = await runPrediction(makeRuns(folder, 3), { train: 2, out });
    expect(networks.map(({ model }) => model)).toEqual(["net-0.onnx", "net-1.onnx", "net-2.onnx"]);
    const averages = averagesOf(predictions);
    expect(texts(averages, "attribute")).toEqual(["class_correlation", "class_selectivity", "concept_iou", "ensemble"]);
    for (const accuracy of doubles(averages, "accuracy")) expect(accuracy).toBeGreaterThan(0.95);
    for (const pValue of doubles(averages, "p_value")) expect(pValue).toBeLessThan(0.01);
    expect(doubles(averages, "chance")[0]).toBeCloseTo(1 / 3, 15);
    expect([...new Set(texts(predictions, "split"))]).toEqual(["0,1|2", "0,2|1", "1,2|0", "all"]);
    const written = await (await openTableReader(join(out, "predictions.parquet"), "predictions")).read();
    expect(written.columns["accuracy"]).toEqual(predictions.columns["accuracy"]);
    const csv = readFileSync(join(out, "predictions.csv"), "utf8").trim().split("\n");
    expect(csv[0]).toBe("layer,attribute,split,units,accuracy,accuracy_low,accuracy_high,chance,majority,p_value");
    expect(csv).toHaveLength(1 + predictions.rows);
    expect(readFileSync(figure, "utf8")).toContain("Trained on 2 of 3 networks");
  });

  it("finds nothing in noise", async () => {
    const folder = newFolder();
    const paths = makeRuns(folder, 3, { telling: false });
    const { predictions } = await runPrediction(paths, { train: 2, out: join(folder, "out") });
    for (const pValue of doubles(averagesOf(predictions), "p_value")) expect(pValue).toBeGreaterThan(0.01);
  });

  it("refuses runs that it cannot learn from, in one line", async () => {
    const folder = newFolder();
    const first = makeRun(folder, "first", { network: 0 });
    const other = (name: string, made: object): string => makeRun(folder, name, { network: 1, ...made });
    const second = other("second", {});
    const bare = other("bare", { concepts: null });
    const refusals: [string[], object, string | RegExp][] = [
      [[first, bare], {}, new RegExp(`run: unitscope attributes ${bare} --concepts builtin$`)],
      [[first, second], { workers: 0 }, 'option "workers": expected a whole number from 1, got 0'],
      [[first, second], { train: 2 }, 'option "train": expected 1..1 of 2 runs, got 2'],
      [[first, second], { layers: ["conv9"] }, 'expected layer "conv9", got conv5'],
      [[first, other("classes", { classNames: ["cat", "cow", "ship"] })], {}, "(class 1: dog), got cow"],
      [[first, other("concepts", { concepts: ["red", "dots", "grid"] })], {}, "(concept 1: stripes), got dots"],
      [[first, other("more", { concepts: ["red", "stripes"] })], {}, "(3), got 2"],
      [[first, other("same", { network: 0 })], {}, "expected another network"],
    ];
    for (const [paths, options, message] of refusals) {
      const refused = await runPrediction(paths, { train: 1, ...options, out: join(folder, "out") }).catch(
        (error: Error) => error,
      );
      expect(refused).toBeInstanceOf(Error);
      expect((refused as Error).message).toMatch(message);
      expect((refused as Error).message).not.toContain("\n");
    }
  });
});
