/**
 * Shards in processes of their own: what ONNX Runtime leaks ends with them, and the worker stays free to say that it
 * lives. A process is kept for the next shard of the same run, so that model, images and sessions are opened once.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { UnitscopeError } from "../errors.ts";
import { compiledModule } from "../files/start-thread.ts";
import type { Workable } from "./examine-plan.ts";
import { queueVariables } from "./queue-address.ts";
import { END, type ShardAnswer, type ShardOrder } from "./shard-order.ts";

/** Processes for the shards of one run. */
export interface ShardChildren {
  /**
   * Carries out a shard in a process that is free, or a new one. A process that failed is not used again.
   * @throws {UnitscopeError} `run` with the shard's error, or with how its process ended; `interrupted` if the signal fires.
   */
  carryOut(shard: number): Promise<void>;
  /** Ends the processes that have nothing to do. */
  rest(): Promise<void>;
}

/** A child that was asked to end has so long for the block that it is at. */
const GRACE_MS = 10_000;
const KEPT_CHARACTERS = 4_000;

/** A child that holds so much more than after its second shard, as a factor and in bytes, is replaced. */
const GROWTH = { factor: 1.5, bytes: 256 << 20 };

/** Begins to carry out shards of a run. */
export function openChildren(
  { path, places }: Pick<Workable, "path" | "places">,
  { workers, signal }: { workers: number | undefined; signal: AbortSignal },
): ShardChildren {
  const free: Child[] = [];
  return {
    carryOut: async (shard) => {
      let child = free.pop();
      while (child?.hasEnded()) child = free.pop(); // killed while it waited
      child ??= startChild();
      const { end } = child;
      if (signal.aborted) end();
      else signal.addEventListener("abort", end, { once: true });
      try {
        await child.run({ path, places, workers, shard });
      } catch (error) {
        end();
        await child.ended;
        if (!signal.aborted) throw error;
        throw new UnitscopeError("interrupted", `shard ${shard}: expected to finish, got interrupted`, {
          cause: error,
        });
      } finally {
        signal.removeEventListener("abort", end);
      }
      if (child.isFull() || signal.aborted) end();
      else free.push(child);
    },
    rest: async () => {
      const idle = free.splice(0);
      for (const child of idle) child.end();
      await Promise.all(idle.map(async ({ ended }) => await ended));
    },
  };
}

interface Child {
  run(order: ShardOrder): Promise<void>;
  /** Asks it to end, and ends it if it does not. */
  end(): void;
  readonly ended: Promise<void>;
  hasEnded(): boolean;
  isFull(): boolean;
}

function startChild(): Child {
  const env = { ...process.env };
  for (const name of queueVariables) delete env[name]; // it needs none of them
  const script = fileURLToPath(compiledModule(new URL("./shard-worker.ts", import.meta.url)));
  const child = spawn(process.execPath, [script], { stdio: ["ignore", "ignore", "pipe", "ipc"], env });
  const reason = reasonOfEnd(child);
  const ended = reason.then(() => {});
  let hard: NodeJS.Timeout | undefined;
  let why: string | undefined;
  /** Who waits for an answer. One listener for all: every race with `reason` would be kept until that comes. */
  let hear: (answer: ShardAnswer | string) => void = () => {};
  child.on("message", (answer: ShardAnswer) => hear(answer));
  void reason.then((text) => {
    clearTimeout(hard);
    why = text;
    hear(text);
  });
  const held: number[] = [];
  return {
    run: async (order) => {
      const answer = await new Promise<ShardAnswer | string>((resolve) => {
        hear = resolve;
        if (why !== undefined) resolve(why);
        else child.send(order, () => {}); // where it cannot be told it has ended, and says so
      });
      if (typeof answer === "string") {
        throw new UnitscopeError(
          "run",
          answer === "" ? `shard ${order.shard}: its process ended without a word` : answer,
        );
      }
      if (answer.error !== null) throw new UnitscopeError("run", answer.error);
      held.push(answer.memory);
    },
    end: () => {
      // Not `disconnect()`: Node 20 then never says that the process is closed.
      if (child.connected) child.send(END, () => {});
      hard ??= setTimeout(() => child.kill("SIGKILL"), GRACE_MS);
    },
    ended,
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    isFull: () => held.length > 2 && (held.at(-1) ?? 0) > GROWTH.factor * (held[1] ?? 0) + GROWTH.bytes,
  };
}

/** Why a child ended, once it has: a signal, or the first line that it said. */
async function reasonOfEnd(child: ChildProcess): Promise<string> {
  let said = "";
  child.stderr?.on("data", (text: Buffer) => {
    said = (said + text.toString()).slice(-KEPT_CHARACTERS);
  });
  return await new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (_, killed) => resolve(killed ? `its process was ended by ${killed}` : firstLine(said)));
  });
}

function firstLine(text: string): string {
  return text.trim().split("\n")[0] ?? "";
}
