/** Where a queue is, what may be said about it, and which servers can carry one. No server is needed here. */
import { expect, test } from "vitest";
import { holdsPassword, queueAddress } from "../../src/queue/queue-address.ts";
import { openQueue, requireFit } from "../../src/queue/queue-link.ts";
import { queueTimes } from "../../src/queue/queue-times.ts";
import { freePort } from "../cluster/find-program.ts";

test("user and password come from the URL or the environment, and are not shown", () => {
  const full = queueAddress("rediss://me:p%40ss@queue.example.org/3", {});
  expect(full).toEqual({
    ...{ host: "queue.example.org", port: 6379, database: 3, isSecure: true, user: "me", password: "p@ss" },
    shown: "rediss://queue.example.org:6379/3",
  });
  const environment = {
    UNITSCOPE_QUEUE: "redis://[::1]:7000",
    UNITSCOPE_QUEUE_USER: "me",
    UNITSCOPE_QUEUE_PASSWORD: "secret",
  };
  expect(queueAddress(undefined, environment)).toMatchObject({
    ...{ host: "::1", port: 7000, database: 0, isSecure: false, user: "me", password: "secret" },
    shown: "redis://[::1]:7000/0",
  });
  expect(queueAddress("redis://localhost", {}).password).toBeUndefined();
  expect(["redis://h/1", "redis://u:p@h/1", "redis:u:p@h%"].map(holdsPassword)).toEqual([false, true, true]);
});

test.each([
  [undefined, "got none; give it there or in the environment variable UNITSCOPE_QUEUE"],
  ["localhost:6379:secret@", "got something else"],
  ["http://u:secret@h/", "got something else"],
  ["redis://u:secret@h/name", 'got "/name" where the number of the database stands'],
  ["redis://u:secret@h/0?tls=1", "got one with parameters"],
  ["redis://u:secret%@h/0", "got a user or password with a % that must be written %25"],
])("%s is refused without being repeated", (url, message) => {
  expect(() => queueAddress(url, {})).toThrow(message);
  expect(() => queueAddress(url, {})).not.toThrow("secret");
});

test("a server that is not there, is too old, or may forget keys is refused in one line", async () => {
  const port = await freePort();
  await expect(openQueue(queueAddress(`redis://u:secret@127.0.0.1:${port}/1`, {}))).rejects.toThrow(
    `queue redis://127.0.0.1:${port}/1: expected a Redis or Valkey server, got connect ECONNREFUSED 127.0.0.1:${port}; is it running there, with or without TLS as the URL says?`,
  );
  const info = (version: string, policy: string): string =>
    `redis_version:${version}\r\nmaxmemory_policy:${policy}\r\n`;
  expect(() => requireFit(info("6.0.16", "noeviction"), "q")).toThrow(
    "queue q: expected Redis 6.2 or newer, or Valkey, got version 6.0.16",
  );
  expect(() => requireFit(info("7.2.4", "allkeys-lru"), "q")).toThrow(
    "(maxmemory-policy noeviction), got allkeys-lru; set it",
  );
  for (const version of ["6.2.0", "7.0.15", "10.1"]) requireFit(info(version, "noeviction"), "q");
});

test("times can be set by the environment alone", () => {
  expect(queueTimes({})).toMatchObject({ lockMs: 30_000, stalledMs: 15_000 });
  expect(queueTimes({ UNITSCOPE_QUEUE_TIMES: '{"lockMs":5000}' })).toMatchObject({ lockMs: 5000, stalledMs: 15_000 });
  expect(() => queueTimes({ UNITSCOPE_QUEUE_TIMES: '{"lock":5}' })).toThrow(
    "expected JSON with milliseconds for lockMs",
  );
});
