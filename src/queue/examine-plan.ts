/** Whether a worker can take part in a plan: it needs the run's folder, the same version, and the same bytes. */
import { existsSync } from "node:fs";
import { basename, isAbsolute, join } from "node:path";
import { openRunSubject } from "../commands/open-run.ts";
import type { SubjectPlaces } from "../commands/subject.ts";
import { cacheFolder } from "../data/cache.ts";
import { UnitscopeError } from "../errors.ts";
import { openRun } from "../runs/run-folder.ts";
import type { RunManifest } from "../runs/run-manifest.ts";
import { findPlaces } from "../shards/find-places.ts";
import { hasRunPlan, readRunPlan } from "../shards/run-plan.ts";
import { version } from "../version.ts";
import { fetchFile, forgetFetched } from "./fetch-file.ts";
import { cardOf, type PlanCard } from "./plan-card.ts";

/** Where a worker looks. */
export interface WorkerPlaces {
  /** Folder that holds the runs' folders on this machine, by their own names. */
  readonly runs?: string | undefined;
  /** Where model and images are, whatever the run says. */
  readonly places?: SubjectPlaces | undefined;
  /** Where model and images are fetched from that are not there: a URL or a folder. */
  readonly fetch?: string | undefined;
  readonly cache?: string | undefined;
}

/** A plan as this worker sees it. */
export interface Workable {
  readonly card: PlanCard;
  readonly path: string;
  readonly places: SubjectPlaces;
}

/**
 * Examines a plan: opens its model and images once, and compares them with what it was made of.
 * @throws {UnitscopeError} saying why this worker cannot take part.
 */
export async function examinePlan(
  card: PlanCard,
  { runs, places = {}, fetch, cache = cacheFolder() }: WorkerPlaces,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<Workable> {
  if (card.unitscope !== version) {
    throw new UnitscopeError("run", `expected unitscope ${card.unitscope}, which planned it, got ${version}`);
  }
  const path = findRun(card, runs);
  const manifest = openRun(path, { isPartialFine: true }).manifest();
  const found = findPlaces(path, manifest, readRunPlan(path).places, places);
  const fetched = fetch === undefined ? {} : await fetchLacking(manifest, found, { fetch, cache, signal });
  const there = { ...found, ...fetched };
  try {
    await openRunSubject(path, { places: there, signal }, { isPartialFine: true });
  } catch (error) {
    for (const copy of Object.values(fetched)) await forgetFetched(copy);
    throw error;
  }
  return { card, path, places: there };
}

/** @throws {UnitscopeError} `run` if the folder with this very plan is neither where the card says nor among the runs. */
function findRun(card: PlanCard, runs: string | undefined): string {
  const tried = [card.run, ...(runs === undefined ? [] : [join(runs, basename(card.run))])];
  const found = tried.find((path) => {
    try {
      return hasRunPlan(path) && cardOf(path).id === card.id;
    } catch {
      return false; // another run, or none
    }
  });
  if (found !== undefined) return found;
  throw new UnitscopeError(
    "run",
    `run folder "${tried.join('" or "')}": expected the folder of the plan, got ${tried.some((path) => existsSync(path)) ? "another" : "none"}; mount it there, or say with option "runs" which folder holds it`,
  );
}

async function fetchLacking(
  { model, data }: RunManifest,
  found: SubjectPlaces,
  { fetch, cache, signal }: { fetch: string; cache: string; signal: AbortSignal | undefined },
): Promise<{ model?: string; data?: string }> {
  const fetched: { model?: string; data?: string } = {};
  const modelPath = found.model ?? model.path;
  if (!existsSync(modelPath)) {
    const wanted = { name: basename(modelPath), hash: model.sha256, sha256: model.sha256 };
    fetched.model = await fetchFile(fetch, wanted, { cache, signal });
  }
  const [, dataPath = "", split = ""] = /^(.*?)((?<=\.npz):[a-z]+)?$/i.exec(found.data ?? data.path ?? data.name) ?? [];
  if (isAbsolute(dataPath) && !existsSync(dataPath)) {
    const wanted = { name: basename(dataPath), hash: data.hash };
    fetched.data = `${await fetchFile(fetch, wanted, { cache, signal })}${split}`;
  }
  return fetched;
}
