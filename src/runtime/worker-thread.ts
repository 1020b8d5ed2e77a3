/** The entry of every worker thread: loads the module of its work, opens it, answers every task; then the next work. */
import { parentPort } from "node:worker_threads";
import { UnitscopeError } from "../errors.ts";
import { collectGarbage } from "./collect-garbage.ts";
import { holdsUntilEnd } from "./thread-holdings.ts";
import type { Answerer, Reply, Request, Work } from "./work.ts";

const port = parentPort;
if (!port) throw new UnitscopeError("internal", "internal: worker: expected a worker thread, got the main thread");

const reply = (message: Reply<unknown>, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);
const refuse = (error: unknown): void => {
  const { code, message, stack } =
    error instanceof UnitscopeError
      ? error
      : {
          code: "internal" as const,
          message: `internal: ${error instanceof Error ? error.message : String(error)}`,
          stack: (error as Error)?.stack,
        };
  reply({ kind: "failed", code, message, stack });
};

/** Reports go out so often, at most. */
const REPORT_MS = 200;

let answer: Answerer<unknown, unknown> | undefined;
let work: Work<unknown, unknown, unknown> | undefined;

/** What is being loaded. */
let loading: Promise<Work<unknown, unknown, unknown>> | undefined;

async function load({
  module,
  name,
}: Extract<Request<unknown, unknown>, { kind: "load" }>): Promise<Work<unknown, unknown, unknown>> {
  const found = ((await import(module)) as Record<string, Work<unknown, unknown, unknown>>)[name];
  if (!found) throw new UnitscopeError("internal", `internal: ${module}: expected an export "${name}", got none`);
  await found.prepare?.();
  return found;
}

/** What is being opened. */
let opening: Promise<void> = Promise.resolve();

async function open(setup: unknown): Promise<void> {
  answer = undefined; // what was opened on a guess
  work = await loading;
  answer = await work?.open(setup);
  reply({ kind: "ready" });
}

async function perform(task: unknown): Promise<void> {
  let reported = performance.now();
  const report = (done: number): void => {
    if (performance.now() - reported < REPORT_MS) return;
    reported = performance.now();
    reply({ kind: "under way", done });
  };
  const result = await answer?.(task, report);
  reply({ kind: "done", result }, work?.buffers?.(result) ?? []);
}

/** The process may grow by so many bytes before a work's sessions, which are gone once they are collected, are at once. */
const ROOM = 64 << 20;
let usual = process.memoryUsage.rss();

function forget(): void {
  if (holdsUntilEnd()) process.exit(0);
  answer = undefined;
  work = undefined;
  loading = undefined;
  setImmediate(() => {
    if (process.memoryUsage.rss() > usual + ROOM) {
      collectGarbage();
      usual = process.memoryUsage.rss();
    }
    reply({ kind: "forgotten" });
  });
}

port.on("message", (request: Request<unknown, unknown>) => {
  if (request.kind === "stop")
    process.exit(0); // in a worker this ends the thread alone
  else if (request.kind === "load") {
    loading = load(request);
    loading.catch(() => undefined); // awaited once there is a setup
  } else if (request.kind === "open") opening = opening.then(() => open(request.setup)).catch(refuse);
  else if (request.kind === "task") perform(request.task).catch(refuse);
  else forget();
});
