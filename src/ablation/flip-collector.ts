/** Takes the logits of (unit, image) pairs and keeps what changed: flips, and sums of the continuous companions. */
import { UnitscopeError } from "../errors.ts";
import type { ImageBlock } from "../passes/image-block.ts";
import { type ChangeCollector, type ClassSums, collectChanges, type Pairs } from "./class-sums.ts";
import type { Flips } from "./flips.ts";
import type { Reference, Removal } from "./plain-route.ts";
import {
  type Companions,
  companionsFor,
  notFinite,
  readCompanions,
  readingsFor,
  readRows,
  scalesOf,
  tiesAmong,
} from "./predictions.ts";

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
   * Takes the logits of pairs, row-major `[pairs, classCount]`, and returns their predictions, valid until the next call.
   * Those too close to call are settled by the reference: then, and only then, it is a promise to wait for.
   * @throws {UnitscopeError} `value` for a logit that is not finite.
   */
  take(pairs: Pairs, logits: Float32Array, removalOf: (unit: number) => Removal): Int32Array | Promise<Int32Array>;
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
  const scales = scalesOf(baseline, { classCount, floor });
  const settled: Settled = { silent: 0, certified: 0, closedForm: 0, suffix: 0, plain: 0 };
  const continuous = isContinuous && !changes ? collectChanges(units, block.labels) : null;
  const sink = isContinuous ? (changes ?? continuous) : null;
  const before = companionsFor(sink ? block.count : 0);
  if (sink) {
    const images = Int32Array.from({ length: block.count }, (_, row) => row);
    const count = block.count;
    readCompanions(baseline, { images, count, classes: block.labels, classCount, head, into: before });
  }
  let readings = readingsFor(0);
  let drops = companionsFor(0);
  const keepFlips = ({ units: own, rows }: Pairs, found: Int32Array): void => {
    for (const at of placesOfFlips(rows, found, predictions)) {
      flips.push({ unit: own[at], row: rows[at], prediction: found[at] });
    }
  };
  const refuse = ({ units: own, rows }: Pairs, logits: Float32Array, at: number, removal: Removal): UnitscopeError => {
    const cause = notFinite(logits, at, classCount);
    return new UnitscopeError(
      "value",
      `tensor "${removal.tap}" without unit ${own[at]}, image ${block.images[rows[at]]}: ${cause.message}; the network may divide by what this unit gives: try option "method" mean, or leave this layer out`,
      { cause },
    );
  };
  return {
    settled,
    take: (pairs, logits, removalOf) => {
      const { units: own, rows } = pairs;
      const count = own.length;
      if (readings.predictions.length < count) {
        readings = readingsFor(count);
        drops = companionsFor(count);
      }
      const bad = readRows(logits, { rows: count, classCount, into: readings });
      if (bad >= 0) throw refuse(pairs, logits, bad, removalOf(own[bad]));
      if (sink) {
        readCompanions(logits, { images: rows, count, classes: block.labels, classCount, head, into: drops });
        takeFrom(before, rows, drops);
        sink.add(pairs, drops);
      }
      const found = readings.predictions;
      const ties = tiesAmong(readings, { images: rows, tolerance, before: scales });
      if (ties.length === 0) {
        keepFlips(pairs, found);
        return found;
      }
      settled.plain += ties.length;
      return (async (): Promise<Int32Array> => {
        for (const at of ties) found[at] = await reference.predict(block, rows[at], removalOf(own[at]));
        keepFlips(pairs, found);
        return found;
      })();
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

/** Turns companions of pairs into what is lost of those of their images. */
function takeFrom(before: Companions, rows: Int32Array, { logProbabilities, margins }: Companions): void {
  for (let pair = 0; pair < rows.length; pair++) {
    const row = rows[pair];
    logProbabilities[pair] = before.logProbabilities[row] - logProbabilities[pair];
    margins[pair] = before.margins[row] - margins[pair];
  }
}

/** Pairs whose prediction is not that of the intact network. */
function placesOfFlips(rows: Int32Array, found: Int32Array, predictions: Int32Array): number[] {
  const places: number[] = [];
  for (let at = 0; at < rows.length; at++) if (found[at] !== predictions[rows[at]]) places.push(at);
  return places;
}
