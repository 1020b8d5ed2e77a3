/** What is in a queue, and who is there; and taking out what nobody needs any more. */

import type { Decline, PostedPlan, PresentWorker } from "./notice-board.ts";
import { planQueue, postedDeclines, postedPlans, presentWorkers, withdrawPlan } from "./notice-board.ts";
import type { QueueLink } from "./queue-link.ts";

/** A plan with its jobs. */
export interface QueuedPlan extends PostedPlan {
  readonly jobs: Readonly<Record<"waiting" | "active" | "delayed" | "completed" | "failed", number>>;
  readonly declines: readonly Decline[];
}

/** A queue. */
export interface QueueStatus {
  readonly plans: readonly QueuedPlan[];
  readonly workers: readonly PresentWorker[];
}

/** A plan whose coordinator was silent for so long has none. */
const FOLLOWED_SECONDS = 120;

/** Looks at a queue. */
export async function queueStatus(link: QueueLink): Promise<QueueStatus> {
  const plans: QueuedPlan[] = [];
  for (const plan of await postedPlans(link)) {
    const queue = planQueue(link, plan.card.id);
    try {
      const jobs = (await queue.getJobCounts(
        "waiting",
        "active",
        "delayed",
        "completed",
        "failed",
      )) as QueuedPlan["jobs"];
      plans.push({ ...plan, jobs, declines: await postedDeclines(link, plan.card.id) });
    } finally {
      await queue.close();
    }
  }
  return { plans, workers: await presentWorkers(link) };
}

/**
 * Takes plans out of a queue, with their jobs; the files of their runs stay.
 * @param options.all also those that a coordinator follows, which puts them in again.
 * @returns those that were taken out.
 */
export async function cleanQueue(link: QueueLink, { all = false }: { all?: boolean } = {}): Promise<PostedPlan[]> {
  const plans = await postedPlans(link);
  const gone = plans.filter(({ silentSeconds }) => all || silentSeconds > FOLLOWED_SECONDS);
  for (const { card } of gone) await withdrawPlan(link, card.id);
  return gone;
}
