/**
 * What a shard is of a plan: a range of its blocks, or, where there are at least twice as many shards as blocks and a plan's
 * layers may be computed apart, a range of the (block, layer) pairs. A block that is cut is prepared by each of its shards,
 * so that is done only where whole blocks are too few.
 */
import type { UnitChoice } from "./image-block.ts";
import { cut, type Plan, shard } from "./plan.ts";

/** A part of a plan. */
export interface Portion {
  /** The blocks of which something is to be done. */
  readonly plan: Plan;
  /** Units of each layer that are to be done of a block; all where it is undefined. */
  wanted(block: number): readonly UnitChoice[] | undefined;
  /** Images of a block, as a part of it counts. */
  imagesOf(block: number): number;
}

const NONE = new Int32Array(0);

/** Parts that the blocks of a plan are made of, for so many shards. */
function partsPerBlock({ isApart, layers, from, to }: Plan, count: number): number {
  return isApart && count >= 2 * (to - from) ? Math.max(1, layers.length) : 1;
}

/** Shard `index` of `count`: portions that are as equal as can be. @throws {UnitscopeError} `value`. */
export function portionOf(plan: Plan, { index, count }: { index: number; count: number }): Portion {
  const parts = partsPerBlock(plan, count);
  const whole = shard(plan, { index, count });
  if (parts === 1) return { plan: whole, wanted: () => undefined, imagesOf: (block) => plan.blockSizes[block] };
  const all = (plan.to - plan.from) * parts;
  const [first, end] = [index, index + 1].map((at) => Math.floor((all * at) / count)) as [number, number];
  const from = plan.from + Math.floor(first / parts);
  const to = first === end ? from : plan.from + Math.ceil(end / parts);
  const isWanted = (block: number, layer: number): boolean => {
    const at = (block - plan.from) * parts + layer;
    return at >= first && at < end;
  };
  return {
    plan: cut(plan, { from, to }),
    wanted: (block) => plan.layers.map((_, layer) => (isWanted(block, layer) ? null : NONE)),
    imagesOf: (block) =>
      (plan.blockSizes[block] * plan.layers.filter((_, layer) => isWanted(block, layer)).length) / parts,
  };
}

/** Which of so many shards a block's parts of some layers belong to, in order; where none is named, its first. */
export function shardsOfBlock(
  plan: Plan,
  { block, layers }: { block: number; layers: readonly number[] },
  count: number,
): number[] {
  const parts = partsPerBlock(plan, count);
  const all = (plan.to - plan.from) * parts;
  const ownerOf = (part: number): number => Math.ceil((((block - plan.from) * parts + part + 1) * count) / all) - 1;
  const lacking = parts === 1 || layers.length === 0 ? [0] : layers;
  return [...new Set(lacking.map(ownerOf))];
}
