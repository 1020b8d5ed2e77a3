/**
 * What is asked of a queue's server that answers with a refusal. One that passes (its memory or its disk is full, it is
 * being loaded, or is a copy for the moment) is waited for, like a server that is away; any other is an error.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { throwIfInterrupted, UnitscopeError } from "../errors.ts";
import type { QueueLink } from "./queue-link.ts";
import { untilAborted } from "./until-aborted.ts";

/** First words of refusals that pass; those of a script may be quoted in its error. */
const PASSING = /(?:^|: -?)(?:OOM|MISCONF|READONLY|LOADING|BUSY|CLUSTERDOWN|MASTERDOWN|NOREPLICAS|TRYAGAIN)\b/;

/** How long to wait, and who is told. */
export interface ServedOptions {
  /** Until it is asked again, in milliseconds. */
  readonly pollMs: number;
  readonly note?: ((text: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Asks until there is an answer.
 * @param ask may be called again after it was refused in the middle.
 * @throws {UnitscopeError} `interrupted` once the signal fires; `download` for a refusal that does not pass.
 */
export async function untilServed<T>(
  { shown }: Pick<QueueLink, "shown">,
  ask: () => Promise<T>,
  { pollMs, note, signal }: ServedOptions,
): Promise<T> {
  let isRefused = false;
  for (;;) {
    try {
      const answer = await untilAborted(ask(), signal);
      if (isRefused) note?.(`queue ${shown}: the server takes commands again; going on`);
      return answer;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      if (!PASSING.test(error.message)) throw refusedBy(shown, error);
      if (!isRefused) note?.(`queue ${shown}: the server refuses: ${error.message}; waiting`);
      isRefused = true;
      await sleep(pollMs, undefined, { signal }).catch(() => {});
      throwIfInterrupted(signal, "queue");
    }
  }
}

/** Asks once. @throws {UnitscopeError} `download` for a refusal. */
export async function askServer<T>({ shown }: Pick<QueueLink, "shown">, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw isRefusal(error) ? refusedBy(shown, error) : error;
  }
}

function isRefusal(error: unknown): error is Error {
  return error instanceof Error && error.name === "ReplyError";
}

function refusedBy(shown: string, error: Error): UnitscopeError {
  const advice = error.message.startsWith("WRONGTYPE")
    ? "something else writes under names that begin with unitscope: use a database of its own"
    : "look after the server, then run the same command again";
  return new UnitscopeError(
    "download",
    `queue ${shown}: expected the server to do as asked, got "${error.message}"; ${advice}`,
    { cause: error },
  );
}
