/**
 * Watches a sweep that is of use before it is whole: counts what each unit's removal changes as blocks are done, leaves out
 * units whose drops are known well enough, ends in time, and says which units lead.
 */

import type { Steering } from "../passes/grow-pass.ts";
import type { UnitChoice } from "../passes/image-block.ts";
import type { StratifiedBlocks } from "../passes/image-order.ts";
import { type Change, findLimits, type LimitFinder } from "./drop-limits.ts";
import type { BaselinePart, SweptPart } from "./sweep-pass.ts";

/** When a sweep ends, and who watches it. */
export interface GrowthOptions {
  /** A unit is left out once its overall and all its class drops are known to plus or minus this, a fraction. */
  readonly until?: number | undefined;
  /** Milliseconds after which no block begins that would end later; the first block is always done. */
  readonly budget?: number | undefined;
  /** Called after every block with the units of largest class drop so far, and the images measured. */
  readonly leaders?: ((leaders: readonly Leader[], images: number) => void) | undefined;
}

/** A unit with the class that suffers most from its removal so far; its drop with limits, as fractions. */
export interface Leader {
  readonly layer: string;
  readonly unit: number;
  readonly cls: number;
  readonly drop: number;
  readonly lower: number;
  readonly upper: number;
}

/** A watched sweep. */
export interface Growth {
  readonly steering: Steering<BaselinePart, SweptPart>;
  readonly limits: LimitFinder;
  /** Blocks that each unit of layer `at` was measured on, when all before block `to` are done. */
  reach(at: number, to: number): Int32Array;
  /** What ended it before all images, if something did: the time, or that all is known well enough. */
  ended(): "budget" | "until" | undefined;
}

/** Leading units that are told. */
const LEADERS = 5;
/** Beyond so many (unit, class) pairs nobody is told who leads. */
const MOST_PAIRS = 1 << 22;

/** A layer's counts so far. */
interface Counted {
  readonly name: string;
  readonly units: number;
  /** Every unit's changes, in the order of the blocks. */
  readonly changes: readonly Change[][];
  /** Lost minus gained, row-major `[units, classCount]`; for the leaders. */
  readonly nets: Int32Array | undefined;
  /** How many blocks were done when a unit was known well enough; -1 until then. */
  readonly known: Int32Array;
}

/**
 * Starts watching.
 *
 * Which units are left out of a block follows from the blocks that are a fixed distance before it, however many workers
 * there are and whichever of them is faster.
 */
