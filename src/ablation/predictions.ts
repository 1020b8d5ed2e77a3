/**
 * From logits to predictions, and when a prediction is too close to call.
 *
 * Matrix products differ in their last bits with the batch size and the route. A prediction whose top-2 margin is within
 * a tolerance, relative to the largest logit's size, is therefore settled by one reference computation: the plain network,
 * one image at a time, one thread. All routes then agree by construction, as long as they differ by less than half of it.
 * The tolerance is measured for every network (`tie-tolerance.ts`). What is computed by difference is rounded at the size
 * of what it was before: where little or nothing is left, the largest logit's size is that of the whole network. A single
 * logit is near zero just where it is a near-tie, so there the size is never taken for less than is usual (`logitFloor`).
 */
import { UnitscopeError } from "../errors.ts";

/** The reading of one row of logits. */
export interface Reading {
  /** Class with the largest logit; the lowest index on a tie. */
  prediction: number;
  /** Largest logit minus the second largest. */
  margin: number;
  /** Largest absolute logit. */
  scale: number;
}

/**
 * Reads one row of logits into `reading` (reused, since there is one per unit and image).
 *
 * @param logits float32, row-major `[rows, classCount]`.
 * @throws {UnitscopeError} `value` for a logit that is not finite.
 */
export function readRow(
  logits: Float32Array,
  row: number,
  { classCount, into }: { classCount: number; into: Reading },
): Reading {
  let best = -Infinity;
  let second = -Infinity;
  let prediction = 0;
  let lowest = Infinity;
  let sum = 0;
  for (let cls = 0, at = row * classCount; cls < classCount; cls++, at++) {
    const logit = logits[at];
    sum += logit;
    if (logit > best) {
      second = best;
      best = logit;
      prediction = cls;
    } else if (logit > second) second = logit;
    if (logit < lowest) lowest = logit;
  }
  if (!Number.isFinite(sum)) {
    throw new UnitscopeError("value", `logits: expected finite numbers, got ${describeBad(logits, row, classCount)}`);
  }
  into.prediction = prediction;
  into.margin = best - second;
  into.scale = Math.max(Math.abs(best), Math.abs(lowest));
  return into;
}

/**
 * Whether a prediction must be settled by the reference; always, where the tolerance is infinite.
 * @param before the least that the scale is taken for: the model's `logitFloor`, or the largest scale that the row has had
 * on the way to these logits, where they were computed by difference.
 */
export function isTie({ margin, scale }: Reading, tolerance: number, before: number): boolean {
  return !(margin > tolerance * Math.max(scale, before));
}

/** The largest absolute logit of every row, `floor` at least, of `logits` float32, row-major `[rows, classCount]`. */
export function scalesOf(
  logits: Float32Array,
  { classCount, floor }: { classCount: number; floor: number },
): Float64Array {
  return Float64Array.from({ length: logits.length / classCount }, (_, row) => {
    let scale = floor;
    for (let at = row * classCount; at < (row + 1) * classCount; at++) scale = Math.max(scale, Math.abs(logits[at]));
    return scale;
  });
}

/**
 * log p(cls) of one row, and the logit of `cls` minus the largest other logit.
 * @param options.head `sigmoid`: every class has a probability of its own, σ of its logit; else their softmax.
 */
export function companions(
  logits: Float32Array,
  row: number,
  { classCount, cls, head }: { classCount: number; cls: number; head: "softmax" | "sigmoid" },
): { logProbability: number; margin: number } {
  const start = row * classCount;
  let best = -Infinity;
  let other = -Infinity;
  for (let k = 0; k < classCount; k++) {
    const logit = logits[start + k];
    if (logit > best) best = logit;
    if (k !== cls && logit > other) other = logit;
  }
  const own = logits[start + cls];
  if (head === "sigmoid") {
    return { logProbability: Math.min(own, 0) - Math.log1p(Math.exp(-Math.abs(own))), margin: own - other };
  }
  let sum = 0;
  for (let k = 0; k < classCount; k++) sum += Math.exp(logits[start + k] - best);
  return { logProbability: own - best - Math.log(sum), margin: own - other };
}

function describeBad(logits: Float32Array, row: number, classCount: number): string {
  const cls = logits.subarray(row * classCount, (row + 1) * classCount).findIndex((logit) => !Number.isFinite(logit));
  return cls === -1 ? "values too large to add up" : `${logits[row * classCount + cls]} for class ${cls}`;
}
