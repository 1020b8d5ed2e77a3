/** What the claims are judged by: the tables of all runs, read once. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type ClassSpread, classSpread, parseHypernyms, synsetDistance } from "../analysis/class-distance.ts";
import { type LayerImageParts, layerImageParts } from "../analysis/image-intervals.ts";
import { averagesOf } from "../commands/predict-runs.ts";
import { baselineAccuracy } from "../commands/sweep-tables.ts";
import { imagenetClasses } from "../data/classes/class-list.ts";
import { openTableReader } from "../runs/read-table.ts";
import { openRun, type RunFolder } from "../runs/run-folder.ts";
import { concatTables, doubles, integers, rowsWhere, type Table, texts } from "../tables/table.ts";
import { type ClassEvidence, readClassEvidence } from "./class-evidence.ts";
import { runPath, type Workplace } from "./run-steps.ts";
import { comparedRun, predictRuns, specialRuns } from "./steps.ts";
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
  /** The main network on all images: the same as in `networks`, unless those are measured on fewer. */
  readonly main: NetworkEvidence;
  readonly classCount: number;
  /** Whether figures may show images. */
  readonly showsImages: boolean;
  /** Images of every class that the sets and rotations of the lower layers are measured on, on average. */
  readonly lowerImages: number;
  /** `sets` of the main network: units chosen on one half of the images, measured on the other; all layers. */
  readonly sets: Table;
  /** `sets` of the main network's last convolution, chosen and measured on the same images; `null` where that was not done. */
  readonly setsPaperWay: Table | null;
  /** `rotation` and `directions` of the main network, all layers. */
  readonly rotation: Table;
  readonly directions: Table;
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
  for (const network of networks) {
    const [own, alike] = [network.name, comparedRun(place.study, network.name)];
    const whole = await readNetwork(network, openRun(runPath(place, own)));
    if (own === mainNetwork) main = whole;
    found.push(
      own === alike ? whole : { ...(await readNetwork(network, openRun(runPath(place, alike)))), last: whole.last },
    );
  }
  const special = specialRuns(place.study);
  const all = openRun(runPath(place, mainNetwork));
  const lower = openRun(runPath(place, special.lower));
  const paperWay = openRun(runPath(place, special.paperWay));
  return {
    networks: found,
    main: main as NetworkEvidence,
    classCount: all.manifest().classNames.length,
    showsImages: place.study.showsImages,
    lowerImages: Math.round(lower.manifest().data.images / all.manifest().classNames.length),
    sets: concatTables([await lower.readTable("sets"), await all.readTable("sets")]),
    setsPaperWay: await paperWay.readTable("sets"),
    rotation: concatTables([await lower.readTable("rotation"), await all.readTable("rotation")]),
    directions: concatTables([await lower.readTable("directions"), await all.readTable("directions")]),
    predictions: await readPredictions(place, predictRuns.plain),
    untrainedPredictions:
      networksOf({ networks: found }, "random convolutions").length > 1
        ? await readPredictions(place, predictRuns.untrained)
        : null,
  };
}

async function readNetwork(network: ReproductionNetwork, run: RunFolder): Promise<NetworkEvidence> {
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
    last: await readLastLayer(run),
  };
}

async function readLastLayer(run: RunFolder): Promise<LastLayer | null> {
  const tables = ["sets", "rotation", "directions"] as const;
  const there = run.tableNames();
  if (!tables.every((name) => there.includes(name))) return null;
  const [sets, rotation, directions] = await Promise.all(
    tables.map(async (name) => rowsWhere(await run.readTable(name), "layer", "conv5")),
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
