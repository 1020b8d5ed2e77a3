/** The loss that a multinomial logistic regression minimises, and its gradient. */
import type { Objective } from "./minimize.ts";

interface Sizes {
  readonly rowCount: number;
  readonly featureCount: number;
  readonly k: number;
}

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
  const sizes = { rowCount, featureCount, k };
  return (point, gradient) => {
    let loss = 0;
    multiplyInto(errors, point, standard, sizes);
    for (let row = 0; row < rowCount; row++) {
      const logits = errors.subarray(row * k, (row + 1) * k);
      const own = logits[slots[row]];
      loss += (softmaxInto(logits, k) - own) / rowCount;
      logits[slots[row]] -= 1;
      for (let i = 0; i < k; i++) logits[i] /= rowCount;
    }
    gradient.fill(0);
    addProducts(gradient, errors, standard, sizes);
    for (let at = 0; at < biasAt; at++) {
      loss += (penalty / 2) * point[at] * point[at];
      gradient[at] += penalty * point[at];
    }
    return loss;
  };
}

/**
 * `errors = X Wᵀ + b` of all rows, with W `[k, features]` and b `[k]` one after the other in `point`. Two rows and four
 * classes go side by side: what is read serves several sums, and none waits for its own last addition. Each sum adds in
 * the order of the features.
 */
function multiplyInto(
  logits: Float64Array,
  point: Float64Array,
  values: Float64Array,
  { rowCount, featureCount, k }: Sizes,
): void {
  const biases = k * featureCount;
  const pairs = rowCount - (rowCount % 2);
  const fours = k - (k % 4);
  for (let row = 0; row < pairs; row += 2) {
    const x0 = values.subarray(row * featureCount, (row + 1) * featureCount);
    const x1 = values.subarray((row + 1) * featureCount, (row + 2) * featureCount);
    for (let i = 0; i < fours; i += 4) {
      const w0 = point.subarray(i * featureCount, (i + 1) * featureCount);
      const w1 = point.subarray((i + 1) * featureCount, (i + 2) * featureCount);
      const w2 = point.subarray((i + 2) * featureCount, (i + 3) * featureCount);
      const w3 = point.subarray((i + 3) * featureCount, (i + 4) * featureCount);
      let [a0, a1, a2, a3] = [point[biases + i], point[biases + i + 1], point[biases + i + 2], point[biases + i + 3]];
      let [b0, b1, b2, b3] = [a0, a1, a2, a3];
      for (let feature = 0; feature < featureCount; feature++) {
        const a = x0[feature];
        const b = x1[feature];
        const v0 = w0[feature];
        const v1 = w1[feature];
        const v2 = w2[feature];
        const v3 = w3[feature];
        a0 += v0 * a;
        a1 += v1 * a;
        a2 += v2 * a;
        a3 += v3 * a;
        b0 += v0 * b;
        b1 += v1 * b;
        b2 += v2 * b;
        b3 += v3 * b;
      }
      const at = row * k + i;
      logits[at] = a0;
      logits[at + 1] = a1;
      logits[at + 2] = a2;
      logits[at + 3] = a3;
      logits[at + k] = b0;
      logits[at + k + 1] = b1;
      logits[at + k + 2] = b2;
      logits[at + k + 3] = b3;
    }
  }
  for (let row = 0; row < rowCount; row++) {
    for (let i = row < pairs ? fours : 0; i < k; i++) {
      let sum = point[biases + i];
      for (let feature = 0; feature < featureCount; feature++) {
        sum += point[i * featureCount + feature] * values[row * featureCount + feature];
      }
      logits[row * k + i] = sum;
    }
  }
}

/**
 * Adds `errorsᵀ X` to the gradient of W, and the sums of the errors to that of b. Four rows and two classes at a time, so
 * that the gradient is read and written a quarter as often, and the rows half as often; every entry adds in the order of
 * the rows.
 */
function addProducts(
  gradient: Float64Array,
  errors: Float64Array,
  values: Float64Array,
  { rowCount, featureCount, k }: Sizes,
): void {
  const fours = rowCount - (rowCount % 4);
  const pairs = k - (k % 2);
  for (let row = 0; row < fours; row += 4) {
    const x0 = values.subarray(row * featureCount, (row + 1) * featureCount);
    const x1 = values.subarray((row + 1) * featureCount, (row + 2) * featureCount);
    const x2 = values.subarray((row + 2) * featureCount, (row + 3) * featureCount);
    const x3 = values.subarray((row + 3) * featureCount, (row + 4) * featureCount);
    for (let i = 0; i < pairs; i += 2) {
      const g0 = gradient.subarray(i * featureCount, (i + 1) * featureCount);
      const g1 = gradient.subarray((i + 1) * featureCount, (i + 2) * featureCount);
      const at = row * k + i;
      const [a0, a1, a2, a3] = [errors[at], errors[at + k], errors[at + 2 * k], errors[at + 3 * k]];
      const [b0, b1, b2, b3] = [errors[at + 1], errors[at + k + 1], errors[at + 2 * k + 1], errors[at + 3 * k + 1]];
      for (let feature = 0; feature < featureCount; feature++) {
        const v0 = x0[feature];
        const v1 = x1[feature];
        const v2 = x2[feature];
        const v3 = x3[feature];
        let a = g0[feature];
        let b = g1[feature];
        a += a0 * v0;
        b += b0 * v0;
        a += a1 * v1;
        b += b1 * v1;
        a += a2 * v2;
        b += b2 * v2;
        a += a3 * v3;
        b += b3 * v3;
        g0[feature] = a;
        g1[feature] = b;
      }
    }
  }
  for (let row = 0; row < rowCount; row++) {
    for (let i = 0; i < k; i++) gradient[k * featureCount + i] += errors[row * k + i];
    for (let i = row < fours ? pairs : 0; i < k; i++) {
      const [error, own, at] = [errors[row * k + i], i * featureCount, row * featureCount];
      for (let feature = 0; feature < featureCount; feature++) gradient[own + feature] += error * values[at + feature];
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
