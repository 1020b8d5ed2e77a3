/**
 * Can a unit's attributes tell the class that it matters most for (table 1)? A logistic regression learns it from the
 * units of some networks and is tested on those of others, for all ways to choose the networks.
 */
import { UnitscopeError } from "../errors.ts";
import {
  bestPenalty,
  defaultPenalties,
  mostProbable,
  scorePenalties,
  takeFeatures,
} from "../stats/cross-validation.ts";
import { type Features, fitLogistic, predictLogistic } from "../stats/logistic-regression.ts";
import { makeTable, type Table } from "../tables/table.ts";
import { chooseNetworks, type NetworkSplit, type SplitPrediction, splitName } from "./network-split.ts";
import { type Judged, judge } from "./prediction-accuracy.ts";
import type { NetworkUnits } from "./unit-vectors.ts";

/** The name of the average of all attributes' predictions. */
export const ensembleName = "ensemble";

/** Table 1. */
export interface ClassPrediction {
  /** A table `predictions`: every attribute on every split, then its mean over splits (`all`). */
  readonly table: Table;
  readonly predictions: readonly SplitPrediction[];
}

/**
 * Predicts the classes of units from their attribute vectors.
 *
 * The penalty comes from stratified cross-validation inside the training part; the ensemble averages the predicted
 * probabilities of all attributes. Intervals: Wilson's on one split; a bootstrap over the units of each network for
 * the mean over splits (which share networks, so that their accuracies are not independent). P-values: classes
 * shuffled among the test units of each network, predictions kept.
 *
 * @param networks all with the same attributes and features.
 * @param options.trainCount networks to train on, 1..networks − 1.
 * @param options.fit does one regression; other threads may do it. What it throws ends the work.
 * @throws {UnitscopeError} `usage` or `shape` if networks and options do not fit, `data` if a training part has no
 *   unit.
 */
export async function predictClasses(
  networks: readonly NetworkUnits[],
  {
    layer,
    classCount,
    trainCount,
    penalties = defaultPenalties,
    foldCount = 5,
    draws = 2_000,
    resamples = 2_000,
    seed = 0,
    progress,
    fit = fitAttribute,
  }: {
    layer: string;
    classCount: number;
    trainCount: number;
    penalties?: readonly number[];
    foldCount?: number;
    draws?: number;
    resamples?: number;
    seed?: number;
    progress?: ((done: number, total: number) => void) | undefined;
    fit?: (...task: Parameters<typeof fitAttribute>) => AttributeFit | Promise<AttributeFit>;
  },
): Promise<ClassPrediction> {
  checkNetworks(networks, trainCount);
  const attributes = Object.keys(networks[0]?.vectors ?? {});
  const settings = { classCount, penalties, foldCount, seed };
  const splits = chooseNetworks(networks.length, trainCount);
  const tasks = splits.flatMap((split) => attributes.map((attribute) => ({ split, attribute })));
  let done = 0;
  const fitted = await Promise.all(
    tasks.map(async (task) => {
      const result = await fit(networks, task, settings);
      progress?.(++done, tasks.length);
      return result;
    }),
  );
  const predictions: SplitPrediction[] = [];
  for (const [splitAt, split] of splits.entries()) {
    const sum = split.test.map((network) => new Float64Array(networks[network].target.length * classCount));
    for (const [at, attribute] of attributes.entries()) {
      const { penalty, probabilities } = fitted[splitAt * attributes.length + at];
      predictions.push({ attribute, split, penalty, predicted: decide(networks, split, probabilities, classCount) });
      probabilities.forEach((values, test) => {
        for (let i = 0; i < values.length; i++) sum[test][i] += values[i];
      });
    }
    if (attributes.length > 1) {
      predictions.push({
        attribute: ensembleName,
        split,
        penalty: Number.NaN,
        predicted: decide(networks, split, sum, classCount),
      });
    }
  }
  const targets = networks.map(({ target }) => target);
  return { table: tabulate(layer, judge(predictions, targets, { draws, resamples, seed }), classCount), predictions };
}

/** One attribute's regression on one split. */
export interface AttributeFit {
  readonly penalty: number;
  /** Class probabilities of the units of each test network, `[unitCount, classCount]`. */
  readonly probabilities: readonly Float64Array[];
}

