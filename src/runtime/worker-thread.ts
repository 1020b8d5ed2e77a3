/** The entry of every worker thread: loads the module of its work, opens it once, then answers every task. */
import { parentPort, workerData } from "node:worker_threads";
import { UnitscopeError } from "../errors.ts";
import { type Reply, STOP, type ThreadData, type Work } from "./work.ts";

const port = parentPort;
if (!port) throw new UnitscopeError("internal", "internal: worker: expected a worker thread, got the main thread");

const refuse = (error: unknown): void => {
  const { code, message, stack } =
    error instanceof UnitscopeError
      ? error
      : {
          code: "internal" as const,
          message: `internal: ${error instanceof Error ? error.message : String(error)}`,
          stack: (error as Error)?.stack,
        };
  port.postMessage({ kind: "failed", code, message, stack } satisfies Reply<unknown>);
};

/** Reports go out so often, at most. */
const REPORT_MS = 200;

const { module, name, setup } = workerData as ThreadData<unknown>;
let answer: ((task: unknown, report: (done: number) => void) => Promise<unknown>) | undefined;
let work: Work<unknown, unknown, unknown> | undefined;
port.on("message", (task: unknown) => {
  if (task === STOP) process.exit(0); // in a worker this ends the thread alone
  let reported = performance.now();
  const report = (done: number): void => {
    if (performance.now() - reported < REPORT_MS) return;
    reported = performance.now();
    port.postMessage({ kind: "under way", done } satisfies Reply<unknown>);
  };
  answer?.(task, report).then(
    (result) => port.postMessage({ kind: "done", result } satisfies Reply<unknown>, work?.buffers?.(result) ?? []),
    refuse,
  );
});
try {
  work = ((await import(module)) as Record<string, Work<unknown, unknown, unknown>>)[name];
  if (!work) throw new UnitscopeError("internal", `internal: ${module}: expected an export "${name}", got none`);
  answer = await work.open(setup);
  port.postMessage({ kind: "ready" } satisfies Reply<unknown>);
} catch (error) {
  refuse(error);
}
