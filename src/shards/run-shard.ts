/** `unitscope run RUN --shard I`: computes one shard's blocks of every pass of a plan, as far as that can be done yet. */
import { type OpeningEffects, openRunSubject } from "../commands/open-run.ts";
import type { SubjectPlaces } from "../commands/subject.ts";
import { UnitscopeError } from "../errors.ts";
import { absencesOf, openPassFolder } from "../passes/pass-runner.ts";
import type { Plan } from "../passes/plan.ts";
import { openRun } from "../runs/run-folder.ts";
import { findPlaces } from "./find-places.ts";
import { type RunPlan, readOwnPlan, recordPass } from "./run-plan.ts";
import { shardsOf } from "./run-status.ts";
import { type ComputedImages, openShardRecord } from "./shard-records.ts";
import { computeShared, type SharedWork, startOf } from "./shared-work.ts";

/** How a shard is carried out. */
export interface RunShardOptions {
  readonly shard: number;
  readonly workers?: number | undefined;
  /** Where model and images are on this machine. */
  readonly places?: SubjectPlaces | undefined;
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

/**
 * Carries out a shard; any number of processes may carry out any shards of a run at a time, the same ones too.
 * @throws {UnitscopeError} `usage` for a shard that the plan lacks; `run` if model or images are not the plan's.
 */
export async function runShard(
  path: string,
  { shard, workers, places = {} }: RunShardOptions,
  effects: RunShardEffects = {},
): Promise<RunShardResult> {
  const plan = readOwnPlan(path);
  if (!Number.isInteger(shard) || shard < 0 || shard >= plan.shards) {
    throw new UnitscopeError("usage", `option "shard": expected a number from 0 to ${plan.shards - 1}, got ${shard}`);
  }
  if (plan.merged !== null) return { plan, state: "merged", passes: {}, waitingFor: [] };
  const { signal, caution } = effects;
  const found = findPlaces(path, openRun(path).manifest(), plan.places, places);
  const record = openShardRecord(path, shard);
  const counter = openCounter(effects);
  let isFinished = false;
  try {
    const opened = await openRunSubject(path, { ...effects, places: found }, startOf(plan.works));
    const share = { index: shard, count: plan.shards };
    const planned = (pass: Plan): void => recordPass(path, pass, plan);
    const runner = openPassFolder(path, { share, planned, progress: counter.progress });
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
