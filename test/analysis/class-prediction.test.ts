import { describe, expect, it } from "vitest";
import { type AttributeFit, fitAttribute, predictClasses } from "../../src/analysis/class-prediction.ts";
import { chooseNetworks, splitName } from "../../src/analysis/network-split.ts";
import { classesOfUnits, type NetworkUnits, vectorFeatures } from "../../src/analysis/unit-vectors.ts";
import { seededRandom } from "../../src/numeric/random.ts";
import type { Features } from "../../src/stats/logistic-regression.ts";
import { tableSchemas } from "../../src/tables/schema.ts";
import { doubles, filterRows, integers, makeTable, type Table, texts } from "../../src/tables/table.ts";

const classCount = 5;

/** Networks of 40 units whose vectors point at the unit's class with the given strength, in independent noise. */
function networksOf(count: number, strength: number, seed: number): NetworkUnits[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, network) => {
    const target = Int32Array.from({ length: 40 }, () => random.integer(classCount));
    const vectors = (): Features => ({
      values: Float64Array.from(
        { length: 40 * classCount },
        (_, at) => (at % classCount === target[Math.floor(at / classCount)] ? strength : 0) + random.normal(),
      ),
      rowCount: 40,
      featureCount: classCount,
    });
    target[3] = -1;
    return {
      name: `net ${network}`,
      target,
      vectors: { class_correlation: vectors(), class_selectivity: vectors(), concept_iou: vectors() },
    };
  });
}

const options = {
  layer: "conv5",
  classCount,
  penalties: [0.03, 0.3],
  foldCount: 3,
  draws: 199,
  resamples: 300,
  seed: 1,
};

function average(table: Table, attribute: string, column: string): number {
  const row = filterRows(
    table,
    (at) => texts(table, "attribute")[at] === attribute && texts(table, "split")[at] === "all",
  );
  expect(row.rows).toBe(1);
  return doubles(row, column)[0];
}

