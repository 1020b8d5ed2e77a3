/**
 * Work that any thread can do: a value that both sides import, so that what goes over and what comes back has one type.
 *
 * A module exports its work; a worker thread imports the module and opens the work by its name, a queue's worker or a
 * page may call `open` itself.
 */
import type { ErrorCode } from "../errors.ts";

/** Answers one task after another. */
export type Answerer<Task, Result> = (task: Task, report: (done: number) => void) => Promise<Result>;

/** Work of one kind: set up once, then task after task. Setup, tasks and results are plain data. */
export interface Work<Setup, Task, Result> {
  /** URL of the module that exports it: `import.meta.url`. */
  readonly module: string;
  /** The name of the export. */
  readonly name: string;
  /** Loads what the work needs whatever its setup is; a thread does that while the setup is still being made. */
  prepare?(): Promise<void>;
  /** Opens what the tasks need (sessions); `report` may be called with the fraction of a task that is done. */
  open(setup: Setup): Promise<Answerer<Task, Result>>;
  /** Memory of a result that may be moved to the other thread instead of copied. */
  buffers?(result: Result): ArrayBuffer[];
}

/** What a worker thread is asked: to load a work, to open it, to do its tasks, to forget it, to end. */
export type Request<Setup, Task> =
  | { readonly kind: "load"; readonly module: string; readonly name: string }
  | { readonly kind: "open"; readonly setup: Setup }
  | { readonly kind: "task"; readonly task: Task }
  | { readonly kind: "forget" }
  | { readonly kind: "stop" };

/** What it says. */
export type Reply<Result> =
  | { readonly kind: "ready" }
  | { readonly kind: "forgotten" }
  | { readonly kind: "under way"; readonly done: number }
  | { readonly kind: "done"; readonly result: Result }
  | {
      readonly kind: "failed";
      readonly code: ErrorCode;
      readonly message: string;
      readonly stack?: string | undefined;
    };
