/** `unitscope run RUN --shard I`: computes a shard's blocks of every pass of a plan, as far as that can be done yet. */
import { statSync } from "node:fs";
import { type OpenedRun, type OpeningEffects, openRunSubject } from "../commands/open-run.ts";
import type { SubjectPlaces } from "../commands/subject.ts";
import { UnitscopeError } from "../errors.ts";
import { keepPool } from "../passes/kept-pool.ts";
import { absencesOf, openPassFolder } from "../passes/pass-runner.ts";
import type { Plan } from "../passes/plan.ts";
import { openRun } from "../runs/run-folder.ts";
import { findPlaces } from "./find-places.ts";
import { type RunPlan, readOwnPlan, recordPass } from "./run-plan.ts";
import { shardsOf } from "./run-status.ts";
import { type ComputedImages, openShardRecord } from "./shard-records.ts";
import { computeShared, type SharedWork, startOf } from "./shared-work.ts";

/** How shards are carried out. */
export interface ShardOptions {
  readonly workers?: number | undefined;
  /** Where model and images are on this machine. */
  readonly places?: SubjectPlaces | undefined;
}

/** How one shard is carried out. */
export interface RunShardOptions extends ShardOptions {
  readonly shard: number;
}

/** What a caller may watch and stop. */
export interface RunShardEffects extends Pick<OpeningEffects, "fetching" | "signal"> {
  readonly caution?: ((text: string) => void) | undefined;
  /** Images of a pass that are done, of the shard's. */
  readonly progress?: ((pass: string, done: number, total: number) => void) | undefined;
}

/** What was done. */
export interface RunShardResult {
  readonly plan: RunPlan;
  /** The shard's part of everything is there; or what comes next waits for others; or all was merged before. */
  readonly state: "done" | "waiting" | "merged";
  /** What was computed now, by the name of the pass. */
  readonly passes: Readonly<Record<string, ComputedImages>>;
  /** Shards that are waited for. */
  readonly waitingFor: readonly number[];
}

/** Carries out shards of a run, one at a time. */
export interface ShardRunner {
  /**
   * Carries out a shard; any number of processes may carry out any shards of a run at a time, the same ones too.
   * @throws {UnitscopeError} `usage` for a shard that the plan lacks; `run` if model or images are not the plan's.
   */
  run(shard: number): Promise<RunShardResult>;
  /** Ends its threads. */
  close(): Promise<void>;
}

/** Carries out one shard. @throws {UnitscopeError} as `ShardRunner.run`. */
export async function runShard(
  path: string,
  { shard, ...options }: RunShardOptions,
  effects: RunShardEffects = {},
): Promise<RunShardResult> {
  const runner = openShards(path, options, effects);
  try {
    return await runner.run(shard);
  } finally {
    await runner.close();
  }
}

/**
 * Opens a run for shard after shard: model, images, and the threads with their sessions stay open from one to the next.
 * They are opened anew, and compared with the plan's hashes, where the plan or the files are others than before.
 */
export function openShards(
  path: string,
  { workers, places = {} }: ShardOptions = {},
  effects: RunShardEffects = {},
): ShardRunner {
  const { signal, caution } = effects;
  const pools = keepPool();
  let kept: { opened: OpenedRun; of: string } | undefined;
  const openSubject = async (plan: RunPlan): Promise<OpenedRun> => {
    const found = findPlaces(path, openRun(path).manifest(), plan.places, places);
    const of = JSON.stringify([plan, found, stampsOf(path, found)]);
    if (kept?.of !== of) {
      await pools.close();
      kept = { opened: await openRunSubject(path, { ...effects, places: found }, startOf(plan.works)), of };
    }
    return kept.opened;
  };
  return {
    run: async (shard) => {
      const plan = readOwnPlan(path);
      if (!Number.isInteger(shard) || shard < 0 || shard >= plan.shards) {
        throw new UnitscopeError(
          "usage",
          `option "shard": expected a number from 0 to ${plan.shards - 1}, got ${shard}`,
        );
      }
      if (plan.merged !== null) return { plan, state: "merged", passes: {}, waitingFor: [] };
      const record = openShardRecord(path, shard);
      const counter = openCounter(effects);
      let isFinished = false;
      try {
        const opened = await openSubject(plan);
        const share = { index: shard, count: plan.shards };
        const planned = (pass: Plan): void => recordPass(path, pass, plan);
        const runner = openPassFolder(path, { share, pools, planned, progress: counter.progress });
        const waiting = await waitingFor(
          computeShared(opened, withWorkers(plan.works, workers), { runner, signal, caution }),
        );
        isFinished = true;
        return {
          plan,
          state: waiting ? "waiting" : "done",
          passes: counter.passes(),
          waitingFor: waiting ? shardsOf(absencesOf(waiting), plan.shards) : [],
        };
      } finally {
        if (isFinished) record.finish(counter.passes());
        else record.drop();
      }
    },
    close: async () => await pools.close(),
  };
}

/** When the files were changed last that a run is made of, as far as the file system tells. */
function stampsOf(path: string, { model, data }: SubjectPlaces): (string | null)[] {
  const manifest = openRun(path).manifest();
  return [model ?? manifest.model.path, data ?? manifest.data.path ?? ""].map((place) => {
    const file = place.replace(/(?<=\.npz):[a-z]+$/i, "");
    const stats = file === "" ? undefined : statSync(file, { throwIfNoEntry: false });
    return stats ? `${stats.dev} ${stats.ino} ${stats.size} ${stats.mtimeMs}` : null;
  });
}

/** The works with so many threads each. */
export function withWorkers(works: readonly SharedWork[], workers: number | undefined): SharedWork[] {
  return works.map((work) => ({ ...work, options: { ...work.options, workers } }) as SharedWork);
}

async function waitingFor(work: Promise<unknown>): Promise<UnitscopeError | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    if (error instanceof UnitscopeError && error.code === "waiting") return error;
    throw error;
  }
}

/** Counts the images that are computed in each kind of pass, and their time. */
function openCounter({ progress }: RunShardEffects): {
  progress(plan: Plan, done: number, total: number): void;
  passes(): Record<string, ComputedImages>;
} {
  const seen = new Map<Plan, { began: number; first: number; images: number; elapsedMs: number }>();
  return {
    progress: (plan, done, total) => {
      const now = performance.now();
      const own = seen.get(plan) ?? { began: now, first: done, images: 0, elapsedMs: 0 };
      seen.set(plan, { ...own, images: done - own.first, elapsedMs: now - own.began });
      progress?.(plan.pass, done, total);
    },
    passes: () => {
      const passes: Record<string, ComputedImages> = {};
      for (const [{ pass }, { images, elapsedMs }] of seen) {
        const before = passes[pass] ?? { images: 0, elapsedMs: 0 };
        passes[pass] = { images: before.images + images, elapsedMs: before.elapsedMs + elapsedMs };
      }
      return passes;
    },
  };
}
