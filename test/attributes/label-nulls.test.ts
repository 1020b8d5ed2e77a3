import { describe, expect, test } from "vitest";
import { standardizedColumns } from "../../src/attributes/class-correlation.ts";
import { openProduct, shuffledCorrelations } from "../../src/attributes/correlation-null.ts";
import { describeUnits } from "../../src/attributes/describe-units.ts";
import { largest, shuffledImages, shuffler, summarizeNull } from "../../src/attributes/label-nulls.ts";
import { seededRandom } from "../../src/numeric/random.ts";
import { pearson } from "../../src/stats/correlation.ts";

const imageCount = 120;
const classCount = 4;
const shuffles = 99;
const labels = Int32Array.from({ length: imageCount }, (_, image) => (image * 7) % classCount);
const random = seededRandom(5);
const probabilities = Float32Array.from({ length: imageCount * classCount }, () => random.uniform());
const columns = standardizedColumns(probabilities, classCount);
const rows = Float32Array.from(
  { length: probabilities.length },
  (_, at) => columns[(at % classCount) * imageCount + Math.floor(at / classCount)],
);
const labelling = { labels, classCount, probabilityColumns: columns, probabilityRows: rows };
const orders = shuffler(imageCount, 3, shuffles);

describe("shuffles", () => {
  test("are permutations, fixed by seed and number, different from each other", () => {
    const one = shuffledImages(imageCount, 3, 0);
    expect([...one].sort((a, b) => a - b)).toEqual([...labels.keys()]);
    expect(one).toEqual(orders(0));
    expect(orders(1)).not.toEqual(one);
    expect(shuffledImages(imageCount, 4, 0)).not.toEqual(one);
  });
});

describe("nulls", () => {
  test("are those of the attributes with the labels shuffled", async () => {
    const pooled = Float64Array.from({ length: 2 * imageCount }, () => Math.max(0, random.normal()));
    const product = await openProduct();
    const found = await describeUnits(pooled, labelling, { shuffles, orders }, product);
    await product.close();
    for (const unit of [0, 1]) {
      const response = pooled.slice(unit * imageCount, (unit + 1) * imageCount);
      const aucs: number[] = [];
      const selectivities: number[] = [];
      const correlations: number[] = [];
      for (let shuffle = 0; shuffle < shuffles; shuffle++) {
        const order = orders(shuffle);
        const shuffled = Int32Array.from(order, (image) => labels[image]);
        aucs.push(Math.max(...Array.from({ length: classCount }, (_, cls) => areaUnderCurve(response, shuffled, cls))));
        const one = describeUnits(response, { ...labelling, labels: shuffled }, { shuffles: 0, orders }, undefined);
        selectivities.push((await one).selectivity.scalar[0]);
        const ofClass = Array.from({ length: classCount }, (_, cls) =>
          pearson(
            response,
            Array.from(order, (image) => probabilities[image * classCount + cls]),
          ),
        );
        correlations.push(Math.max(...ofClass));
      }
      const expected = { auc: aucs, selectivity: selectivities, correlation: correlations };
      for (const key of ["auc", "selectivity", "correlation"] as const) {
        const summary = summarizeNull(found[key].scalar[unit], Float64Array.from(expected[key]));
        const digits = key === "correlation" ? 5 : 12; // the product is in float32
        expect(found[key].nullMean[unit]).toBeCloseTo(summary.mean, digits);
        expect(found[key].null95[unit]).toBeCloseTo(summary.quantile95, digits);
        expect(found[key].pValue[unit]).toBeCloseTo(summary.pValue, 12);
      }
    }
  });

  test("a unit that has nothing to do with the classes is rarely called selective; one that has is always", async () => {
    const units = 300;
    const pooled = Float64Array.from({ length: units * imageCount }, () => Math.max(0, random.normal()));
    for (let image = 0; image < imageCount; image++) if (labels[image] === 2) pooled[image] += 2; // unit 0 prefers class 2
    const product = await openProduct();
    const { selectivity, auc, correlation } = await describeUnits(pooled, labelling, { shuffles, orders }, product);
    await product.close();
    for (const attribute of [selectivity, auc]) {
      expect(attribute.pValue[0]).toBe(1 / (1 + shuffles));
      expect(attribute.cls[0]).toBe(2);
    }
    for (const attribute of [selectivity, auc, correlation]) {
      const alarms = attribute.pValue.subarray(1).filter((p) => p <= 0.05).length;
      // Binomial(299, 0.05) stays within 15 ± 12 with probability 0.999.
      expect(alarms).toBeGreaterThan(2);
      expect(alarms).toBeLessThan(28);
    }
  });

  test("are undefined where the attribute is: constant and silent units", async () => {
    const pooled = new Float64Array(2 * imageCount).fill(0.1, imageCount);
    const product = await openProduct();
    const { selectivity, auc, correlation } = await describeUnits(pooled, labelling, { shuffles, orders }, product);
    await product.close();
    for (const unit of [0, 1]) {
      expect([selectivity.scalar[unit], selectivity.cls[unit]]).toEqual([0, -1]);
      expect([auc.scalar[unit], auc.cls[unit]]).toEqual([0.5, -1]);
      expect(correlation.scalar[unit]).toBeNaN();
      expect(correlation.cls[unit]).toBe(-1);
      expect(correlation.pValue[unit]).toBeNaN();
      expect(auc.pValue[unit]).toBe(1);
      expect(selectivity.pValue[unit]).toBe(1);
    }
  });

  test("of correlations do not depend on how many shuffles one product takes", async () => {
    const product = await openProduct();
    const responses = Float32Array.from({ length: 3 * imageCount }, () => random.normal());
    const all = await shuffledCorrelations(product, responses, rows, classCount, 70, orders);
    const first = await shuffledCorrelations(product, responses, rows, classCount, 3, orders);
    await product.close();
    for (let unit = 0; unit < 3; unit++) {
      for (let shuffle = 0; shuffle < 3; shuffle++) {
        expect(all[unit * 70 + shuffle]).toBeCloseTo(first[unit * 3 + shuffle], 5);
      }
    }
  });
});

describe("summarizeNull", () => {
  test("counts the observed value among the shuffles", () => {
    const shuffled = Float64Array.from({ length: 99 }, (_, at) => at);
    expect(summarizeNull(94, shuffled)).toEqual({ mean: 49, quantile95: 94, pValue: 0.06 });
    expect(summarizeNull(1000, shuffled).pValue).toBe(0.01);
    expect(summarizeNull(Number.NaN, shuffled).pValue).toBeNaN();
  });

  test("the largest leaves out what is undefined", () => {
    expect(largest(Float64Array.of(Number.NaN, -2, Number.NaN, -1))).toBe(-1);
    expect(largest(Float64Array.of(Number.NaN))).toBeNaN();
  });
});

/** Share of the pairs (image of the class, other image) in which the first drives the unit more; ties count half. */
function areaUnderCurve(response: Float64Array, classes: Int32Array, cls: number): number {
  let won = 0;
  let pairs = 0;
  response.forEach((inside, image) => {
    if (classes[image] !== cls) return;
    response.forEach((outside, other) => {
      if (classes[other] === cls) return;
      won += inside > outside ? 1 : inside === outside ? 0.5 : 0;
      pairs++;
    });
  });
  return won / pairs;
}
