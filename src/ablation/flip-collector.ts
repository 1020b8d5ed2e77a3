/** Takes the logits of (unit, image) pairs and keeps what changed: flips, and sums of the continuous companions. */
import { messageOf, UnitscopeError } from "../errors.ts";
import type { ImageBlock } from "../passes/image-block.ts";
import { type ChangeCollector, type ClassSums, collectChanges } from "./class-sums.ts";
import type { Flips } from "./flips.ts";
import type { Reference, Removal } from "./plain-route.ts";
import { companions, isTie, type Reading, readRow, scalesOf } from "./predictions.ts";

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
  /** With continuous companions, what they change by over the block's images. */
  readonly continuous: ClassSums | null;
}

/** Collects one layer of one block. */
export interface FlipCollector {
  readonly settled: Settled;
  /**
   * Takes row `at` of `logits` for the pair (unit, image `row` of the block), and returns its prediction. One that is too
   * close to call is settled by the reference: then, and only then, it is a promise to wait for.
   */
  take(unit: number, row: number, logits: Float32Array, at: number, removal: Removal): number | Promise<number>;
  /** What was found for image `row` without the unit that was taken last, where units are taken one after the other. */
  found(unit: number, row: number): number;
  finish(): LayerBlock;
}

/**
 * Starts collecting.
 * @param options.changes takes the companions' changes instead of `LayerBlock.continuous`.
 * @param options.predictions baseline predictions of the block.
 * @param options.logits baseline logits of the block, `[count, classCount]`.
 * @param options.tolerance of near-ties; 0 where the logits are the reference's own.
 * @param options.floor the model's `logitFloor`.
 */
export function collectFlips(
  block: ImageBlock,
  {
    units,
    classCount,
    head,
    predictions,
    logits: baseline,
    reference,
    tolerance,
    floor,
    isContinuous,
    changes,
  }: {
    units: number;
    classCount: number;
    head: "softmax" | "sigmoid";
    predictions: Int32Array;
    logits: Float32Array;
    reference: Reference;
    tolerance: number;
    floor: number;
    isContinuous: boolean;
    changes?: Pick<ChangeCollector, "add"> | undefined;
  },
): FlipCollector {
  const flips: { unit: number; row: number; prediction: number }[] = [];
  const reading: Reading = { prediction: 0, margin: 0, scale: 0 };
  const scales = scalesOf(baseline, { classCount, floor });
  const settled: Settled = { silent: 0, certified: 0, closedForm: 0, suffix: 0, plain: 0 };
  const continuous = isContinuous && !changes ? collectChanges(units, block.labels) : null;
  const sink = isContinuous ? (changes ?? continuous) : null;
  const before = isContinuous
    ? Array.from(block.labels, (cls, row) => companions(baseline, row, { classCount, cls, head }))
    : [];
  const keep = (unit: number, row: number, prediction: number): number => {
    if (prediction !== predictions[row]) flips.push({ unit, row, prediction });
    return prediction;
  };
  const addCompanions = (unit: number, row: number, logits: Float32Array, at: number): void => {
    const after = companions(logits, at, { classCount, cls: block.labels[row], head });
    const { logProbability, margin } = before[row];
    sink?.add(unit, row, [logProbability - after.logProbability, margin - after.margin]);
  };
  return {
    settled,
    take: (unit, row, logits, at, removal) => {
      try {
        readRow(logits, at, { classCount, into: reading });
      } catch (cause) {
        throw new UnitscopeError(
          "value",
          `tensor "${removal?.tap ?? ""}" without unit ${unit}, image ${block.images[row]}: ${messageOf(cause)}; the network may divide by what this unit gives: try option "method" mean, or leave this layer out`,
          { cause },
        );
      }
      if (sink) addCompanions(unit, row, logits, at);
      if (!isTie(reading, tolerance, scales[row])) {
        return keep(unit, row, reading.prediction);
      }
      settled.plain++;
      return reference.predict(block, row, removal).then((prediction) => keep(unit, row, prediction));
    },
    found: (unit, row) => {
      for (let at = flips.length - 1; at >= 0 && flips[at].unit === unit; at--) {
        if (flips[at].row === row) return flips[at].prediction;
      }
      return predictions[row];
    },
    finish: () => {
      flips.sort((a, b) => a.unit - b.unit || a.row - b.row);
      return {
        unit: Int32Array.from(flips, ({ unit }) => unit),
        image: Int32Array.from(flips, ({ row }) => block.images[row]),
        prediction: Int32Array.from(flips, ({ prediction }) => prediction),
        settled,
        continuous: continuous && continuous.finish(),
      };
    },
  };
}