export function watchGrowth(
  blocks: StratifiedBlocks,
  {
    labels,
    classCount,
    layers,
    options: { until, budget, leaders },
  }: {
    labels: Int32Array;
    classCount: number;
    layers: readonly { readonly name: string; readonly units: number }[];
    options: GrowthOptions;
  },
): Growth {
  const began = performance.now();
  const limits = findLimits(blocks, { labels, classCount });
  const blockCount = blocks.plan.blockSizes.length;
  const behind = blocksBehind(blockCount);
  const unitCount = layers.reduce((sum, { units }) => sum + units, 0);
  const isLed = leaders !== undefined && unitCount * classCount <= MOST_PAIRS;
  const counted = layers.map(
    ({ name, units }): Counted => ({
      name,
      units,
      changes: Array.from({ length: units }, () => []),
      nets: isLed ? new Int32Array(units * classCount) : undefined,
      known: new Int32Array(units).fill(-1),
    }),
  );
  const started = new Map<number, number>();
  const waiting: { done: number; go(): void }[] = [];
  let done = 0;
  let blockMs = 0;
  let ended: "budget" | "until" | undefined;

  const isOver = (): boolean => {
    const now = performance.now() - began;
    return budget !== undefined && blockMs + now > budget;
  };
  const activeIn = (layer: Counted, block: number): UnitChoice => {
    if (until === undefined) return null;
    const units = Array.from(layer.known.keys()).filter((unit) => !isLeftOut(layer, unit, block));
    return units.length === layer.units ? null : Int32Array.from(units);
  };
  const isLeftOut = ({ known }: Counted, unit: number, block: number): boolean =>
    known[unit] >= 0 && known[unit] + behind <= block;
  const wanted = async (block: number): Promise<readonly UnitChoice[] | undefined> => {
    const first = until === undefined ? 0 : block - behind;
    if (done < first) await new Promise<void>((go) => waiting.push({ done: first, go }));
    const active = counted.map((layer) => activeIn(layer, block));
    if (active.every((units) => units?.length === 0)) ended = "until";
    else if (block > 0 && isOver()) ended = "budget";
    started.set(block, performance.now());
    return ended === undefined ? active : undefined;
  };
  const take = (layer: Counted, block: number, parts: readonly SweptPart[], baseline: BaselinePart): void => {
    const right = new Map(Array.from(baseline.images, (image, row) => [image, baseline.predictions[row]]));
    for (const { flips } of parts) {
      for (const [flip, unit] of flips.unit.entries()) {
        if (isLeftOut(layer, unit, block)) continue;
        const image = flips.image[flip];
        const cls = labels[image];
        const isLoss = right.get(image) === cls;
        if (!isLoss && flips.prediction[flip] !== cls) continue;
        layer.changes[unit].push({ block, cls, isGain: !isLoss });
        if (layer.nets) layer.nets[unit * classCount + cls] += isLoss ? 1 : -1;
      }
    }
  };
  const look = (): void => {
    if (until === undefined || done === blockCount) return;
    for (const layer of counted) {
      for (const [unit, changes] of layer.changes.entries()) {
        if (layer.known[unit] < 0 && limits.areKnown(changes, done, until)) layer.known[unit] = done;
      }
    }
  };
  const reach = (at: number, to: number): Int32Array =>
    counted[at].known.map((known) => (known < 0 ? to : Math.min(to, known + behind)));
  return {
    limits,
    steering: {
      wanted,
      done: (block, { shared, parts }) => {
        const baseline = shared();
        for (const [at, layer] of counted.entries()) take(layer, block, parts(at), baseline);
        done = block + 1;
        blockMs = performance.now() - (started.get(block) ?? performance.now());
        look();
        if (isLed) leaders(leadersOf(counted, reach, { limits, classCount, done }), imagesBefore(blocks, done));
        for (const waiter of waiting.splice(0)) {
          if (waiter.done <= done) waiter.go();
          else waiting.push(waiter);
        }
      },
    },
    reach,
    ended: () => ended,
  };
}

/**
 * How many blocks lie between those that show that a unit is known and those that leave it out: as many as may be under
 * way at a time.
 */
export function blocksBehind(blockCount: number): number {
  return Math.max(4, Math.ceil(blockCount / 16));
}

function leadersOf(
  layers: readonly Counted[],
  reach: Growth["reach"],
  { limits, classCount, done }: { limits: LimitFinder; classCount: number; done: number },
): Leader[] {
  const best: { at: number; unit: number; cls: number; to: number; drop: number }[] = [];
  for (const [at, { units, nets }] of layers.entries()) {
    const reached = reach(at, done);
    const seen = new Map([...new Set(reached)].map((to) => [to, seenUntil(limits, classCount, to)]));
    if (!nets) continue;
    for (let unit = 0; unit < units; unit++) {
      const to = reached[unit];
      const images = seen.get(to) ?? new Int32Array(classCount);
      let cls = -1;
      let drop = 0;
      for (let each = 0; each < classCount; each++) {
        const own = images[each] === 0 ? 0 : nets[unit * classCount + each] / images[each];
        if (own > drop) [cls, drop] = [each, own];
      }
      if (cls >= 0) best.push({ at, unit, cls, to, drop });
    }
  }
  best.sort((a, b) => b.drop - a.drop || a.at - b.at || a.unit - b.unit);
  return best.slice(0, LEADERS).map(({ at, unit, cls, to, drop }) => {
    const { name, changes } = layers[at];
    return { layer: name, unit, cls, drop, ...limits.ofClass(cls, changes[unit], to) };
  });
}

function seenUntil(limits: LimitFinder, classCount: number, to: number): Int32Array {
  return Int32Array.from({ length: classCount }, (_, cls) => limits.seen(cls, to));
}

function imagesBefore({ plan }: StratifiedBlocks, block: number): number {
  return plan.blockSizes.slice(0, block).reduce((sum, size) => sum + size, 0);
}
