/** Threads that run modules of this package, also when the caller was loaded from TypeScript (tests, benches). */
import { existsSync } from "node:fs";
import { sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { setFlagsFromString } from "node:v8";
import { Worker, type WorkerOptions } from "node:worker_threads";

/** The compiled file of a module: the module itself, or that of `dist/` where the sources are run. */
export function compiledModule(module: URL): URL {
  const script = fileURLToPath(module).replace(/\.ts$/, ".js");
  if (existsSync(script)) return pathToFileURL(script);
  const at = script.lastIndexOf(`${sep}src${sep}`);
  return pathToFileURL(`${script.slice(0, at)}${sep}dist${sep}${script.slice(at + 5)}`);
}

/** Starts a thread with a module. */
export function startThread(module: URL, options: WorkerOptions): Worker {
  // Node 20 aborts now and then (an assertion in GetForegroundTaskRunner) when a thread ends while V8 still optimises its
  // code in the background. Threads that start from here on optimise theirs themselves, for the same processor time.
  setFlagsFromString("--no-concurrent-recompilation");
  // What the process was started with (a loader of TypeScript, say) is nothing that compiled modules need.
  return new Worker(compiledModule(module), { execArgv: [], ...options });
}
