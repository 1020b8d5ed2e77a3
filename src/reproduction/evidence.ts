/** What the claims are judged by: the tables of all runs, read once. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type ClassSpread, classSpread, parseHypernyms, synsetDistance } from "../analysis/class-distance.ts";
import { type LayerImageParts, layerImageParts } from "../analysis/image-intervals.ts";
import { averagesOf } from "../commands/predict-runs.ts";
import { baselineAccuracy } from "../commands/sweep-tables.ts";
import { imagenetClasses } from "../data/classes/class-list.ts";
import { UnitscopeError } from "../errors.ts";
import { openTableReader } from "../runs/read-table.ts";
import { openRun, type RunFolder } from "../runs/run-folder.ts";
import { doubles, integers, rowsWhere, type Table, texts } from "../tables/table.ts";
import { type ClassEvidence, readClassEvidence } from "./class-evidence.ts";
import { runPath, type Workplace } from "./run-steps.ts";
import { comparedRun, lowerRun, predictRuns } from "./steps.ts";
import type { ReproductionNetwork, Variant } from "./studies.ts";

/** One network's tables. */
export interface NetworkEvidence extends ReproductionNetwork {
  /** Fraction of the test images that the whole network has right. */
  readonly accuracy: number;
  readonly imageCount: number;
  readonly units: Table;
  readonly relations: Table;
  /** Class of every image. */
  readonly labels: Int32Array;
  /** By layer: what each image adds to the mean overall drop, and to the mean drop of each unit's split-half class. */
  readonly parts: ReadonlyMap<string, LayerImageParts>;
  /** How far apart in WordNet the classes are that units of conv5 hurt; `null` where the classes are not WordNet's. */
  readonly hurtSpread: ClassSpread | null;
  /** What single classes lost. */
  readonly classes: ClassEvidence;
  /** Sets and rotations of conv5; `null` where they were not measured. */
  readonly last: LastLayer | null;
}

/** Tables of one network's last convolution. */
export interface LastLayer {
  readonly sets: Table;
  readonly rotation: Table;
  readonly directions: Table;
}

/** Everything that was measured. */
export interface Evidence {
  /** All on the same images of their layers conv4 and conv5, so that they can be compared. */
  readonly networks: readonly NetworkEvidence[];
  /** conv4 and conv5 of the main network on all images. */
  readonly main: NetworkEvidence;
  /** The main network's layers below, on fewer images. */
  readonly lower: NetworkEvidence;
  readonly classCount: number;
  /** Whether figures may show images. */
  readonly showsImages: boolean;
  /** `sets` of the main network's last convolution: units chosen on one half of the images, measured on the other. */
  readonly sets: Table;
  /** The same, chosen and measured on the same images, those of `networks`; `null` where that was not done. */
  readonly setsPaperWay: Table | null;
  /** The rows of `predictions` that average over all choices of networks. */
  readonly predictions: Table;
  /** The same of networks whose convolutions learned nothing; `null` with fewer than two of them. */
  readonly untrainedPredictions: Table | null;
}

/** Reads the tables. @throws {UnitscopeError} `run` if one is missing. */
export async function readEvidence(networks: readonly ReproductionNetwork[], place: Workplace): Promise<Evidence> {
  const { mainNetwork } = place.study;
  const found: NetworkEvidence[] = [];
  let main: NetworkEvidence | undefined;
  let lower: NetworkEvidence | undefined;
  for (const network of networks) {
    const [own, alike] = [network.name, comparedRun(place.study, network.name)].map((run) =>
      openRun(runPath(place, run)),
    );
    found.push(await readNetwork(network, alike, { sets: own }));
    if (network.name !== mainNetwork) continue;
    main = await readNetwork(network, own, { rotation: alike });
    lower = await readNetwork(network, openRun(runPath(place, lowerRun(place.study))));
  }
  if (!main || !lower) throw new UnitscopeError("internal", `internal: networks: expected "${mainNetwork}" among them`);
  const all = openRun(runPath(place, mainNetwork));
  const compared = openRun(runPath(place, comparedRun(place.study, mainNetwork)));
  return {
    networks: found,
    main,
    lower,
    classCount: all.manifest().classNames.length,
    showsImages: place.study.showsImages,
    sets: await all.readTable("sets"),
    setsPaperWay: await compared.readTable("sets"),
    predictions: await readPredictions(place, predictRuns.plain),
    untrainedPredictions:
      networksOf({ networks: found }, "random convolutions").length > 1
        ? await readPredictions(place, predictRuns.untrained)
        : null,
  };
}

