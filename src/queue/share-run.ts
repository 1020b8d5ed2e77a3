/** A plan from its making to its tables, computed by the workers of a queue. Any number of processes may do so at once. */
import { setTimeout as sleep } from "node:timers/promises";
import { throwIfInterrupted, UnitscopeError } from "../errors.ts";
import { isLockedError } from "../runs/run-lock.ts";
import { type MergeRunOptions, mergeRun } from "../shards/merge-run.ts";
import type { PlanRunResult } from "../shards/plan-run.ts";
import type { SharedResult } from "../shards/shared-work.ts";
import { type FollowEffects, followPlan } from "./follow-plan.ts";
import { withdrawPlan } from "./notice-board.ts";
import { cardOf } from "./plan-card.ts";
import type { QueueLink } from "./queue-link.ts";
import { type QueueTimes, queueTimes } from "./queue-times.ts";
import { untilServed } from "./until-served.ts";

/** How it is shared. */
export interface ShareRunOptions extends Pick<MergeRunOptions, "workers"> {
  readonly times?: QueueTimes | undefined;
}

/** A merge that finds damaged files has their shards done again, so often at most. */
const MERGES = 5;

/**
 * Plans, lets the workers of a queue compute, and merges: the tables are those of one machine, to the byte.
 *
 * @param plan makes the plan, or finds the same under way: then this process joins whoever follows it.
 * @returns what was found; `undefined` if another process merged it first.
 * @throws {UnitscopeError} as `plan`, `followPlan` and `mergeRun`.
 */
export async function shareRun(
  link: QueueLink,
  plan: () => Promise<PlanRunResult>,
  { times = queueTimes(), workers }: ShareRunOptions = {},
  effects: FollowEffects & Parameters<typeof mergeRun>[2] = {},
): Promise<SharedResult[] | undefined> {
  const { signal } = effects;
  const free = { times, signal };
  const planned = await whenFree(plan, free);
  const { path } = planned;
  const { id } = cardOf(path);
  let again: readonly number[] = [];
  for (let merge = 1; ; merge++) {
    if (!planned.isComplete || merge > 1) await followPlan(link, path, { times, again }, effects);
    try {
      const results = await whenFree(() => mergeRun(path, { workers }, effects), free);
      await untilServed(link, () => withdrawPlan(link, id), { pollMs: times.pollMs, note: effects.note, signal });
      return results;
    } catch (error) {
      const missing = error instanceof UnitscopeError ? error.details["missing"] : undefined;
      if (!Array.isArray(missing) || merge === MERGES) throw error;
      effects.note?.(`shards ${missing.join(", ")} are done again: some of their files are damaged or gone`);
      again = missing as number[];
    }
  }
}

/** Waits while another process is at work in the folder. */
async function whenFree<T>(
  work: () => Promise<T>,
  { times, signal }: { times: QueueTimes; signal: AbortSignal | undefined },
): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isLockedError(error)) throw error;
      throwIfInterrupted(signal, "queue");
      await sleep(times.pollMs, undefined, { signal }).catch(() => {});
    }
  }
}
