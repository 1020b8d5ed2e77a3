/**
 * Worker threads between two works. Starting a thread and loading what it needs takes longer than many a pass, and a
 * command makes many passes: a thread that has done one waits a while for the next.
 */
import { availableParallelism } from "node:os";
import type { Worker } from "node:worker_threads";
import { startThread } from "../files/start-thread.ts";
import type { Request } from "./work.ts";

/** So long a thread waits, in milliseconds. The process does not wait for it. */
const PATIENCE = 10_000;

const spare = new Map<Worker, NodeJS.Timeout>();

/** A thread that has nothing to do: one that waits, or a new one. */
export function takeThread(): Worker {
  for (const [worker, timer] of spare) {
    clearTimeout(timer);
    spare.delete(worker);
    worker.ref();
    return worker;
  }
  const worker = startThread(new URL("./worker-thread.ts", import.meta.url), {});
  worker.on("error", () => {}); // whoever uses it listens too; one that waits is gone, and that is all
  worker.once("exit", () => {
    clearTimeout(spare.get(worker));
    spare.delete(worker);
  });
  return worker;
}

/** Lets a thread that has forgotten its work wait for another, or end where enough of them wait. */
export function giveBack(worker: Worker): void {
  worker.unref();
  if (spare.size >= availableParallelism()) stopThread(worker);
  else spare.set(worker, setTimeout(() => stopThread(worker), PATIENCE).unref());
}

/**
 * Asks a thread to end. It does so by itself: ending it from outside while ONNX Runtime computes in it takes the whole
 * process down with an uncaught native exception.
 */
export function stopThread(worker: Worker): void {
  clearTimeout(spare.get(worker));
  spare.delete(worker);
  worker.postMessage({ kind: "stop" } satisfies Request<never, never>);
}
