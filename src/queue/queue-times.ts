/** How fast a queue notices things. Tests go faster by the variable `UNITSCOPE_QUEUE_TIMES`, JSON of some of these. */
import { UnitscopeError } from "../errors.ts";
import * as z from "../files/zod.ts";

/** All in milliseconds. */
export interface QueueTimes {
  /** A job whose worker gave no sign of life for so long is free again; workers renew it after half of that. */
  readonly lockMs: number;
  /** How often workers look for such jobs. */
  readonly stalledMs: number;
  /** How often a coordinator and an idle worker look. */
  readonly pollMs: number;
  /** Before a shard that failed is tried again. */
  readonly retryMs: number;
  /** After a shard was reported done, until its files must be seen: shared folders show them late. */
  readonly settleMs: number;
  /** Before a worker looks again at a plan that it declined. */
  readonly declineMs: number;
}

const defaults: QueueTimes = {
  lockMs: 30_000,
  stalledMs: 15_000,
  pollMs: 2_000,
  retryMs: 5_000,
  settleMs: 60_000,
  declineMs: 60_000,
};

const some = z.partialRecord(z.enum(Object.keys(defaults) as (keyof QueueTimes)[]), z.number().positive());

/** The usual times, or others from the environment. @throws {UnitscopeError} `usage` if that says nothing sensible. */
export function queueTimes(environment: Readonly<Record<string, string | undefined>> = process.env): QueueTimes {
  const text = environment["UNITSCOPE_QUEUE_TIMES"];
  if (text === undefined || text === "") return defaults;
  try {
    return { ...defaults, ...(some.parse(JSON.parse(text)) as Partial<QueueTimes>) };
  } catch (cause) {
    const names = Object.keys(defaults).join(", ");
    throw new UnitscopeError(
      "usage",
      `UNITSCOPE_QUEUE_TIMES: expected JSON with milliseconds for ${names}, got "${text}"`,
      {
        cause,
      },
    );
  }
}
