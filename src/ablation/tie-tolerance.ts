/**
 * How close two logits must be for their order to depend on the route: measured for every network, on a sample of its
 * images and units, as the largest difference between the fast routes' logits and the reference's.
 */
import { throwIfInterrupted } from "../errors.ts";
import type { BlockSource, ImageBlock } from "../passes/image-block.ts";
import { type Model, USUAL_TOLERANCE } from "../runtime/model.ts";
import type { Provider } from "../runtime/session.ts";
import { closedLogits } from "./closed-form.ts";
import { openFastRoute } from "./fast-route.ts";
import { openReference, type Reference, type Removal } from "./plain-route.ts";
import { isTie, readRow } from "./predictions.ts";
import { planSuffix } from "./suffix-plan.ts";
import { switchedTensors } from "./switched-tensors.ts";
import { differenceOf } from "./verify.ts";

/** The sample: images spread over the set, units over a layer, layers over those that are asked for. */
const IMAGES = 4;
const UNITS = 2;
const LAYERS = 6;
/** The sample sees the largest of some hundred differences, a run that of millions. */
const HEADROOM = 16;
/** Where more than this part of the predictions would be too close to call, nothing is gained by fast routes. */
const MOST_TIES = 0.25;

/** What to measure with. */
export interface ToleranceOptions {
  /** What is removed, and by what. */
  readonly layers: readonly { readonly tap: string; readonly replacement: Float32Array }[];
  readonly threads?: number | undefined;
  readonly provider?: Provider | undefined;
  /** Told where every prediction has to be made one image at a time, and why. */
  readonly caution?: ((text: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The model with its tolerance measured, itself where that changes nothing: never below the usual one, and infinite where it would swallow the margins.
 * @throws {UnitscopeError} `interrupted` if the signal fires.
 */
export async function withMeasuredTolerance(
  model: Model,
  source: BlockSource,
  { layers, threads = 1, provider = "cpu", caution, signal }: ToleranceOptions,
): Promise<Model> {
  if (model.tieTolerance === Infinity) return model;
  const planned = spread(layers, LAYERS).map(({ tap, replacement }) => ({ plan: planSuffix(model, tap), replacement }));
  const switched = switchedTensors(
    model,
    planned.map(({ plan }) => plan.tap),
  );
  const block = await source.read(sampleImages(source.imageCount));
  const fast = await openFastRoute(model, planned, { threads, provider, norms: false });
  const reference = openReference(model, switched);
  try {
    const prepared = await fast.prepare(block);
    const { classCount } = model;
    const compared = openComparison(block, signal);
    const rowOf = (logits: Float32Array, row: number): Float32Array =>
      logits.subarray(row * classCount, (row + 1) * classCount);
    const rows = Int32Array.from({ length: block.count }, (_, row) => row);
    for (const row of rows) await compared.take(reference, row, rowOf(prepared.logits, row), null);
    for (const layer of fast.layers) {
      const { plan, replacement } = layer.planned;
      const units = Array.from({ length: plan.units }, (_, unit) => unit);
      const closed = layer.closed && closedLogits(layer.closed, prepared, { units: plan.units, classCount });
      for (const unit of spread(units, UNITS)) {
        const logits = closed
          ? closed(new Int32Array(block.count).fill(unit), rows)
          : await layer.removeUnit(prepared, unit, rows);
        for (const row of rows) {
          await compared.take(reference, row, rowOf(logits, row), { tap: plan.tap, units: [unit], replacement });
        }
      }
    }
    return compared.settle(model, caution);
  } finally {
    await fast.close();
    await reference.close();
  }
}

/** Numbers of the images of the sample, spread over a set. */
export function sampleImages(imageCount: number): Int32Array {
  return Int32Array.from(
    spread(
      Array.from({ length: imageCount }, (_, image) => image),
      IMAGES,
    ),
  );
}

/** Logits by a fast route beside the reference's, until a tolerance is settled. */
export interface Comparison {
  /** Takes the logits of an image of the block, and computes the reference's. */
  take(reference: Reference, row: number, logits: Float32Array, removal: Removal | null): Promise<void>;
  settle(model: Model, caution: ToleranceOptions["caution"]): Model;
}

/** Begins to compare on the images of a block. */
export function openComparison(block: ImageBlock, signal: AbortSignal | undefined): Comparison {
  const pairs: { own: Float32Array; expected: Float32Array }[] = [];
  return {
    take: async (reference, row, logits, removal) => {
      throwIfInterrupted(signal, "tolerance");
      const expected = await reference.logits(block, row, removal);
      pairs.push({ own: logits.slice(), expected: expected.slice() });
      await new Promise((resolve) => setTimeout(resolve)); // progress and Ctrl-C have their turn
    },
    settle: (given, caution) => {
      const expected = pairs.map((pair) => pair.expected);
      const model = given.logitFloor === 0 ? given : { ...given, logitFloor: usualSize(expected) };
      const largest = pairs.reduce(
        (most, pair) => Math.max(most, differenceOf(pair.own, pair.expected, model.logitFloor)),
        0,
      );
      // The sweep itself names the image whose logits are no numbers.
      if (!Number.isFinite(largest)) return model;
      const tieTolerance = Math.max(USUAL_TOLERANCE, roundedUp(HEADROOM * largest));
      const ties = tieTolerance === USUAL_TOLERANCE ? 0 : tiesAmong(expected, tieTolerance, model.logitFloor);
      if (ties <= MOST_TIES * expected.length) {
        return tieTolerance === model.tieTolerance ? model : { ...model, tieTolerance };
      }
      caution?.(
        `the routes' logits differ by ${largest.toPrecision(1)} of the largest, and ${Math.round((100 * ties) / expected.length)} % of the predictions on a sample are closer than is safe: every prediction is made one image at a time`,
      );
      return { ...model, tieTolerance: Infinity };
    },
  };
}

/** Up to the next of 1, 2, 5, 10 …, so that machines that round a little differently agree. */
function roundedUp(value: number): number {
  if (value === 0) return 0;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5].find((digit) => value <= digit * power) ?? 10) * power;
}

/** The largest of single logits. */
function usualSize(rows: readonly Float32Array[]): number {
  return roundedUp(rows.reduce((most, logits) => Math.max(most, ...logits.map(Math.abs)), 0));
}

function tiesAmong(rows: readonly Float32Array[], tolerance: number, floor: number): number {
  const into = { prediction: 0, margin: 0, scale: 0 };
  return rows.filter((logits) => isTie(readRow(logits, 0, { classCount: logits.length, into }), tolerance, floor))
    .length;
}

/** At most `count` of some values, evenly spread, the first among them. */
function spread<T>(values: readonly T[], count: number): T[] {
  const taken = Math.min(count, values.length);
  return Array.from({ length: taken }, (_, at) => values[Math.floor((at * values.length) / taken)]);
}
