/**
 * Limits of the drops of a sweep under way: its blocks of images as a sampling of every class, and its rounds as one of all
 * classes together.
 */
import type { StratifiedBlocks } from "../passes/image-order.ts";
import {
  areLimitsWithin,
  type DropLimits,
  describeSampling,
  dropLimits,
  type Sampling,
} from "../stats/confidence-sequence.ts";

/** One image that a unit's removal changes: its block and class, and whether it was lost or gained. */
export interface Change {
  readonly block: number;
  readonly cls: number;
  readonly isGain: boolean;
}

/** Limits of one unit's drops. `to`: the blocks before it are measured. */
export interface LimitFinder {
  /** Images of every class in the whole set, `[classCount]`. */
  readonly sizes: Int32Array;
  /** Images of a class in the blocks before `to`. */
  seen(cls: number, to: number): number;
  /** @param changes in the blocks before `to`. @param options.level probability with which they hold, 0.95 by default. */
  ofClass(cls: number, changes: readonly Change[], to: number, options?: { level?: number }): DropLimits;
  /** From the rounds that are whole. */
  overall(changes: readonly Change[], to: number): DropLimits;
  /** Whether the limits of the overall drop and of every class drop are at most `distance` from their estimates. */
  areKnown(changes: readonly Change[], to: number, distance: number): boolean;
}

/** Describes the order of a sweep's images. */
export function findLimits(
  { plan, imagesOf, roundEnds }: StratifiedBlocks,
  { labels, classCount }: { labels: Int32Array; classCount: number },
): LimitFinder {
  const sizes = new Int32Array(classCount);
  for (const cls of labels) sizes[cls]++;
  const draws = plan.blockSizes.map((_, block) => {
    const counts = new Int32Array(classCount);
    for (const image of imagesOf(block)) counts[labels[image]]++;
    return counts;
  });
  const classes = Array.from(sizes.keys()).filter((cls) => sizes[cls] > 0);
  const ofClasses = Array.from(sizes, (size, cls) => classSampling(size, cls, draws));
  const rounds = roundEnds.map((end, round) => {
    const sum = new Int32Array(classCount);
    for (let block = roundEnds[round - 1] ?? 0; block < end; block++) draws[block].forEach((n, cls) => (sum[cls] += n));
    return sum;
  });
  const together = describeSampling(sizes, rounds);
  // Which cell of the sampling the images of a class are in, in every round.
  const cellOf: Int32Array[] = [];
  let cellCount = 0;
  for (const { cells } of together.steps) {
    const place = new Int32Array(classCount);
    for (const { classes: own } of cells) {
      for (const cls of own) place[cls] = cellCount;
      cellCount++;
    }
    cellOf.push(place);
  }
  const cellEnds = cellEndsOf(together);
  const roundOf = Int32Array.from(plan.blockSizes, (_, block) => roundEnds.findIndex((end) => block < end));

  const classPart = (cls: number, changes: readonly Change[], to: number): Part => {
    const { sampling, stepOf } = ofClasses[cls];
    const steps = to === 0 ? 0 : stepOf[to - 1] + 1;
    return countChanges(firstSteps(sampling, steps), steps, changes, (change) =>
      change.cls === cls ? stepOf[change.block] : -1,
    );
  };
  const wholePart = (changes: readonly Change[], to: number): Part => {
    let steps = 0;
    while (steps < roundEnds.length && roundEnds[steps] <= to) steps++;
    return countChanges(
      firstSteps(together, steps),
      steps === 0 ? 0 : cellEnds[steps - 1],
      changes,
      ({ block, cls }) => (roundOf[block] < steps ? cellOf[roundOf[block]][cls] : -1),
    );
  };
  const isNear = ({ sampling, lost, gained }: Part, estimate: number, distance: number): boolean =>
    areLimitsWithin(sampling, { lost, gained }, { low: estimate - distance, high: estimate + distance });
  return {
    sizes,
    seen: (cls, to) => draws.slice(0, to).reduce((sum, counts) => sum + counts[cls], 0),
    ofClass: (cls, changes, to, options) => limitsOf(classPart(cls, changes, to), options),
    overall: (changes, to) => limitsOf(wholePart(changes, to)),
    areKnown: (changes, to, distance) => {
      const nets = new Int32Array(classCount);
      const moved = new Int32Array(classCount);
      for (const { cls, isGain } of changes) {
        nets[cls] += isGain ? -1 : 1;
        moved[cls]++;
      }
      // The class that moves most is known last, and the smaller it is.
      const order = classes.toSorted((a, b) => moved[b] / sizes[b] - moved[a] / sizes[a] || sizes[a] - sizes[b]);
      const areClassesKnown = order.every((cls) => {
        const part = classPart(cls, changes, to);
        return isNear(part, nets[cls] / seenImages(part.sampling), distance);
      });
      const estimate = (): number =>
        classes.reduce((sum, cls) => sum + (sizes[cls] * nets[cls]) / seenImages(classPart(cls, [], to).sampling), 0);
      return areClassesKnown && isNear(wholePart(changes, to), estimate() / labels.length, distance);
    },
  };
}

/** A sampling so far, with what was counted in its cells. */
interface Part {
  readonly sampling: Sampling;
  readonly lost: Int32Array;
  readonly gained: Int32Array;
}

function limitsOf({ sampling, lost, gained }: Part, options?: { level?: number }): DropLimits {
  return dropLimits(sampling, { lost, gained }, options);
}

function countChanges(
  sampling: Sampling,
  cellCount: number,
  changes: readonly Change[],
  cellOf: (change: Change) => number,
): Part {
  const lost = new Int32Array(cellCount);
  const gained = new Int32Array(cellCount);
  for (const change of changes) {
    const cell = cellOf(change);
    if (cell >= 0) (change.isGain ? gained : lost)[cell]++;
  }
  return { sampling, lost, gained };
}

/** One class alone: every block that has images of it is a step. */
function classSampling(
  size: number,
  cls: number,
  draws: readonly Int32Array[],
): { sampling: Sampling; stepOf: Int32Array } {
  const steps: Int32Array[] = [];
  const stepOf = Int32Array.from(draws, (counts) => {
    if (counts[cls] > 0) steps.push(Int32Array.of(counts[cls]));
    return steps.length - 1;
  });
  return { sampling: describeSampling(Int32Array.of(size), steps), stepOf };
}

function firstSteps({ total, steps }: Sampling, count: number): Sampling {
  return { total, steps: steps.slice(0, count) };
}

function seenImages({ steps }: Sampling): number {
  return steps.reduce((sum, { cells }) => sum + cells.reduce((images, cell) => images + cell.images, 0), 0);
}

function cellEndsOf({ steps }: Sampling): number[] {
  let end = 0;
  return steps.map(({ cells }) => (end += cells.length));
}
