/**
 * Worker threads that each keep a state (their sessions) and answer tasks one at a time, so that the main thread stays
 * free for progress, Ctrl-C and a server.
 */
import type { TransferListItem, Worker } from "node:worker_threads";
import { UnitscopeError } from "../errors.ts";
import { compiledModule } from "../files/start-thread.ts";
import { giveBack, stopThread, takeThread } from "./spare-threads.ts";
import type { Reply, Request, Work } from "./work.ts";

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
  /** Ends it as soon as the runtime is not computing; tasks that wait are rejected with `interrupted`. */
  close(): Promise<void>;
}

/**
 * Opens a work in threads: those that have done another and wait, and new ones.
 *
 * @param setup what every worker gets once, before its first task (structured clone; put large bytes in a
 *   SharedArrayBuffer). Where it is still being made, threads start and load their modules meanwhile.
 * @param options.guess what the setup is likely to be, where it is still being made: threads open it, and once more where it
 *   turns out to be another object.
 */
export async function openPool<Setup, Task, Result>(
  work: Work<Setup, Task, Result>,
  setup: Setup | Promise<Setup>,
  { workers, signal, guess }: { workers: number; signal?: AbortSignal | undefined; guess?: Setup | undefined },
): Promise<WorkerPool<Task, Result>> {
  if (setup instanceof Promise) setup.catch(() => undefined); // where it fails and nobody waits for it: the signal, a thread
  signal?.throwIfAborted();
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
      worker.postMessage({ kind: "task", task: job.task } satisfies Request<Setup, Task>, job.transfer);
    }
  };
  const hear = (worker: Worker, reply: Exclude<Reply<Result>, { kind: "ready" | "forgotten" }>): void => {
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
  /** How often every thread opens the work; unknown while the setup is being made. */
  let openings = Number.POSITIVE_INFINITY;
  const members = Array.from({ length: workers }, () => {
    const worker = takeThread();
    let leave = (): void => {};
    const left = new Promise<void>((resolve) => {
      leave = resolve;
    });
    let opened = 0;
    let check = (): void => {};
    const ready = new Promise<void>((resolve, reject) => {
      check = () => {
        if (opened < openings) return;
        free.push(worker);
        resolve();
      };
      const onMessage = (reply: Reply<Result>): void => {
        if (reply.kind === "ready") {
          opened++;
          check();
        } else if (reply.kind === "forgotten") {
          letGo();
          giveBack(worker);
        } else if (reply.kind === "failed" && !running.has(worker)) reject(revive(reply));
        else hear(worker, reply);
      };
      const onError = (error: unknown): void => {
        reject(error);
        fail(error);
      };
      const onExit = (code: number): void => {
        letGo();
        // Ended in peace, it was asked to before it was ready; later this changes nothing.
        const died =
          code === 0
            ? interrupted()
            : new UnitscopeError("internal", `internal: worker thread: expected to keep running, got exit ${code}`);
        reject(died);
        if (code !== 0) fail(died);
      };
      const letGo = (): void => {
        worker.off("message", onMessage).off("error", onError).off("exit", onExit);
        leave();
      };
      worker.on("message", onMessage).on("error", onError).on("exit", onExit);
    });
    const module = compiledModule(new URL(work.module)).href;
    worker.postMessage({ kind: "load", module, name: work.name } satisfies Request<Setup, Task>);
    if (guess !== undefined) worker.postMessage({ kind: "open", setup: guess } satisfies Request<Setup, Task>);
    ready.catch(() => undefined); // awaited once the setup is there
    return { worker, ready, left, check: () => check() };
  });
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= (async () => {
      signal?.removeEventListener("abort", stop);
      const idle = new Set(free.splice(0));
      fail(interrupted());
      for (const { worker } of members) {
        if (idle.has(worker)) worker.postMessage({ kind: "forget" } satisfies Request<Setup, Task>);
        else stopThread(worker);
      }
      await Promise.all(members.map(({ left }) => left));
    })();
    return closing;
  };
  const stop = (): void => void close();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    const given = await setup;
    openings = guess === undefined || given === guess ? 1 : 2;
    if (given !== guess) {
      for (const { worker } of members) {
        worker.postMessage({ kind: "open", setup: given } satisfies Request<Setup, Task>);
      }
    } else for (const { check } of members) check();
    await Promise.all(members.map(({ ready }) => ready));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    workerCount: workers,
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

function interrupted(): UnitscopeError {
  return new UnitscopeError("interrupted", "work: expected to finish, got interrupted");
}

function revive({ code, message, stack }: Extract<Reply<unknown>, { kind: "failed" }>): UnitscopeError {
  const error = new UnitscopeError(code, message);
  if (stack) error.stack = stack;
  return error;
}
