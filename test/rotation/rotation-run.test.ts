/** `unitscope rotate` on a network solved by hand, and rotations over blocks of images: workers, pieces, principal axes. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { findReplacement } from "../../src/ablation/replacement.ts";
import { runAblate } from "../../src/commands/ablate-run.ts";
import { rotateLayers } from "../../src/commands/rotate-layers.ts";
import { sumsOf } from "../../src/numeric/exact-sums.ts";
import { haarRotation, identity } from "../../src/numeric/orthogonal.ts";
import { openPassFolder } from "../../src/passes/pass-runner.ts";
import { mergeMoments, openMoments, principalAxes } from "../../src/rotation/response-moments.ts";
import { type BasisChoice, type RunRotationOptions, runRotation } from "../../src/rotation/run-rotation.ts";
import { openRun } from "../../src/runs/run-folder.ts";
import { doubles, filterRows, integers, rowsWhere, texts } from "../../src/tables/table.ts";
import { CLASSES, randomImages, randomNetwork, SIDE } from "../ablation/random-network.ts";
import { handColours, handFolder } from "../cli/hand-network.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";
import { sourceOf } from "../passes/images-in-memory.ts";

function unitsOf([r, g, b]: readonly [number, number, number]): number[] {
  return [r / 5, g / 5, b / 5 + 0.5, Math.max(0, r - g) / 5];
}

/** The class of a colour with a direction of its responses removed, by the equations of the network. */
function solve(
  colour: readonly [number, number, number],
  direction: readonly number[],
  center: readonly number[] = [0, 0, 0, 0],
): number {
  const units = unitsOf(colour);
  const along = units.reduce((sum, value, unit) => sum + (value - center[unit]) * direction[unit], 0);
  const [a0 = 0, a1 = 0, a2 = 0, a3 = 0] = units.map((value, unit) => value - along * direction[unit]);
  const logits = [a0 + a3, a1, a2];
  return logits.indexOf(Math.max(...logits));
}

describe("a network solved by hand", () => {
  test("drops of random directions are those of the equations; units are the run's own", async () => {
    const folder = await handFolder();
    const path = join(folder, "run");
    await runAblate(join(folder, "network.onnx"), join(folder, "images"), { out: path, preprocess: "none" });
    const result = await rotateLayers(path, { seeds: 3, verify: 1 });
    expect(result.layers[0]?.result.verified).toBe(4 * 4 * 9);
    expect(result.layers[0]?.selfTest).toMatchObject({ images: 4 * 9, changed: 0 });
    const run = openRun(path);
    const rotation = await run.readTable("rotation");
    expect(rotation.rows).toBe(4 * (1 + 3 + 1));
    const classes = Object.values(handColours);
    const drops = (direction: readonly number[]): number[] =>
      classes.map((colours, cls) => {
        const before = colours.filter((colour) => solve(colour, [0, 0, 0, 0]) === cls).length;
        return (before - colours.filter((colour) => solve(colour, direction) === cls).length) / 3;
      });
    const random = rowsWhere(rotation, "basis", "random");
    const [max, min, overall] = [
      doubles(random, "max_class_drop"),
      doubles(random, "min_class_drop"),
      doubles(random, "overall_drop"),
    ];
    const [seeds, directions] = [integers(random, "seed"), integers(random, "direction")];
    for (let row = 0; row < random.rows; row++) {
      const q = haarRotation(4, seeds[row]);
      const direction = Array.from(q.subarray(4 * directions[row], 4 * directions[row] + 4));
      const expected = drops(direction);
      expect(max[row]).toBeCloseTo(Math.max(...expected), 12);
      expect(min[row]).toBeCloseTo(Math.min(...expected), 12);
      expect(overall[row]).toBeCloseTo(expected.reduce((sum, drop) => sum + drop, 0) / 3, 12);
    }
    const units = rowsWhere(rotation, "basis", "units");
    expect(doubles(units, "max_class_drop")).toEqual(doubles(await run.readTable("units"), "max_class_drop"));
    expect(doubles(units, "t")).toEqual(new Float64Array(4));
    const explained = doubles(rowsWhere(rotation, "basis", "pca"), "explained_variance");
    expect(explained.reduce((sum, each) => sum + each, 0)).toBeCloseTo(1, 10);
    expect(Array.from(explained)).toEqual(Array.from(explained).sort((a, b) => b - a));
    const tests = await run.readTable("directions");
    expect(new Set(texts(tests, "basis"))).toEqual(new Set(["random", "pca"]));
    expect(tests.rows).toBe(2 * 5); // five measures of each basis
  });

  test("about the mean: the mean's coordinate takes the place of what is removed, of units too; bases are written", async () => {
    const folder = await handFolder();
    const path = join(folder, "run");
    await runAblate(join(folder, "network.onnx"), join(folder, "images"), { out: path, preprocess: "none" });
    await rotateLayers(path, { seeds: 2, pca: false, center: true, exportBases: true, verify: 1 });
    const run = openRun(path);
    const rotation = await run.readTable("rotation");
    expect(new Set(texts(rotation, "replaced_by"))).toEqual(new Set(["mean"]));
    const colours = Object.values(handColours);
    const all = colours.flat().map(unitsOf);
    const center = [0, 1, 2, 3].map((unit) => all.reduce((sum, each) => sum + each[unit], 0) / all.length);
    const right = (direction: readonly number[]): number =>
      colours.flatMap((own, cls) => own.filter((colour) => solve(colour, direction, center) === cls)).length;
    const before = right([0, 0, 0, 0]);
    const bases = await run.readTable("bases");
    expect(bases.rows).toBe(2 * 4 * 4);
    const [basis, seeds, numbers, overall] = [
      texts(rotation, "basis"),
      integers(rotation, "seed"),
      integers(rotation, "direction"),
      doubles(rotation, "overall_drop"),
    ];
    for (let row = 0; row < rotation.rows; row++) {
      const written = filterRows(
        bases,
        (at) => integers(bases, "seed")[at] === seeds[row] && integers(bases, "direction")[at] === numbers[row],
      );
      const weights = [0, 1, 2, 3].map((unit) => Number(unit === numbers[row]));
      const direction = basis[row] === "units" ? weights : Array.from(doubles(written, "weight"));
      expect(overall[row]).toBeCloseTo((before - right(direction)) / 9, 12);
    }
  });

  test("what does not fit is refused", async () => {
    const folder = await handFolder();
    const path = join(folder, "run");
    await runAblate(join(folder, "network.onnx"), join(folder, "images"), { out: path, preprocess: "none" });
    await expect(rotateLayers(path, { seeds: 0 })).rejects.toThrow(
      'option "seeds": expected a whole number of rotations from 1, got 0',
    );
    await expect(rotateLayers(path, { fractions: [0.5, 2] })).rejects.toThrow(
      'option "fractions": expected numbers above 0 and at most 1, got 2',
    );
  });
});

