/**
 * Whether an image is right, read from its logits; and how far the last hidden vector may move before that changes.
 *
 * For unit sets only right or wrong matters. A label whose logit is too close to the best other is left to the
 * reference, as everywhere; a near-tie between two wrong classes needs no decision.
 */
import type { SuffixBound } from "../ablation/suffix-bound.ts";
import { UnitscopeError } from "../errors.ts";

/** Right, wrong, or too close to call. */
export type Verdict = 1 | 0 | -1;

/**
 * Reads whether row `row` of `logits` (float32 `[rows, classCount]`) has its largest logit at `label`.
 * @param options.tolerance of near-ties, relative to the largest logit, now or before units were removed (`before`).
 * @throws {UnitscopeError} `value` for logits that are not finite.
 */
export function readLabel(
  logits: Float32Array,
  row: number,
  { label, classCount, tolerance, before }: { label: number; classCount: number; tolerance: number; before: number },
): Verdict {
  const start = row * classCount;
  const own = logits[start + label];
  let other = -Infinity;
  let lowest = own;
  let sum = 0;
  for (let cls = 0; cls < classCount; cls++) {
    const logit = logits[start + cls];
    sum += logit;
    if (cls !== label && logit > other) other = logit;
    if (logit < lowest) lowest = logit;
  }
  if (!Number.isFinite(sum)) {
    throw new UnitscopeError(
      "value",
      "logits: expected finite numbers, got NaN or infinity; check the preprocessing and the model",
    );
  }
  const margin = own - other;
  const scale = Math.max(Math.abs(own), Math.abs(other), Math.abs(lowest), before);
  if (!(Math.abs(margin) > tolerance * scale)) return -1;
  return margin > 0 ? 1 : 0;
}

/** Covers the rounding of the norms, which the runtime sums in float32. */
export const NORM_SLACK = 1.0001;

/** Distances ‖w_j − w_label‖ between rows of the classifier, float64 `[classCount]`. */
export function labelDistances({ classifier, hidden }: SuffixBound, label: number): Float64Array {
  const classCount = classifier.length / hidden;
  return Float64Array.from({ length: classCount }, (_, cls) => {
    let squares = 0;
    for (let i = 0; i < hidden; i++) {
      squares += (classifier[cls * hidden + i] - classifier[label * hidden + i]) ** 2;
    }
    return Math.sqrt(squares);
  });
}

/**
 * How far the last hidden vector may move before a right image could become wrong, or a wrong one right.
 *
 * Right: every other class must stay below the label. Wrong: it is enough that one class stays above it. Margins are
 * first reduced by twice the tolerance of near-ties, once for these logits and once for the moved ones.
 */
export function labelRoom(
  logits: Float32Array,
  row: number,
  {
    label,
    isRight,
    distances,
    tolerance,
    before,
  }: { label: number; isRight: boolean; distances: Float64Array; tolerance: number; before: number },
): number {
  const classCount = distances.length;
  const start = row * classCount;
  const own = logits[start + label];
  let scale = before;
  for (let cls = 0; cls < classCount; cls++) scale = Math.max(scale, Math.abs(logits[start + cls]));
  const slack = 2 * tolerance * scale;
  let room = isRight ? Infinity : 0;
  for (let cls = 0; cls < classCount; cls++) {
    if (cls === label) continue;
    const lead = own - logits[start + cls];
    const margin = (isRight ? lead : -lead) - slack;
    const reach = margin <= 0 ? 0 : margin / distances[cls];
    room = isRight ? Math.min(room, reach) : Math.max(room, reach);
  }
  return room;
}
