/** The loss that a multinomial logistic regression minimises, and its gradient. */
import type { Objective } from "./minimize.ts";

/**
 * Mean over rows of −log softmax(W x + b)_label, and penalty / 2 · Σ W².
 *
 * @param standard rows, float64, row-major `[rowCount, featureCount]`.
 * @param slots class of each row, in 0..k−1.
 * @returns of a point that holds W `[k, featureCount]`, then b `[k]`.
 */
export function penalisedLoss(
  standard: Float64Array,
  slots: Int32Array,
  rowCount: number,
  featureCount: number,
  k: number,
  penalty: number,
): Objective {
  const errors = new Float64Array(rowCount * k);
  const biasAt = k * featureCount;
  return (point, gradient) => {
    let loss = 0;
    for (let row = 0; row < rowCount; row++) {
      const logits = errors.subarray(row * k, (row + 1) * k);
      multiplyInto(logits, point, standard.subarray(row * featureCount, (row + 1) * featureCount), k);
      const own = logits[slots[row]];
      loss += (softmaxInto(logits, k) - own) / rowCount;
      logits[slots[row]] -= 1;
      for (let i = 0; i < k; i++) logits[i] /= rowCount;
    }
    gradient.fill(0);
    addProducts(gradient, errors, standard, { rowCount, featureCount, k });
    for (let at = 0; at < biasAt; at++) {
      loss += (penalty / 2) * point[at] * point[at];
      gradient[at] += penalty * point[at];
    }
    return loss;
  };
}

/**
 * `logits = W x + b`, with W `[k, features]` and b `[k]` one after the other in `point`. Four sums go side by side, so that
 * none waits for its own last addition; each adds in the order of the features.
 */
function multiplyInto(logits: Float64Array, point: Float64Array, x: Float64Array, k: number): void {
  const width = x.length;
  const biases = k * width;
  let i = 0;
  for (; i + 4 <= k; i += 4) {
    const [at0, at1, at2, at3] = [i * width, (i + 1) * width, (i + 2) * width, (i + 3) * width];
    let a = point[biases + i];
    let b = point[biases + i + 1];
    let c = point[biases + i + 2];
    let d = point[biases + i + 3];
    for (let feature = 0; feature < width; feature++) {
      const value = x[feature];
      a += point[at0 + feature] * value;
      b += point[at1 + feature] * value;
      c += point[at2 + feature] * value;
      d += point[at3 + feature] * value;
    }
    logits[i] = a;
    logits[i + 1] = b;
    logits[i + 2] = c;
    logits[i + 3] = d;
  }
  for (; i < k; i++) {
    let sum = point[biases + i];
    for (let feature = 0; feature < width; feature++) sum += point[i * width + feature] * x[feature];
    logits[i] = sum;
  }
}

/**
 * Adds `errorsᵀ X` to the gradient of W, and the sums of the errors to that of b. Four rows at a time, so that the gradient
 * is read and written a quarter as often; every entry adds in the order of the rows.
 */
function addProducts(
  gradient: Float64Array,
  errors: Float64Array,
  values: Float64Array,
  { rowCount, featureCount, k }: { rowCount: number; featureCount: number; k: number },
): void {
  for (let from = 0; from < rowCount; from += 4) {
    const rows = Math.min(4, rowCount - from);
    for (let i = 0; i < k; i++) {
      const own = gradient.subarray(i * featureCount, (i + 1) * featureCount);
      for (let row = from; row < from + rows; row++) gradient[k * featureCount + i] += errors[row * k + i];
      if (rows < 4) {
        for (let row = from; row < rowCount; row++) {
          const [error, at] = [errors[row * k + i], row * featureCount];
          for (let feature = 0; feature < featureCount; feature++) own[feature] += error * values[at + feature];
        }
        continue;
      }
      const e0 = errors[from * k + i];
      const e1 = errors[(from + 1) * k + i];
      const e2 = errors[(from + 2) * k + i];
      const e3 = errors[(from + 3) * k + i];
      const at0 = from * featureCount;
      const at1 = at0 + featureCount;
      const at2 = at1 + featureCount;
      const at3 = at2 + featureCount;
      for (let feature = 0; feature < featureCount; feature++) {
        let sum = own[feature];
        sum += e0 * values[at0 + feature];
        sum += e1 * values[at1 + feature];
        sum += e2 * values[at2 + feature];
        sum += e3 * values[at3 + feature];
        own[feature] = sum;
      }
    }
  }
}

/** Turns logits into probabilities in place; returns the logarithm of the sum of their exponentials. */
export function softmaxInto(logits: Float64Array, count: number): number {
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
