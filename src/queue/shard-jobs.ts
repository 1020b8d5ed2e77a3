/** One job for every shard that is missing: what it says, and how it goes. Results are files; a job holds only names. */
import type { Queue } from "bullmq";
import type { PlanCard } from "./plan-card.ts";
import type { QueueTimes } from "./queue-times.ts";

/** What a job says. */
export interface ShardJob {
  readonly run: string;
  readonly shard: number;
  readonly model: string;
  readonly data: string;
  readonly unitscope: string;
}

/** Where the jobs of some shards are. */
export interface JobStates {
  /** In the queue, or being worked on. */
  readonly open: readonly number[];
  readonly completed: readonly number[];
  /** Given up, with the last error. */
  readonly failed: readonly { readonly shard: number; readonly reason: string }[];
  /** Not in the queue. */
  readonly absent: readonly number[];
}

/** A shard that ends with an error is tried so often. */
const ATTEMPTS = 4;

/** A shard that is begun more often than this, and never ends, takes its workers with it. */
export const MOST_STARTS = 30;

function jobId(stage: number, shard: number): string {
  return `stage-${stage}-shard-${shard}`;
}

/** Puts shards of a stage into the queue; those that are in it stay as they are. */
export async function addShards(
  queue: Queue,
  card: PlanCard,
  { stage, shards, times }: { stage: number; shards: readonly number[]; times: QueueTimes },
): Promise<void> {
  const { run, model, data, unitscope } = card;
  const opts = { attempts: ATTEMPTS, backoff: { type: "fixed", delay: times.retryMs } };
  await queue.addBulk(
    shards.map((shard) => ({
      name: "shard",
      data: { run, shard, model, data, unitscope } satisfies ShardJob,
      opts: { ...opts, jobId: jobId(stage, shard) },
    })),
  );
}

/** Takes ended jobs of some shards out, so that they can be added again. */
export async function removeShards(queue: Queue, stage: number, shards: readonly number[]): Promise<void> {
  await Promise.all(shards.map((shard) => queue.remove(jobId(stage, shard))));
}

/** Looks where the jobs of some shards are. */
export async function jobStates(queue: Queue, stage: number, shards: readonly number[]): Promise<JobStates> {
  const states = await Promise.all(
    shards.map(async (shard) => ({ shard, state: await queue.getJobState(jobId(stage, shard)) })),
  );
  const of = (...names: readonly string[]): number[] =>
    states.filter(({ state }) => names.includes(state)).map(({ shard }) => shard);
  const failed = await Promise.all(
    of("failed").map(async (shard) => {
      const job = await queue.getJob(jobId(stage, shard));
      return { shard, reason: reasonOf(job?.failedReason) };
    }),
  );
  const ended = new Set([...of("completed", "failed", "unknown")]);
  return {
    open: shards.filter((shard) => !ended.has(shard)),
    completed: of("completed"),
    failed,
    absent: of("unknown"),
  };
}

function reasonOf(said: string | undefined): string {
  if (said === undefined || said === "") return "it ended without a word";
  if (!/more than allowable limit/.test(said)) return said;
  return `its workers ended in the middle of it ${MOST_STARTS} times; does it need more memory than they have?`;
}