/** @param last where the sets and the rotation of conv5 are, if not in the run. */
async function readNetwork(
  network: ReproductionNetwork,
  run: RunFolder,
  last: { sets?: RunFolder; rotation?: RunFolder } = {},
): Promise<NetworkEvidence> {
  const baseline = await run.readTable("baseline", { columns: ["label", "prediction"] });
  const units = await run.readTable("units");
  return {
    ...network,
    accuracy: baselineAccuracy(baseline),
    imageCount: baseline.rows,
    units,
    relations: await run.readTable("relations"),
    labels: integers(baseline, "label"),
    parts: imageParts(baseline, await run.readTable("flips"), units),
    hurtSpread: await readHurtSpread(run),
    classes: await readClassEvidence(run, units),
    last: await readLastLayer({ sets: run, rotation: run, ...last }),
  };
}

async function readLastLayer(runs: Record<"sets" | "rotation", RunFolder>): Promise<LastLayer | null> {
  const tables = [
    ["sets", runs.sets],
    ["rotation", runs.rotation],
    ["directions", runs.rotation],
  ] as const;
  if (!tables.every(([name, run]) => run.tableNames().includes(name))) return null;
  const [sets, rotation, directions] = await Promise.all(
    tables.map(async ([name, run]) => rowsWhere(await run.readTable(name), "layer", "conv5")),
  );
  return sets && rotation && directions && sets.rows > 0 && rotation.rows > 0 ? { sets, rotation, directions } : null;
}

async function readPredictions(place: Workplace, folder: string): Promise<Table> {
  const reader = await openTableReader(join(runPath(place, folder), "predictions.parquet"), "predictions");
  return averagesOf(await reader.read());
}

/** What each image adds to a network's mean drops, layer by layer. */
function imageParts(baseline: Table, flips: Table, units: Table): Map<string, LayerImageParts> {
  const [labels, predictions] = [integers(baseline, "label"), integers(baseline, "prediction")];
  const classCount = labels.reduce((most, label) => Math.max(most, label + 1), 0);
  const images = new Int32Array(classCount);
  for (const label of labels) images[label]++;
  return new Map(
    [...new Set(texts(units, "layer"))].map((layer) => {
      const [own, classes] = [
        rowsWhere(flips, "layer", layer),
        integers(rowsWhere(units, "layer", layer), "split_half_class"),
      ];
      const found = {
        layer,
        unitCount: classes.length,
        unit: integers(own, "unit"),
        image: integers(own, "image"),
        prediction: integers(own, "prediction"),
      };
      return [layer, layerImageParts({ labels, predictions, classCount }, found, { images, classes })];
    }),
  );
}

/** How far apart the classes are that units of conv5 really hurt; `null` unless all but a few classes are WordNet's. */
async function readHurtSpread(run: RunFolder): Promise<ClassSpread | null> {
  const { classNames } = run.manifest();
  const { classes } = await imagenetClasses();
  const synsets = classNames.map((name) => {
    const found = classes.filter(({ words }) => words[0] === name);
    return found.length === 1 ? found[0].id : undefined;
  });
  if (synsets.filter((synset) => synset !== undefined).length < 0.9 * classNames.length) return null;
  const drops = await run.readTable("drops", { layer: "conv5", columns: ["unit", "class", "drop", "q_value"] });
  const [units, hit] = [integers(drops, "unit"), integers(drops, "class")];
  const [drop, qValue] = [doubles(drops, "drop"), doubles(drops, "q_value")];
  const hurt = new Map<number, number[]>();
  for (let row = 0; row < drops.rows; row++) {
    const known = hurt.get(units[row]) ?? [];
    hurt.set(units[row], known);
    if (drop[row] > 0 && qValue[row] <= 0.05 && synsets[hit[row]] !== undefined) known.push(hit[row]);
  }
  const path = new URL("../../classes/wordnet-hypernyms.txt", import.meta.url);
  const hypernyms = parseHypernyms(readFileSync(path, "utf8"));
  return classSpread([...hurt.values()], (one, other) =>
    synsetDistance(hypernyms, synsets[one] ?? "", synsets[other] ?? ""),
  );
}

/** The networks of one variant. */
export function networksOf({ networks }: Pick<Evidence, "networks">, variant: Variant): readonly NetworkEvidence[] {
  return networks.filter((network) => network.variant === variant);
}

/** A column of `units` at one layer, counts as numbers. */
export function unitValues({ units }: Pick<NetworkEvidence, "units">, layer: string, column: string): Float64Array {
  const rows = rowsWhere(units, "layer", layer);
  const values = rows.columns[column];
  return values instanceof Int32Array ? Float64Array.from(values) : doubles(rows, column, "units");
}
