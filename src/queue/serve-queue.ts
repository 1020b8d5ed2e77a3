/** A worker: finds plans on the board that it can take part in, and carries out their shards, one plan at a time. */
import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf, UnitscopeError } from "../errors.ts";
import { version } from "../version.ts";
import { examinePlan, type Workable, type WorkerPlaces } from "./examine-plan.ts";
import { postDecline, postedPlans, postWorker, withdrawWorker } from "./notice-board.ts";
import type { PlanCard } from "./plan-card.ts";
import type { QueueLink } from "./queue-link.ts";
import { type QueueTimes, queueTimes } from "./queue-times.ts";
import { type JobOptions, type ServeEffects, serveJobs } from "./serve-jobs.ts";
import { untilServed } from "./until-served.ts";

/** How a worker works. */
export interface ServeOptions extends WorkerPlaces, Partial<Pick<JobOptions, "concurrency" | "workers" | "idle">> {
  readonly times?: QueueTimes | undefined;
}

/**
 * Serves a queue until the signal fires, or nothing was to be done for `idle` seconds.
 * @returns how many shards were done.
 */
export async function serveQueue(
  link: QueueLink,
  { concurrency = 1, workers, idle, times = queueTimes(), ...places }: ServeOptions,
  effects: ServeEffects,
): Promise<number> {
  const { note = () => {}, signal } = effects;
  const worker = `${hostname()}, process ${process.pid}, ${randomBytes(2).toString("hex")}`;
  const examined = openExaminer(link, worker, { places, times, note });
  const asking = { pollMs: times.pollMs, note, signal };
  const during = async <T>(ask: () => Promise<T>): Promise<T> => await untilServed(link, ask, asking);
  let done = 0;
  let last: string | undefined;
  let busy = performance.now();
  try {
    while (!signal.aborted) {
      await during(() => postWorker(link, { worker, unitscope: version, concurrency, plan: null }));
      const cards = (await during(() => postedPlans(link))).map(({ card }) => card);
      const found = await nextPlan(cards, last, (card) => examined(card, signal));
      if (found) {
        const { id } = found.card;
        last = id;
        await during(() => postWorker(link, { worker, unitscope: version, concurrency, plan: id }));
        const served = await serveJobs(link, found, {
          ...{ concurrency, workers, times, idle },
          ...{ note, shard: effects.shard, signal },
          here: () => postWorker(link, { worker, unitscope: version, concurrency, plan: id }),
        });
        done += served;
        if (!signal.aborted)
          await during(() => postWorker(link, { worker, unitscope: version, concurrency, plan: null }));
        if (served > 0) busy = performance.now();
      }
      if (idle !== undefined && performance.now() - busy > 1000 * idle) break;
      await sleep(times.pollMs, undefined, { signal }).catch(() => {});
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await Promise.race([withdrawWorker(link, worker).catch(() => {}), sleep(1_000, undefined, { ref: false })]);
  }
  return done;
}

/** The first plan after the last one served that can be worked on. */
async function nextPlan(
  cards: readonly PlanCard[],
  last: string | undefined,
  examine: (card: PlanCard) => Promise<Workable | undefined>,
): Promise<Workable | undefined> {
  const from = cards.findIndex(({ id }) => last !== undefined && id > last);
  const turn = from > 0 ? [...cards.slice(from), ...cards.slice(0, from)] : cards;
  for (const card of turn) {
    const workable = await examine(card);
    if (workable) return workable;
  }
  return undefined;
}

/** Examines every plan once, and one that was declined now and then again; says the reason to the coordinator and here. */
function openExaminer(
  link: QueueLink,
  worker: string,
  { places, times, note }: { places: WorkerPlaces; times: QueueTimes; note: (text: string) => void },
): (card: PlanCard, signal: AbortSignal) => Promise<Workable | undefined> {
  const known = new Map<string, { workable: Workable | undefined; at: number; reason: string | undefined }>();
  return async (card, signal) => {
    const before = known.get(card.id);
    if (before?.workable) return before.workable;
    if (before && performance.now() - before.at < times.declineMs) return undefined;
    try {
      const workable = await examinePlan(card, places, { signal });
      known.set(card.id, { workable, at: performance.now(), reason: undefined });
      return workable;
    } catch (error) {
      if (signal.aborted) return undefined;
      const reason = messageOf(error);
      const isOurs = error instanceof UnitscopeError && error.code !== "internal";
      if (!isOurs) throw error;
      await untilServed(link, () => postDecline(link, card.id, worker, reason), { pollMs: times.pollMs, note, signal });
      if (reason !== before?.reason) note(`declined the plan of ${card.run}: ${reason}`);
      known.set(card.id, { workable: undefined, at: performance.now(), reason });
      return undefined;
    }
  };
}
