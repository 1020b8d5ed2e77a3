/**
 * A shard in a process of its own: what ONNX Runtime leaks ends with it, and the worker stays free to say that it lives.
 * The child ends when its parent does.
 */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { UnitscopeError } from "../errors.ts";
import type { Workable } from "./examine-plan.ts";
import { queueVariables } from "./queue-address.ts";

const shim = fileURLToPath(new URL("../../bin/unitscope.js", import.meta.url));

/** A child that was asked to end has so long for the block that it is at. */
const GRACE_MS = 10_000;
const KEPT_CHARACTERS = 4_000;

/**
 * Carries out a shard.
 * @throws {UnitscopeError} `run` with the child's own last line; `interrupted` if the signal fires.
 */
export async function runChild(
  { path, places }: Pick<Workable, "path" | "places">,
  { shard, workers }: { shard: number; workers: number | undefined },
  signal: AbortSignal,
): Promise<void> {
  const given = Object.entries({ ...places, classes: undefined }).flatMap(([name, place]) =>
    place === undefined ? [] : [`--${name}`, place],
  );
  const threads = workers === undefined ? [] : ["--workers", String(workers)];
  const env = { ...process.env };
  for (const name of queueVariables) delete env[name]; // it needs none of them
  const child = spawn(
    process.execPath,
    [shim, "run", path, "--shard", String(shard), "--quiet", ...threads, ...given],
    {
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      env,
    },
  );
  let said = "";
  child.stderr?.on("data", (text: Buffer) => {
    said = (said + text.toString()).slice(-KEPT_CHARACTERS);
  });
  let hard: NodeJS.Timeout | undefined;
  const stop = (): void => {
    child.kill("SIGINT");
    hard = setTimeout(() => child.kill("SIGKILL"), GRACE_MS);
  };
  if (signal.aborted) stop();
  else signal.addEventListener("abort", stop, { once: true });
  try {
    const [code, killed] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (...ended) => resolve(ended));
    });
    if (code === 0) return;
    if (signal.aborted) throw new UnitscopeError("interrupted", `shard ${shard}: expected to finish, got interrupted`);
    const lines = said.trim().split("\n");
    const reason = killed ? `its process was ended by ${killed}` : (lines[0] ?? "");
    throw new UnitscopeError("run", reason === "" ? `shard ${shard}: expected exit code 0, got ${code}` : reason);
  } finally {
    clearTimeout(hard);
    signal.removeEventListener("abort", stop);
  }
}