/** Fits one attribute on the training networks of a split, and applies it to the test networks. */
export function fitAttribute(
  networks: readonly NetworkUnits[],
  { split, attribute }: { split: NetworkSplit; attribute: string },
  {
    classCount,
    penalties,
    foldCount,
    seed,
  }: { classCount: number; penalties: readonly number[]; foldCount: number; seed: number },
): AttributeFit {
  const own = split.train.map((network) => networks[network]);
  const [train, labels] = [knownRows(own, attribute), targetsOf(own)];
  const best = bestPenalty(scorePenalties(train, labels, { classCount, penalties, foldCount, seed }));
  const penalty = Number.isNaN(best) ? Math.max(...penalties) : best; // one unit alone leaves none to hold out
  const model = fitLogistic(train, labels, { classCount, penalty });
  return {
    penalty,
    probabilities: split.test.map((network) => predictLogistic(model, networks[network].vectors[attribute])),
  };
}

function checkNetworks(networks: readonly NetworkUnits[], trainCount: number): void {
  if (!Number.isInteger(trainCount) || trainCount < 1 || trainCount >= networks.length) {
    throw new UnitscopeError(
      "usage",
      `networks to train on: expected 1..${networks.length - 1} of ${networks.length}, got ${trainCount}; give at least two runs`,
    );
  }
  const first = networks[0];
  const shape = ({ vectors }: NetworkUnits): string =>
    Object.entries(vectors)
      .map(([attribute, { featureCount }]) => `${attribute} × ${featureCount}`)
      .join(", ");
  for (const network of networks) {
    if (shape(network) !== shape(first) || shape(network) === "") {
      throw new UnitscopeError(
        "shape",
        `${network.name}: expected the vectors of ${first.name} (${shape(first) || "at least one"}), got ${shape(network) || "none"}`,
      );
    }
    for (const [attribute, { rowCount }] of Object.entries(network.vectors)) {
      if (rowCount !== network.target.length) {
        throw new UnitscopeError(
          "shape",
          `${network.name}: expected ${network.target.length} rows of ${attribute}, one a unit, got ${rowCount}`,
        );
      }
    }
    if (network.target.every((cls) => cls < 0)) {
      throw new UnitscopeError("data", `${network.name}: expected a unit whose removal hurts a class, got none`);
    }
  }
}

function targetsOf(networks: readonly NetworkUnits[]): Int32Array {
  return Int32Array.from(networks.flatMap(({ target }) => Array.from(target).filter((cls) => cls >= 0)));
}

/** Features of the units that have a class, network after network. */
function knownRows(networks: readonly NetworkUnits[], attribute: string): Features {
  const parts = networks.map(({ target, vectors }) => {
    const units = Uint32Array.from(target, (_, unit) => unit).filter((unit) => target[unit] >= 0);
    return takeFeatures(vectors[attribute], units);
  });
  return {
    values: Float64Array.from(parts.flatMap(({ values }) => [...values])),
    rowCount: parts.reduce((sum, { rowCount }) => sum + rowCount, 0),
    featureCount: parts[0]?.featureCount ?? 0,
  };
}

function decide(
  networks: readonly NetworkUnits[],
  split: NetworkSplit,
  probabilities: readonly Float64Array[],
  classCount: number,
): Int32Array[] {
  return split.test.map((network, test) =>
    networks[network].target.map((cls, unit) =>
      cls < 0 ? -1 : mostProbable(probabilities[test].subarray(unit * classCount, (unit + 1) * classCount)),
    ),
  );
}

function tabulate(layer: string, judged: readonly Judged[], classCount: number): Table {
  const column = (value: (row: Judged) => number): Float64Array => Float64Array.from(judged, value);
  return makeTable({
    layer: judged.map(() => layer),
    attribute: judged.map(({ attribute }) => attribute),
    split: judged.map(({ split }) => (split === undefined ? "all" : splitName(split))),
    units: Int32Array.from(judged, ({ units }) => units),
    accuracy: column(({ accuracy }) => accuracy),
    accuracy_low: column(({ interval }) => interval.low),
    accuracy_high: column(({ interval }) => interval.high),
    chance: column(() => 1 / classCount),
    majority: column(({ majority }) => majority),
    p_value: column(({ pValue }) => pValue),
  });
}
