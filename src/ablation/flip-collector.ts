/** Takes the logits of (unit, image) pairs and keeps what changed: flips, and sums of the continuous companions. */
import type { ImageBlock } from "../passes/image-block.ts";
import type { Flips } from "./flips.ts";
import type { Reference, Removal } from "./plain-route.ts";
import { companions, isTie, type Reading, readRow } from "./predictions.ts";

/** How many (unit, image) pairs each route settled. */
export interface Settled {
  silent: number;
  certified: number;
  closedForm: number;
  /** Computed by difference through the suffix. */
  suffix: number;
  /** Computed by the plain route: all of them with `--engine plain`, else predictions too close to call. */
  plain: number;
}

/** One layer's part of a swept block: flips sorted by unit, then image; images are numbered in the whole set. */
export interface LayerBlock extends Flips {
  readonly settled: Settled;
  /**
   * With continuous companions: per (unit, class) sums over the block's images of log-probability drop, its square,
   * margin drop, its square; float64 `[units, classCount, 4]`.
   */
  readonly continuous: Float64Array | null;
}

/** Collects one layer of one block. */
export interface FlipCollector {
  readonly settled: Settled;
  /**
   * Takes row `at` of `logits` for the pair (unit, image `row` of the block). A prediction that is too close to call is
   * settled by the reference: then, and only then, there is a promise to wait for.
   */
  take(unit: number, row: number, logits: Float32Array, at: number, removal: Removal): Promise<void> | undefined;
  finish(): LayerBlock;
}

/**
 * Starts collecting.
 * @param options.predictions baseline predictions of the block.
 * @param options.logits baseline logits of the block, `[count, classCount]`.
 */
export function collectFlips(
  block: ImageBlock,
  {
    units,
    classCount,
    predictions,
    logits: baseline,
    reference,
    isContinuous,
  }: {
    units: number;
    classCount: number;
    predictions: Int32Array;
    logits: Float32Array;
    reference: Reference;
    isContinuous: boolean;
  },
): FlipCollector {
  const flips: { unit: number; row: number; prediction: number }[] = [];
  const reading: Reading = { prediction: 0, margin: 0, scale: 0 };
  const settled: Settled = { silent: 0, certified: 0, closedForm: 0, suffix: 0, plain: 0 };
  const continuous = isContinuous ? new Float64Array(units * classCount * 4) : null;
  const before = isContinuous
    ? Array.from(block.labels, (cls, row) => companions(baseline, row, { classCount, cls }))
    : [];
  const keep = (unit: number, row: number, prediction: number): void => {
    if (prediction !== predictions[row]) flips.push({ unit, row, prediction });
  };
  const addCompanions = (sums: Float64Array, unit: number, row: number, logits: Float32Array, at: number): void => {
    const cls = block.labels[row];
    const after = companions(logits, at, { classCount, cls });
    const logProbabilityDrop = before[row]?.logProbability - after.logProbability;
    const marginDrop = before[row]?.margin - after.margin;
    const start = (unit * classCount + cls) * 4;
    sums[start] += logProbabilityDrop;
    sums[start + 1] += logProbabilityDrop * logProbabilityDrop;
    sums[start + 2] += marginDrop;
    sums[start + 3] += marginDrop * marginDrop;
  };
  return {
    settled,
    take: (unit, row, logits, at, removal) => {
      readRow(logits, at, { classCount, into: reading });
      if (continuous) addCompanions(continuous, unit, row, logits, at);
      if (!isTie(reading)) {
        keep(unit, row, reading.prediction);
        return undefined;
      }
      settled.plain++;
      return reference.predict(block, row, removal).then((prediction) => keep(unit, row, prediction));
    },
    finish: () => {
      flips.sort((a, b) => a.unit - b.unit || a.row - b.row);
      return {
        unit: Int32Array.from(flips, ({ unit }) => unit),
        image: Int32Array.from(flips, ({ row }) => block.images[row]),
        prediction: Int32Array.from(flips, ({ prediction }) => prediction),
        settled,
        continuous,
      };
    },
  };
}
