/**
 * Who works, or worked, on which shard: a small file for every process in `RUN/shards/`, touched while it works and
 * completed when it ends. They are for people and for the time left; no result depends on them.
 */
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { writeFileAtomic } from "../files/atomic-file.ts";
import { isTouched, keepTouched } from "../files/sign-of-life.ts";
import * as z from "../files/zod.ts";

/** One process's work on a shard. */
export interface ShardRecord {
  readonly shard: number;
  readonly host: string;
  readonly pid: number;
  /** ISO 8601. */
  readonly since: string;
  /** How long it took, in milliseconds; `null` while it works. */
  readonly elapsedMs: number | null;
  /** What it computed in each kind of pass. */
  readonly passes: Readonly<Record<string, ComputedImages>>;
}

/** Images computed, those of several layers several times, and how long that took in milliseconds. */
export interface ComputedImages {
  readonly images: number;
  readonly elapsedMs: number;
}

/** A record, and whether its process gave a sign of life lately. */
export interface SeenRecord extends ShardRecord {
  readonly isAlive: boolean;
}

const recordSchema = z.object({
  shard: z.int(),
  host: z.string(),
  pid: z.int(),
  since: z.string(),
  elapsedMs: z.number().nullable(),
  passes: z.record(z.string(), z.object({ images: z.number(), elapsedMs: z.number() })),
});

/** A record that is being kept. */
export interface OpenRecord {
  /** Completes it. */
  finish(passes: ShardRecord["passes"]): void;
  /** Removes it: the work was not finished. */
  drop(): void;
}

/** Begins a record. */
export function openShardRecord(path: string, shard: number): OpenRecord {
  const file = join(path, "shards", `${String(shard).padStart(6, "0")}-${randomBytes(6).toString("hex")}.json`);
  const began = performance.now();
  const record: ShardRecord = {
    shard,
    host: hostname(),
    pid: process.pid,
    since: new Date().toISOString(),
    elapsedMs: null,
    passes: {},
  };
  const write = (change: Partial<ShardRecord>): void => writeFileAtomic(file, JSON.stringify({ ...record, ...change }));
  write({});
  const stop = keepTouched(file);
  return {
    finish: (passes) => {
      stop();
      write({ elapsedMs: performance.now() - began, passes });
    },
    drop: () => {
      stop();
      rmSync(file, { force: true });
    },
  };
}

/** All records of a run; one that is damaged counts as not there. */
export function shardRecords(path: string): SeenRecord[] {
  const folder = join(path, "shards");
  let names: string[];
  try {
    names = readdirSync(folder).filter((name) => name.endsWith(".json") && !name.startsWith("."));
  } catch {
    return [];
  }
  return names.sort().flatMap((name) => {
    try {
      const file = join(folder, name);
      const record = recordSchema.parse(JSON.parse(readFileSync(file, "utf8")));
      const isAlive = record.elapsedMs === null && isTouched(file) === true;
      return [{ ...record, isAlive }];
    } catch {
      return [];
    }
  });
}

/** Forgets all records. */
export function forgetShardRecords(path: string): void {
  rmSync(join(path, "shards"), { recursive: true, force: true });
}
