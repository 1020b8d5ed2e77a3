/** Multinomial logistic regression with an L2 penalty: which class do a row's features point to? */
import { UnitscopeError } from "../errors.ts";
import { minimize } from "./minimize.ts";
import { fromSpan, rowSpan } from "./row-span.ts";

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
  return fitLogisticPath(features, labels, { penalties: [penalty], ...options })[0];
}

/** Fits one model per penalty, in their order; quicker than one by one, since each starts from its stronger neighbour. */
export function fitLogisticPath(
  { values, rowCount, featureCount }: Features,
  labels: Int32Array,
  { classCount, penalties, tolerance = 1e-7 }: { classCount: number; penalties: readonly number[]; tolerance?: number },
): LogisticModel[] {
  if (values.length !== rowCount * featureCount || labels.length !== rowCount || rowCount === 0) {
    throw new UnitscopeError(
      "shape",
      `logistic regression: expected at least one row, ${rowCount} × ${featureCount} features and ${rowCount} labels, got ${values.length} and ${labels.length}`,
    );
  }
  const broken = penalties.find((penalty) => !(penalty > 0));
  if (broken !== undefined) {
    throw new UnitscopeError("value", `logistic regression: expected a penalty above 0, got ${broken}`);
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
  const coordinates = span ? span.coordinates : standard;
  const width = span ? span.rank : featureCount;
  const k = present.length;

  const models: LogisticModel[] = [];
  let start: Float64Array = new Float64Array(k * (width + 1));
  const strongFirst = Uint32Array.from(penalties, (_, i) => i).sort((a, b) => penalties[b] - penalties[a]);
  for (const which of strongFirst) {
    const objective = penalisedLoss(coordinates, slots, rowCount, width, k, penalties[which]);
    const { point, converged } = minimize(objective, start, { tolerance });
    start = point;
    const standardWeights = span ? fromSpan(point, k, span, featureCount) : point.subarray(0, k * featureCount);
    const weights = new Float64Array(classCount * featureCount);
    const biases = new Float64Array(classCount).fill(Number.NEGATIVE_INFINITY);
    const own = point.subarray(k * width);
    const biasMean = own.reduce((sum, bias) => sum + bias, 0) / k;
    for (let i = 0; i < k; i++) {
      let bias = own[i] - biasMean;
      for (let feature = 0; feature < featureCount; feature++) {
        const weight = standardWeights[i * featureCount + feature] * scale[feature];
        weights[present[i] * featureCount + feature] = weight;
        bias -= weight * mean[feature];
      }
      biases[present[i]] = bias;
    }
    models[which] = { classCount, featureCount, weights, biases, converged };
  }
  return models;
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

function penalisedLoss(
  standard: Float64Array,
  slots: Int32Array,
  rowCount: number,
  featureCount: number,
  k: number,
  penalty: number,
): (point: Float64Array, gradient: Float64Array) => number {
  const logits = new Float64Array(k);
  const biasAt = k * featureCount;
  return (point, gradient) => {
    gradient.fill(0);
    let loss = 0;
    for (let row = 0; row < rowCount; row++) {
      const from = row * featureCount;
      for (let i = 0; i < k; i++) {
        let logit = point[biasAt + i];
        const at = i * featureCount;
        for (let feature = 0; feature < featureCount; feature++) {
          logit += point[at + feature] * standard[from + feature];
        }
        logits[i] = logit;
      }
      const own = logits[slots[row]];
      loss += (softmaxInto(logits, k) - own) / rowCount;
      for (let i = 0; i < k; i++) {
        const error = (logits[i] - (i === slots[row] ? 1 : 0)) / rowCount;
        const at = i * featureCount;
        for (let feature = 0; feature < featureCount; feature++) {
          gradient[at + feature] += error * standard[from + feature];
        }
        gradient[biasAt + i] += error;
      }
    }
    for (let at = 0; at < biasAt; at++) {
      loss += (penalty / 2) * point[at] * point[at];
      gradient[at] += penalty * point[at];
    }
    return loss;
  };
}

/** Turns logits into probabilities in place; returns the logarithm of the sum of their exponentials. */
function softmaxInto(logits: Float64Array, count: number): number {
  let top = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < count; i++) top = Math.max(top, logits[i]);
  let sum = 0;
  for (let i = 0; i < count; i++) {
    logits[i] = Math.exp(logits[i] - top);
    sum += logits[i];
  }
  for (let i = 0; i < count; i++) logits[i] /= sum;
  return top + Math.log(sum);
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
