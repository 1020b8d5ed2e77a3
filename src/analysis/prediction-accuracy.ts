/** How good predicted classes of units are: accuracy with an interval, what a majority vote gets, a permutation test. */
import { type Random, seededRandom } from "../numeric/random.ts";
import { type Interval, quantileOfSorted } from "../stats/bootstrap.ts";
import { permutationPValue } from "../stats/permutation-test.ts";
import { wilsonInterval } from "../stats/wilson.ts";
import type { NetworkSplit, SplitPrediction } from "./network-split.ts";

/** The verdict on one attribute, on one split or (without a split) on average over all. */
export interface Judged {
  readonly attribute: string;
  readonly split: NetworkSplit | undefined;
  /** Units tested; over all splits, each counted once. */
  readonly units: number;
  readonly accuracy: number;
  readonly interval: Interval;
  /** Accuracy of naming the most frequent class of the training part, the lowest of a tie. */
  readonly majority: number;
  readonly pValue: number;
}

/**
 * Judges predictions: each split, then each attribute's mean over its splits.
 * @param targets true classes of each network's units; −1 for units left out.
 */
export function judge(
  predictions: readonly SplitPrediction[],
  targets: readonly Int32Array[],
  { draws, resamples, seed }: { draws: number; resamples: number; seed: number },
): Judged[] {
  const attributes = [...new Set(predictions.map(({ attribute }) => attribute))];
  return attributes.flatMap((attribute) => {
    const own = predictions.filter((prediction) => prediction.attribute === attribute);
    const rows = own.map((prediction) => judgeSplit(prediction, targets, { draws, seed }));
    const tested = [...new Set(own.flatMap(({ split }) => split.test))];
    const mean = (value: (row: Judged) => number): number =>
      rows.reduce((sum, row) => sum + value(row), 0) / rows.length;
    const average: Judged = {
      attribute,
      split: undefined,
      units: tested.reduce((sum, network) => sum + knownCount(targets[network]), 0),
      accuracy: mean(({ accuracy }) => accuracy),
      interval: unitBootstrap(own, targets, { resamples, seed }),
      majority: mean(({ majority }) => majority),
      pValue: shuffledPValue(own, targets, { draws, seed }),
    };
    return [...rows, average];
  });
}

function judgeSplit(
  prediction: SplitPrediction,
  targets: readonly Int32Array[],
  { draws, seed }: { draws: number; seed: number },
): Judged {
  const { attribute, split } = prediction;
  const units = split.test.reduce((sum, network) => sum + knownCount(targets[network]), 0);
  const accuracy = meanAccuracy([prediction], targets);
  const favourite = mostFrequent(split.train.map((network) => targets[network]));
  const favoured = split.test.reduce(
    (sum, network) => sum + targets[network].filter((cls) => cls === favourite).length,
    0,
  );
  return {
    attribute,
    split,
    units,
    accuracy,
    interval: wilsonInterval(Math.round(accuracy * units), units),
    majority: favoured / units,
    pValue: shuffledPValue([prediction], targets, { draws, seed }),
  };
}

/**
 * Accuracy on each split, mean over splits.
 * @param weights how often each unit counts, per network; once each if absent.
 */
function meanAccuracy(
  predictions: readonly SplitPrediction[],
  targets: readonly Int32Array[],
  weights?: readonly Int32Array[],
): number {
  let sum = 0;
  for (const { split, predicted } of predictions) {
    let hits = 0;
    let units = 0;
    split.test.forEach((network, test) => {
      const target = targets[network];
      for (let unit = 0; unit < target.length; unit++) {
        if (target[unit] < 0) continue;
        const weight = weights ? weights[network][unit] : 1;
        units += weight;
        if (predicted[test][unit] === target[unit]) hits += weight;
      }
    });
    sum += hits / units;
  }
  return sum / predictions.length;
}

/** Percentile interval of the mean accuracy when each network's units are drawn anew. */
function unitBootstrap(
  predictions: readonly SplitPrediction[],
  targets: readonly Int32Array[],
  { resamples, seed }: { resamples: number; seed: number },
): Interval {
  const random = seededRandom(seed);
  const drawn = Float64Array.from({ length: resamples }, () => {
    const weights = targets.map((target) => drawUnits(target, random));
    return meanAccuracy(predictions, targets, weights);
  }).sort();
  return { low: quantileOfSorted(drawn, 0.025), high: quantileOfSorted(drawn, 0.975) };
}

/** How often each unit that has a class is drawn, in as many draws as there are such units. */
function drawUnits(target: Int32Array, random: Random): Int32Array {
  const known = Uint32Array.from(target, (_, unit) => unit).filter((unit) => target[unit] >= 0);
  const weights = new Int32Array(target.length);
  for (let i = 0; i < known.length; i++) weights[known[random.integer(known.length)]]++;
  return weights;
}

/** P(shuffling the classes of each network's units gives an accuracy at least as high). */
function shuffledPValue(
  predictions: readonly SplitPrediction[],
  targets: readonly Int32Array[],
  { draws, seed }: { draws: number; seed: number },
): number {
  const tested = new Set(predictions.flatMap(({ split }) => split.test));
  const shuffle = (random: Random): Int32Array[] =>
    targets.map((target, network) => (tested.has(network) ? shuffleKnown(target, random) : target));
  return permutationPValue(meanAccuracy(predictions, targets), (random) => meanAccuracy(predictions, shuffle(random)), {
    draws,
    seed,
  });
}

function shuffleKnown(target: Int32Array, random: Random): Int32Array {
  const known = random.shuffle(target.filter((cls) => cls >= 0));
  let next = 0;
  return target.map((cls) => (cls < 0 ? cls : known[next++]));
}

function knownCount(target: Int32Array): number {
  return target.filter((cls) => cls >= 0).length;
}

function mostFrequent(targets: readonly Int32Array[]): number {
  const counts = new Map<number, number>();
  for (const target of targets) for (const cls of target) if (cls >= 0) counts.set(cls, (counts.get(cls) ?? 0) + 1);
  let favourite = -1;
  for (const [cls, count] of counts) {
    const most = counts.get(favourite) ?? 0;
    if (count > most || (count === most && cls < favourite)) favourite = cls;
  }
  return favourite;
}
