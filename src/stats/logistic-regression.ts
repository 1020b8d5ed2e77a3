/** Multinomial logistic regression with an L2 penalty: which class do a row's features point to? */
import { UnitscopeError } from "../errors.ts";
import { minimize } from "./minimize.ts";
import { principalAxes, rotatedBack } from "./principal-axes.ts";
import { fromSpan, rowSpan } from "./row-span.ts";
import { penalisedLoss, softmaxInto } from "./softmax-loss.ts";

/** Rows of features, float64, row-major `[rowCount, featureCount]`; read only. */
export interface Features {
  readonly values: Float64Array;
  readonly rowCount: number;
  readonly featureCount: number;
}

/** A fitted model, in terms of the features as they came. */
export interface LogisticModel {
  readonly classCount: number;
  readonly featureCount: number;
  /** Float64, row-major `[classCount, featureCount]`; 0 for classes without rows and for constant features. */
  readonly weights: Float64Array;
  /** Float64 `[classCount]`; −Infinity for classes without rows. */
  readonly biases: Float64Array;
  /** Whether the optimiser reached its tolerance. */
  readonly converged: boolean;
}

/**
 * Fits the model that minimises, over weights W and biases b of the standardised features,
 * `mean over rows of −log softmax(W x + b)_label + penalty / 2 · Σ W²`. Biases are not penalised and sum to 0.
 *
 * Features are standardised by the mean and standard deviation (n) of these rows, so that the penalty means the same
 * for each; a constant feature takes no part. Scikit-learn's `C` is `1 / (penalty · rowCount)`.
 *
 * @param labels class of each row, in 0..classCount−1; classes without rows get probability 0.
 * @param options.penalty above 0.
 * @throws {UnitscopeError} `shape` or `value` if the input does not fit, a feature that is not finite included.
 */
export function fitLogistic(
  features: Features,
  labels: Int32Array,
  { penalty, ...options }: { classCount: number; penalty: number; tolerance?: number },
): LogisticModel {
  return logisticPath(features, labels, options).next(penalty);
}

/** Fits one penalty after the other, from the strongest down: each starts where its stronger neighbour ended. */
export interface LogisticPath {
  /**
   * The model of the next penalty, which must not be above the one before.
   * @throws {UnitscopeError} `value` if the penalty is not above 0.
   */
  readonly next: (penalty: number) => LogisticModel;
}

/**
 * Prepares the fits of several penalties on the same rows.
 * @throws {UnitscopeError} `shape` or `value` if the input does not fit, a feature that is not finite included.
 */
export function logisticPath(
  { values, rowCount, featureCount }: Features,
  labels: Int32Array,
  { classCount, tolerance = 1e-7 }: { classCount: number; tolerance?: number },
): LogisticPath {
  if (values.length !== rowCount * featureCount || labels.length !== rowCount || rowCount === 0) {
    throw new UnitscopeError(
      "shape",
      `logistic regression: expected at least one row, ${rowCount} × ${featureCount} features and ${rowCount} labels, got ${values.length} and ${labels.length}`,
    );
  }
  const present = Int32Array.from(new Set(labels)).sort();
  if (present[0] < 0 || present[present.length - 1] >= classCount) {
    throw new UnitscopeError(
      "value",
      `logistic regression: expected labels in 0..${classCount - 1}, got ${present[0]}..${present[present.length - 1]}`,
    );
  }
  const slots = labels.map((label) => present.indexOf(label));
  const { standard, mean, scale } = standardise(values, rowCount, featureCount);
  // The penalised weights are a mix of the rows: with more features than rows it is enough to look in their span.
  const span = featureCount > rowCount ? rowSpan(standard, rowCount, featureCount) : undefined;
  const width = span ? span.rank : featureCount;
  const axes = principalAxes(span ? span.coordinates : standard, rowCount, width);
  const k = present.length;
  const shares = new Float64Array(k);
  for (const slot of slots) shares[slot] += 1 / rowCount;

  let start: Float64Array = new Float64Array(k * (width + 1));
  const next = (penalty: number): LogisticModel => {
    if (!(penalty > 0)) {
      throw new UnitscopeError("value", `logistic regression: expected a penalty above 0, got ${penalty}`);
    }
    const objective = penalisedLoss(axes.coordinates, slots, rowCount, width, k, penalty);
    const { point, converged } = minimize(objective, start, {
      tolerance,
      spread: spreadOf(axes.values, shares, penalty),
    });
    start = point;
    const rotated = rotatedBack(point, k, axes.vectors, width);
    const standardWeights = span ? fromSpan(rotated, k, span, featureCount) : rotated;
    const weights = new Float64Array(classCount * featureCount);
    const biases = new Float64Array(classCount).fill(Number.NEGATIVE_INFINITY);
    const own = point.subarray(k * width);
    const biasMean = own.reduce((sum, bias) => sum + bias, 0) / k;
    for (let i = 0; i < k; i++) {
      let bias = own[i] - biasMean;
      for (let feature = 0; feature < featureCount; feature++) {
        if (scale[feature] === 0) continue;
        const weight = standardWeights[i * featureCount + feature] * scale[feature];
        weights[present[i] * featureCount + feature] = weight;
        bias -= weight * mean[feature];
      }
      biases[present[i]] = bias;
    }
    return { classCount, featureCount, weights, biases, converged };
  };
  return { next };
}

