/** Logits to probabilities. */
import { UnitscopeError } from "../errors.ts";

/**
 * Probabilities of every row: the softmax of its logits, or of each class its own, σ of its logit.
 *
 * @returns float32, row-major `[rows, classCount]`.
 * @throws {UnitscopeError} `value` for a logit that is not finite; `images` numbers the rows in the message.
 */
export function probabilityRows(
  logits: Float32Array,
  { classCount, head }: { classCount: number; head: "softmax" | "sigmoid" },
  images?: Int32Array,
): Float32Array {
  const rows = softmaxRows(logits, classCount, images); // it checks them, too
  return head === "sigmoid" ? logits.map((logit) => 1 / (1 + Math.exp(-logit))) : rows;
}

/**
 * The softmax of every row, computed in double precision with the row's largest logit subtracted.
 *
 * @param logits float32, row-major `[rows, classCount]`; read only.
 * @returns float32, row-major `[rows, classCount]`; each row adds up to 1.
 * @throws {UnitscopeError} `value` for a logit that is not finite; `images` numbers the rows in the message.
 */
export function softmaxRows(logits: Float32Array, classCount: number, images?: Int32Array): Float32Array {
  const probabilities = new Float32Array(logits.length);
  const powers = new Float64Array(classCount);
  for (let from = 0; from < logits.length; from += classCount) {
    let largest = -Infinity;
    for (let cls = 0; cls < classCount; cls++) {
      const logit = logits[from + cls];
      if (!Number.isFinite(logit)) {
        throw new UnitscopeError(
          "value",
          `logits: expected finite numbers, got ${logit} for class ${cls} of image ${images?.[from / classCount] ?? from / classCount}`,
        );
      }
      if (logit > largest) largest = logit;
    }
    let sum = 0;
    for (let cls = 0; cls < classCount; cls++) {
      const power = Math.exp(logits[from + cls] - largest);
      powers[cls] = power;
      sum += power;
    }
    for (let cls = 0; cls < classCount; cls++) probabilities[from + cls] = powers[cls] / sum;
  }
  return probabilities;
}
