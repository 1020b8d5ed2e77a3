/** Where a queue is: a URL, of which user and password may come from the environment and are never shown. */
import { UnitscopeError } from "../errors.ts";

/** A Redis or Valkey server and one of its databases. */
export interface QueueAddress {
  readonly host: string;
  readonly port: number;
  readonly database: number;
  readonly isSecure: boolean;
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** As it may be shown: without user and password. */
  readonly shown: string;
}

/** Variables that say where the queue is, and what may be said about it to nobody. */
export const queueVariables = ["UNITSCOPE_QUEUE", "UNITSCOPE_QUEUE_USER", "UNITSCOPE_QUEUE_PASSWORD"] as const;

/**
 * Reads `redis://HOST:PORT/DATABASE` or, with TLS, `rediss://…`; user and password stand before the host or in
 * `UNITSCOPE_QUEUE_USER` and `UNITSCOPE_QUEUE_PASSWORD`, the whole URL in `UNITSCOPE_QUEUE`.
 *
 * @throws {UnitscopeError} `usage` if there is none or it is no such URL; the message does not repeat it.
 */
export function queueAddress(
  url: string | undefined,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): QueueAddress {
  const text = url ?? environment["UNITSCOPE_QUEUE"];
  if (text === undefined || text === "") {
    throw refused("none; give it there or in the environment variable UNITSCOPE_QUEUE");
  }
  const parsed = URL.canParse(text) ? new URL(text) : undefined;
  if (parsed?.protocol !== "redis:" && parsed?.protocol !== "rediss:") throw refused("something else");
  const { protocol, hostname, port, pathname, username, password, search } = parsed;
  if (hostname === "") throw refused("one without a host");
  if (!/^\/?\d*$/.test(pathname)) throw refused(`"${pathname}" where the number of the database stands`);
  if (search !== "") throw refused("one with parameters");
  const own = (part: string, name: string): string | undefined =>
    (part === "" ? environment[name] : decoded(part)) || undefined;
  const at = { host: hostname.replace(/^\[(.*)\]$/, "$1"), port: port === "" ? 6379 : Number(port) };
  const database = Number(pathname.slice(1));
  return {
    ...at,
    database,
    isSecure: protocol === "rediss:",
    user: own(username, "UNITSCOPE_QUEUE_USER"),
    password: own(password, "UNITSCOPE_QUEUE_PASSWORD"),
    shown: `${protocol}//${hostname}:${at.port}/${database}`,
  };
}

/** Whether a URL may hold a password, which others then see in the list of processes. */
export function holdsPassword(url: string): boolean {
  return url.includes("@");
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw refused("a user or password with a % that must be written %25");
  }
}

function refused(got: string): UnitscopeError {
  return new UnitscopeError(
    "usage",
    `option "queue": expected a URL such as redis://host:6379/0 or rediss://host:6379/0, got ${got}`,
  );
}
