/** How networks are divided into those that class prediction learns from and those that it is tested on. */

/** One way to divide networks, by their indices. */
export interface NetworkSplit {
  readonly train: readonly number[];
  readonly test: readonly number[];
}

/** Predictions of one attribute, or of the ensemble, on one split. */
export interface SplitPrediction {
  readonly attribute: string;
  readonly split: NetworkSplit;
  /** Penalty that cross-validation inside the training part chose; `NaN` for the ensemble. */
  readonly penalty: number;
  /** Predicted class of every unit of each test network, in the order of `split.test`; −1 for units left out. */
  readonly predicted: readonly Int32Array[];
}

/** All ways to choose `trainCount` of `count` networks, in lexical order. */
export function chooseNetworks(count: number, trainCount: number): NetworkSplit[] {
  const all = Array.from({ length: count }, (_, network) => network);
  const choose = (from: number, left: number): number[][] =>
    left === 0
      ? [[]]
      : all.slice(from).flatMap((network) => choose(network + 1, left - 1).map((rest) => [network, ...rest]));
  return choose(0, trainCount).map((train) => ({ train, test: all.filter((network) => !train.includes(network)) }));
}

/** How a split is named in tables: `0,1,2|3,4`. */
export function splitName({ train, test }: NetworkSplit): string {
  return `${train.join(",")}|${test.join(",")}`;
}
