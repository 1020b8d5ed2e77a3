/**
 * What coordinators and workers tell each other beside the jobs: the plans that are under way, each with a queue of its
 * own; who declined one, and why; and which workers there are. All of it can be lost: it is said again.
 */
import type { Queue } from "bullmq";
import * as z from "../files/zod.ts";
import { type PlanCard, parseCard } from "./plan-card.ts";
import { type QueueLink, queuePrefix } from "./queue-link.ts";

/** A plan on the board. */
export interface PostedPlan {
  readonly card: PlanCard;
  /** Seconds since its coordinator gave a sign of life. */
  readonly silentSeconds: number;
}

/** A worker that could not take part. */
export interface Decline {
  /** `host, process 123`. */
  readonly worker: string;
  readonly reason: string;
}

/** A worker process. */
export interface PresentWorker {
  readonly worker: string;
  readonly unitscope: string;
  readonly concurrency: number;
  /** Plan that it serves. */
  readonly plan: string | null;
}

const plansKey = `${queuePrefix}:plans`;
const workersKey = `${queuePrefix}:workers`;
const declinesKey = (id: string): string => `${queuePrefix}:declines:${id}`;

/** A worker that was silent for so many seconds is gone. */
const GONE_SECONDS = 60;
const DECLINES_SECONDS = 86_400;

const posted = z.object({ card: z.string(), at: z.number() });
const declined = z.strictObject({ worker: z.string(), reason: z.string() });
const present = z.strictObject({
  worker: z.string(),
  unitscope: z.string(),
  concurrency: z.number(),
  plan: z.string().nullable(),
});

/** Seconds on the server's clock, the only one that all share. */
async function serverTime({ redis }: QueueLink): Promise<number> {
  const [seconds] = await redis.time(); // text, whatever its type says
  return Number.parseInt(`${seconds}`, 10);
}

/** Posts a plan, or says that it is still under way. */
export async function postPlan(link: QueueLink, card: PlanCard): Promise<void> {
  const at = await serverTime(link);
  await link.redis.hset(plansKey, card.id, JSON.stringify({ card: JSON.stringify(card), at }));
}

/** The plans, the oldest name first; what another version posted in another form is left out. */
export async function postedPlans(link: QueueLink): Promise<PostedPlan[]> {
  const now = await serverTime(link);
  const all = Object.values(await link.redis.hgetall(plansKey)).flatMap((text) => {
    const parsed = parsedAs(posted, text);
    const card = parsed && parseCard(parsed.card);
    return card ? [{ card, silentSeconds: Math.max(0, now - parsed.at) }] : [];
  });
  return all.sort((a, b) => (a.card.id < b.card.id ? -1 : 1));
}

/** Takes a plan off, with its jobs. */
export async function withdrawPlan(link: QueueLink, id: string): Promise<void> {
  await link.redis.hdel(plansKey, id);
  await link.redis.del(declinesKey(id));
  const queue = planQueue(link, id);
  try {
    await queue.obliterate({ force: true });
  } catch {
    // Another process takes it out too.
  } finally {
    await queue.close();
  }
}

/** The queue of a plan's jobs. */
export function planQueue(link: QueueLink, id: string): Queue {
  const queue = new link.engine.Queue(id, { connection: link.redis, prefix: queuePrefix });
  queue.on("error", () => {}); // lost connections are told by the link
  return queue;
}

/** Says why a worker declines a plan. */
export async function postDecline(link: QueueLink, id: string, worker: string, reason: string): Promise<void> {
  await link.redis.hset(declinesKey(id), worker, JSON.stringify({ worker, reason }));
  await link.redis.expire(declinesKey(id), DECLINES_SECONDS);
}

/** Who declined a plan. */
export async function postedDeclines(link: QueueLink, id: string): Promise<Decline[]> {
  const texts = Object.values(await link.redis.hgetall(declinesKey(id)));
  return texts.flatMap((text) => parsedAs(declined, text) ?? []);
}

/** Says that a worker is there. */
export async function postWorker(link: QueueLink, worker: PresentWorker): Promise<void> {
  const at = await serverTime(link);
  await link.redis.hset(workersKey, worker.worker, JSON.stringify({ worker: JSON.stringify(worker), at }));
}

/** Says that it is not any more. */
export async function withdrawWorker(link: QueueLink, worker: string): Promise<void> {
  await link.redis.hdel(workersKey, worker);
}

/** The workers that gave a sign of life lately; others are forgotten. */
export async function presentWorkers(link: QueueLink): Promise<PresentWorker[]> {
  const now = await serverTime(link);
  const all = Object.entries(await link.redis.hgetall(workersKey));
  const found: PresentWorker[] = [];
  for (const [name, text] of all) {
    const parsed = parsedAs(z.object({ worker: z.string(), at: z.number() }), text);
    if (parsed && now - parsed.at > GONE_SECONDS) await link.redis.hdel(workersKey, name);
    else if (parsed) found.push(...[parsedAs(present, parsed.worker)].filter((each) => each !== undefined));
  }
  return found.sort((a, b) => (a.worker < b.worker ? -1 : 1));
}

function parsedAs<T>(schema: z.ZodType<T>, text: string): T | undefined {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
