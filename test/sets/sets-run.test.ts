/** `unitscope sets` on a network solved by hand, and on random images: workers, pieces, classes, strategies. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { findReplacement } from "../../src/ablation/replacement.ts";
import { runAblate } from "../../src/commands/ablate-run.ts";
import { measureSets } from "../../src/commands/measure-sets.ts";
import { pixelSet } from "../../src/data/pixel-set.ts";
import { noPreprocessing } from "../../src/data/preprocessing.ts";
import { seededRandom } from "../../src/numeric/random.ts";
import { blockSource } from "../../src/passes/image-block.ts";
import { inMemory, openPassFolder, type PassRunner } from "../../src/passes/pass-runner.ts";
import { openRun } from "../../src/runs/run-folder.ts";
import { type RunSetsOptions, runSets } from "../../src/sets/run-sets.ts";
import { doubles, integers, makeTable, type Table, texts } from "../../src/tables/table.ts";
import { CLASSES, randomNetwork, SIDE } from "../ablation/random-network.ts";
import { handColours, handFolder } from "../cli/hand-network.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";

const names = Object.keys(handColours);

/** The class of a colour without some units, by the equations of the network; the lowest index of a tie. */
function solve([r, g, b]: readonly [number, number, number], removed: readonly number[]): number {
  const units = [r, g, b + 2.5, Math.max(0, r - g)].map((value, unit) => (removed.includes(unit) ? 0 : value));
  const [a0 = 0, a1 = 0, a2 = 0, a3 = 0] = units;
  const logits = [a0 + a3, a1, a2];
  return logits.indexOf(Math.max(...logits));
}

/** Images of a class that are right without some units. */
function rightOf(cls: number, removed: readonly number[]): number {
  return (handColours[names[cls]] ?? []).filter((colour) => solve(colour, removed) === cls).length;
}

/** Images of any class that are called a class without some units. */
function calledOf(cls: number, removed: readonly number[]): number {
  return Object.values(handColours)
    .flat()
    .filter((colour) => solve(colour, removed) === cls).length;
}

/** Stepwise greedy by brute force. */
function greedyOf(cls: number, size: number): number[] {
  const removed: number[] = [];
  while (removed.length < size) {
    const left = [0, 1, 2, 3].filter((unit) => !removed.includes(unit));
    left.sort(
      (a, b) =>
        rightOf(cls, [...removed, a]) - rightOf(cls, [...removed, b]) || rightOf(cls, [a]) - rightOf(cls, [b]) || a - b,
    );
    removed.push(left[0]);
  }
  return removed;
}

interface Row {
  readonly strategy: string;
  readonly cls: number;
  readonly seed: number;
  readonly step: number;
  readonly unit: number;
  readonly correct: number;
  readonly images: number;
  readonly drop: number;
  readonly others: number;
  readonly rank: number;
  readonly called: number;
  readonly precision: number;
  readonly falseAlarms: number;
}

function rowsOf(table: Table): Row[] {
  const [strategy, cls, seed, step] = [
    texts(table, "strategy"),
    integers(table, "class"),
    integers(table, "seed"),
    integers(table, "step"),
  ];
  const [unit, correct, images] = [integers(table, "unit"), integers(table, "correct"), integers(table, "images")];
  const [drop, others, rank] = [doubles(table, "drop"), doubles(table, "others_drop"), doubles(table, "rank_accuracy")];
  const [called, precision, falseAlarms] = [
    integers(table, "called"),
    doubles(table, "precision"),
    doubles(table, "false_alarms"),
  ];
  return Array.from({ length: table.rows }, (_, row) => ({
    called: called[row],
    precision: precision[row],
    falseAlarms: falseAlarms[row],
    strategy: strategy[row],
    cls: cls[row],
    seed: seed[row],
    step: step[row],
    unit: unit[row],
    correct: correct[row],
    images: images[row],
    drop: drop[row],
    others: others[row],
    rank: rank[row],
  }));
}

async function handRun(): Promise<string> {
  const folder = await handFolder();
  const out = join(folder, "run");
  await runAblate(join(folder, "network.onnx"), join(folder, "images"), { out, preprocess: "none" });
  return out;
}

