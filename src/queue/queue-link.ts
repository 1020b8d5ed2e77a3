/**
 * The connection to a queue: BullMQ on Redis or Valkey. Both packages are optional, so they are loaded when a queue is
 * used. The first connection must succeed; later ones are tried for ever, and whoever waits for an answer waits on.
 */
import type * as Engine from "bullmq";
import type { Redis, RedisOptions } from "ioredis";
import { messageOf, UnitscopeError } from "../errors.ts";
import type { QueueAddress } from "./queue-address.ts";

/** An open connection. */
export interface QueueLink {
  readonly redis: Redis;
  readonly engine: typeof Engine;
  /** The queue's name for people. */
  readonly shown: string;
  close(): void;
}

/** Told when the server cannot be reached any more, and when it can again. */
export type QueueWatch = (state: "lost" | "found") => void;

/** What `INFO` says that must hold. */
const OLDEST = [6, 2] as const;
const CONNECT_MS = 10_000;

/** Names of all keys begin with it. */
export const queuePrefix = "unitscope";

/**
 * Connects.
 * @throws {UnitscopeError} `usage` if the packages are missing; `download` if the server does not answer, refuses, is
 *   too old, or may forget keys.
 */
export async function openQueue(address: QueueAddress, watch: QueueWatch = () => {}): Promise<QueueLink> {
  const { bullmq, ioredis } = await loadEngine();
  const options = optionsOf(address);
  await probe(new ioredis.Redis({ ...options, retryStrategy: () => null }), address);
  const redis = new ioredis.Redis({ ...options, retryStrategy: (times) => Math.min(200 * times, 5_000) });
  const blocking = trackDuplicates(redis);
  let isLost = false;
  redis.on("error", () => {}); // told by "close"; the error may hold the password
  redis.on("close", () => {
    if (!isLost) watch("lost");
    isLost = true;
  });
  redis.on("ready", () => {
    if (isLost) watch("found");
    isLost = false;
  });
  return {
    redis,
    engine: bullmq,
    shown: address.shown,
    close: () => {
      isLost = true; // on purpose
      for (const each of [redis, ...blocking]) each.disconnect();
    },
  };
}

/** Connections that BullMQ's workers make from this one, to wait on; where the server is away they try for ever too. */
function trackDuplicates(redis: Redis): ReadonlySet<Redis> {
  const open = new Set<Redis>();
  const duplicate = redis.duplicate.bind(redis);
  redis.duplicate = (override) => {
    const made = duplicate(override);
    open.add(made);
    made.on("error", () => {});
    made.once("end", () => open.delete(made));
    return made;
  };
  return open;
}

async function loadEngine(): Promise<{ bullmq: typeof Engine; ioredis: { Redis: typeof Redis } }> {
  try {
    const [bullmq, ioredis] = await Promise.all([import("bullmq"), import("ioredis")]);
    return { bullmq, ioredis };
  } catch (cause) {
    throw new UnitscopeError(
      "usage",
      "queue: expected the packages bullmq and ioredis, got none; install them: npm install bullmq@6.7.0 ioredis@5.11.1",
      { cause },
    );
  }
}

function optionsOf({ host, port, database, isSecure, user, password }: QueueAddress): RedisOptions {
  return {
    host,
    port,
    db: database,
    ...(user !== undefined && { username: user }),
    ...(password !== undefined && { password }),
    ...(isSecure && { tls: {} }),
    lazyConnect: true,
    connectTimeout: CONNECT_MS,
    keepAlive: CONNECT_MS,
    maxRetriesPerRequest: null,
  };
}

/** Looks once whether the server can carry a queue. */
async function probe(redis: Redis, { shown }: QueueAddress): Promise<void> {
  let last: unknown;
  redis.on("error", (error) => {
    last = error;
  });
  let info: string;
  try {
    await redis.connect();
    info = await redis.info();
  } catch (error) {
    // ioredis says why at the event, and only that the connection is closed here.
    const reason = messageOf(error).startsWith("Connection is closed") && last !== undefined ? last : error;
    const kind = messageOf(reason);
    throw new UnitscopeError(
      "download",
      `queue ${shown}: expected a Redis or Valkey server, got ${kind || "no connection"}; ${adviceFor(kind)}`,
    );
  } finally {
    redis.disconnect();
  }
  requireFit(info, shown);
}

function adviceFor(kind: string): string {
  if (/NOAUTH|WRONGPASS|NOPERM|AUTH/.test(kind)) return "check UNITSCOPE_QUEUE_USER and UNITSCOPE_QUEUE_PASSWORD";
  if (/certificate/.test(kind)) return "name the file of its authority's certificate in NODE_EXTRA_CA_CERTS";
  return "is it running there, with or without TLS as the URL says?";
}

/** @throws {UnitscopeError} `download` if a server of this `INFO` loses what is in a queue, or is too old. */
export function requireFit(info: string, shown: string): void {
  const field = (name: string): string | undefined => info.match(new RegExp(`^${name}:(.*?)\\r?$`, "m"))?.[1];
  const version = field("redis_version") ?? "none";
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (!(major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]))) {
    throw new UnitscopeError(
      "download",
      `queue ${shown}: expected Redis ${OLDEST.join(".")} or newer, or Valkey, got version ${version}`,
    );
  }
  const policy = field("maxmemory_policy") ?? "noeviction";
  if (policy !== "noeviction") {
    throw new UnitscopeError(
      "download",
      `queue ${shown}: expected a server that keeps every key (maxmemory-policy noeviction), got ${policy}; set it: redis-cli config set maxmemory-policy noeviction`,
    );
  }
}
