/** What a queue says about a plan: where its run's folder is, and by content which model, images and version it needs. */
import { resolve } from "node:path";
import { canonicalJson, type Json } from "../files/canonical-json.ts";
import { sha256 } from "../files/hash.ts";
import * as z from "../files/zod.ts";
import { openRun } from "../runs/run-folder.ts";
import { readRunPlan } from "../shards/run-plan.ts";

const cardSchema = z.strictObject({
  id: z.string().regex(/^[0-9a-f]{16}$/),
  run: z.string(),
  works: z.array(z.string()),
  shards: z.int().min(1),
  unitscope: z.string(),
  model: z.string(),
  data: z.string(),
});

/** A plan as it is announced. */
export interface PlanCard {
  /** Tells this plan from all others, also from an earlier one of the same in the same folder. */
  readonly id: string;
  /** The run's folder, absolute, where the coordinator sees it. */
  readonly run: string;
  readonly works: readonly string[];
  readonly shards: number;
  /** Version of the package that planned it. */
  readonly unitscope: string;
  /** SHA-256 of the model, and the hash of the images and labels, as in `run.json`. */
  readonly model: string;
  readonly data: string;
}

/** The card of the plan in a run's folder. @throws {UnitscopeError} `run` if it has none. */
export function cardOf(path: string): PlanCard {
  const { works, shards, unitscope, planned } = readRunPlan(path);
  const { model, data } = openRun(path, { isPartialFine: true }).manifest();
  const what = { works, shards, unitscope, planned, model: model.sha256, data: data.hash };
  return {
    id: sha256(canonicalJson(what as unknown as Json)).slice(0, 16),
    run: resolve(path),
    works: works.map(({ kind }) => kind),
    shards,
    unitscope,
    model: model.sha256,
    data: data.hash,
  };
}

/** Reads a card that came over the network; `undefined` if it is none that this version understands. */
export function parseCard(text: string): PlanCard | undefined {
  try {
    return cardSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