describe("a network solved by hand", () => {
  test("every strategy has the counts that the equations give", async () => {
    const path = await handRun();
    const result = await measureSets(path, { size: 3, rankSplit: "none", randomSequences: 5, verify: 1 });
    expect(result.layers[0]?.result.verified).toBeGreaterThan(0);
    const run = openRun(path);
    const rows = rowsOf(await run.readTable("sets"));
    for (let cls = 0; cls < names.length; cls++) {
      const greedy = rows.filter((row) => row.strategy === "greedy" && row.cls === cls);
      expect(greedy.map(({ unit }) => unit)).toEqual([-1, ...greedyOf(cls, 3)]);
      expect(greedy.map(({ rank, correct, images }) => [rank, images, correct])).toEqual(
        [0, 1, 2, 3].map((step) => {
          const right = rightOf(cls, greedyOf(cls, 3).slice(0, step));
          return [right / 3, 3, right];
        }),
      );
    }
    const sequences = new Map<string, Row[]>();
    for (const row of rows) {
      const key = `${row.strategy} ${row.cls} ${row.seed}`;
      sequences.set(key, [...(sequences.get(key) ?? []), row]);
    }
    expect(sequences.size).toBe(3 * (3 + 5)); // greedy, single, keep and five random ones for each class
    for (const [key, sequence] of sequences) {
      expect(sequence.map(({ step }) => step)).toEqual([0, 1, 2, 3]);
      const cls = sequence[0]?.cls;
      const others = [0, 1, 2].filter((other) => other !== cls);
      for (const { step, correct, drop, others: othersDrop, called, precision, falseAlarms } of sequence) {
        const named = sequence.slice(1, step + 1).map(({ unit }) => unit);
        const removed = key.startsWith("keep") ? [0, 1, 2, 3].filter((unit) => !named.includes(unit)) : named;
        expect([key, step, correct]).toEqual([key, step, rightOf(cls, removed)]);
        expect([key, step, called]).toEqual([key, step, calledOf(cls, removed)]);
        expect(precision).toBe(called === 0 ? Number.NaN : correct / called);
        expect(falseAlarms).toBeCloseTo((called - correct) / 6, 12);
        expect(drop).toBeCloseTo((rightOf(cls, []) - rightOf(cls, removed)) / 3, 12);
        const lost = others.reduce((sum, other) => sum + rightOf(other, []) - rightOf(other, removed), 0);
        expect(othersDrop).toBeCloseTo(lost / 6, 12);
      }
    }
    const perClass = await run.readTable("set_classes");
    const told = Array.from({ length: perClass.rows }, (_, row) =>
      ["class", "step", "other", "images", "correct", "correct_ablated", "taken"].map(
        (name) => integers(perClass, name)[row],
      ),
    );
    const expected = [0, 1, 2].flatMap((cls) =>
      [0, 1, 2, 3].flatMap((step) =>
        [0, 1, 2].map((other) => {
          const removed = greedyOf(cls, 3).slice(0, step);
          const taken = (handColours[names[cls]] ?? []).filter((colour) => solve(colour, removed) === other).length;
          return [cls, step, other, 3, rightOf(other, []), rightOf(other, removed), taken];
        }),
      ),
    );
    expect(told).toEqual(expected.filter(([, , , , before, after, taken]) => taken !== 0 || before !== after));
    expect(run.manifest().steps.map(({ command }) => command)).toEqual(["sets"]);
  });

  test("attributes rank where the run has them; other classes and strategies stay when some are run again", async () => {
    const path = await handRun();
    const run = openRun(path);
    const layer = run.manifest().layers[0]?.name;
    await run.addColumns(
      "units",
      makeTable({
        layer: [0, 1, 2, 3].map(() => layer),
        unit: Int32Array.of(0, 1, 2, 3),
        l1_norm: Float64Array.of(1, 1, 3, 2),
      }),
    );
    run.writeTable(
      "vectors",
      makeTable({
        layer: [0, 1, 2, 3].map(() => layer),
        unit: Int32Array.of(0, 1, 2, 3),
        attribute: [0, 1, 2, 3].map(() => "class_selectivity"),
        index: Int32Array.of(1, 1, 1, 1),
        name: [0, 1, 2, 3].map(() => "green"),
        value: Float64Array.of(0.2, 0.9, 0.1, 0.2),
      }),
    );
    await measureSets(path, { size: 4, rankSplit: "none", strategies: ["attributes", "single"] });
    const unitsOf = async (strategy: string, cls: number): Promise<number[]> =>
      rowsOf(await run.readTable("sets"))
        .filter((row) => row.strategy === strategy && row.cls === cls)
        .map(({ unit }) => unit);
    expect(await unitsOf("l1_norm", 2)).toEqual([-1, 2, 3, 0, 1]);
    expect(await unitsOf("class_selectivity", 1)).toEqual([-1, 1, 0, 3, 2]);
    expect(await unitsOf("class_selectivity", 0)).toEqual([]);
    await measureSets(path, { size: 2, rankSplit: "none", strategies: ["single"], classes: ["navy"] });
    expect((await unitsOf("single", 2)).length).toBe(3);
    expect((await unitsOf("single", 0)).length).toBe(5);
    expect((await unitsOf("l1_norm", 2)).length).toBe(5);
    const other = await measureSets(path, { size: 2, rankSplit: 0.4, strategies: ["single"], classes: ["2"] });
    expect(other.layers[0]?.result.images).toEqual(Int32Array.of(2, 2, 2));
    expect(new Set(doubles(await run.readTable("sets"), "rank_split"))).toEqual(new Set([0.4]));
  });

  test("what does not fit is refused", async () => {
    const path = await handRun();
    await expect(measureSets(path, { classes: ["purple"] })).rejects.toThrow(
      'option "classes": expected names or indices of classes with at least 2 images, got "purple" (no such class)',
    );
    await expect(measureSets(path, { rankSplit: 1.5 })).rejects.toThrow(
      'option "rankSplit": expected a fraction between 0 and 1',
    );
    await expect(measureSets(path, { size: 0 })).rejects.toThrow(
      'option "size": expected a whole number of units from 1, got 0',
    );
  });
});

