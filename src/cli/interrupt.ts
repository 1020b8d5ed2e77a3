/**
 * Ctrl-C as a signal that work can watch. It imports nothing and is loaded before everything else, so that a Ctrl-C while
 * the rest is still being loaded counts too.
 */
const controller = new AbortController();

/** Fires at the first Ctrl-C; a second one ends the process in the middle of whatever it computes. */
export const interruption: AbortSignal = controller.signal;

process.once("SIGINT", () => controller.abort());

// A worker's child ends when the worker is gone, however that ended.
if (process.channel) {
  process.once("disconnect", () => controller.abort());
  process.channel.unref(); // listening is no reason to stay
}
