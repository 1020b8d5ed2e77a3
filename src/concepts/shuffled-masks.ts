/**
 * Shuffled masks: the images stand in a random order, and for shift s each image's responses meet the labels of the image
 * that stands s places before it (in a circle). So the shifts are random permutations that give no image its own labels.
 * All units meet the first 49; after that only those that fewer than ten shuffles have reached.
 */
import type { JsonRecord } from "../passes/plan.ts";
import type { PassResult } from "../passes/run-pass.ts";
import type { SequentialTests } from "../stats/sequential-test.ts";
import type { BestConcepts } from "./best-concepts.ts";
import { type ConceptSetup, mergeOverlaps, overlapWork } from "./concept-pass.ts";
import { digestOf, type Lags, type Walker } from "./concept-walk.ts";
import { type OverlapCounts, type SparseCounts, sumCounts } from "./overlap-counts.ts";

/** Shuffles that all units are compared with. */
export const FIRST_SHUFFLES = 49;

/** What the counts of one further round may take in a worker. */
const ROUND_BYTES = 32e6;

/** Overlaps with the labels at some lags, of all units (then of random ones, as a second part), or of the given units. */
export type OverlapsOf = (lags: Lags, units?: Int32Array) => Promise<PassResult<null, readonly SparseCounts[]>>;

/** Counts overlaps where responses exceed their thresholds. @param options.order the images as shuffles shift them. */
export function overlapWalks(
  walk: Walker,
  {
    setup,
    key,
    order,
    thresholds,
    randomThresholds,
  }: {
    setup: ConceptSetup;
    key: JsonRecord;
    order: Int32Array;
    thresholds: Float64Array;
    randomThresholds: Float64Array | undefined;
  },
): OverlapsOf {
  return (lags, units) => {
    const some = units
      ? { units, directions: undefined, thresholds: Float64Array.from(units, (unit) => thresholds[unit]) }
      : { thresholds, randomThresholds };
    return walk(units ? "shuffles" : "overlaps", {
      order: units?.length === 0 ? new Int32Array(0) : order,
      lags,
      key: { ...key, lags: { ...lags }, units: units ? digestOf(units) : "all" },
      hasRandom: randomThresholds !== undefined && !units,
      work: overlapWork,
      setup: { ...setup, shuffles: lags.to - lags.from, ...some },
      merge: mergeOverlaps,
    });
  };
}

/** The counts of one part, one for every lag. */
export function denseOf(result: PassResult<null, readonly SparseCounts[]>, at: number): OverlapCounts[] {
  return result.layer(at).map((part) => sumCounts([part]));
}

/** Further shuffles, up to the `to`-th, of the units that were open. */
interface Round {
  readonly open: Int32Array;
  readonly to: number;
  readonly result: PassResult<null, readonly SparseCounts[]>;
}

/** Draws further shuffles, after the `first`, until every test has ended or `most` are drawn. */
export async function shuffleOn(
  tests: SequentialTests,
  overlapsOf: OverlapsOf,
  {
    first,
    most,
    observed,
    best,
    conceptCount,
    isShared,
  }: {
    first: number;
    most: number;
    /** Best IoU of every unit with its own labels. */
    observed: Float64Array;
    best: (counts: OverlapCounts) => BestConcepts;
    conceptCount: number;
    /** Whether others compute too: every round then waits for all of them. */
    isShared: boolean;
  },
): Promise<void> {
  const roundOf = async (done: number): Promise<Round> => {
    const open = done < most ? tests.open() : new Int32Array(0);
    const bytes = 8 * open.length * (conceptCount + 1);
    const size = Math.max(1, Math.min(most - done, Math.floor(ROUND_BYTES / bytes)));
    return { open, to: done + size, result: await overlapsOf({ from: done + 1, to: done + size }, open) };
  };
  const take = ({ open, result }: Round): void => {
    if (open.length === 0 || tests.open().length === 0) return;
    const place = new Map(Array.from(open, (unit, at) => [unit, at]));
    for (const each of denseOf(result, 0).map(best)) {
      tests.draw((unit) => each.iou[place.get(unit) ?? 0] >= observed[unit]);
    }
  };
  if (isShared) {
    // All rounds at once, for all units that are open.
    const rounds = [await roundOf(first)];
    for (let last = rounds[0]; last.open.length > 0 && last.to < most; rounds.push(last)) last = await roundOf(last.to);
    for (const round of rounds) take(round);
    return;
  }
  for (let done = first; done < most && tests.open().length > 0; ) {
    const round = await roundOf(done);
    take(round);
    done = round.to;
  }
}
