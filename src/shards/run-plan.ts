/**
 * `RUN/plan.json`: what several machines compute together in a run's folder, and in how many shards. Beside it, in
 * `RUN/plan/`, stand the plans of the passes, as far as they are known: that of a later pass may follow from what an
 * earlier one found. All of it can be read without the model and the images.
 */
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { UnitscopeError } from "../errors.ts";
import { writeFileAtomic } from "../files/atomic-file.ts";
import { canonicalJson, type Json } from "../files/canonical-json.ts";
import { diskError } from "../files/disk-error.ts";
import { sha256 } from "../files/hash.ts";
import { parseJson } from "../files/parse-json.ts";
import * as z from "../files/zod.ts";
import type { Plan } from "../passes/plan.ts";
import { schemaVersion } from "../tables/schema.ts";
import { version } from "../version.ts";
import type { PassCount, SharedWork } from "./shared-work.ts";

/** Where the model and the images are, seen from the run's folder, for machines that see it elsewhere. */
export interface RelativePlaces {
  readonly model: string;
  readonly data?: string | undefined;
  readonly root?: string | undefined;
  readonly classes?: string | undefined;
}

/** The content of `plan.json`. */
export interface RunPlan {
  readonly schemaVersion: number;
  /** Version of the package that planned it, and that alone carries it out. */
  readonly unitscope: string;
  readonly works: readonly SharedWork[];
  readonly shards: number;
  readonly passes: readonly PassCount[];
  readonly places: RelativePlaces;
  /** ISO 8601. */
  readonly planned: string;
  /** When its results were written, ISO 8601; `null` until then. */
  readonly merged: string | null;
}

/** More than this are a mistake. */
export const MAX_SHARDS = 100_000;
const MAX_UNITS = 10_000_000;

const works = z.array(
  z.strictObject({
    kind: z.enum(["ablate", "attributes", "concepts", "sets", "rotate"]),
    options: z.record(z.string(), z.json()),
  }),
) as unknown as z.ZodType<SharedWork[]>;
const planSchema: z.ZodType<RunPlan> = z.strictObject({
  schemaVersion: z.literal(schemaVersion),
  unitscope: z.string(),
  works,
  shards: z.int().min(1).max(MAX_SHARDS),
  passes: z.array(z.strictObject({ pass: z.string(), count: z.int().nonnegative(), stage: z.int().min(1) })),
  places: z.strictObject({
    model: z.string(),
    data: z.string().optional(),
    root: z.string().optional(),
    classes: z.string().optional(),
  }),
  planned: z.iso.datetime(),
  merged: z.iso.datetime().nullable(),
});

const record = z.record(z.string(), z.json());
const size = z.int().nonnegative();
const passSchema = z
  .strictObject({
    pass: z.string(),
    key: record,
    shared: record,
    layers: z.array(z.strictObject({ name: z.string(), key: record, units: size.max(MAX_UNITS).optional() })),
    isApart: z.literal(true).optional(),
    order: z.union([
      z.strictObject({ kind: z.literal("listed") }),
      z.strictObject({ kind: z.literal("stratified"), seed: z.number() }),
      z.strictObject({ kind: z.literal("chosen"), by: record }),
    ]),
    blockSizes: z.array(size),
    from: size,
    to: size,
  })
  .refine(({ blockSizes, from, to }) => from <= to && to <= blockSizes.length, "a range of blocks that it lacks")
  .transform((plan): Plan => plan as Plan);

/** What does not fit first. */
function issueOf({ issues: [issue] }: z.ZodError): string {
  return issue ? `${issue.path.join(".")}: ${issue.message}` : "another form";
}

/** Whether a folder has a plan. */
export function hasRunPlan(path: string): boolean {
  return existsSync(join(path, "plan.json"));
}

/** Reads a folder's plan. @throws {UnitscopeError} `run` if there is none, or it is damaged. */
export function readRunPlan(path: string): RunPlan {
  const file = join(path, "plan.json");
  if (!existsSync(file)) {
    throw new UnitscopeError(
      "run",
      `run folder "${path}": expected plan.json, got none; make one with: unitscope plan MODEL DATA --shards N --out ${path}`,
    );
  }
  return readAs(planSchema, file, { expected: "a plan", advice: "plan it again" });
}

function readAs<T>(
  schema: { parse(value: unknown): T },
  file: string,
  { expected, advice }: { expected: string; advice: string },
): T {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw diskError(file, cause);
  }
  try {
    return schema.parse(parseJson(text));
  } catch (cause) {
    const what = cause instanceof z.ZodError ? issueOf(cause) : "no JSON";
    throw new UnitscopeError("run", `${file}: expected ${expected}, got ${what}; ${advice}`, { cause });
  }
}

/** Reads a plan that this version carries out. @throws {UnitscopeError} `run` for that of another version. */
export function readOwnPlan(path: string): RunPlan {
  const plan = readRunPlan(path);
  if (plan.unitscope === version) return plan;
  throw new UnitscopeError(
    "run",
    `run folder "${path}": expected unitscope ${plan.unitscope}, which planned it, got ${version}; use that version on every machine`,
  );
}

/** Writes a folder's plan. */
export function writeRunPlan(path: string, plan: RunPlan): void {
  writeFileAtomic(join(path, "plan.json"), `${JSON.stringify(plan, null, 2)}\n`);
}

/** Keeps the plan of a pass, so that anybody can see how far it is. The same plan is always the same file. */
export function recordPass(path: string, plan: Plan, { passes }: Pick<RunPlan, "passes">): void {
  if (!passes.some(({ pass }) => pass === plan.pass)) {
    const known = passes.map(({ pass }) => pass).join(", ");
    throw new UnitscopeError("internal", `internal: plan: expected passes ${known}, got ${plan.pass}`);
  }
  const text = canonicalJson(plan as unknown as Json);
  const file = join(path, "plan", `${plan.pass.replaceAll(" ", "-")}-${sha256(text).slice(0, 16)}.json`);
  if (!existsSync(file)) writeFileAtomic(file, `${text}\n`);
}

/** The plans of the passes that are known. @throws {UnitscopeError} `run` if one is damaged. */
export function recordedPasses(path: string): Plan[] {
  const folder = join(path, "plan");
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((name) => name.endsWith(".json") && !name.startsWith("."));
  return files.sort().map((name) => {
    const file = join(folder, name);
    return readAs(passSchema, file, { expected: "the plan of a pass", advice: "remove it and plan again" });
  });
}

/** Forgets the plans of the passes. */
export function forgetPasses(path: string): void {
  rmSync(join(path, "plan"), { recursive: true, force: true });
}
