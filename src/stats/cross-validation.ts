/** The strength of a logistic regression's penalty by stratified cross-validation. */
import { type Features, logisticPath, predictLogistic } from "./logistic-regression.ts";
import { stratifiedFolds } from "./stratified-folds.ts";

/** The penalties that are tried by default: half decades over the range that matters for standardised features. */
export const defaultPenalties: readonly number[] = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3];

/** Probability that a wrong certainty is charged with, so that one of them does not decide alone. */
const leastProbability = 1e-6;

/** How a penalty did on rows that were held out. */
export interface PenaltyScore {
  readonly penalty: number;
  /** Mean over held-out rows of −log p(label), p at least 1e-6. */
  readonly loss: number;
  /** Fraction of held-out rows whose most probable class is their label. */
  readonly accuracy: number;
}

/**
 * Scores penalties by stratified k-fold cross-validation, from the strongest down; all see the same folds. The search
 * ends at the first whose held-out loss is larger than the one before: what overfits does so more with a weaker penalty,
 * and weak penalties take most of the time.
 *
 * @returns one score per penalty that was tried, from the strongest down; none if no row can be held out.
 */
export function scorePenalties(
  features: Features,
  labels: Int32Array,
  {
    classCount,
    penalties = defaultPenalties,
    foldCount = 5,
    seed = 0,
  }: { classCount: number; penalties?: readonly number[]; foldCount?: number; seed?: number },
): PenaltyScore[] {
  const folds = openFolds(features, labels, stratifiedFolds(labels, foldCount, { seed }), { classCount, foldCount });
  if (folds.length === 0) return [];
  const scores: PenaltyScore[] = [];
  for (const penalty of [...penalties].sort((a, b) => b - a)) {
    const before = scores.at(-1)?.loss ?? Number.POSITIVE_INFINITY;
    const score = scorePenalty(folds, penalty, classCount);
    scores.push(score);
    if (score.loss > before) break;
  }
  return scores;
}

/** One fold: the fits to the other rows, and the rows that are held out. */
interface Fold {
  readonly path: ReturnType<typeof logisticPath>;
  readonly heldOut: Features;
  readonly labels: Int32Array;
}

function openFolds(
  features: Features,
  labels: Int32Array,
  foldOfRow: ArrayLike<number>,
  { classCount, foldCount }: { classCount: number; foldCount: number },
): Fold[] {
  const folds: Fold[] = [];
  const rows = Uint32Array.from(labels, (_, row) => row);
  const labelsOf = (chosen: Uint32Array): Int32Array => Int32Array.from(chosen, (row) => labels[row]);
  for (let fold = 0; fold < foldCount; fold++) {
    const train = rows.filter((row) => foldOfRow[row] !== fold);
    const test = rows.filter((row) => foldOfRow[row] === fold);
    if (train.length === 0 || test.length === 0) continue;
    // Held-out losses are within 1e-4 of the minimum's near the best penalty; neighbours differ by far more.
    const path = logisticPath(takeFeatures(features, train), labelsOf(train), { classCount, tolerance: 1e-4 });
    folds.push({ path, heldOut: takeFeatures(features, test), labels: labelsOf(test) });
  }
  return folds;
}

function scorePenalty(folds: readonly Fold[], penalty: number, classCount: number): PenaltyScore {
  let [loss, hits, count] = [0, 0, 0];
  for (const { path, heldOut, labels } of folds) {
    const probabilities = predictLogistic(path.next(penalty), heldOut);
    for (const [row, label] of labels.entries()) {
      const own = probabilities.subarray(row * classCount, (row + 1) * classCount);
      loss -= Math.log(Math.max(leastProbability, own[label]));
      if (mostProbable(own) === label) hits++;
    }
    count += labels.length;
  }
  return { penalty, loss: loss / count, accuracy: hits / count };
}

/** The penalty with the smallest held-out loss; the strongest of a tie. `NaN` if there is no score. */
export function bestPenalty(scores: readonly PenaltyScore[]): number {
  let best: PenaltyScore | undefined;
  for (const score of scores) {
    const better = best === undefined || score.loss < best.loss;
    if (better || (score.loss === best?.loss && score.penalty > best.penalty)) best = score;
  }
  return best?.penalty ?? Number.NaN;
}

/** The rows at `rows`, in that order. */
export function takeFeatures({ values, featureCount }: Features, rows: Uint32Array): Features {
  const taken = new Float64Array(rows.length * featureCount);
  rows.forEach((row, place) => {
    taken.set(values.subarray(row * featureCount, (row + 1) * featureCount), place * featureCount);
  });
  return { values: taken, rowCount: rows.length, featureCount };
}

/** Index of the largest entry; the lowest of a tie. */
export function mostProbable(probabilities: Float64Array): number {
  let best = 0;
  for (let i = 1; i < probabilities.length; i++) if (probabilities[i] > probabilities[best]) best = i;
  return best;
}
