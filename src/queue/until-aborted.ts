/** Waiting that ends when a signal fires: an answer from a server that is away may never come. */
import { UnitscopeError } from "../errors.ts";

/** @throws {UnitscopeError} `interrupted` once the signal fires; what was waited for goes on unheard. */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return await work;
  let stop = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(new UnitscopeError("interrupted", "queue: expected to finish, got an interruption"));
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
  work.catch(() => {});
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
