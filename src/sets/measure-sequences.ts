/**
 * What sequences of removed units do to images: how many of every class are right after each step. Counts of disjoint
 * blocks of images add up.
 */
import { openRunningSet } from "../ablation/running-set.ts";
import type { ImageBlock } from "../passes/image-block.ts";
import { readLabel } from "./label-reading.ts";
import { type SetContext, type SetMismatch, type Verification, verifySet } from "./set-context.ts";

/** Units that are removed one after another. */
export interface Sequence {
  /** Removed together before the first step; all but the kept ones for keep-only sequences. */
  readonly initial: readonly number[];
  readonly units: readonly number[];
}

/** What a block of images shows. */
export interface Measured {
  /** Per sequence: images right, int32, row-major `[units.length + 1, classCount]`. */
  readonly right: readonly Int32Array[];
  /** Images of each class, and those right with nothing removed, `[classCount]`. */
  readonly images: Int32Array;
  readonly baseline: Int32Array;
  readonly verified: number;
  readonly mismatches: readonly SetMismatch[];
}

/** Measures every sequence on the images, by difference. */
export async function measureSequences(
  context: SetContext,
  from: ImageBlock,
  sequences: readonly Sequence[],
  report?: (done: number) => void,
): Promise<Measured> {
  const { layer, route, model, reference } = context;
  const { classCount } = model;
  const { labels } = from;
  const prepared = await route.prepare(from);
  const verification: Verification = { verified: 0, mismatches: [] };
  const everyRow = Int32Array.from({ length: from.count }, (_, row) => row);
  const judge = async (
    logits: Float32Array,
    rows: Int32Array,
    verdicts: Uint8Array,
    units: readonly number[],
  ): Promise<void> => {
    for (const row of rows) {
      const label = labels[row];
      const verdict = readLabel(logits, row, label, classCount);
      if (verdict >= 0) verdicts[row] = verdict;
      else {
        const removal = units.length > 0 ? context.removal(units) : null;
        verdicts[row] = Number((await reference.predict(from, row, removal)) === label);
      }
    }
  };
  const intact = new Uint8Array(from.count);
  await judge(prepared.logits, everyRow, intact, []);
  const right: Int32Array[] = [];
  for (const [at, { initial, units }] of sequences.entries()) {
    report?.(at / sequences.length);
    const running = openRunningSet(layer, prepared);
    const verdicts = intact.slice();
    const counts = new Int32Array((units.length + 1) * classCount);
    const remove = async (some: readonly number[]): Promise<void> => {
      const changed = await running.remove(some);
      await judge(running.block.logits, changed, verdicts, running.removed);
      await verifySet(context, from, { units: running.removed, rows: everyRow, right: verdicts }, verification);
    };
    if (initial.length > 0) await remove(initial);
    for (let step = 0; step <= units.length; step++) {
      if (step > 0) await remove([units[step - 1]]);
      countRight(labels, verdicts, counts.subarray(step * classCount, (step + 1) * classCount));
    }
    right.push(counts);
  }
  return { right, ...classCounts(labels, intact, classCount), ...verification };
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
  const judge = async (units: readonly number[]): Promise<Uint8Array> => {
    const predictions = await route.predict(from, everyRow, context.removal(units));
    return Uint8Array.from(predictions, (prediction, row) => Number(prediction === labels[row]));
  };
  const right: Int32Array[] = [];
  for (const [at, { initial, units }] of sequences.entries()) {
    report?.(at / sequences.length);
    const counts = new Int32Array((units.length + 1) * classCount);
    for (let step = 0; step <= units.length; step++) {
      const verdicts = await judge([...initial, ...units.slice(0, step)]);
      countRight(labels, verdicts, counts.subarray(step * classCount, (step + 1) * classCount));
    }
    right.push(counts);
  }
  return { right, ...classCounts(labels, await judge([]), classCount), verified: 0, mismatches: [] };
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
    images: add(blocks.map((block) => block.images)),
    baseline: add(blocks.map((block) => block.baseline)),
    verified: blocks.reduce((sum, block) => sum + block.verified, 0),
    mismatches: blocks.flatMap((block) => block.mismatches).sort((a, b) => a.image - b.image),
  };
}

function countRight(labels: Int32Array, verdicts: Uint8Array, into: Int32Array): void {
  for (let row = 0; row < labels.length; row++) into[labels[row]] += verdicts[row];
}

function classCounts(
  labels: Int32Array,
  intact: Uint8Array,
  classCount: number,
): { images: Int32Array; baseline: Int32Array } {
  const images = new Int32Array(classCount);
  const baseline = new Int32Array(classCount);
  for (const label of labels) images[label]++;
  countRight(labels, intact, baseline);
  return { images, baseline };
}
