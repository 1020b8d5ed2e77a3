/** How many worker threads a command starts, and how many threads the runtime has in each: one rule for all. */
import { availableParallelism } from "node:os";
import { UnitscopeError } from "../errors.ts";
import type { Graph } from "../onnx/graph.ts";
import type { Provider } from "../runtime/session.ts";

/** Networks with more bytes of weights than this run in one worker with all threads instead of one worker a core. */
const LARGE_MODEL = 64 << 20;

/** Threads of a command. */
export interface ThreadChoice {
  readonly workers: number;
  /** The runtime's threads inside an operator, in each worker. */
  readonly threads: number;
}

/**
 * One worker a core with one thread each; one in all, with all threads, for a network too large to hold twice; one in all
 * for a device, which several would only share.
 *
 * @param options.workers what the user wants instead.
 * @param options.tasks how many tasks there are: more workers would have nothing to do.
 * @throws {UnitscopeError} `usage` as `checkWorkers`.
 */
export function chooseThreads(
  { graph }: { readonly graph: Graph },
  {
    workers,
    provider = "cpu",
    tasks = Infinity,
  }: { workers?: number | undefined; provider?: Provider | undefined; tasks?: number } = {},
): ThreadChoice {
  checkWorkers({ workers, provider });
  if (provider !== "cpu") return { workers: 1, threads: 1 };
  const cores = availableParallelism();
  const isOne = isLarge({ graph });
  const count = Math.max(1, Math.min(tasks, workers ?? (isOne ? 1 : cores)));
  return { workers: count, threads: isOne ? Math.max(1, Math.floor(cores / count)) : 1 };
}

/** Whether a network is too large to hold twice. */
export function isLarge({ graph }: { readonly graph: Graph }): boolean {
  return weightBytes(graph) > LARGE_MODEL;
}

/** @throws {UnitscopeError} `usage` for a number of workers that is none, and for several on a device. */
export function checkWorkers({
  workers = 1,
  provider = "cpu",
}: {
  workers?: number | undefined;
  provider?: Provider | undefined;
}): void {
  if (!Number.isInteger(workers) || workers < 1) {
    throw new UnitscopeError("usage", `option "workers": expected a whole number from 1, got ${workers}`);
  }
  if (provider === "cpu" || workers === 1) return;
  throw new UnitscopeError("usage", `option "workers": expected 1 on a device (${provider}), got ${workers}`);
}

/**
 * Worker threads for work that runs no network: one a core, or what the user wants instead.
 * @throws {UnitscopeError} `usage` as `checkWorkers`.
 */
export function chooseWorkers(workers?: number): number {
  checkWorkers({ workers });
  return workers ?? availableParallelism();
}

function weightBytes({ constants }: Graph): number {
  let bytes = 0;
  for (const { data } of constants.values()) bytes += data.byteLength;
  return bytes;
}
