/**
 * A pass as data: what is computed, from what, for which layers, in which blocks of images. A plan is plain JSON; it can
 * be printed, cut into ranges of blocks, sent to another machine, and carried out by whoever has the model and images.
 */
import { UnitscopeError } from "../errors.ts";
import type { Json } from "../files/canonical-json.ts";
import { schemaVersion } from "../tables/schema.ts";
import { version } from "../version.ts";

/** A record of JSON values. */
export type JsonRecord = { readonly [key: string]: Json };

/** Which images, in which order. Blocks are cut from it one after another. */
export type ImageOrder =
  /** All images in the order of the set. */
  | { readonly kind: "listed" }
  /** All images in a random order in which every class keeps its share; see `stratifiedBlocks`. */
  | { readonly kind: "stratified"; readonly seed: number }
  /** Images that the pass itself chooses, from what its key says. */
  | { readonly kind: "chosen"; readonly by: JsonRecord };

/** The part of a pass that belongs to one layer. */
export interface PlannedPart {
  /** Name of the layer; unique within the plan. */
  readonly name: string;
  /** What this part depends on beside the plan's key: its tap and what is done to it. */
  readonly key: JsonRecord;
  /** How many units it is about, where a block's part may be computed for some of them alone. */
  readonly units?: number;
}

/** A plan. */
export interface Plan {
  /** What is computed: `sweep`, `means`, `responses` and so on. */
  readonly pass: string;
  /** What every partial result depends on, beside the order and size of the blocks. */
  readonly key: JsonRecord;
  /** What the part that all layers share depends on beside that. */
  readonly shared: JsonRecord;
  readonly layers: readonly PlannedPart[];
  /** Whether a block's parts of the layers may be computed apart, so that a shard may be of some of them alone. */
  readonly isApart?: true;
  readonly order: ImageOrder;
  /** Images of every block, in order; equal but for the last where the pass does not say otherwise. */
  readonly blockSizes: readonly number[];
  /** The blocks that are to be done: `from` to `to - 1`. */
  readonly from: number;
  readonly to: number;
}

/** What was measured, as every key names it. */
export interface PlanSubject {
  /** SHA-256 (hex) of the model file. */
  readonly model: string;
  /** Hash of the ordered list of images and their labels. */
  readonly images: string;
  readonly preprocessing: JsonRecord;
}

/** The key of a pass over a subject: the versions that made it are part of it. */
export function planKey(subject: PlanSubject, settings: JsonRecord): JsonRecord {
  return { schemaVersion, unitscope: version, ...subject, ...settings };
}

/** Sizes of the blocks of `count` images. */
export function evenBlocks(count: number, size: number): number[] {
  return Array.from({ length: Math.ceil(count / size) }, (_, block) => Math.min(size, count - block * size));
}

/** The part of a plan with the blocks `from` to `to - 1`. @throws {UnitscopeError} `value` for blocks it lacks. */
export function cut(plan: Plan, { from, to }: { from: number; to: number }): Plan {
  if (!Number.isInteger(from) || !Number.isInteger(to) || from < plan.from || to > plan.to || from > to) {
    throw new UnitscopeError(
      "value",
      `plan: expected a range of blocks within ${plan.from}..${plan.to}, got ${from}..${to}`,
    );
  }
  return { ...plan, from, to };
}

/** Shard `index` of `count`: ranges of blocks that are as equal as can be. @throws {UnitscopeError} `value`. */
export function shard(plan: Plan, { index, count }: { index: number; count: number }): Plan {
  if (!Number.isInteger(count) || count < 1 || !Number.isInteger(index) || index < 0 || index >= count) {
    throw new UnitscopeError(
      "value",
      `shard: expected an index from 0 below a number of shards, got ${index}/${count}`,
    );
  }
  const blocks = plan.to - plan.from;
  const bound = (at: number): number => plan.from + Math.floor((blocks * at) / count);
  return cut(plan, { from: bound(index), to: bound(index + 1) });
}

/** Where a block begins in the plan's order of images. */
export function blockStart({ blockSizes }: Pick<Plan, "blockSizes">, block: number): number {
  let start = 0;
  for (let before = 0; before < block; before++) start += blockSizes[before];
  return start;
}

/** Images in the blocks that are to be done. */
export function plannedImages({ blockSizes, from, to }: Plan): number {
  return blockSizes.slice(from, to).reduce((sum, size) => sum + size, 0);
}
