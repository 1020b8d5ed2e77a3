/** `unitscope reproduce`: every experiment of the paper on our networks, then the page about them. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { UnitscopeError } from "../errors.ts";
import { writeFileAtomic } from "../files/atomic-file.ts";
import { diskError } from "../files/disk-error.ts";
import { checkWorkers } from "../passes/thread-choice.ts";
import { openRun } from "../runs/run-folder.ts";
import { version } from "../version.ts";
import { judgeClaims } from "./claims/claims.ts";
import type { ControlledClaim } from "./claims/control.ts";
import { readControls } from "./controls.ts";
import { readEvidence } from "./evidence.ts";
import { type PageData, paperPage, type StudyBeside } from "./paper-page.ts";
import { planSteps } from "./plan.ts";
import { publishResults, readTrainings, trainingPicture } from "./publish.ts";
import { type ReproductionEffects, runPath, runSteps, type Workplace } from "./run-steps.ts";
import type { ReproductionNetwork, Study } from "./studies.ts";

/** What to reproduce, and where. */
export interface ReproduceOptions extends Workplace {
  /** The page, a `.md` file; figures, tables and `claims.json` go to a folder of its name beside it. */
  readonly out: string;
  /** The first so many images of every class, for a quick look. */
  readonly limit?: number | undefined;
  /** `claims.json` of other studies' pages, a column each. */
  readonly beside?: readonly string[] | undefined;
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
  const { out, limit, study } = options;
  if (extname(out) !== ".md")
    throw new UnitscopeError("usage", `option "out": expected a file that ends in .md, got "${out}"`);
  if (limit !== undefined && !(Number.isInteger(limit) && limit >= 2)) {
    throw new UnitscopeError(
      "usage",
      `option "limit": expected at least 2 images of every class (one to choose units by, one to measure), got ${limit}`,
    );
  }
  checkWorkers({ workers: options.workers });
  const name = basename(out, ".md");
  const folder = join(dirname(out), name);
  requirePage(out, folder);
  const beside = (options.beside ?? []).map(readStudyBeside);
  const networks = options.networks ?? presentNetworks(study, options.models);
  checkModels(networks, options.models);
  const records = await runSteps(planSteps(study, { limit, networks }), options, effects);
  const evidence = await readEvidence(networks, options);
  const claims = judgeClaims(evidence);
  const trainings = readTrainings(networks, options.models);
  const elapsedMs = [...records.values()].reduce((sum, record) => sum + record.elapsedMs, 0);
  const { data, hardware } = openRun(runPath(options, study.mainNetwork)).manifest();
  const page: PageData = {
    unitscope: version,
    study: { column: study.column, images: study.images, task: study.task },
    images: {
      name: study.testImages,
      count: data.images,
      ofEveryClass: Math.min(limit ?? Infinity, study.comparedLimit),
    },
    networks: evidence.networks.map((network) => ({
      name: network.name,
      variant: network.variant,
      seed: network.seed,
      note: network.note ?? "",
      accuracy: network.name === evidence.main.name ? evidence.main.accuracy : network.accuracy,
    })),
    missing: options.networks ? [] : study.networks.filter((each) => !networks.includes(each)).map(({ name }) => name),
    beside,
    trainings: trainings && trainingPicture,
    claims,
    controls: await readControls(options),
    elapsedMs,
    hardware: { cpu: hardware.cpu, cores: hardware.cores },
    isInDocs: existsSync(join(dirname(out), "training.md")),
    limit: limit ?? null,
  };
  writeFileAtomic(join(folder, "claims.json"), `${JSON.stringify(page, null, 2)}\n`);
  await publishResults({ claims, trainings, networks: evidence.networks }, options, folder);
  writeFileAtomic(out, paperPage(page, name));
  return { page: out, folder, claims, elapsedMs };
}

/** Two plain networks, without which there is nothing to compare with, and of the others those that are there. */
function presentNetworks({ networks }: Study, models: string): ReproductionNetwork[] {
  return networks.filter(
    ({ name, variant, seed }) => (variant === "plain" && seed <= 2) || existsSync(join(models, `${name}.onnx`)),
  );
}

/** Another study's column, from the numbers of its page. */
function readStudyBeside(path: string): StudyBeside {
  let page: Partial<PageData>;
  try {
    page = JSON.parse(readFileSync(path, "utf8")) as Partial<PageData>;
  } catch (cause) {
    if (cause instanceof SyntaxError) throw notClaims(path, "a file that is not JSON");
    throw diskError(`option "beside" "${path}"`, cause, { rule: besideRule, elsewhere: whereClaimsLie });
  }
  const { study, claims } = page;
  if (!study || !Array.isArray(claims)) throw notClaims(path, "a file without a study and its claims");
  return {
    name: study.column,
    claims: claims.map(({ id, verdict, headline }) => ({ id, verdict, headline })),
  };
}

const besideRule = "claims.json of a page that reproduce wrote";
const whereClaimsLie =
  "it lies beside the page, in the folder of the page's name, as docs/paper/claims.json does beside docs/paper.md: give that file, or reproduce that study first";

function notClaims(path: string, found: string): UnitscopeError {
  return new UnitscopeError(
    "data",
    `option "beside" "${path}": expected ${besideRule}, got ${found}; ${whereClaimsLie}`,
  );
}

function checkModels(networks: readonly ReproductionNetwork[], models: string): void {
  const missing = networks.map(({ name }) => `${name}.onnx`).filter((file) => !existsSync(join(models, file)));
  if (missing.length === 0) return;
  throw new UnitscopeError(
    "model",
    `models "${models}": expected ${networks.length} trained networks, got none called ${missing.join(", ")}; give the repository's folder models/, or train what is not there with its scripts/train-models.sh ${missing.map((file) => file.replace(/\.onnx$/, "")).join(" ")}`,
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
