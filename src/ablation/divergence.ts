/** How far an ablated network's output is from the intact one's: the Kullback–Leibler divergence of an image's prediction. */

/** How logits become probabilities. */
interface Head {
  readonly classCount: number;
  readonly head: "softmax" | "sigmoid";
}

/**
 * Divergences from what the intact network says of some images.
 * @param intact logits, row-major `[rows, classCount]`.
 * @returns KL(intact ‖ other) in nats, at least 0, of row `row` of `intact` and row `at` of other logits; with a sigmoid
 * head the sum over classes, each a yes or no of its own.
 */
export function divergencesFrom(
  intact: Float32Array,
  { classCount, head }: Head,
): (row: number, other: Float32Array, at: number) => number {
  const rows = intact.length / classCount;
  const known = new Float64Array(intact.length);
  for (let row = 0; row < rows; row++) logProbabilities(intact, row, { classCount, head }, known, row * classCount);
  const own = new Float64Array(classCount);
  return (row, other, at) => {
    logProbabilities(other, at, { classCount, head }, own, 0);
    let sum = 0;
    for (let cls = 0; cls < classCount; cls++) {
      const log = known[row * classCount + cls];
      const probability = Math.exp(log);
      if (probability > 0) sum += probability * (log - own[cls]);
      if (head === "softmax") continue;
      // log(1 − σ(x)) = log σ(x) − x
      const no = log - intact[row * classCount + cls];
      const noProbability = Math.exp(no);
      if (noProbability > 0) sum += noProbability * (no - (own[cls] - other[at * classCount + cls]));
    }
    return Math.max(0, sum); // rounding
  };
}

function logProbabilities(
  logits: Float32Array,
  row: number,
  { classCount, head }: Head,
  into: Float64Array,
  to: number,
): void {
  const start = row * classCount;
  if (head === "sigmoid") {
    for (let cls = 0; cls < classCount; cls++) {
      const logit = logits[start + cls];
      into[to + cls] = Math.min(logit, 0) - Math.log1p(Math.exp(-Math.abs(logit)));
    }
    return;
  }
  let best = -Infinity;
  for (let cls = 0; cls < classCount; cls++) best = Math.max(best, logits[start + cls]);
  let sum = 0;
  for (let cls = 0; cls < classCount; cls++) sum += Math.exp(logits[start + cls] - best);
  const total = best + Math.log(sum);
  for (let cls = 0; cls < classCount; cls++) into[to + cls] = logits[start + cls] - total;
}
