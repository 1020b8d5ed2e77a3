/** What the findings owe to how a unit is removed, to the seed, and to the layers behind; read from the runs. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type RepairSummary, summariseRepair } from "../analysis/repair-summary.ts";
import type { MatchSummary } from "../commands/match-runs.ts";
import type { MethodAgreement } from "../commands/method-agreement.ts";
import { openRun } from "../runs/run-folder.ts";
import { rowsWhere } from "../tables/table.ts";
import { runPath, type Workplace } from "./run-steps.ts";
import { compareRuns, methodRun } from "./steps.ts";
import { comparedLayers } from "./studies.ts";

/** Everything in it can be written as JSON. */
export interface Controls {
  /** The main network, and the images that its units were removed on in several ways. */
  readonly network: string;
  readonly images: number;
  readonly methods: Omit<MethodAgreement, "surviving">;
  /** By layer: direct against total effects. */
  readonly repair: readonly ({ readonly layer: string } & Omit<RepairSummary, "units">)[];
  /** The first plain network's units in each of the others, by layer; empty with a single one on the same images. */
  readonly seeds: readonly MatchSummary[];
}

/** Reads what the steps left. @throws {UnitscopeError} `run` if a table is missing. */
export async function readControls(place: Workplace): Promise<Controls> {
  const run = openRun(runPath(place, methodRun(place.study, "zero")));
  const table = await run.readTable("repair");
  const { methods } = readComparison(place, compareRuns.methods);
  return {
    network: place.study.mainNetwork,
    images: run.manifest().data.images,
    methods: methods ?? { pairs: [], layers: [] },
    repair: comparedLayers.map((layer) => {
      const { units: _, ...summary } = summariseRepair(rowsWhere(table, "layer", layer));
      return { layer, ...summary };
    }),
    seeds: readComparison(place, compareRuns.seeds).matches ?? [],
  };
}

function readComparison(
  place: Workplace,
  folder: string,
): { methods?: Controls["methods"] | null; matches?: readonly MatchSummary[] | null } {
  const path = join(runPath(place, folder), "compare.json");
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : {};
}
