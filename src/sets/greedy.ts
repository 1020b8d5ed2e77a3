/**
 * Stepwise greedy sequences of one class: at each step the unit whose removal, on top of those already removed, leaves
 * the fewest images of the class right. The plain way is the definition; `fast-greedy.ts` finds the same sequence.
 */
import { UnitscopeError } from "../errors.ts";
import type { ImageBlock } from "../passes/image-block.ts";
import type { SetContext } from "./set-context.ts";

/** How the (candidate set, image) pairs were settled; `abandoned` ones belong to candidates that could not win any more. */
export interface GreedyWork {
  computed: number;
  silent: number;
  certified: number;
  abandoned: number;
  /** Too close to call: settled by the reference. */
  reference: number;
}

/** One class's sequence. */
export interface GreedySequence {
  readonly cls: number;
  /** Images of the class that chose. */
  readonly images: number;
  /** The units in the order of their removal, `[size]`. */
  readonly units: Int32Array;
  /** Images right after 0, 1, … removals, `[size + 1]`. */
  readonly right: Int32Array;
  /** Images right with each unit removed alone, `[unitCount]`. */
  readonly singleRight: Int32Array;
  readonly work: GreedyWork;
  readonly verified: number;
}

/**
 * Whether removing `unit`, with `right` images left right, is a better step than the best one so far. Ties: the larger
 * drop when removed alone, then the lower number.
 */
export function isBetterStep(
  { unit, right }: { unit: number; right: number },
  best: { unit: number; right: number } | undefined,
  singleRight: ArrayLike<number>,
): boolean {
  if (!best || right !== best.right) return !best || right < best.right;
  const [own, other] = [singleRight[unit], singleRight[best.unit]];
  return own !== other ? own < other : unit < best.unit;
}

/** @throws {UnitscopeError} `usage` for more steps than units, or none. */
export function checkSize(size: number, units: number): void {
  if (Number.isInteger(size) && size >= 0 && size <= units) return;
  throw new UnitscopeError("usage", `option "size": expected a whole number of units from 1 to ${units}, got ${size}`);
}

/**
 * The plain way: every image of the class through the whole network, for every candidate of every step.
 * @param from images of one class, at least one.
 */
export async function plainGreedy(
  context: SetContext,
  from: ImageBlock,
  size: number,
  report?: (done: number) => void,
): Promise<GreedySequence> {
  const cls = from.labels[0];
  const { units: unitCount } = context.planned.plan;
  checkSize(size, unitCount);
  const route = await context.plain();
  const rows = Int32Array.from({ length: from.count }, (_, row) => row);
  const work: GreedyWork = { computed: 0, silent: 0, certified: 0, abandoned: 0, reference: 0 };
  const rightWithout = async (units: readonly number[]): Promise<number> => {
    work.computed += rows.length;
    const predictions = await route.predict(from, rows, context.removal(units));
    return predictions.reduce((count, prediction) => count + Number(prediction === cls), 0);
  };
  const singleRight = new Int32Array(unitCount);
  for (let unit = 0; unit < unitCount; unit++) singleRight[unit] = await rightWithout([unit]);
  const removed: number[] = [];
  const right = [await rightWithout([])];
  while (removed.length < size) {
    report?.(removed.length / size);
    let best: { unit: number; right: number } | undefined;
    for (let unit = 0; unit < unitCount; unit++) {
      if (removed.includes(unit)) continue;
      const candidate = {
        unit,
        right: removed.length === 0 ? singleRight[unit] : await rightWithout([...removed, unit]),
      };
      if (isBetterStep(candidate, best, singleRight)) best = candidate;
    }
    if (!best) break;
    removed.push(best.unit);
    right.push(best.right);
  }
  return {
    cls,
    images: from.count,
    units: Int32Array.from(removed),
    right: Int32Array.from(right),
    singleRight,
    work,
    verified: 0,
  };
}
