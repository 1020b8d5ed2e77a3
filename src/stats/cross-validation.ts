/** The strength of a logistic regression's penalty by stratified cross-validation. */
import { type Features, fitLogisticPath, predictLogistic } from "./logistic-regression.ts";
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
 * Scores every penalty by stratified k-fold cross-validation; all penalties see the same folds.
 * @returns one score per penalty, in their order.
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
  const folds = stratifiedFolds(labels, foldCount, { seed });
  const losses = new Float64Array(penalties.length);
  const hits = new Float64Array(penalties.length);
  let heldOut = 0;
  for (let fold = 0; fold < foldCount; fold++) {
    const rows = Uint32Array.from(labels, (_, row) => row);
    const [train, test] = [rows.filter((row) => folds[row] !== fold), rows.filter((row) => folds[row] === fold)];
    if (train.length === 0 || test.length === 0) continue;
    heldOut += test.length;
    const [trainFeatures, testFeatures] = [takeFeatures(features, train), takeFeatures(features, test)];
    const trainLabels = Int32Array.from(train, (row) => labels[row]);
    // A held-out score needs no more digits than this.
    const models = fitLogisticPath(trainFeatures, trainLabels, { classCount, penalties, tolerance: 1e-5 });
    models.forEach((model, i) => {
      const probabilities = predictLogistic(model, testFeatures);
      test.forEach((row, place) => {
        const own = probabilities.subarray(place * classCount, (place + 1) * classCount);
        losses[i] -= Math.log(Math.max(leastProbability, own[labels[row]]));
        if (mostProbable(own) === labels[row]) hits[i]++;
      });
    });
  }
  return penalties.map((penalty, i) => ({ penalty, loss: losses[i] / heldOut, accuracy: hits[i] / heldOut }));
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
