import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runComparison } from "../../src/commands/compare-runs.ts";
import { newFolder } from "../runs/example-run.ts";
import { makeRun } from "./compared-runs.ts";

describe("runComparison", () => {
  it("averages the seeds of a variant and writes figures and tables", async () => {
    const folder = newFolder();
    const paths = [
      makeRun(folder, "p1", { network: 0, drop: 0.1 }),
      makeRun(folder, "p2", { network: 1, drop: 0.3 }),
      makeRun(folder, "bn", { network: 2, drop: 0.05 }),
    ];
    const names = new Map([
      [paths[0], "plain"],
      [`${paths[1]}/`, "plain"],
    ]);
    const out = join(folder, "out");
    const { variants, runs, figures, cautions } = await runComparison(paths, { names, out });
    expect(cautions).toEqual([]);
    expect(runs.map(({ variant }) => variant)).toEqual(["plain", "plain", "bn"]);
    expect(variants.map(({ variant, networks }) => [variant, networks])).toEqual([
      ["plain", 2],
      ["bn", 1],
    ]);
    const [plain, bn] = variants;
    expect(plain?.maxClassDrop).toBeCloseTo(0.2 + 0.055, 12);
    expect(plain?.maxClassDropLow).toBeCloseTo(0.1 + 0.055, 12);
    expect(plain?.maxClassDropHigh).toBeCloseTo(0.3 + 0.055, 12);
    expect(bn?.maxClassDrop).toBeCloseTo(0.05 + 0.055, 12);
    expect(plain).toMatchObject({ accuracy: 0.75, detectors: 2, concepts: 1, significantEffects: -1 });
    expect(plain?.overallDrop).toBeCloseTo(0.02, 12);
    expect(figures).toEqual([join(out, "max-class-drops.svg"), join(out, "detectors-conv5.svg")]);
    expect(readFileSync(figures[0], "utf8")).toContain("plain (2 networks)");
    expect(readFileSync(figures[1], "utf8")).toContain("colour");
    const csv = readFileSync(join(out, "variants.csv"), "utf8").trim().split("\n");
    expect(csv[0]).toMatch(/^variant,layer,networks,units,accuracy,max_class_drop,/);
    expect(csv[1]).toMatch(/^plain,conv5,2,12,0.75,0.25/);
    expect(csv).toHaveLength(3);
    expect(readFileSync(join(out, "runs.csv"), "utf8").trim().split("\n")).toHaveLength(4);
  });

  it("keeps two folders of one name apart, says what differs, and leaves out figure 9 without concepts", async () => {
    const folder = newFolder();
    const paths = [
      makeRun(folder, "a/run", { network: 0 }),
      makeRun(folder, "b/run", { network: 1, concepts: null, dataHash: "ef".repeat(32) }),
    ];
    const out = join(folder, "out");
    const { variants, cautions, figures } = await runComparison(paths, { out });
    expect(variants.map(({ variant }) => variant)).toEqual(paths);
    expect(cautions[0]).toContain("different images");
    expect(cautions[1]).toContain(`run: unitscope attributes ${paths[1]} --concepts builtin`);
    expect(figures).toHaveLength(1);
    expect(variants[1]?.detectors).toBe(-1);
    expect(existsSync(join(out, "detectors-conv5.svg"))).toBe(false);
  });

  it("refuses runs that cannot be compared, in one line", async () => {
    const folder = newFolder();
    const first = makeRun(folder, "first", { network: 0 });
    const other = (name: string, made: object): string => makeRun(folder, name, { network: 1, ...made });
    const refusals: [string[], object, RegExp][] = [
      [[first], {}, /^runs: expected at least two, got 1$/],
      [[first, `${first}/`], {}, /^runs: expected each run once/],
      [[first, other("classes", { classNames: ["cat", "cow", "ship"] })], {}, /\(class 1: dog\), got cow/],
      [[first, other("fewer", { classNames: ["cat", "dog"] })], {}, /expected the 3 classes of .* got 2/],
      [[first, other("layers", { layer: "conv4" })], {}, /^layers: expected at least one that every run has/],
      [[first, join(folder, "layers")], { layers: ["conv5"] }, /expected layer "conv5", got conv4/],
      [[first, other("concepts", { concepts: ["red", "dots", "grid"] })], {}, /\(concept 1: stripes\), got dots/],
      [[first, other("ok", {})], { names: new Map([["nowhere", "x"]]) }, /^option "name": expected one of the runs/],
    ];
    const twins = [first, other("twin", { network: 0 })];
    const same = new Map(twins.map((path): [string, string] => [path, "plain"]));
    refusals.push([twins, { names: same }, /expected another network of variant plain/]);
    for (const [paths, options, message] of refusals) {
      const refused = await runComparison(paths, { ...options, out: join(folder, "out") }).catch(
        (error: Error) => error,
      );
      expect((refused as Error).message).toMatch(message);
      expect((refused as Error).message).not.toContain("\n");
    }
  });
});
