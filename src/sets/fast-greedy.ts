/**
 * The same greedy sequences as the plain way, by what changes only.
 *
 * Candidates are computed by difference on top of the running set. Pairs in which the candidate is silent, or provably
 * moves the logits too little, keep their verdict. Images are taken in the order of their room, right ones first, and a
 * candidate is abandoned once the images that are certain to stay right are more than the best candidate leaves right:
 * images that were not looked at can only add to them, so it cannot win.
 */
import { closedLogits } from "../ablation/closed-form.ts";
import type { PreparedBlock } from "../ablation/prepared-block.ts";
import { openRunningSet, type RunningSet } from "../ablation/running-set.ts";
import type { ImageBlock } from "../passes/image-block.ts";
import { checkSize, type GreedySequence, type GreedyWork, isBetterStep } from "./greedy.ts";
import { labelDistances, labelRoom, NORM_SLACK, readLabel } from "./label-reading.ts";
import { type SetContext, type Verification, verifySet } from "./set-context.ts";

/** Fewest images of one run, below which a run costs the same. */
const SMALLEST_RUN = 16;

/** A candidate that was looked at: how many images are right without it, and which. */
interface Candidate {
  readonly unit: number;
  readonly right: number;
  readonly verdicts: Uint8Array;
}

/** One class on its way. */
interface Search {
  readonly context: SetContext;
  readonly from: ImageBlock;
  readonly cls: number;
  readonly running: RunningSet;
  /** How far removing a unit can move an image's last hidden vector; 0 where it is silent. Float64 `[units, count]`. */
  readonly reach: Float64Array;
  readonly work: GreedyWork;
  readonly verification: Verification;
  /** Whether each image is right with the running set removed, and how far it may move until that changes. */
  right: Uint8Array;
  room: Float64Array;
  /** Images, right ones first, by falling room. */
  order: Int32Array;
}

/**
 * Finds the greedy sequence of a class.
 * @param from images of one class, at least one.
 * @param size units to remove; 0 only evaluates every unit alone.
 * @param report called with the fraction that is done.
 */
export async function fastGreedy(
  context: SetContext,
  from: ImageBlock,
  size: number,
  report?: (done: number) => void,
): Promise<GreedySequence> {
  const { units: unitCount } = context.planned.plan;
  const cls = from.labels[0];
  checkSize(size, unitCount);
  const prepared = await context.route.prepare(from);
  const search: Search = {
    context,
    from,
    cls,
    running: openRunningSet(context.layer, prepared, context.model.logitFloor),
    reach: reachOf(context, prepared),
    work: { computed: 0, silent: 0, certified: 0, abandoned: 0, reference: 0 },
    verification: { verified: 0 },
    right: new Uint8Array(from.count),
    room: new Float64Array(from.count),
    order: Int32Array.from({ length: from.count }, (_, row) => row),
  };
  for (let row = 0; row < from.count; row++) search.right[row] = await decide(search, prepared.logits, row, row, []);
  const distances = context.bound && labelDistances(context.bound, cls);
  const singleRight = new Int32Array(unitCount);
  const lastDrop = new Float64Array(unitCount);
  const rightAfter = [count(search.right)];
  for (let step = 0; step < Math.max(size, 1); step++) {
    lookAtRoom(search, distances);
    const candidates = Array.from(lastDrop.keys()).filter((unit) => !search.running.removed.includes(unit));
    // The likely winner first: whoever comes after it is abandoned early.
    candidates.sort((a, b) => lastDrop[b] - lastDrop[a] || a - b);
    let best: Candidate | undefined;
    for (const [at, unit] of candidates.entries()) {
      report?.((step + at / candidates.length) / Math.max(size, 1));
      // The first step is counted out for every unit: its drops break the ties of all later ones.
      const rival = step === 0 ? undefined : best;
      const isBeaten = (right: number): boolean =>
        rival !== undefined && !isBetterStep({ unit, right }, rival, singleRight);
      const candidate = await evaluate(search, unit, rival?.right, isBeaten);
      if (!candidate) continue;
      if (step === 0) singleRight[unit] = candidate.right;
      lastDrop[unit] = rightAfter[step] - candidate.right;
      if (isBetterStep(candidate, best, singleRight)) best = candidate;
    }
    if (!best || size === 0) break;
    await search.running.remove([best.unit]);
    search.right = best.verdicts;
    rightAfter.push(best.right);
  }
  return {
    cls,
    images: from.count,
    units: Int32Array.from(search.running.removed),
    right: Int32Array.from(rightAfter),
    singleRight,
    work: search.work,
    ...search.verification,
  };
}

