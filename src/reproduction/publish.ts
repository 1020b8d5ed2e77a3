/** Puts the figures and tables of the runs beside the page. */
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { logPath } from "../experiments/train-model.ts";
import { type TrainingCurve, trainingCurvesFigure } from "../figures/training-curves.ts";
import { writeFileAtomic } from "../results/atomic-file.ts";
import { tableCsv } from "../results/export.ts";
import { openRun } from "../results/run-folder.ts";
import type { TableName } from "../results/schema.ts";
import { concatTables } from "../results/table.ts";
import type { Claim, Picture } from "./claims/claim.ts";
import { mainNetwork, type ReproductionNetwork } from "./networks.ts";
import { specialRuns } from "./plan.ts";
import { runPath, type Workplace } from "./run-steps.ts";
import { setCurveTable } from "./set-curve-table.ts";

/** Figures that have another name on the page than in their run. */
const renamed: Readonly<Record<string, { readonly run: string; readonly file: string }>> = {
  "layer-drops-resnet18.svg": { run: "resnet18-cifar10", file: "layer-drops.svg" },
  "rotation-lower.svg": { run: specialRuns.lower, file: "rotation.svg" },
  "sets-conv1.svg": { run: specialRuns.lower, file: "sets-conv1.svg" },
  "sets-conv2.svg": { run: specialRuns.lower, file: "sets-conv2.svg" },
  "sets-conv3.svg": { run: specialRuns.lower, file: "sets-conv3.svg" },
};

/** Tables of the main network, with the other run that holds a part of them. */
const tables: readonly { readonly name: TableName; readonly file: string; readonly runs: readonly string[] }[] = [
  { name: "units", file: "units.csv", runs: [mainNetwork] },
  { name: "drops", file: "drops.csv", runs: [mainNetwork] },
  { name: "relations", file: "relations.csv", runs: [mainNetwork] },
  { name: "directions", file: "directions.csv", runs: [specialRuns.lower, mainNetwork] },
];

/** Writes every figure that a claim shows, and every table, into `figures/` and `tables/` of the folder. */
export async function publishResults(claims: readonly Claim[], place: Workplace, folder: string): Promise<void> {
  for (const part of ["figures", "tables"]) {
    rmSync(join(folder, part), { recursive: true, force: true });
    mkdirSync(join(folder, part), { recursive: true });
  }
  const files = new Set(claims.flatMap(({ pictures }) => pictures.map(({ file }) => file)));
  for (const file of files) writeFileAtomic(join(folder, "figures", file), readFileSync(figurePath(place, file)));
  for (const { name, file, runs } of tables) {
    const parts = await Promise.all(runs.map((run) => openRun(runPath(place, run)).readTable(name)));
    writeFileAtomic(join(folder, "tables", file), tableCsv(concatTables(parts)));
  }
  const sets = await Promise.all(
    [specialRuns.lower, mainNetwork, specialRuns.paperWay].map((run) => openRun(runPath(place, run)).readTable("sets")),
  );
  writeFileAtomic(join(folder, "tables", "set-curves.csv"), tableCsv(concatTables(sets.map(setCurveTable))));
  for (const [run, file] of [
    ["compare", "variants.csv"],
    ["compare", "runs.csv"],
    ["predict", "predictions.csv"],
  ] as const) {
    writeFileAtomic(join(folder, "tables", file), readFileSync(join(runPath(place, run), file)));
  }
}

/**
 * Draws the trainings of the networks from the logs beside them.
 * @returns `null` where a network has none (the npm package leaves them out).
 */
export function publishTrainings(
  networks: readonly ReproductionNetwork[],
  models: string,
  folder: string,
): Picture | null {
  const logs = networks.map(({ name, variant, seed }) => ({
    variant,
    seed,
    path: logPath(join(models, `${name}.onnx`)),
  }));
  if (!logs.every(({ path }) => existsSync(path))) return null;
  const trainings = logs.map(({ variant, seed, path }): TrainingCurve => {
    const { epochs } = JSON.parse(readFileSync(path, "utf8")) as TrainingCurve;
    return { name: `${variant}, seed ${seed}`, epochs };
  });
  const file = "training.svg";
  writeFileAtomic(join(folder, "figures", file), trainingCurvesFigure(trainings));
  return { file, shows: "loss and test accuracy of the trainings, epoch by epoch" };
}

function figurePath(place: Workplace, file: string): string {
  const other = renamed[file];
  if (other) return join(runPath(place, other.run), "figures", other.file);
  const candidates = [
    join(runPath(place, mainNetwork), "figures", file),
    join(runPath(place, "compare"), file),
    join(runPath(place, "predict"), file),
  ];
  return candidates.find((path) => existsSync(path)) ?? (candidates[0] as string);
}
