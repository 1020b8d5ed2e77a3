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
  if (!readAt(logits, row, classCount, single, 0)) throw notFinite(logits, row, classCount);
  into.prediction = single.predictions[0];
  into.margin = single.margins[0];
  into.scale = single.scales[0];
  return into;
}

/** Readings of many rows; one object serves many calls. */
export interface Readings {
  /** As in `Reading`, a row each. */
  readonly predictions: Int32Array;
  readonly margins: Float64Array;
  readonly scales: Float64Array;
}

/** Room for the readings of so many rows. */
export function readingsFor(rows: number): Readings {
  return { predictions: new Int32Array(rows), margins: new Float64Array(rows), scales: new Float64Array(rows) };
}

const single = readingsFor(1);

/**
 * Reads the first rows of logits.
 *
 * @param logits float32, row-major `[rows, classCount]`.
 * @returns the first row with a logit that is not finite, or -1.
 */
export function readRows(
  logits: Float32Array,
  { rows, classCount, into }: { rows: number; classCount: number; into: Readings },
): number {
  for (let row = 0; row < rows; row++) if (!readAt(logits, row, classCount, into, row)) return row;
  return -1;
}

/** Reads a row into place `at`. @returns whether its logits are finite. */
function readAt(logits: Float32Array, row: number, classCount: number, into: Readings, at: number): boolean {
  let best = -Infinity;
  let second = -Infinity;
  let prediction = 0;
  let lowest = Infinity;
  let sum = 0;
  for (let cls = 0, from = row * classCount; cls < classCount; cls++, from++) {
    const logit = logits[from];
    sum += logit;
    if (logit > best) {
      second = best;
      best = logit;
      prediction = cls;
    } else if (logit > second) second = logit;
    if (logit < lowest) lowest = logit;
  }
  into.predictions[at] = prediction;
  into.margins[at] = best - second;
  into.scales[at] = Math.max(Math.abs(best), Math.abs(lowest));
  return Number.isFinite(sum);
}

/**
 * Whether a prediction must be settled by the reference; always, where the tolerance is infinite.
 * @param before the least that the scale is taken for: the model's `logitFloor`, or the largest scale that the row has had
 * on the way to these logits, where they were computed by difference.
 */
export function isTie({ margin, scale }: Reading, tolerance: number, before: number): boolean {
  return isClose(margin, scale, tolerance, before);
}

function isClose(margin: number, scale: number, tolerance: number, before: number): boolean {
  return !(margin > tolerance * Math.max(scale, before));
}

/**
 * Rows whose prediction must be settled by the reference, by their place.
 * @param options.images the image of every row. @param options.before the least that the scale of an image's is taken for.
 */
export function tiesAmong(
  { margins, scales }: Readings,
  { images, tolerance, before }: { images: Int32Array; tolerance: number; before: Float64Array },
): number[] {
  const ties: number[] = [];
  for (let row = 0; row < images.length; row++) {
    if (isClose(margins[row], scales[row], tolerance, before[images[row]])) ties.push(row);
  }
  return ties;
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

/** The drop's continuous companions of many pairs, or what is taken from them; float64, a pair each. */
export interface Companions {
  readonly logProbabilities: Float64Array;
  readonly margins: Float64Array;
}

/** Room for the companions of so many pairs. */
export function companionsFor(count: number): Companions {
  return { logProbabilities: new Float64Array(count), margins: new Float64Array(count) };
}

/**
 * log p(cls) of the first `count` rows, and the logit of `cls` minus the largest other logit.
 * @param logits float32, row-major `[rows, classCount]`. @param options.classes class of every image.
 * @param options.images the image of every row. @param options.head `sigmoid`: every class has a probability of its own, σ
 * of its logit; else their softmax.
 */
export function readCompanions(
  logits: Float32Array,
  {
    images,
    count,
    classes,
    classCount,
    head,
    into,
  }: {
    images: Int32Array;
    count: number;
    classes: Int32Array;
    classCount: number;
    head: "softmax" | "sigmoid";
    into: Companions;
  },
): void {
  const { logProbabilities, margins } = into;
  const isSigmoid = head === "sigmoid";
  for (let row = 0; row < count; row++) {
    const start = row * classCount;
    const cls = classes[images[row]];
    let best = -Infinity;
    let other = -Infinity;
    for (let k = 0; k < classCount; k++) {
      const logit = logits[start + k];
      if (logit > best) best = logit;
      if (k !== cls && logit > other) other = logit;
    }
    const own = logits[start + cls];
    margins[row] = own - other;
    if (isSigmoid) {
      logProbabilities[row] = Math.min(own, 0) - Math.log1p(Math.exp(-Math.abs(own)));
      continue;
    }
    let sum = 0;
    for (let k = 0; k < classCount; k++) sum += Math.exp(logits[start + k] - best);
    logProbabilities[row] = own - best - Math.log(sum);
  }
}

/** The error of a row with a logit that is not finite. */
export function notFinite(logits: Float32Array, row: number, classCount: number): UnitscopeError {
  return new UnitscopeError("value", `logits: expected finite numbers, got ${describeBad(logits, row, classCount)}`);
}

function describeBad(logits: Float32Array, row: number, classCount: number): string {
  const cls = logits.subarray(row * classCount, (row + 1) * classCount).findIndex((logit) => !Number.isFinite(logit));
  return cls === -1 ? "values too large to add up" : `${logits[row * classCount + cls]} for class ${cls}`;
}
