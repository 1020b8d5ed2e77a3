/** `unitscope reproduce`: every experiment of the paper on our networks, then the page about them. */
import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { UnitscopeError } from "../errors.ts";
import { writeFileAtomic } from "../files/atomic-file.ts";
import { openRun } from "../runs/run-folder.ts";
import { version } from "../version.ts";
import { judgeClaims } from "./claims/claims.ts";
import type { ControlledClaim } from "./claims/control.ts";
import { readEvidence } from "./evidence.ts";
import { networks as allNetworks, mainNetwork, type ReproductionNetwork } from "./networks.ts";
import { type PageData, paperPage } from "./paper-page.ts";
import { planSteps } from "./plan.ts";
import { publishResults, readTrainings, trainingPicture } from "./publish.ts";
import { type ReproductionEffects, runPath, runSteps, testImages, type Workplace } from "./run-steps.ts";

/** What to reproduce, and where. */
export interface ReproduceOptions extends Workplace {
  /** The page, a `.md` file; figures, tables and `claims.json` go to a folder of its name beside it. */
  readonly out: string;
  /** The first so many images of every class, for a quick look. */
  readonly limit?: number | undefined;
  /** The networks; by default all of those that were meant for the page and are there. */
  readonly networks?: readonly ReproductionNetwork[] | undefined;
}

/** What was found and written. */
export interface Reproduction {
  readonly page: string;
  readonly folder: string;
  readonly claims: readonly ControlledClaim[];
  /** What all steps took when they ran, now or in an earlier call. */
  readonly elapsedMs: number;
}

/**
 * Runs what is missing, judges the claims and writes the page.
 * @throws {UnitscopeError} `usage` if the page is no `.md` file; `model` if a network is missing; whatever an
 *   experiment refuses.
 */
export async function reproducePaper(
  options: ReproduceOptions,
  effects: ReproductionEffects = {},
): Promise<Reproduction> {
  const { out, limit } = options;
  if (extname(out) !== ".md")
    throw new UnitscopeError("usage", `option "out": expected a file that ends in .md, got "${out}"`);
  if (limit !== undefined && !(Number.isInteger(limit) && limit >= 2)) {
    throw new UnitscopeError(
      "usage",
      `option "limit": expected at least 2 images of every class (one to choose units by, one to measure), got ${limit}`,
    );
  }
  if (options.workers !== undefined && options.workers < 1) {
    throw new UnitscopeError("usage", `option "workers": expected at least 1, got ${options.workers}`);
  }
  const name = basename(out, ".md");
  const folder = join(dirname(out), name);
  requirePage(out, folder);
  const networks = options.networks ?? presentNetworks(options.models);
  checkModels(networks, options.models);
  const records = await runSteps(planSteps({ limit, networks }), options, effects);
  const evidence = await readEvidence(networks, options);
  const claims = judgeClaims(evidence);
  const trainings = readTrainings(networks, options.models);
  const elapsedMs = [...records.values()].reduce((sum, record) => sum + record.elapsedMs, 0);
  const { data, hardware } = openRun(runPath(options, mainNetwork)).manifest();
  const page: PageData = {
    unitscope: version,
    images: { name: testImages, count: data.images },
    networks: evidence.networks.map((network) => ({
      name: network.name,
      variant: network.variant,
      seed: network.seed,
      note: network.note ?? "",
      accuracy: network.accuracy,
    })),
    missing: options.networks ? [] : allNetworks.filter((each) => !networks.includes(each)).map(({ name }) => name),
    trainings: trainings && trainingPicture,
    claims,
    elapsedMs,
    hardware: { cpu: hardware.cpu, cores: hardware.cores },
    isInDocs: existsSync(join(dirname(out), "training.md")),
    limit: limit ?? null,
  };
  writeFileAtomic(join(folder, "claims.json"), `${JSON.stringify(page, null, 2)}\n`);
  await publishResults({ claims, trainings }, options, folder);
  writeFileAtomic(out, paperPage(page, name));
  return { page: out, folder, claims, elapsedMs };
}

/** The plain networks, without which there is nothing to compare with, and of the others those that are there. */
function presentNetworks(models: string): ReproductionNetwork[] {
  return allNetworks.filter(({ name, variant }) => variant === "plain" || existsSync(join(models, `${name}.onnx`)));
}

function checkModels(networks: readonly ReproductionNetwork[], models: string): void {
  const missing = networks.map(({ name }) => `${name}.onnx`).filter((file) => !existsSync(join(models, file)));
  if (missing.length === 0) return;
  throw new UnitscopeError(
    "model",
    `models "${models}": expected ${networks.length} trained networks, got none called ${missing.join(", ")}; they are in the folder models/ of the repository, whose scripts/train-models.sh trains them: give that folder`,
  );
}

/** Only a page of an earlier call is written over, and only its folder is emptied. */
function requirePage(out: string, folder: string): void {
  const isOurs = existsSync(join(folder, "claims.json"));
  const taken = [out, folder].filter((path) => existsSync(path));
  if (isOurs || taken.length === 0 || (taken[0] === folder && readdirSync(folder).length === 0)) return;
  throw new UnitscopeError(
    "usage",
    `option "out" "${out}": expected a new page or one of an earlier call, got "${taken.join('" and "')}" without claims.json; choose another name`,
  );
}
