/** `unitscope merge RUN`: checks that all of a plan is there, and writes what its commands write. */
import { type OpeningEffects, workOnRun } from "../commands/open-run.ts";
import type { SubjectPlaces } from "../commands/subject.ts";
import { UnitscopeError } from "../errors.ts";
import { folderStore } from "../passes/block-store.ts";
import { absencesOf, openPassFolder } from "../passes/pass-runner.ts";
import type { Plan } from "../passes/plan.ts";
import { openRun } from "../runs/run-folder.ts";
import { findPlaces } from "./find-places.ts";
import { forgetPasses, type RunPlan, readOwnPlan, recordedPasses, recordPass, writeRunPlan } from "./run-plan.ts";
import { withWorkers } from "./run-shard.ts";
import { shardsOf } from "./run-status.ts";
import { forgetShardRecords } from "./shard-records.ts";
import { computeShared, type SharedResult, startOf } from "./shared-work.ts";

/** How it is merged. */
export interface MergeRunOptions {
  readonly workers?: number | undefined;
  /** Where model and images are on this machine. */
  readonly places?: SubjectPlaces | undefined;
}

/**
 * Merges what the shards of a run computed, and writes its tables and figures: those of a run on one machine, to the byte.
 * Repeating it after it was interrupted is safe.
 *
 * @returns what was found; `undefined` if it was merged before.
 * @throws {UnitscopeError} `run` while something is missing, naming the shards; nothing is written then.
 */
export async function mergeRun(
  path: string,
  { workers, places = {} }: MergeRunOptions = {},
  { fetching, signal }: Pick<OpeningEffects, "fetching" | "signal"> = {},
): Promise<SharedResult[] | undefined> {
  const effects = { fetching, signal }; // a caller's others are told of other things
  const plan = readOwnPlan(path);
  if (plan.merged !== null) {
    tidy(path);
    return undefined;
  }
  const found = findPlaces(path, openRun(path).manifest(), plan.places, places);
  return await workOnRun(
    path,
    { command: "merge", ...startOf(plan.works) },
    { ...effects, places: found },
    async (opened) => {
      if (readOwnPlan(path).merged !== null) return undefined; // another process merged it before this one's turn
      const passes = openPassFolder(path, { share: "none", planned: (pass) => recordPass(path, pass, plan) });
      try {
        const write = await computeShared(opened, withWorkers(plan.works, workers), { runner: passes, ...effects });
        const results = await write();
        // From here on the pieces are not needed, so that a late shard has nothing to do.
        writeRunPlan(path, { ...plan, merged: new Date().toISOString() });
        tidy(path);
        return results;
      } catch (error) {
        throw error instanceof UnitscopeError && error.code === "waiting" ? missingError(path, plan, error) : error;
      }
    },
  );
}

/** Removes what the merged tables came from; all of it follows from what is recorded, so that it can be done again. */
function tidy(path: string): void {
  for (const plan of recordedPasses(path)) if (!outlives(plan)) folderStore(path, plan).clear();
  forgetPasses(path);
  forgetShardRecords(path);
}

/** Observed responses are read by later commands too. */
function outlives({ pass }: Plan): boolean {
  return pass === "responses";
}

function missingError(path: string, { shards }: RunPlan, waiting: UnitscopeError): UnitscopeError {
  const missing = shardsOf(absencesOf(waiting), shards);
  const [first] = absencesOf(waiting);
  const listed = missing.length > 20 ? `${missing.slice(0, 20).join(", ")}, …` : missing.join(", ");
  return new UnitscopeError(
    "run",
    `run folder "${path}": expected all ${shards} shards of pass ${first.plan.pass}, got ${shards - missing.length}; run the others: unitscope run ${path} --shard ${listed}`,
    { cause: waiting, details: { missing } },
  );
}
