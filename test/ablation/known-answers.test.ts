/**
 * A network small enough to solve by hand, through the command line, to the last count.
 *
 * Units: a0 = R, a1 = G, a2 = B + 0.5, a3 = max(0, R − G). Logits: z0 = a0 + a3, z1 = a1, z2 = a2.
 *
 *          image          a0   a1   a2   a3     z0   z1   z2    prediction
 * crimson  A (1 0 0)      1    0    .5   1      2    0    .5    0 right
 *          B (.6 .4 0)    .6   .4   .5   .2     .8   .4   .5    0 right
 *          C (.2 .6 0)    .2   .6   .5   0      .2   .6   .5    1 wrong
 * green    D (0 1 0)      0    1    .5   0      0    1    .5    1 right
 *          E (.4 .8 0)    .4   .8   .5   0      .4   .8   .5    1 right
 *          F (.8 .4 0)    .8   .4   .5   .4     1.2  .4   .5    0 wrong
 * navy     G (0 0 1)      0    0    1.5  0      0    0    1.5   2 right
 *          H (.6 0 .2)    .6   0    .7   .6     1.2  0    .7    0 wrong
 *          I (.2 .2 0)    .2   .2   .5   0      .2   .2   .5    2 right
 */
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { openRun } from "../../src/runs/run-folder.ts";
import { handFolder } from "../cli/hand-network.ts";
import { printedHere } from "../cli/run-here.ts";

/** `[correct_ablated, lost, gained]` of the classes crimson, green and navy; of three images each, two are right before. */
type Counts = readonly [readonly number[], readonly number[], readonly number[]];
const unharmed = [2, 0, 0];

const solutions: Readonly<
  Record<"zero" | "mean" | "weights", { counts: readonly Counts[]; flips: readonly string[] }>
> = {
  zero: {
    counts: [
      // z0 = a3: B (.2 .4 .5) → 2 lost; F (.4 .4 .5) 0 → 2, wrong as before; H (.6 0 .7) → 2 gained
      [[1, 1, 0], unharmed, [3, 0, 1]],
      // z1 = 0: C (.2 0 .5) 1 → 2; D (0 0 .5) → 2 lost; E (.4 0 .5) → 2 lost
      [unharmed, [0, 2, 0], unharmed],
      // z2 = 0: G (0 0 0) and I (.2 .2 0) are ties, which go to the lowest class: → 0, both lost
      [unharmed, unharmed, [0, 2, 0]],
      // z0 = a0: H (.6 0 .7) → 2 gained; F (.8 .4 .5) stays
      [unharmed, unharmed, [3, 0, 1]],
    ],
    flips: ["0 B→2", "0 F→2", "0 H→2", "1 C→2", "1 D→2", "1 E→2", "2 G→0", "2 I→0", "3 H→2"],
  },
  mean: {
    // means over the nine images: a0 3.8/9 = .422, a1 3.4/9 = .378, a2 5.7/9 = .633, a3 2.2/9 = .244
    counts: [
      // z0 = .422 + a3: B (.622 .4 .5), H (1.022 0 .7), I (.422 .2 .5): nothing changes
      [unharmed, unharmed, unharmed],
      // z1 = .378: C (.2 .378 .5) 1 → 2; D (0 .378 .5) → 2 lost; E (.4 .378 .5) → 2 lost
      [unharmed, [0, 2, 0], unharmed],
      // z2 = .633: C (.2 .6 .633) 1 → 2; G (0 0 .633) and I (.2 .2 .633) stay
      [unharmed, unharmed, unharmed],
      // z0 = a0 + .244: C (.444 .6 .5), H (.844 0 .7), I (.444 .2 .5): nothing changes
      [unharmed, unharmed, unharmed],
    ],
    flips: ["1 C→2", "1 D→2", "1 E→2", "2 C→2"],
  },
  weights: {
    // Only the convolution is zeroed: batch norm's β stays, so that unit 2 becomes .5, the others 0.
    counts: [
      [[1, 1, 0], unharmed, [3, 0, 1]],
      [unharmed, [0, 2, 0], unharmed],
      // z2 = .5: G (0 0 .5) and I (.2 .2 .5) stay, H (1.2 0 .5) was wrong before
      [unharmed, unharmed, unharmed],
      [unharmed, unharmed, [3, 0, 1]],
    ],
    flips: ["0 B→2", "0 F→2", "0 H→2", "1 C→2", "1 D→2", "1 E→2", "3 H→2"],
  },
};

describe("a network solved by hand, through the command line", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await handFolder();
  });

  for (const method of ["zero", "mean", "weights"] as const) {
    for (const engine of ["plain", "auto"] as const) {
      test(`--method ${method} --engine ${engine}`, async () => {
        const out = join(folder, `${method}-${engine}`);
        const json = await printedHere([
          ...["ablate", join(folder, "network.onnx"), join(folder, "images"), "--preprocess", "none", "--json"],
          ...["--layers", "mix", "--method", method, "--engine", engine, "--out", out],
        ]);
        expect(JSON.parse(json)).toMatchObject({ accuracy: 6 / 9, images: 9 });
        const run = openRun(out);
        const { columns } = await run.readTable("drops");
        const expected = solutions[method].counts.flatMap((classes, unit) =>
          classes.map(([after = 0, lost, gained], cls) => [
            "mix",
            unit,
            cls,
            3,
            2,
            after,
            lost,
            gained,
            (2 - after) / 3,
          ]),
        );
        const names = ["layer", "unit", "class", "images", "correct", "correct_ablated", "lost", "gained", "drop"];
        const rows = expected.map((_, row) => names.map((name) => columns[name]?.[row]));
        expect(rows).toEqual(expected);
        expect(columns["class_name"]?.slice(0, 3)).toEqual(["crimson", "green", "navy"]);

        const baseline = (await run.readTable("baseline")).columns;
        expect([...(baseline["prediction"] ?? [])]).toEqual([0, 0, 1, 1, 1, 0, 2, 0, 2]);
        // A: 2 − .5, …, H: 1.2 − .7, I: .5 − .2, each to float32's precision
        const margins = [1.5, 0.3, 0.1, 0.5, 0.3, 0.7, 1.5, 0.5, 0.3];
        for (const [image, margin] of margins.entries()) expect(baseline["margin"]?.[image]).toBeCloseTo(margin, 6);

        const flips = (await run.readTable("flips")).columns;
        const found = Array.from(
          { length: flips["unit"]?.length ?? 0 },
          (_, row) =>
            `${flips["unit"]?.[row]} ${"ABCDEFGHI"[flips["image"]?.[row] as number]}→${flips["prediction"]?.[row]}`,
        );
        expect(found).toEqual(solutions[method].flips);
      });
    }
  }

  test("units: the class that loses most and least, ties to the lowest class", async () => {
    const units = (await openRun(join(folder, "zero-auto")).readTable("units")).columns;
    // unit 0: crimson +1/3, navy −1/3, overall (1 lost, 1 gained) 0; unit 3: nothing lost, navy −1/3
    expect([...(units["max_class"] ?? [])]).toEqual([0, 1, 2, 0]);
    expect([...(units["min_class"] ?? [])]).toEqual([2, 0, 0, 2]);
    expect([...(units["max_class_drop"] ?? [])]).toEqual([1 / 3, 2 / 3, 2 / 3, 0]);
    expect([...(units["overall_drop"] ?? [])]).toEqual([0, 2 / 9, 2 / 9, -1 / 9]);
  });
});
