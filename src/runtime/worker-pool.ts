/**
 * Worker threads that each keep a state (their sessions) and answer tasks one at a time, so that the main thread stays
 * free for progress, Ctrl-C and a server.
 */
import type { TransferListItem, Worker } from "node:worker_threads";
import { UnitscopeError } from "../errors.ts";
import { compiledModule, startThread } from "../files/start-thread.ts";
import { type Reply, STOP, type ThreadData, type Work } from "./work.ts";

/** A set of workers of one kind. */
export interface WorkerPool<Task, Result> {
  readonly workerCount: number;
  /**
   * Hands a task to the next free worker.
   * @param options.transfer buffers of the task that move; they are gone on this side.
   * @param options.report called now and then with the fraction of the task that is done.
   */
  run(
    task: Task,
    options?: { transfer?: readonly TransferListItem[]; report?: ((done: number) => void) | undefined },
  ): Promise<Result>;
  /** Stops every worker as soon as the runtime is not computing; tasks that wait are rejected with `interrupted`. */
  close(): Promise<void>;
}

/**
 * Starts workers. Each ends by itself when it is asked to: ending a thread from outside while ONNX Runtime computes in it
 * takes the whole process down with an uncaught native exception.
 *
 * @param setup what every worker gets once, before its first task (structured clone; put large bytes in a
 *   SharedArrayBuffer).
 */
export async function openPool<Setup, Task, Result>(
  work: Work<Setup, Task, Result>,
  setup: Setup,
  { workers, signal }: { workers: number; signal?: AbortSignal | undefined },
): Promise<WorkerPool<Task, Result>> {
  signal?.throwIfAborted();
  const script = new URL("./worker-thread.ts", import.meta.url);
  const data: ThreadData<Setup> = { module: compiledModule(new URL(work.module)).href, name: work.name, setup };
  const threads = Array.from({ length: workers }, () => startThread(script, { workerData: data }));
  interface Job {
    task: Task;
    transfer: readonly TransferListItem[];
    report: ((done: number) => void) | undefined;
    resolve(result: Result): void;
    reject(error: unknown): void;
  }
  const waiting: Job[] = [];
  const running = new Map<Worker, Job>();
  const free: Worker[] = [];
  const ended = threads.map((worker) => new Promise<void>((resolve) => worker.once("exit", () => resolve())));
  let failure: unknown;

  const fail = (error: unknown): void => {
    failure ??= error;
    for (const job of [...running.values(), ...waiting.splice(0)]) job.reject(failure);
    running.clear();
  };
  const dispatch = (): void => {
    while (free.length > 0 && waiting.length > 0) {
      const worker = free.pop() as Worker;
      const job = waiting.shift() as Job;
      running.set(worker, job);
      worker.postMessage(job.task, job.transfer);
    }
  };
  const hear = (worker: Worker, reply: Exclude<Reply<Result>, { kind: "ready" }>): void => {
    const job = running.get(worker);
    if (reply.kind === "under way") {
      job?.report?.(reply.done);
      return;
    }
    running.delete(worker);
    free.push(worker);
    if (reply.kind === "failed") job?.reject(revive(reply));
    else job?.resolve(reply.result);
    dispatch();
  };
  const ready = threads.map(
    (worker) =>
      new Promise<void>((resolve, reject) => {
        worker.on("message", (reply: Reply<Result>) => {
          if (reply.kind === "ready") {
            free.push(worker);
            resolve();
          } else if (reply.kind === "failed" && !running.has(worker)) reject(revive(reply));
          else hear(worker, reply);
        });
        worker.once("error", (error) => {
          reject(error);
          fail(error);
        });
        worker.once("exit", (code) => {
          if (code === 0) {
            // Asked to stop before it was ready; later this changes nothing.
            reject(new UnitscopeError("interrupted", "work: expected to finish, got interrupted"));
            return;
          }
          const died = new UnitscopeError(
            "internal",
            `internal: worker thread: expected to keep running, got exit ${code}`,
          );
          reject(died);
          fail(died);
        });
      }),
  );
  const close = async (): Promise<void> => {
    signal?.removeEventListener("abort", stop);
    fail(new UnitscopeError("interrupted", "work: expected to finish, got interrupted"));
    for (const worker of threads) worker.postMessage(STOP);
    await Promise.all(ended);
  };
  const stop = (): void => void close();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    await Promise.all(ready);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    workerCount: threads.length,
    run: (task, { transfer = [], report } = {}) =>
      new Promise<Result>((resolve, reject) => {
        if (failure) {
          reject(failure);
          return;
        }
        waiting.push({ task, transfer, report, resolve, reject });
        dispatch();
      }),
    close,
  };
}

function revive({ code, message, stack }: Extract<Reply<unknown>, { kind: "failed" }>): UnitscopeError {
  const error = new UnitscopeError(code, message);
  if (stack) error.stack = stack;
  return error;
}
