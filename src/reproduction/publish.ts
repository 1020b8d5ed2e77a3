/** Puts the figures and tables of the runs beside the page. */
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join, sep } from "node:path";
import { logPath } from "../commands/train-model.ts";
import { type TrainingCurve, trainingCurvesFigure } from "../figures/training-curves.ts";
import { writeFileAtomic } from "../files/atomic-file.ts";
import { tableCsv } from "../runs/export.ts";
import { openRun } from "../runs/run-folder.ts";
import type { TableName } from "../tables/schema.ts";
import { concatTables, doubles, filterRows, type Table } from "../tables/table.ts";
import { type Claim, dropsTable, type Picture } from "./claims/claim.ts";
import type { NetworkEvidence } from "./evidence.ts";
import { directionsOfNetworks, relationsOfNetworks, setsOfNetworks, unitsOfNetworks } from "./network-tables.ts";
import { runPath, type Workplace } from "./run-steps.ts";
import { setCurveTable } from "./set-curve-table.ts";
import { comparedRun, compareRuns, lowerRun, predictRuns } from "./steps.ts";
import type { ReproductionNetwork, Study } from "./studies.ts";

/** Figures that have another name on the page than in their run. */
function renamed(study: Study): Readonly<Record<string, { readonly run: string; readonly file: string }>> {
  const resnet = study.networks.find(({ variant }) => variant === "ResNet-18");
  return {
    ...(resnet && { "layer-drops-resnet18.svg": { run: resnet.name, file: "layer-drops.svg" } }),
    "layer-drops-lower.svg": { run: lowerRun(study), file: "layer-drops.svg" },
    "rotation.svg": { run: comparedRun(study, study.mainNetwork), file: "rotation.svg" },
  };
}

/** Tables of the main network, with the other run that holds a part of them. */
function publishedTables(study: Study): readonly {
  readonly name: TableName;
  readonly file: string;
  readonly runs: readonly string[];
  readonly keeps?: (table: Table) => Table;
}[] {
  const { mainNetwork, classCount } = study;
  const runs = [lowerRun(study), mainNetwork];
  return [
    { name: "units", file: "units.csv", runs },
    {
      name: "drops",
      file: dropsTable(classCount),
      runs,
      ...(dropsTable(classCount) !== "drops.csv" && { keeps: survivingDrops }),
    },
    { name: "relations", file: "relations.csv", runs },
    { name: "directions", file: "directions.csv", runs: [comparedRun(study, mainNetwork)] },
  ];
}

/** Effects that survive false-discovery control: all drops of many classes would take ten megabytes. */
function survivingDrops(table: Table): Table {
  const qValue = doubles(table, "q_value");
  return filterRows(table, (row) => qValue[row] <= 0.05);
}

/** Tables of all networks together, by their file. */
export const networkTables: Readonly<Record<string, (networks: readonly NetworkEvidence[]) => Table>> = {
  "networks-units.csv": unitsOfNetworks,
  "networks-relations.csv": relationsOfNetworks,
  "networks-sets.csv": setsOfNetworks,
  "networks-directions.csv": directionsOfNetworks,
};

/** What there is to publish besides what the runs hold. */
interface Published {
  readonly claims: readonly Claim[];
  readonly trainings: readonly TrainingCurve[] | null;
  readonly networks: readonly NetworkEvidence[];
}

/** Writes every figure that a claim shows, and every table, into `figures/` and `tables/` of the folder. */
export async function publishResults(
  { claims, trainings, networks }: Published,
  place: Workplace,
  folder: string,
): Promise<void> {
  const files = new Set(claims.flatMap(({ pictures }) => pictures.map(({ file }) => file)));
  const figures = [...files].map((file) => ({ file, content: readFileSync(figurePath(place, file)) }));
  for (const part of ["figures", "tables"]) {
    rmSync(join(folder, part), { recursive: true, force: true });
    mkdirSync(join(folder, part), { recursive: true });
  }
  for (const { file, content } of figures) writeFileAtomic(join(folder, "figures", file), content);
  if (trainings) writeFileAtomic(join(folder, "figures", trainingPicture.file), trainingCurvesFigure(trainings));
  for (const { name, file, runs, keeps = (table: Table) => table } of publishedTables(place.study)) {
    const parts = await Promise.all(runs.map((run) => openRun(runPath(place, run)).readTable(name)));
    writeFileAtomic(join(folder, "tables", file), tableCsv(keeps(concatTables(parts))));
  }
  for (const [file, tableOf] of Object.entries(networkTables)) {
    const table = tableOf(networks);
    if (table.rows > 0) writeFileAtomic(join(folder, "tables", file), tableCsv(table));
  }
  const { mainNetwork } = place.study;
  const sets = await Promise.all(
    [mainNetwork, comparedRun(place.study, mainNetwork)].map((run) => openRun(runPath(place, run)).readTable("sets")),
  );
  writeFileAtomic(join(folder, "tables", "set-curves.csv"), tableCsv(concatTables(sets.map(setCurveTable))));
  for (const [run, file] of [
    [compareRuns.variants, "variants.csv"],
    [compareRuns.variants, "runs.csv"],
    [compareRuns.methods, "methods.csv"],
    [compareRuns.seeds, "matches.csv"],
    [predictRuns.plain, "predictions.csv"],
  ] as const) {
    const path = join(runPath(place, run), file);
    if (run === compareRuns.seeds && !existsSync(path)) continue; // a single network has no others
    // Runs go by their names: where they were on this machine says nothing to others.
    const text = readFileSync(path, "utf8");
    writeFileAtomic(join(folder, "tables", file), text.replaceAll(join(place.work, sep), ""));
  }
}

/** The picture of all trainings. */
export const trainingPicture: Picture = {
  file: "training.svg",
  shows: "loss and test accuracy of the trainings, epoch by epoch",
};

/** The networks' trainings from the logs beside them; `null` where one has none (the npm package leaves them out). */
export function readTrainings(networks: readonly ReproductionNetwork[], models: string): TrainingCurve[] | null {
  const trainings: TrainingCurve[] = [];
  for (const { name, variant, seed } of networks) {
    try {
      const { epochs } = JSON.parse(readFileSync(logPath(join(models, `${name}.onnx`)), "utf8")) as TrainingCurve;
      trainings.push({ name: `${variant}, seed ${seed}`, epochs });
    } catch {
      return null;
    }
  }
  return trainings;
}

function figurePath(place: Workplace, file: string): string {
  const other = renamed(place.study)[file];
  if (other) return join(runPath(place, other.run), "figures", other.file);
  // The comparison goes first: its figure 9 has the name of the main network's own.
  const over = [compareRuns.variants, predictRuns.plain].map((name) => join(runPath(place, name), file));
  const own = [place.study.mainNetwork, lowerRun(place.study)].map((run) => join(runPath(place, run), "figures", file));
  return [...over, ...own].find((path) => existsSync(path)) ?? own[0];
}