/** Looks at a candidate; `undefined` as soon as it cannot win. */
async function evaluate(
  search: Search,
  unit: number,
  bestRight: number | undefined,
  isBeaten: (right: number) => boolean,
): Promise<Candidate | undefined> {
  const { order, right, room, reach, work } = search;
  const imageCount = order.length;
  const verdicts = right.slice();
  const pending = new Int32Array(imageCount);
  let pendingCount = 0;
  let least = 0; // images that are certain to be right without the unit
  for (let i = 0; i < imageCount; i++) {
    const row = order[i];
    const moved = reach[unit * imageCount + row];
    if (moved === 0) work.silent++;
    else if (moved < room[row]) work.certified++;
    else {
      pending[pendingCount++] = row;
      continue;
    }
    least += right[row];
  }
  let done = 0;
  while (done < pendingCount && !isBeaten(least)) {
    // As many images as would do to abandon the candidate if all of them stayed right.
    const wanted = bestRight === undefined ? pendingCount : Math.ceil((bestRight - least + 1) * 1.03);
    const rows = pending.slice(done, Math.min(pendingCount, done + Math.max(SMALLEST_RUN, wanted)));
    await compute(search, unit, rows, verdicts);
    for (const row of rows) least += verdicts[row];
    done += rows.length;
  }
  work.abandoned += pendingCount - done;
  await verifyCandidate(search, unit, verdicts, pending.subarray(done, pendingCount));
  return isBeaten(least) ? undefined : { unit, right: least, verdicts };
}

/** Computes the verdicts of some images without the running set and one more unit. */
async function compute(search: Search, unit: number, rows: Int32Array, verdicts: Uint8Array): Promise<void> {
  const { context, running } = search;
  const { layer, model, planned } = context;
  const units = [...running.removed, unit];
  const sizes = { units: planned.plan.units, classCount: model.classCount };
  const closed = layer.closed && closedLogits(layer.closed, running.block, sizes);
  const logits = closed
    ? closed(new Int32Array(rows.length).fill(unit), rows)
    : await layer.removeUnit(running.block, unit, rows);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i];
    const verdict = decide(search, logits, i, row, units);
    verdicts[row] = typeof verdict === "number" ? verdict : await verdict;
  }
  search.work.computed += rows.length;
}

/** Whether image `row` is right, from row `at` of the logits; what is too close to call goes to the reference. */
function decide(
  { context, from, cls, work, running }: Search,
  logits: Float32Array,
  at: number,
  row: number,
  units: readonly number[],
): number | Promise<number> {
  const verdict = readLabel(logits, at, {
    label: cls,
    classCount: context.model.classCount,
    tolerance: context.model.tieTolerance,
    before: running.scales[row],
  });
  if (verdict >= 0) return verdict;
  work.reference++;
  const removal = units.length > 0 ? context.removal(units) : null;
  return context.reference.predict(from, row, removal).then((prediction) => Number(prediction === cls));
}

async function verifyCandidate(
  { context, from, running, verification }: Search,
  unit: number,
  verdicts: Uint8Array,
  undecided: Int32Array,
): Promise<void> {
  if (context.options.verify <= 0) return;
  const open = new Set(undecided);
  const rows = Array.from(verdicts.keys()).filter((row) => !open.has(row));
  const right = rows.map((row) => verdicts[row]);
  await verifySet(context, from, { units: [...running.removed, unit], rows, right }, verification);
}

/** How far every image may move until its verdict changes, and the order in which images are looked at. */
function lookAtRoom(search: Search, distances: Float64Array | undefined): void {
  const { running, right, room, order, cls: label } = search;
  const tolerance = search.context.model.tieTolerance;
  if (distances) {
    const { logits } = running.block;
    for (let row = 0; row < right.length; row++) {
      room[row] = labelRoom(logits, row, {
        label,
        isRight: right[row] === 1,
        distances,
        tolerance,
        before: running.scales[row],
      });
    }
  }
  order.sort((a, b) => right[b] - right[a] || room[b] - room[a] || a - b);
}

/** How far removing a unit can move an image's last hidden vector: 0 where nothing changes, infinite without a bound. */
function reachOf({ layer, planned, bound }: SetContext, prepared: PreparedBlock): Float64Array {
  const { units } = planned.plan;
  const { count: imageCount, tensors } = prepared;
  const data = (name: string): Float32Array => tensors.get(name)?.data as Float32Array;
  const ports = layer.ports.magnitudes.map(({ largest, norm }) => ({ largest: data(largest), norm: data(norm) }));
  const reach = new Float64Array(units * imageCount);
  for (let row = 0; row < imageCount; row++) {
    for (let unit = 0; unit < units; unit++) {
      const at = row * units + unit;
      if (ports.length > 0 && ports.every(({ largest }) => largest[at] === 0)) continue;
      let moved = 0;
      ports.forEach(({ norm }, i) => {
        moved += norm[at] * (bound?.gains[i]?.[unit] ?? Infinity);
      });
      // A norm that underflows, or is 0 in one place and unbounded in another, certifies nothing.
      reach[unit * imageCount + row] = moved > 0 ? moved * NORM_SLACK : Infinity;
    }
  }
  return reach;
}

function count(verdicts: Uint8Array): number {
  return verdicts.reduce((sum, verdict) => sum + verdict, 0);
}