describe("predictClasses", () => {
  it("tests all ways to choose the networks and averages them", async () => {
    const networks = networksOf(4, 2, 3);
    const { table, predictions } = await predictClasses(networks, { ...options, trainCount: 2 });
    expect(Object.keys(table.columns)).toEqual(Object.keys(tableSchemas.predictions.columns));
    expect(table.rows).toBe(4 * (6 + 1));
    expect([...new Set(texts(table, "split"))]).toEqual([
      "0,1|2,3",
      "0,2|1,3",
      "0,3|1,2",
      "1,2|0,3",
      "1,3|0,2",
      "2,3|0,1",
      "all",
    ]);
    expect([...new Set(integers(table, "units"))]).toEqual([78, 156]);
    for (const attribute of ["class_correlation", "ensemble"]) {
      const rows = filterRows(table, (at) => texts(table, "attribute")[at] === attribute);
      const accuracies = [...doubles(rows, "accuracy")];
      const splits = accuracies.slice(0, 6);
      expect(accuracies[6]).toBeCloseTo(splits.reduce((sum, accuracy) => sum + accuracy, 0) / 6, 14);
      // Each accuracy is the share of hits among the predictions that are handed out.
      const own = predictions.filter((prediction) => prediction.attribute === attribute);
      own.forEach(({ split, predicted }, i) => {
        let hits = 0;
        split.test.forEach((network, test) => {
          networks[network]?.target.forEach((cls, unit) => {
            if (cls >= 0 && predicted[test]?.[unit] === cls) hits++;
            if (cls < 0) expect(predicted[test]?.[unit]).toBe(-1);
          });
        });
        expect(splits[i]).toBeCloseTo(hits / 78, 14);
      });
    }
  });

  it("finds classes that vectors point at; the ensemble of independent ones does better", async () => {
    const { table } = await predictClasses(networksOf(4, 2, 3), { ...options, trainCount: 3 });
    for (const attribute of ["class_correlation", "class_selectivity", "concept_iou"]) {
      const accuracy = average(table, attribute, "accuracy");
      expect(accuracy).toBeGreaterThan(0.65);
      expect(average(table, attribute, "p_value")).toBe(1 / 200);
      expect(average(table, attribute, "accuracy_low")).toBeLessThan(accuracy);
      expect(average(table, attribute, "accuracy_high")).toBeGreaterThan(accuracy);
      expect(average(table, attribute, "majority")).toBeLessThan(0.4);
      expect(average(table, attribute, "chance")).toBe(0.2);
      expect(average(table, "ensemble", "accuracy")).toBeGreaterThan(accuracy);
    }
  });

  it("learns from one unit alone, with the strongest penalty, that there is one class", () => {
    const networks = networksOf(2, 2, 9);
    networks[0].target.fill(-1).fill(2, 7, 8);
    const [split] = chooseNetworks(2, 1).filter(({ train }) => train[0] === 0);
    const fit = fitAttribute(networks, { split, attribute: "concept_iou" }, { ...options });
    expect(fit.penalty).toBe(0.3);
    expect(Array.from(fit.probabilities[0].subarray(0, classCount))).toEqual([0, 0, 1, 0, 0]);
  });

  it("raises no false alarm on vectors of noise", async () => {
    // 40 sets of networks; three standard errors of a rate of 0.05 over 40 are 0.103.
    let alarms = 0;
    for (let seed = 0; seed < 40; seed++) {
      const { table } = await predictClasses(networksOf(2, 0, 50 + seed), {
        ...options,
        penalties: [0.3],
        trainCount: 1,
        draws: 99,
        resamples: 20,
        seed,
      });
      if (average(table, "ensemble", "p_value") <= 0.05) alarms++;
    }
    expect(alarms / 40).toBeLessThan(0.153);
  });

  it("is the same for the same seed and reports progress", async () => {
    const networks = networksOf(2, 1, 9);
    const seen: string[] = [];
    const run = async (): Promise<Table> => {
      const progress = (done: number, total: number): number => seen.push(`${done}/${total}`);
      return (await predictClasses(networks, { ...options, trainCount: 1, progress })).table;
    };
    expect(await run()).toEqual(await run());
    expect(seen.slice(0, 6)).toEqual(["1/6", "2/6", "3/6", "4/6", "5/6", "6/6"]);
  });

  it("gives the same whoever does the regressions, in whatever order they end", async () => {
    const networks = networksOf(3, 1, 9);
    const late = async (...task: Parameters<typeof fitAttribute>): Promise<AttributeFit> => {
      await new Promise((resolve) => setTimeout(resolve, task[1].split.test[0] === 0 ? 30 : 1));
      return fitAttribute(...task);
    };
    const { table } = await predictClasses(networks, { ...options, trainCount: 2, fit: late });
    expect(table).toEqual((await predictClasses(networks, { ...options, trainCount: 2 })).table);
  });

  it("ends with what a regression throws", async () => {
    const fit = async (): Promise<AttributeFit> => {
      throw new Error("stop");
    };
    await expect(predictClasses(networksOf(2, 1, 9), { ...options, trainCount: 1, fit })).rejects.toThrow("stop");
  });

  it("refuses networks that do not fit", async () => {
    const networks = networksOf(3, 1, 9);
    await expect(predictClasses(networks, { ...options, trainCount: 3 })).rejects.toThrow("expected 1..2 of 3, got 3");
    const [first, second] = networks as [NetworkUnits, NetworkUnits];
    const { class_selectivity: one, class_correlation: two } = first.vectors as Record<string, Features>;
    await expect(
      predictClasses([first, { ...second, vectors: { one, two } }], { ...options, trainCount: 1 }),
    ).rejects.toThrow(
      "net 1: expected the vectors of net 0 (class_correlation × 5, class_selectivity × 5, concept_iou × 5), got one × 5, two × 5",
    );
    await expect(
      predictClasses([first, { ...second, target: new Int32Array(39) }], { ...options, trainCount: 1 }),
    ).rejects.toThrow("net 1: expected 39 rows of class_correlation, one a unit, got 40");
    await expect(
      predictClasses([first, { ...second, target: second.target.map(() => -1) }], { ...options, trainCount: 1 }),
    ).rejects.toThrow("net 1: expected a unit whose removal hurts a class, got none");
    await expect(
      predictClasses(
        [
          { ...first, vectors: {} },
          { ...second, vectors: {} },
        ],
        { ...options, trainCount: 1 },
      ),
    ).rejects.toThrow("at least one");
  });
});

describe("chooseNetworks", () => {
  it("lists the ten ways to choose three of five", () => {
    const splits = chooseNetworks(5, 3);
    expect(splits).toHaveLength(10);
    expect(splits.map(splitName)[0]).toBe("0,1,2|3,4");
    expect(new Set(splits.map(splitName)).size).toBe(10);
  });
});

describe("what class prediction reads", () => {
  it("is the class of the largest drop of units that hurt one", () => {
    const units = makeTable({
      max_class: Int32Array.of(4, 0, 2),
      max_class_drop: Float64Array.of(0.1, 0, 0.02),
      max_class_q_value: Float64Array.of(0.01, 1, 0.3),
    });
    expect([...classesOfUnits(units)]).toEqual([4, -1, 2]);
    expect([...classesOfUnits(units, { units: "significant" })]).toEqual([4, -1, -1]);
  });

  it("is a layer's vectors, with 0 for what is missing", () => {
    const vectors = makeTable({
      layer: ["conv5", "conv5", "conv4", "conv5", "conv5"],
      unit: Int32Array.of(0, 1, 0, 1, 0),
      attribute: ["a", "a", "a", "b", "a"],
      index: Int32Array.of(0, 2, 0, 0, 1),
      name: ["", "", "", "", ""],
      value: Float64Array.of(0.5, 0.25, 9, 9, Number.NaN),
    });
    expect(vectorFeatures(vectors, "conv5", "a", 2)).toEqual({
      values: Float64Array.of(0.5, 0, 0, 0, 0, 0.25),
      rowCount: 2,
      featureCount: 3,
    });
    expect(() => vectorFeatures(vectors, "conv5", "c", 2)).toThrow("unitscope attributes RUN");
    expect(() => vectorFeatures(vectors, "conv5", "a", 1)).toThrow("expected unit in 0..0, got 1");
  });
});
