/** How far a plan is: read off the files of the run's folder alone, on any machine. */
import { folderStore } from "../passes/block-store.ts";
import { type Absence, type AbsentBlock, absentBlocks } from "../passes/pass-runner.ts";
import { type Plan, plannedImages } from "../passes/plan.ts";
import { shardsOfBlock } from "../passes/portion.ts";
import { type RunPlan, readRunPlan, recordedPasses } from "./run-plan.ts";
import { type SeenRecord, shardRecords } from "./shard-records.ts";

/** How far the passes of one kind are. */
export interface PassStatus {
  readonly pass: string;
  readonly stage: number;
  /** Passes of this kind that there will be, and how many of them have begun. */
  readonly count: number;
  readonly known: number;
  /** Images of the passes that are known, and those of them that are done. */
  readonly images: number;
  readonly done: number;
  /** Shards that lack blocks of the passes that are known. */
  readonly missing: readonly number[];
}

/** How far a plan is. */
export interface RunStatus {
  readonly plan: RunPlan;
  readonly passes: readonly PassStatus[];
  /** Whether everything is computed. */
  readonly isComplete: boolean;
  /** The first stage that is not. */
  readonly stage: number;
  /** Shards of that stage that are done, being worked on, and neither. */
  readonly shards: { readonly done: number[]; readonly running: number[]; readonly missing: number[] };
  readonly running: readonly SeenRecord[];
  /** Seconds left for what is known, with as many at work as now, or one; `null` before anything was measured. */
  readonly secondsLeft: number | null;
}

/** Looks at a run's folder. @throws {UnitscopeError} `run` if it has no plan. */
export function statusOf(path: string): RunStatus {
  const plan = readRunPlan(path);
  const records = shardRecords(path);
  const recorded = recordedPasses(path);
  const isMerged = plan.merged !== null;
  const passes = plan.passes.map((expected): PassStatus => {
    const known = recorded.filter(({ pass }) => pass === expected.pass);
    const absent = known.map((each) => ({ plan: each, blocks: absentIn(path, each) }));
    const images = sum(known.map((each) => plannedImages(each)));
    const left = Math.round(sum(absent.map(({ plan: each, blocks }) => imagesLeft(each, blocks))));
    const missing = isMerged ? [] : shardsOf(absent, plan.shards);
    return { ...expected, known: known.length, images, done: images - left, missing };
  });
  const isDone = ({ known, count, missing }: PassStatus): boolean =>
    isMerged || (known >= count && missing.length === 0);
  const stages = Math.max(1, ...passes.map(({ stage }) => stage));
  const open = passes.filter((each) => !isDone(each));
  const stage = open.length > 0 ? Math.min(...open.map((each) => each.stage)) : stages;
  const running = records.filter(({ isAlive }) => isAlive);
  const absent = new Set(passes.filter((each) => each.stage === stage).flatMap(({ missing }) => missing));
  const isUnknown = open.some((each) => each.stage === stage && each.known < each.count);
  const busy = new Set(running.map((record) => record.shard));
  const all = Array.from({ length: plan.shards }, (_, index) => index);
  const lacking = all.filter((index) => isUnknown || absent.has(index));
  return {
    plan,
    passes,
    isComplete: open.length === 0,
    stage,
    shards: {
      done: all.filter((index) => !lacking.includes(index)),
      running: lacking.filter((index) => busy.has(index)),
      missing: lacking.filter((index) => !busy.has(index)),
    },
    running,
    secondsLeft: isMerged ? 0 : secondsLeft(passes, records, Math.max(1, running.length)),
  };
}

/** The shards that some absent blocks belong to, in order. */
export function shardsOf(absent: readonly Absence[], count: number): number[] {
  const found = new Set<number>();
  for (const { plan, blocks } of absent) {
    for (const block of blocks) for (const shard of shardsOfBlock(plan, block, count)) found.add(shard);
  }
  return [...found].sort((a, b) => a - b);
}

function absentIn(path: string, plan: Plan): AbsentBlock[] {
  return absentBlocks(plan, folderStore(path, plan), { isThorough: false });
}

/** Images of absent blocks; of layers that are computed apart in part. */
function imagesLeft({ blockSizes, isApart, layers }: Plan, absent: readonly AbsentBlock[]): number {
  const part = (lacking: readonly number[]): number => (isApart ? Math.max(1, lacking.length) / layers.length : 1);
  return sum(absent.map((each) => blockSizes[each.block] * part(each.layers)));
}

/** From how long shards took for their images; a kind of pass that nobody has done any of is not counted. */
function secondsLeft(passes: readonly PassStatus[], records: readonly SeenRecord[], atOnce: number): number | null {
  let left = 0;
  let isMeasured = false;
  for (const { pass, images, done } of passes) {
    const own = records.flatMap((record) => record.passes[pass] ?? []).filter((each) => each.images > 0);
    if (own.length === 0) continue;
    isMeasured = true;
    const perImage = sum(own.map(({ elapsedMs }) => elapsedMs)) / sum(own.map((each) => each.images));
    left += ((images - done) * perImage) / 1000 / atOnce;
  }
  return isMeasured ? left : null;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
