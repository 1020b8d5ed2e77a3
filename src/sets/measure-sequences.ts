/**
 * What sequences of removed units do to images: how many of every class are right after each step, and how many images of
 * any class are called it. Counts of disjoint blocks of images add up.
 */
import { isTie, type Reading, readRow, scalesOf } from "../ablation/predictions.ts";
import { openRunningSet, type RunningSet } from "../ablation/running-set.ts";
import type { ImageBlock } from "../passes/image-block.ts";
import { type SetContext, type Verification, verifySet } from "./set-context.ts";

/** Units that are removed one after another. */
export interface Sequence {
  /** Removed together before the first step; all but the kept ones for keep-only sequences. */
  readonly initial: readonly number[];
  readonly units: readonly number[];
  /** Class whose images are counted by what they are taken for; none by default. */
  readonly of?: number;
}

/** What a block of images shows. */
export interface Measured {
  /** Per sequence: images right, int32, row-major `[units.length + 1, classCount]`. */
  readonly right: readonly Int32Array[];
  /** Per sequence: images of any class whose prediction is the class, of the same shape. */
  readonly called: readonly Int32Array[];
  /** Per sequence: images of the class `of` by their prediction, of the same shape; empty for sequences of no class. */
  readonly taken: readonly Int32Array[];
  /** Images of each class, and those right with nothing removed, `[classCount]`. */
  readonly images: Int32Array;
  readonly baseline: Int32Array;
  readonly verified: number;
}

/** Measures every sequence on the images, by difference. */
export async function measureSequences(
  context: SetContext,
  from: ImageBlock,
  sequences: readonly Sequence[],
  report?: (done: number) => void,
): Promise<Measured> {
  const { layer, route, model, reference } = context;
  const { classCount, tieTolerance: tolerance, logitFloor: floor } = model;
  const { labels } = from;
  const prepared = await route.prepare(from);
  const verification: Verification = { verified: 0 };
  const everyRow = Int32Array.from({ length: from.count }, (_, row) => row);
  const reading: Reading = { prediction: 0, margin: 0, scale: 0 };
  const judge = async (
    logits: Float32Array,
    rows: Int32Array,
    predictions: Int32Array,
    { removed: units, scales }: Pick<RunningSet, "removed" | "scales">,
  ): Promise<void> => {
    for (const row of rows) {
      readRow(logits, row, { classCount, into: reading });
      if (isTie(reading, tolerance, scales[row])) {
        const removal = units.length > 0 ? context.removal(units) : null;
        predictions[row] = await reference.predict(from, row, removal);
      } else predictions[row] = reading.prediction;
    }
  };
  const intact = new Int32Array(from.count);
  await judge(prepared.logits, everyRow, intact, {
    removed: [],
    scales: scalesOf(prepared.logits, { classCount, floor }),
  });
  const counted: Counts[] = [];
  for (const [at, { initial, units, of }] of sequences.entries()) {
    report?.(at / sequences.length);
    const running = openRunningSet(layer, prepared, floor);
    const predictions = intact.slice();
    const counts = countsOf(units.length + 1, classCount, of);
    const remove = async (some: readonly number[]): Promise<void> => {
      const changed = await running.remove(some);
      await judge(running.block.logits, changed, predictions, running);
      const right = predictions.map((prediction, row) => Number(prediction === labels[row]));
      await verifySet(context, from, { units: running.removed, rows: everyRow, right }, verification);
    };
    if (initial.length > 0) await remove(initial);
    for (let step = 0; step <= units.length; step++) {
      if (step > 0) await remove([units[step - 1]]);
      countInto(counts, step, labels, predictions);
    }
    counted.push(counts);
  }
  return { ...byKind(counted), ...classCounts(labels, intact, classCount), ...verification };
}

/** The same the plain way: the whole network for every set. */
export async function plainMeasure(
  context: SetContext,
  from: ImageBlock,
  sequences: readonly Sequence[],
  report?: (done: number) => void,
): Promise<Measured> {
  const { classCount } = context.model;
  const { labels } = from;
  const route = await context.plain();
  const everyRow = Int32Array.from({ length: from.count }, (_, row) => row);
  const predict = (units: readonly number[]): Promise<ArrayLike<number>> =>
    route.predict(from, everyRow, context.removal(units));
  const counted: Counts[] = [];
  for (const [at, { initial, units, of }] of sequences.entries()) {
    report?.(at / sequences.length);
    const counts = countsOf(units.length + 1, classCount, of);
    for (let step = 0; step <= units.length; step++) {
      countInto(counts, step, labels, await predict([...initial, ...units.slice(0, step)]));
    }
    counted.push(counts);
  }
  return { ...byKind(counted), ...classCounts(labels, await predict([]), classCount), verified: 0 };
}

/** Joins what disjoint blocks of images show. */
export function mergeMeasured(blocks: readonly Measured[]): Measured {
  const add = (arrays: readonly Int32Array[]): Int32Array => {
    const total = new Int32Array(arrays[0]?.length ?? 0);
    for (const array of arrays) {
      array.forEach((value, i) => {
        total[i] += value;
      });
    }
    return total;
  };
  return {
    right: (blocks[0]?.right ?? []).map((_, i) => add(blocks.map((block) => block.right[i]))),
    called: (blocks[0]?.called ?? []).map((_, i) => add(blocks.map((block) => block.called[i]))),
    taken: (blocks[0]?.taken ?? []).map((_, i) => add(blocks.map((block) => block.taken[i]))),
    images: add(blocks.map((block) => block.images)),
    baseline: add(blocks.map((block) => block.baseline)),
    verified: blocks.reduce((sum, block) => sum + block.verified, 0),
  };
}

/** Of one sequence, int32 `[steps, classCount]` each. */
interface Counts {
  readonly right: Int32Array;
  readonly called: Int32Array;
  readonly taken: Int32Array;
  readonly of: number | undefined;
  readonly classCount: number;
}

function countsOf(steps: number, classCount: number, of: number | undefined): Counts {
  const zeros = (): Int32Array => new Int32Array(steps * classCount);
  return { right: zeros(), called: zeros(), taken: of === undefined ? new Int32Array(0) : zeros(), of, classCount };
}

function byKind(counted: readonly Counts[]): Pick<Measured, "right" | "called" | "taken"> {
  return {
    right: counted.map(({ right }) => right),
    called: counted.map(({ called }) => called),
    taken: counted.map(({ taken }) => taken),
  };
}

function countInto(counts: Counts, step: number, labels: Int32Array, predictions: ArrayLike<number>): void {
  const start = step * counts.classCount;
  for (let row = 0; row < labels.length; row++) {
    counts.called[start + predictions[row]]++;
    if (labels[row] === counts.of) counts.taken[start + predictions[row]]++;
    if (predictions[row] === labels[row]) counts.right[start + labels[row]]++;
  }
}

function classCounts(
  labels: Int32Array,
  intact: ArrayLike<number>,
  classCount: number,
): { images: Int32Array; baseline: Int32Array } {
  const images = new Int32Array(classCount);
  const baseline = new Int32Array(classCount);
  labels.forEach((label, row) => {
    images[label]++;
    if (intact[row] === label) baseline[label]++;
  });
  return { images, baseline };
}