describe("runRotation", async () => {
  const count = 300; // two blocks
  const { model } = await randomNetwork({ seed: 17, blocks: ["overlapping pool", "plain"], head: "two products" });
  const layer = model.layers.findLast((each) => each.kind === "convolution");
  const data = randomImages(count, 6);
  const labels = Int32Array.from({ length: count }, (_, image) => image % CLASSES);
  const images = sourceOf(data, [3, SIDE, SIDE], labels);
  const bases: BasisChoice[] = [
    { basis: "units", t: 0, seed: 0 },
    { basis: "random", t: 1, seed: 4 },
    { basis: "random", t: 0.4, seed: 4 },
    { basis: "pca", t: 1, seed: 0 },
  ];
  const run = async (change: Partial<RunRotationOptions>): Promise<Awaited<ReturnType<typeof runRotation>>> => {
    if (!layer) throw new Error("no layer");
    const replacement = await findReplacement(model, { images, layer, method: "zero", workers: 1 });
    const rotated = { layer: layer.name, units: layer.units, method: "zero", replacement } as const;
    return runRotation(model, images, rotated, { bases, ...change });
  };

  test("gives the same with one worker, with two, the plain way, and from kept pieces", async () => {
    const folder = await temporaryFolder();
    const runner = openPassFolder(folder);
    const { timings: _, ...one } = await run({ workers: 1, runner });
    const { timings: _a, ...two } = await run({ workers: 2 });
    const read = images.asked.length;
    const { timings: _b, ...again } = await run({ workers: 1, runner });
    expect(images.asked.length).toBe(read);
    const plain = await run({ workers: 2, engine: "plain" });
    expect(two).toEqual(one);
    expect(again).toEqual(one);
    runner.forget();
    expect(existsSync(join(folder, "pieces"))).toBe(false);
    expect(plain.predictions).toEqual(one.predictions);
    expect(plain.bases.map(({ flips }) => flips)).toEqual(one.bases.map(({ flips }) => flips));
    expect(one.bases.map(({ flips }) => flips.unit.length).every((flips) => flips > 0)).toBe(true);
  });
});

test("principal axes diagonalise the covariance of the responses", async () => {
  const { model } = await randomNetwork({ seed: 8, blocks: ["plain"], head: "average" });
  const layer = model.layers.find((each) => each.kind === "convolution");
  if (!layer) throw new Error("no layer");
  const moments = await openMoments(model, layer.tap);
  const pixelsOf = (seed: number, count: number) => ({
    count,
    imageDims: [3, SIDE, SIDE],
    data: randomImages(count, seed),
  });
  const merged = mergeMoments([await moments.add(pixelsOf(1, 20)), await moments.add(pixelsOf(2, 7))]);
  await moments.close();
  const { units } = layer;
  expect(merged.count).toBe(27 * layer.height * layer.width);
  const { axes, explained } = principalAxes(merged);
  const at = (matrix: Float64Array, i: number, j: number): number => matrix[i * units + j];
  const variances: number[] = [];
  const products = sumsOf(merged.products);
  for (let k = 0; k < units; k++) {
    for (let l = 0; l < units; l++) {
      let [along, both] = [0, 0];
      for (let i = 0; i < units; i++) {
        along += at(axes, k, i) * at(axes, l, i);
        for (let j = 0; j < units; j++) {
          const mean = (sumsOf(merged.sums)[i] / merged.count) * (sumsOf(merged.sums)[j] / merged.count);
          both += at(axes, k, i) * (at(products, i, j) / merged.count - mean) * at(axes, l, j);
        }
      }
      expect(along).toBeCloseTo(at(identity(units), k, l), 10);
      if (k === l) variances.push(both);
      else expect(Math.abs(both)).toBeLessThan(1e-8);
    }
  }
  const total = variances.reduce((sum, each) => sum + each, 0);
  variances.forEach((variance, k) => expect(explained[k]).toBeCloseTo(variance / total, 8));
});