describe("runSets", async () => {
  const count = 120;
  const { model } = await randomNetwork({ seed: 17, blocks: ["overlapping pool", "plain"], head: "two products" });
  const random = seededRandom(2);
  const images = pixelSet({
    name: "random:test",
    pixels: {
      data: Uint8Array.from({ length: count * 3 * SIDE ** 2 }, () => random.integer(256)),
      channels: 3,
      height: SIDE,
      width: SIDE,
    },
    labels: Int32Array.from({ length: count }, (_, image) => image % CLASSES),
    classNames: ["a", "b", "c", "d", "e"],
  });
  const source = blockSource(images, noPreprocessing);
  const layer = model.layers.findLast((each) => each.kind === "convolution");
  const run = async (change: Partial<RunSetsOptions>): Promise<Awaited<ReturnType<typeof runSets>>> => {
    if (!layer) throw new Error("no layer");
    const replacement = await findReplacement(model, { images: source, layer, method: "zero", workers: 1 });
    const options: RunSetsOptions = {
      classes: [0, 1, 2, 3, 4],
      size: 3,
      rankSplit: 0.5,
      greedy: true,
      single: true,
      keep: true,
      random: 3,
      ...change,
    };
    const { name, units } = layer;
    const subject = {
      images: source,
      classNames: images.classNames,
      layer: name,
      units,
      method: "zero",
      replacement,
    } as const;
    return runSets(model, subject, options);
  };

  test("progress moves within a class, which may take a minute", async () => {
    const told: number[] = [];
    /** Says once more that half an image is done; workers say so when enough time has passed. */
    const runner: PassRunner = {
      ...inMemory,
      run: (pass, images, options) => {
        options.progress?.(0.5);
        return inMemory.run(pass, images, options);
      },
    };
    await run({ workers: 1, runner, progress: (done) => told.push(done) });
    expect(told[0]).toBeGreaterThan(0);
    expect(told[0]).toBeLessThan(1);
    expect(Number.isInteger(told.at(-1))).toBe(true);
  });

  test("gives the same with one worker, with two, the plain way, and from kept pieces", async () => {
    const folder = await temporaryFolder();
    const { timings: _, work: __, ...one } = await run({ workers: 1, runner: openPassFolder(folder) });
    const { timings: _a, work: _b, ...two } = await run({ workers: 2 });
    const { timings: _c, work: _d, verified: _v, ...plain } = await run({ workers: 2, engine: "plain" });
    expect(two).toEqual(one);
    expect(one).toMatchObject(plain);
    const steps: string[] = [];
    const kept = keptPieces(folder);
    const progress = (done: number, total: number, note: string): unknown => steps.push(`${done}/${total} ${note}`);
    const runner = openPassFolder(folder);
    const { timings: _e, work: _f, ...again } = await run({ workers: 1, runner, progress });
    expect(again).toEqual(one);
    expect(steps.at(-1)).toBe("6/6 measuring");
    expect(keptPieces(folder)).toEqual(kept);
    // Other sequences are measured anew, the classes' searches are not.
    const { timings: _g, work: _h, ...more } = await run({ workers: 1, runner: openPassFolder(folder), random: 4 });
    expect(more.curves.slice(0, one.curves.length)).toEqual(one.curves);
    expect(keptPieces(folder).length).toBe(kept.length + 1);
    runner.forget();
    expect(keptPieces(folder).length).toBe(1);
  });
});

/** Files of the pieces that a folder keeps. */
function keptPieces(folder: string): string[] {
  const all = readdirSync(join(folder, "pieces"), { recursive: true, encoding: "utf8" });
  return all.filter((name) => name.endsWith(".piece"));
}
