/**
 * A coordinator: puts the missing shards of a plan into the queue, stage by stage, until everything is computed. What is
 * done is read off the files of the run's folder, never off the jobs, so that a queue may lose all it holds.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf, throwIfInterrupted, UnitscopeError } from "../errors.ts";
import { type RunStatus, statusOf } from "../shards/run-status.ts";
import { planQueue, postedDeclines, postPlan, presentWorkers } from "./notice-board.ts";
import { cardOf } from "./plan-card.ts";
import type { QueueLink } from "./queue-link.ts";
import type { QueueTimes } from "./queue-times.ts";
import { addShards, jobStates, removeShards } from "./shard-jobs.ts";
import { untilServed } from "./until-served.ts";

/** What a caller may watch and stop. */
export interface FollowEffects {
  /** Told of what people should know: a worker that declined and why, a shard that failed, nobody at work. */
  readonly note?: ((text: string) => void) | undefined;
  /** Images of a stage's passes that are done, and how many processes are at work. */
  readonly progress?: ((stage: string, done: number, total: number, atWork: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How a plan is followed. */
export interface FollowOptions {
  readonly times: QueueTimes;
  /** Shards that have to be done though their files seem to be there. */
  readonly again?: readonly number[] | undefined;
}

/** Looks at the folder fail while another process merges; more than so many in a row are an error. */
const FAILED_LOOKS = 5;

/** Without a worker for so many looks, somebody should start one. */
const LONELY_LOOKS = 5;

/**
 * Follows a plan until all its shards are done, or another process merged it.
 * @throws {UnitscopeError} `run` if shards failed, when all others are done; `interrupted` if the signal fires: the jobs
 *   stay in the queue then.
 */
export async function followPlan(
  link: QueueLink,
  path: string,
  { times, again = [] }: FollowOptions,
  { note = () => {}, progress, signal }: FollowEffects = {},
): Promise<"computed" | "merged"> {
  const card = cardOf(path);
  const queue = planQueue(link, card.id);
  const look = patientLook(path);
  const told = new Set<string>();
  const tell = (text: string): void => {
    if (!told.has(text)) note(text);
    told.add(text);
  };
  /** When a shard's job was first seen completed. */
  const completed = new Map<string, number>();
  const redo = new Set(again);
  const during = async <T>(ask: () => Promise<T>): Promise<T> =>
    await untilServed(link, ask, { pollMs: times.pollMs, note, signal });
  let isFirst = true;
  let lonely = 0;
  try {
    for (;;) {
      throwIfInterrupted(signal, `run folder "${path}"`);
      const status = look();
      if (status?.plan.merged) return "merged";
      if (status) {
        if (status.isComplete && redo.size === 0) return "computed";
        const { stage } = status;
        const lacking = [...new Set([...status.shards.missing, ...status.shards.running, ...redo])];
        if (isFirst) await during(() => removeEnded(queue, stage, lacking));
        isFirst = false;
        await during(() => postPlan(link, card));
        const states = await during(() => jobStates(queue, stage, lacking));
        await during(() => addShards(queue, card, { stage, shards: states.absent, times }));
        for (const { shard, reason } of states.failed) tell(`shard ${shard} failed: ${reason}`);
        for (const shard of states.completed) redo.delete(shard);
        const now = Date.now();
        for (const shard of states.completed) {
          const key = `${stage} ${shard}`;
          if (!completed.has(key)) completed.set(key, now);
        }
        const isSettled = states.completed.every(
          (shard) => now - (completed.get(`${stage} ${shard}`) ?? now) >= times.settleMs,
        );
        if (states.open.length + states.absent.length === 0 && isSettled) {
          if (states.failed.length > 0) throw failure(path, states.failed);
          return "computed"; // as far as the jobs say; the merge looks into the files
        }
        for (const { worker, reason } of await during(() => postedDeclines(link, card.id))) {
          tell(`worker ${worker} declines: ${reason}`);
        }
        lonely =
          status.running.length === 0 && (await during(() => presentWorkers(link))).length === 0 ? lonely + 1 : 0;
        if (lonely === LONELY_LOOKS) note(`no worker yet; start some: unitscope worker --queue ${link.shown}`);
        report(status, progress);
      }
      await sleep(times.pollMs, undefined, { signal }).catch(() => {});
    }
  } finally {
    await Promise.race([queue.close(), sleep(1_000, undefined, { ref: false })]);
  }
}

/** Jobs that ended before this coordinator came count as not there: what failed is tried again. */
async function removeEnded(
  queue: ReturnType<typeof planQueue>,
  stage: number,
  shards: readonly number[],
): Promise<void> {
  const { completed, failed } = await jobStates(queue, stage, shards);
  await removeShards(queue, stage, [...completed, ...failed.map(({ shard }) => shard)]);
}

/** Looks at a run's folder; nothing where that is being changed. */
function patientLook(path: string): () => RunStatus | undefined {
  let failed = 0;
  return () => {
    try {
      const status = statusOf(path);
      failed = 0;
      return status;
    } catch (error) {
      if (++failed > FAILED_LOOKS) throw error;
      return undefined;
    }
  };
}

function report({ passes, stage, running }: RunStatus, progress: FollowEffects["progress"]): void {
  const current = passes.filter((each) => each.stage === stage && each.images > 0);
  const sum = (of: (each: RunStatus["passes"][number]) => number): number =>
    current.reduce((total, each) => total + of(each), 0);
  const name = current.map(({ pass }) => pass).join(", ");
  progress?.(
    name === "" ? `stage ${stage}` : name,
    sum(({ done }) => done),
    sum(({ images }) => images),
    running.length,
  );
}

function failure(path: string, failed: readonly { shard: number; reason: string }[]): UnitscopeError {
  const [first] = failed;
  const others = failed.length > 1 ? ` (and ${failed.length - 1} other shards)` : "";
  return new UnitscopeError(
    "run",
    `run folder "${path}": expected every shard to be done, got an error in shard ${first.shard}${others}: ${messageOf(first.reason)}; what is done is kept, run the same command again once it is mended`,
    { details: { failed } },
  );
}
