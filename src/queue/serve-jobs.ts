/** The jobs of one plan, as long as there are some: BullMQ's worker around processes that carry out shards. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Job } from "bullmq";
import { messageOf } from "../errors.ts";
import type { Workable } from "./examine-plan.ts";
import { postedPlans } from "./notice-board.ts";
import { type QueueLink, queuePrefix } from "./queue-link.ts";
import type { QueueTimes } from "./queue-times.ts";
import { openChildren } from "./shard-children.ts";
import { MOST_STARTS, type ShardJob } from "./shard-jobs.ts";
import { untilServed } from "./until-served.ts";

/** A plan is left after so many looks without a job, so that another one gets its turn. */
const IDLE_LOOKS = 3;

/** What a caller may watch and stop. */
export interface ServeEffects {
  readonly note?: ((text: string) => void) | undefined;
  /** A shard began, or ended. */
  readonly shard?: ((state: "began" | "done" | "failed", run: string, shard: number) => void) | undefined;
  readonly signal: AbortSignal;
}

/** After an interruption the server has so long to take a shard back. */
const GIVE_BACK_MS = 1_500;

/** How they are served. */
export interface JobOptions {
  /** Shards at a time, each in a process of its own; 1 by default. */
  readonly concurrency: number;
  /** Threads of each. */
  readonly workers: number | undefined;
  /** Seconds without anything to do after which the worker ends; never by default. */
  readonly idle: number | undefined;
  readonly times: QueueTimes;
}

/**
 * Serves a plan until it is off the board, there is nothing to do for a while and another plan is there, or the signal
 * fires: jobs that are being worked on then go back into the queue.
 * @param options.here says that this worker is there.
 * @returns how many shards were done.
 */
export async function serveJobs(
  link: QueueLink,
  workable: Workable,
  {
    concurrency,
    workers,
    times,
    idle,
    note = () => {},
    shard: told,
    signal,
    here,
  }: JobOptions & ServeEffects & { here: () => Promise<void> },
): Promise<number> {
  const { card } = workable;
  let active = 0;
  let done = 0;
  let quiet = 0;
  const children = openChildren(workable, { workers, signal });
  const carryOut = async (job: Job<ShardJob>, token?: string): Promise<void> => {
    const { shard } = job.data;
    active++;
    told?.("began", workable.path, shard);
    try {
      await children.carryOut(shard);
      done++;
      told?.("done", workable.path, shard);
    } catch (error) {
      if (signal.aborted) {
        // Back into the queue at once; where the server is away, once the lock has run out.
        await Promise.race([job.moveToWait(token), sleep(GIVE_BACK_MS)]);
        throw new link.engine.WaitingError();
      }
      told?.("failed", workable.path, shard);
      note(`shard ${shard} of ${workable.path}: ${messageOf(error)}`);
      throw error;
    } finally {
      active--;
      quiet = 0;
    }
  };
  const worker = new link.engine.Worker<ShardJob>(card.id, carryOut, {
    ...{ connection: link.redis, prefix: queuePrefix, concurrency },
    ...{ lockDuration: times.lockMs, stalledInterval: times.stalledMs },
    ...{ maxStalledCount: 1000, maxStartedAttempts: MOST_STARTS },
    ...{ runRetryDelay: times.pollMs, drainDelay: Math.max(1, times.pollMs / 1000) },
  });
  // Lost connections are told by the link; a lost lock or job means that another worker does the shard too, or did.
  worker.on("error", () => {});
  const most = idle === undefined ? Number.POSITIVE_INFINITY : (1000 * idle) / times.pollMs;
  try {
    while (!signal.aborted) {
      await sleep(times.pollMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) break;
      const asking = { pollMs: times.pollMs, note, signal };
      await untilServed(link, here, asking);
      const plans = await untilServed(link, () => postedPlans(link), asking);
      const isPosted = plans.some((each) => each.card.id === card.id);
      if (active > 0) quiet = 0;
      else if (!isPosted) break;
      else if (++quiet >= IDLE_LOOKS) {
        await children.rest();
        if (plans.length > 1 || quiet >= most) break;
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await Promise.race([worker.close(), signal.aborted ? patience(() => active) : never()]);
    await children.rest();
  }
  return done;
}

/** After an interruption: until the children are gone, and a little longer for what is told to the server. */
async function patience(active: () => number): Promise<void> {
  while (active() > 0) await sleep(100);
  await sleep(2_000, undefined, { ref: false });
}

function never(): Promise<never> {
  return new Promise(() => {});
}
