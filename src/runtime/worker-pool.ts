/**
 * Worker threads that each keep a state (their sessions) and answer tasks one at a time, so that the main thread stays
 * free for progress, Ctrl-C and a server.
 *
 * A worker module calls `serveWorker(setup)`; `openPool` starts it. Results come back in the order of the tasks,
 * whatever worker was faster, so that nothing depends on the number of workers.
 */
import { existsSync } from "node:fs";
import { sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { setFlagsFromString } from "node:v8";
import { parentPort, type TransferListItem, Worker, workerData } from "node:worker_threads";
import { type ErrorCode, UnitscopeError } from "../errors.ts";

/** A set of workers of one kind. */
export interface WorkerPool<Task, Result> {
  readonly workerCount: number;
  /** Hands a task to the next free worker. Buffers in `transfer` move; they are gone on this side. */
  run(task: Task, transfer?: readonly TransferListItem[]): Promise<Result>;
  /** Stops every worker as soon as the runtime is not computing; tasks that wait are rejected with `interrupted`. */
  close(): Promise<void>;
}

/**
 * What asks a worker to end. It ends by itself: ending a thread from outside while ONNX Runtime computes in it takes the
 * whole process down with an uncaught native exception.
 */
const STOP = "unitscope:stop";

interface Reply {
  readonly result?: unknown;
  readonly error?: { code: ErrorCode; message: string; stack?: string | undefined };
}

/**
 * Starts workers.
 *
 * @param module URL of the worker's compiled module; from TypeScript sources, give the `.ts` URL: its compiled twin
 *   under `dist/` is used.
 * @param setup what every worker gets once, before its first task (structured clone; put large bytes in a
 *   SharedArrayBuffer).
 */
export async function openPool<Setup, Task, Result>(
  module: URL,
  setup: Setup,
  { workers, signal }: { workers: number; signal?: AbortSignal | undefined },
): Promise<WorkerPool<Task, Result>> {
  signal?.throwIfAborted();
  // Node 20 aborts now and then (an assertion in GetForegroundTaskRunner) when a thread ends while V8 still optimises its
  // code in the background. Threads that start from here on optimise theirs themselves, for the same processor time.
  setFlagsFromString("--no-concurrent-recompilation");
  const threads = Array.from({ length: workers }, () => new Worker(compiledModule(module), { workerData: setup }));
  interface Job {
    task: Task;
    transfer: readonly TransferListItem[];
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
  const ready = threads.map(
    (worker) =>
      new Promise<void>((resolve, reject) => {
        worker.once("message", (reply: Reply) => {
          if (reply.error) {
            reject(revive(reply.error));
            return;
          }
          worker.on("message", (message: Reply) => {
            const job = running.get(worker);
            running.delete(worker);
            free.push(worker);
            if (message.error) job?.reject(revive(message.error));
            else job?.resolve(message.result as Result);
            dispatch();
          });
          free.push(worker);
          resolve();
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
    run: (task, transfer = []) =>
      new Promise<Result>((resolve, reject) => {
        if (failure) {
          reject(failure);
          return;
        }
        waiting.push({ task, transfer, resolve, reject });
        dispatch();
      }),
    close,
  };
}

/**
 * The worker's side: sets up once, then answers every task.
 *
 * @param setup makes the handler; what it throws ends `openPool`. A result may name buffers to move instead of copy.
 */
export async function serveWorker<Setup, Task>(
  setup: (data: Setup) => Promise<(task: Task) => Promise<{ result: unknown; transfer?: readonly TransferListItem[] }>>,
): Promise<void> {
  const port = parentPort;
  if (!port)
    throw new UnitscopeError("internal", "internal: worker module: expected a worker thread, got the main thread");
  const refuse = (error: unknown): void => {
    const { code, message, stack } =
      error instanceof UnitscopeError
        ? error
        : {
            code: "internal" as const,
            message: `internal: ${String((error as Error)?.message ?? error)}`,
            stack: (error as Error)?.stack,
          };
    port.postMessage({ error: { code, message, stack } } satisfies Reply);
  };
  let handle: Awaited<ReturnType<typeof setup>>;
  port.on("message", (message: Task | typeof STOP) => {
    if (message === STOP) process.exit(0); // in a worker this ends the thread alone
    handle(message).then(
      ({ result, transfer }) => port.postMessage({ result } satisfies Reply, transfer ?? []),
      refuse,
    );
  });
  try {
    handle = await setup(workerData as Setup);
    port.postMessage({} satisfies Reply);
  } catch (error) {
    refuse(error);
  }
}

/** Worker threads run compiled JavaScript, also when the caller was loaded from TypeScript (tests, benches). */
function compiledModule(module: URL): URL {
  const script = fileURLToPath(module).replace(/\.ts$/, ".js");
  if (existsSync(script)) return pathToFileURL(script);
  const at = script.lastIndexOf(`${sep}src${sep}`);
  return pathToFileURL(`${script.slice(0, at)}${sep}dist${sep}${script.slice(at + 5)}`);
}

function revive({ code, message, stack }: NonNullable<Reply["error"]>): UnitscopeError {
  const error = new UnitscopeError(code, message);
  if (stack) error.stack = stack;
  return error;
}
