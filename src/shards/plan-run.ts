/** `unitscope plan`: cuts a command on a run into shards that any machines can carry out. */
import { type AblateRunOptions, beginAblation, type RunEffects } from "../commands/ablate-run.ts";
import { type OpenedRun, openRunSubject, requireWhole } from "../commands/open-run.ts";
import { UnitscopeError } from "../errors.ts";
import { canonicalJson, type Json } from "../files/canonical-json.ts";
import { folderStore } from "../passes/block-store.ts";
import { absentBlocks, openPassFolder, type PassRunner } from "../passes/pass-runner.ts";
import type { Plan } from "../passes/plan.ts";
import { openRun } from "../runs/run-folder.ts";
import { holdingRun } from "../runs/run-lock.ts";
import { requireDevice } from "../runtime/require-device.ts";
import { schemaVersion } from "../tables/schema.ts";
import { version } from "../version.ts";
import { relativePlaces } from "./find-places.ts";
import { costMeter, type PassCost } from "./measure-cost.ts";
import {
  forgetPasses,
  hasRunPlan,
  MAX_SHARDS,
  type RunPlan,
  readRunPlan,
  recordedPasses,
  recordPass,
  writeRunPlan,
} from "./run-plan.ts";
import { forgetShardRecords } from "./shard-records.ts";
import { checkWorks, computeShared, passesOf, type SharedWork, startOf } from "./shared-work.ts";

/** How a command is cut. */
export interface PlanRunOptions {
  readonly shards: number;
  /** Whether to measure what it costs; true by default. */
  readonly cost?: boolean | undefined;
}

/** What was planned. */
export interface PlanRunResult {
  readonly path: string;
  readonly plan: RunPlan;
  readonly opened: OpenedRun;
  /** The passes that are known already: those of the first stage. */
  readonly passes: readonly Plan[];
  readonly costs: readonly PassCost[];
  /** Whether nothing is left to compute. */
  readonly isComplete: boolean;
}

/**
 * Plans an ablation.
 * @throws {UnitscopeError} as `runAblate` with what does not fit, and as `planRun`.
 */
export async function planAblation(
  modelPath: string,
  data: string,
  { shards, cost, ...options }: AblateRunOptions & PlanRunOptions,
  effects: Omit<RunEffects, "progress"> = {},
): Promise<PlanRunResult> {
  checkShards(shards);
  const early = (["until", "budget"] as const).find((name) => options[name] !== undefined);
  if (early) {
    throw new UnitscopeError(
      "usage",
      `option "${early}": expected none for a plan, which measures all images; leave it out`,
    );
  }
  if (cost !== false) await requireDevice(options.provider); // which measures it
  const { manifest } = await beginAblation(modelPath, data, options, effects);
  const { method, draws, engine, continuous, verify, seed, provider } = options;
  const layers = manifest.layers.map(({ name }) => name);
  const work: SharedWork = {
    kind: "ablate",
    options: { layers, method, draws, engine, continuous, verify, seed, provider },
  };
  return await planRun(options.out, [work], { shards, cost }, effects);
}

/**
 * Plans commands on a run: writes `plan.json`, and the plans of the passes that can be known. Nothing is written before
 * all of it has been found to fit.
 * @throws {UnitscopeError} `run` if the folder holds no run, another plan that is not merged, or only a part of what the
 *   commands start from; `usage` for no shards, and for options that the commands refuse.
 */
export async function planRun(
  path: string,
  works: readonly SharedWork[],
  { shards, cost = true }: PlanRunOptions,
  effects: Omit<RunEffects, "progress"> = {},
): Promise<PlanRunResult> {
  checkShards(shards);
  checkWorks(works);
  const start = startOf(works);
  if (!start.isPartialFine) requireWhole(openRun(path), start.layers);
  const opened = await openRunSubject(path, effects, start);
  return await holdingRun(path, "plan", async () => {
    const plan: RunPlan = {
      schemaVersion,
      unitscope: version,
      works: works.map(({ kind, options }) => ({ kind, options: planned(options) }) as SharedWork),
      shards,
      passes: passesOf(opened, works),
      places: relativePlaces(path, opened.run.manifest()),
      planned: new Date().toISOString(),
      merged: null,
    };
    requireSamePlan(path, plan);
    const known: Plan[] = [];
    const nothing = openPassFolder(path, { share: "none", planned: (pass) => known.push(pass) });
    const isKnown = await asFarAs(opened, works, nothing, effects);
    const costs: PassCost[] = [];
    if (cost)
      await asFarAs(
        opened,
        works.map(measurable),
        costMeter((found) => costs.push(found)),
        effects,
      );
    if (!hasRunPlan(path) || readRunPlan(path).merged !== null) {
      forgetPasses(path);
      forgetShardRecords(path);
      writeRunPlan(path, plan);
    }
    for (const pass of known) recordPass(path, pass, plan);
    const isThere = (pass: Plan): boolean =>
      absentBlocks(pass, folderStore(path, pass), { isThorough: false }).length === 0;
    const isComplete = isKnown && known.every(isThere);
    return { path, plan: readRunPlan(path), opened, passes: recordedPasses(path), costs, isComplete };
  });
}

function checkShards(shards: number): void {
  if (Number.isInteger(shards) && shards >= 1 && shards <= MAX_SHARDS) return;
  throw new UnitscopeError("usage", `option "shards": expected a whole number from 1 to ${MAX_SHARDS}, got ${shards}`);
}

/** @throws {UnitscopeError} `run` if another plan is under way. */
function requireSamePlan(path: string, { works, shards, unitscope }: RunPlan): void {
  if (!hasRunPlan(path)) return;
  const held = readRunPlan(path);
  const same = (plan: Pick<RunPlan, "works" | "shards" | "unitscope">): string =>
    canonicalJson([plan.works, plan.shards, plan.unitscope] as unknown as Json);
  if (held.merged !== null || same(held) === same({ works, shards, unitscope })) return;
  const what = held.works.map(({ kind }) => kind).join(" and ");
  throw new UnitscopeError(
    "run",
    `run folder "${path}": expected no other plan under way, got ${what} in ${held.shards} shards, planned ${held.planned}; merge it first, or give it up by removing plan.json and plan/`,
  );
}

/** @returns whether nothing had to be waited for. */
async function asFarAs(
  opened: OpenedRun,
  works: readonly SharedWork[],
  runner: PassRunner,
  { signal }: Pick<RunEffects, "signal">,
): Promise<boolean> {
  try {
    await computeShared(opened, works, { runner, signal });
    return true;
  } catch (error) {
    if (!(error instanceof UnitscopeError) || error.code !== "waiting") throw error;
    return false;
  }
}

/** A sweep that replaces by zero takes as long as one by other constants, and needs no pass before it. */
function measurable(work: SharedWork): SharedWork {
  if (work.kind !== "ablate" || (work.options.method !== "mean" && work.options.method !== "optimal")) return work;
  return { kind: "ablate", options: { ...work.options, method: "zero" } };
}

/** Options as a plan has them: how many threads a machine uses is said when a shard is carried out. */
function planned(options: SharedWork["options"]): object {
  const { workers: _, ...kept } = options;
  return JSON.parse(JSON.stringify(kept)) as object;
}
