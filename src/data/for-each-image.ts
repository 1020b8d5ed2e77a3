/** Work on many images, a few at a time. */
import { throwIfInterrupted } from "../errors.ts";

/** Images worked on at a time: as many as libuv's default pool has threads. */
const AT_A_TIME = 4;

/**
 * Runs `work` for 0..count-1, a few at a time; stops at the first failure, and waits for those under way.
 * @param place what is worked on, for the message of an interruption.
 */
export async function forEachImage(
  count: number,
  { signal, place }: { signal?: AbortSignal | undefined; place: string },
  work: (at: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  let failed = false;
  const take = async (): Promise<void> => {
    while (next < count && !failed) {
      try {
        throwIfInterrupted(signal, place);
        await work(next++);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const results = await Promise.allSettled(Array.from({ length: Math.min(AT_A_TIME, count) }, take));
  const failure = results.find((result) => result.status === "rejected");
  if (failure) throw failure.reason;
}