/**
 * Probability of every class for every row.
 * @returns float64, row-major `[rowCount, classCount]`; each row sums to 1.
 */
export function predictLogistic(
  { classCount, featureCount, weights, biases }: LogisticModel,
  { values, rowCount, featureCount: width }: Features,
): Float64Array {
  if (width !== featureCount) {
    throw new UnitscopeError("shape", `logistic regression: expected ${featureCount} features, got ${width}`);
  }
  const probabilities = new Float64Array(rowCount * classCount);
  const logits = new Float64Array(classCount);
  for (let row = 0; row < rowCount; row++) {
    for (let cls = 0; cls < classCount; cls++) {
      let logit = biases[cls];
      for (let feature = 0; feature < featureCount; feature++) {
        logit += weights[cls * featureCount + feature] * values[row * featureCount + feature];
      }
      logits[cls] = logit;
    }
    softmaxInto(logits, classCount);
    probabilities.set(logits, row * classCount);
  }
  return probabilities;
}

/**
 * How far a step goes along each weight and bias: the inverse of the loss's second derivatives where every row has the
 * classes' shares as its probabilities.
 */
function spreadOf(values: Float64Array, shares: Float64Array, penalty: number): Float64Array {
  const width = values.length;
  const spread = new Float64Array(shares.length * (width + 1));
  for (const [i, share] of shares.entries()) {
    const bend = share * (1 - share);
    for (let axis = 0; axis < width; axis++)
      spread[i * width + axis] = 1 / (bend * Math.max(0, values[axis]) + penalty);
    spread[shares.length * width + i] = bend > 0 ? 1 / bend : 1; // a class that is alone has nothing to learn
  }
  return spread;
}

function standardise(
  values: Float64Array,
  rowCount: number,
  featureCount: number,
): { standard: Float64Array; mean: Float64Array; scale: Float64Array } {
  const mean = new Float64Array(featureCount);
  const scale = new Float64Array(featureCount);
  const standard = new Float64Array(values.length);
  for (let feature = 0; feature < featureCount; feature++) {
    let [low, high, sum] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
    for (let row = 0; row < rowCount; row++) {
      const value = values[row * featureCount + feature];
      if (!Number.isFinite(value)) {
        throw new UnitscopeError(
          "value",
          `logistic regression: expected finite features, got ${value} at row ${row}, feature ${feature}`,
        );
      }
      low = Math.min(low, value);
      high = Math.max(high, value);
      sum += value;
    }
    if (low === high) continue;
    mean[feature] = sum / rowCount;
    let squares = 0;
    for (let row = 0; row < rowCount; row++) squares += (values[row * featureCount + feature] - mean[feature]) ** 2;
    scale[feature] = 1 / Math.sqrt(squares / rowCount);
    for (let row = 0; row < rowCount; row++) {
      const at = row * featureCount + feature;
      standard[at] = (values[at] - mean[feature]) * scale[feature];
    }
  }
  return { standard, mean, scale };
}
