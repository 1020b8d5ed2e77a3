import { describe, expect, it } from "vitest";
import { seededRandom } from "../../src/numeric/random.ts";
import { bestPenalty, mostProbable, scorePenalties } from "../../src/stats/cross-validation.ts";
import { type Features, fitLogistic, logisticPath, predictLogistic } from "../../src/stats/logistic-regression.ts";
import { minimize } from "../../src/stats/minimize.ts";
import { golden } from "./golden.ts";

const { rows, featureCount, classes, penalty, features, labels, weights, probabilities } = golden.logistic;
const design: Features = { values: Float64Array.from(features), rowCount: rows, featureCount };
const target = Int32Array.from(labels);

describe("minimize", () => {
  it("finds the minimum of an ill-conditioned quadratic", () => {
    const scales = [1, 10, 1e3, 1e5];
    const found = minimize((point, gradient) => {
      let value = 0;
      scales.forEach((scale, i) => {
        value += (scale * (point[i] - i) ** 2) / 2;
        gradient[i] = scale * (point[i] - i);
      });
      return value;
    }, new Float64Array(4));
    expect(found.converged).toBe(true);
    found.point.forEach((value, i) => expect(value).toBeCloseTo(i, 6));
  });
});

describe("fitLogistic", () => {
  it("agrees with scipy's minimum of the same objective", () => {
    const model = fitLogistic(design, target, { classCount: classes, penalty });
    expect(model.converged).toBe(true);
    // Both stop at gradients of 1e-7 and below; with the penalty 0.02 that leaves weights within 1e-5.
    weights.forEach((weight, i) => expect(model.weights[i]).toBeCloseTo(weight, 5));
    const predicted = predictLogistic(model, design);
    probabilities.forEach((probability, i) => expect(predicted[i]).toBeCloseTo(probability, 5));
    expect(model.biases.every(Number.isFinite)).toBe(true);
  });

  it("gives classes without rows probability 0 and ignores constant features", () => {
    const model = fitLogistic(
      design,
      target.map((label) => (label === 2 ? 3 : label)),
      { classCount: 5, penalty },
    );
    const predicted = predictLogistic(model, design);
    for (let row = 0; row < rows; row++) {
      const own = predicted.subarray(row * 5, row * 5 + 5);
      expect([own[2], own[4]]).toEqual([0, 0]);
      expect(own.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 12);
    }
    for (let cls = 0; cls < 5; cls++) expect(model.weights[cls * featureCount + 4]).toBe(0);
  });

  it("predicts class shares when the penalty is overwhelming or there is one class", () => {
    const model = fitLogistic(design, target, { classCount: classes, penalty: 1e6 });
    const predicted = predictLogistic(model, design);
    for (let cls = 0; cls < classes; cls++) {
      expect(predicted[cls]).toBeCloseTo(target.filter((label) => label === cls).length / rows, 4);
    }
    const single = fitLogistic(design, new Int32Array(rows).fill(1), { classCount: 2, penalty });
    expect([...predictLogistic(single, design).subarray(0, 2)]).toEqual([0, 1]);
  });

  it("finds the same with more features than rows, where it searches the rows' span", () => {
    const random = seededRandom(31);
    const wide: Features = {
      values: Float64Array.from({ length: 12 * 40 }, random.normal),
      rowCount: 12,
      featureCount: 40,
    };
    wide.values.copyWithin(40, 0, 40); // two equal rows: the span is smaller than the number of rows
    const names = Int32Array.from({ length: 12 }, (_, row) => row % 3);
    const model = fitLogistic(wide, names, { classCount: 3, penalty: 0.05, tolerance: 1e-9 });
    // At the minimum the gradient is 0: mean of (p − y) x over the rows = −penalty · W, for standardised x.
    const predicted = predictLogistic(model, wide);
    for (let feature = 0; feature < 40; feature++) {
      const column = Array.from({ length: 12 }, (_, row) => wide.values[row * 40 + feature]);
      const mean = column.reduce((sum, value) => sum + value, 0) / 12;
      const deviation = Math.sqrt(column.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 12);
      for (let cls = 0; cls < 3; cls++) {
        let pull = 0;
        column.forEach((value, row) => {
          pull += ((predicted[row * 3 + cls] - (names[row] === cls ? 1 : 0)) * (value - mean)) / deviation / 12;
        });
        expect(pull).toBeCloseTo(-0.05 * model.weights[cls * 40 + feature] * deviation, 8);
      }
    }
  });

  it("fits the penalties of a path as each for itself", () => {
    const path = logisticPath(design, target, { classCount: classes });
    for (const strength of [10, 0.1, 0.001]) {
      const model = path.next(strength);
      const single = fitLogistic(design, target, { classCount: classes, penalty: strength });
      // Both gradients are below 1e-7: weights differ by at most that over the penalty.
      single.weights.forEach((weight, at) => expect(Math.abs(model.weights[at] - weight)).toBeLessThan(1e-3));
      const [a, b] = [predictLogistic(model, design), predictLogistic(single, design)];
      a.forEach((probability, at) => expect(probability).toBeCloseTo(b[at], 5));
    }
  });

  it("refuses what does not fit", () => {
    expect(() => fitLogistic(design, target, { classCount: 2, penalty })).toThrow("expected labels in 0..1, got 0..3");
    expect(() => fitLogistic(design, target, { classCount: classes, penalty: 0 })).toThrow("a penalty above 0, got 0");
    const broken = { ...design, values: design.values.map((value, i) => (i === 8 ? Number.NaN : value)) };
    expect(() => fitLogistic(broken, target, { classCount: classes, penalty })).toThrow(
      "expected finite features, got NaN at row 1, feature 2",
    );
    expect(() => fitLogistic({ ...design, rowCount: 2 }, target, { classCount: classes, penalty })).toThrow("2 labels");
    const model = fitLogistic(design, target, { classCount: classes, penalty });
    expect(() => predictLogistic(model, { ...design, featureCount: 5 })).toThrow("expected 6 features, got 5");
  });
});

