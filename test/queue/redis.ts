/** A Redis server of a test's own, which can be stopped and started again with what it held. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { Redis } from "ioredis";
import { freePort, programPath, until } from "../cluster/find-program.ts";

/** A running server. */
export interface RedisServer {
  readonly port: number;
  /** Runs a command on a connection of its own. */
  command(...words: readonly string[]): Promise<unknown>;
  /** Stops it; what it holds is kept in its folder, unless it `forgets`. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Lets it hang: connections stay open, nothing is answered, its clock goes on. */
  freeze(): void;
  thaw(): void;
}

/** Why it cannot run here; `undefined` if it can. */
export function whyNoRedis(): string | undefined {
  return programPath("redis-server") === undefined ? "no redis-server" : undefined;
}

/** Starts a server that asks for a password. @param options.forgets it keeps nothing when it stops. */
export async function startRedis(
  folder: string,
  password: string,
  { forgets = false }: { forgets?: boolean } = {},
): Promise<RedisServer> {
  const port = await freePort();
  let child: ChildProcess | undefined;
  const command = async (...words: readonly string[]): Promise<unknown> => {
    const redis = new Redis({ port, password, lazyConnect: true, retryStrategy: () => null });
    redis.on("error", () => {});
    try {
      await redis.connect();
      const [name = "", ...rest] = words;
      return await redis.call(name, ...rest);
    } finally {
      redis.disconnect();
    }
  };
  const start = async (): Promise<void> => {
    const settings = { port, bind: "127.0.0.1", dir: folder, requirepass: password, loglevel: "warning" };
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
    child = spawn(programPath("redis-server") ?? "redis-server", [...args, "--save", forgets ? "" : "3600 1"], {
      stdio: "ignore",
    });
    await until(async () => (await command("ping").catch(() => "")) === "PONG", 30, 50);
  };
  const stop = async (): Promise<void> => {
    if (!child || child.exitCode !== null) return;
    const gone = once(child, "exit");
    await command("shutdown", forgets ? "nosave" : "save").catch(() => {});
    await gone;
  };
  await start();
  return {
    ...{ port, command, stop, start },
    freeze: () => void child?.kill("SIGSTOP"),
    thaw: () => void child?.kill("SIGCONT"),
  };
}