describe("scorePenalties", () => {
  it("prefers a strong penalty for noise and a weak one for clean classes", () => {
    const random = seededRandom(9);
    const count = 120;
    const noise: Features = {
      values: Float64Array.from({ length: count * 20 }, random.normal),
      rowCount: count,
      featureCount: 20,
    };
    const names = Int32Array.from({ length: count }, (_, row) => row % 3);
    const clean: Features = {
      values: Float64Array.from(
        { length: count * 3 },
        (_, at) => (at % 3 === Math.floor(at / 3) % 3 ? 4 : 0) + 0.5 * random.normal(),
      ),
      rowCount: count,
      featureCount: 3,
    };
    const penalties = [0.001, 0.1, 10];
    const forNoise = scorePenalties(noise, names, { classCount: 3, penalties, seed: 1 });
    expect(bestPenalty(forNoise)).toBe(10);
    expect(forNoise.map(({ penalty }) => penalty)).toEqual([10, 0.1]); // 0.001 would overfit still more
    expect(forNoise[0]?.accuracy).toBeLessThan(0.55);
    const forClean = scorePenalties(clean, names, { classCount: 3, penalties, seed: 1 });
    expect(bestPenalty(forClean)).toBe(0.001);
    expect(forClean.map(({ penalty }) => penalty)).toEqual([10, 0.1, 0.001]);
    expect(forClean[2]?.accuracy).toBeGreaterThan(0.95);
    expect(scorePenalties(clean, names, { classCount: 3, penalties, seed: 1 })).toEqual(forClean);
  });

  it("gives ties to the stronger penalty, and no answer without scores", () => {
    expect(
      bestPenalty([
        { penalty: 1, loss: 0.5, accuracy: 1 },
        { penalty: 2, loss: 0.5, accuracy: 1 },
      ]),
    ).toBe(2);
    expect(bestPenalty([])).toBeNaN();
    expect(mostProbable(Float64Array.of(0.2, 0.4, 0.4))).toBe(1);
  });
});
