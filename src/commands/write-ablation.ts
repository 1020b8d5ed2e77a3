/** What `unitscope ablate` writes: the tables of the layers that were swept, and figure 3. */
import type { Settled } from "../ablation/flip-collector.ts";
import type { Reached } from "../ablation/reached.ts";
import type { Sweep } from "../ablation/sweep.ts";
import { layerDropsFigure, layerDropsOf } from "../figures/layer-drops.ts";
import { withCommas } from "../numeric/with-commas.ts";
import type { Layer } from "../onnx/layers.ts";
import { joinColumns } from "../runs/join-columns.ts";
import type { TableRewriter } from "../runs/rewrite-table.ts";
import type { RunFolder } from "../runs/run-folder.ts";
import { manifestLayer, type RunManifest, sourceOf } from "../runs/run-manifest.ts";
import { filterRows, type Table, texts } from "../tables/table.ts";
import { imagesPerClass } from "./images-per-class.ts";
import type { OpenedRun } from "./open-run.ts";
import type { Subject } from "./subject.ts";
import type { SweptLayers } from "./sweep-layers.ts";
import {
  baselineAccuracy,
  baselineTable,
  layerTableNames,
  layerTables,
  mergeChecks,
  type SweepChecks,
} from "./sweep-tables.ts";

/** What an ablation found. */
export interface AblateRunResult {
  readonly run: RunFolder;
  readonly subject: Subject;
  readonly layers: readonly Layer[];
  /** Fraction of the images that the intact network gets right. */
  readonly accuracy: number;
  /** One row per unit of the swept layers. */
  readonly units: Table;
  /** One row per swept layer. */
  readonly summary: Table;
  readonly settled: readonly { readonly layer: string; readonly settled: Settled }[];
  readonly verified: number;
  readonly figure: string;
  /** How far the sweep came, where that is not all images for all units. */
  readonly reached: Reached | undefined;
  /** Of the layers, those whose tables are of all images from an earlier sweep and stayed as they were. */
  readonly kept: readonly string[];
  /** Images that the accuracy is of. */
  readonly baselineImages: number;
  readonly elapsedMs: number;
}

/**
 * Writes what was swept; layers that the run held before stay. What is of some of the images never takes the place of
 * what is of all of them.
 */
export async function writeAblation(
  { run, subject }: OpenedRun,
  { layers, sweep, lost, kept, began }: SweptLayers,
): Promise<AblateRunResult> {
  const whole = new Set(sweep?.reached ? run.wholeLayers() : []);
  const written = sweep ? [...sweep.layers.keys()].filter((at) => !whole.has(sweep.layers[at].name)) : [];
  const isUntouched = sweep !== undefined && written.length === 0;
  const held = sweep ? mergeLayers(run.manifest(), sweep, written) : run.manifest().layers;
  // Before the tables, so that they never pass for whole ones.
  if (sweep?.reached && !isUntouched) run.updateManifest({ layers: held });
  const checks = sweep && (await writeSweep(run, { sweep, lost, kept }, written, subject));
  if (!isUntouched) await drawLayerDrops(run, held, sweep, subject);
  const elapsedMs = performance.now() - began;
  if (sweep && !isUntouched) {
    const { prepareMs, openMs, sweepMs } = sweep.timings;
    run.updateManifest({
      ...(!sweep.reached && { finished: new Date().toISOString(), layers: held }),
      timings: { ...run.manifest().timings, prepare: prepareMs, open: openMs, sweep: sweepMs, total: elapsedMs },
    });
  }
  const baseline = await run.readTable("baseline", { columns: ["label", "prediction"] });
  const names = new Set(layers.map((layer) => layer.name));
  const chosen = async (table: "units" | "layers"): Promise<Table> => {
    const rows = await run.readTable(table);
    const layer = texts(rows, "layer");
    return filterRows(rows, (row) => names.has(layer[row]));
  };
  return {
    run,
    subject,
    layers,
    accuracy: baselineAccuracy(baseline),
    units: await chosen("units"),
    summary: await chosen("layers"),
    settled: checks?.settled ?? [],
    verified: checks?.verified ?? 0,
    figure: run.file("figures", "layer-drops.svg"),
    reached: sweep?.reached,
    kept: layers.map(({ name }) => name).filter((name) => whole.has(name)),
    baselineImages: baseline.rows,
    elapsedMs,
  };
}

/** Figure 3 of what the run holds; it says so where that is not of all images. */
async function drawLayerDrops(
  run: RunFolder,
  layers: RunManifest["layers"],
  sweep: Sweep | undefined,
  { images }: Subject,
): Promise<void> {
  const figure = layerDropsFigure(layerDropsOf(await run.readTable("units")), {
    source: [sourceOf(run.manifest()), ...partialNote(layers, sweep)].join(", "),
    imagesPerClass: imagesPerClass(images.labels),
  });
  run.writeFile(["figures", "layer-drops.svg"], figure);
}

/** Layers that the run had measured stay, those of this sweep that are written come after. */
function mergeLayers(
  manifest: RunManifest,
  { layers, reached }: Sweep,
  written: readonly number[],
): RunManifest["layers"] {
  const own = written.map((at) => ({
    ...manifestLayer(layers[at]),
    ...(reached && { images: reached.leastImages(at) }),
  }));
  // A run that never finished names layers that it set out to measure.
  const others = manifest.layers.filter(
    ({ name, images }) =>
      !own.some((layer) => layer.name === name) && (manifest.finished !== null || images !== undefined),
  );
  return [...others, ...own];
}

/**
 * Writes layers of a sweep, by their indices, in place of what the run held of them; its other layers stay. A table that
 * was lost gets all of them, the others none of those that they hold.
 */
async function writeSweep(
  run: RunFolder,
  { sweep, lost, kept }: Pick<SweptLayers, "lost" | "kept"> & { sweep: Sweep },
  written: readonly number[],
  subject: Subject,
): Promise<SweepChecks> {
  const checks: SweepChecks[] = [];
  for (const [at, { name }] of sweep.layers.entries()) {
    if (written.includes(at)) continue;
    const { settled, verified } = sweep.layer(at);
    checks.push({ settled: [{ layer: name, settled }], verified });
  }
  if (written.length === 0) return mergeChecks(checks);
  await writeBaseline(run, sweep, subject);
  const names = written.map((at) => sweep.layers[at].name);
  const described = lost.includes("units") ? [] : await describedUnits(run, names);
  const lacks = (table: (typeof layerTableNames)[number], at: number): boolean =>
    lost.includes(table) || !kept.has(sweep.layers[at].name);
  const writers: (readonly [(typeof layerTableNames)[number], TableRewriter])[] = [];
  try {
    for (const name of layerTableNames) {
      const replaced = written.filter((at) => lacks(name, at)).map((at) => sweep.layers[at].name);
      if (lost.includes(name)) run.removeTable(name);
      if (replaced.length > 0) writers.push([name, await run.rewriteLayers(name, replaced)]);
    }
    for (const at of written) {
      const part = layerTables(sweep, at, subject);
      for (const [name, writer] of writers) {
        if (!lacks(name, at)) continue;
        const table = part.tables[name];
        await writer.append(name === "units" ? withDescriptions(table, sweep.layers[at].name, described) : table);
      }
      checks.push(part.checks);
    }
    for (const [, writer] of writers) writer.commit();
    return mergeChecks(checks);
  } finally {
    for (const [, writer] of writers) writer.abandon();
  }
}

/** What the table `units` says of layers that are whole, which are swept again to check them or to say more of them. */
async function describedUnits(run: RunFolder, layers: readonly string[]): Promise<Table[]> {
  const whole = run.hasTable("units") ? run.wholeLayers() : [];
  const again = layers.filter((layer) => whole.includes(layer));
  return await Promise.all(again.map(async (layer) => await run.readTable("units", { layer })));
}

/** With the columns that other commands added: attributes and concepts say nothing of the sweep, so they stay. */
function withDescriptions(units: Table, layer: string, described: readonly Table[]): Table {
  return described.reduce((joined, { rows, columns }) => {
    const kept = Object.entries(columns).filter(
      ([name]) => name === "layer" || name === "unit" || units.columns[name] === undefined,
    );
    // Of another layer no row is joined, but its columns are there.
    const added = filterRows(
      { rows, columns: Object.fromEntries(kept) },
      (row) => texts({ rows, columns }, "layer")[row] === layer,
    );
    return joinColumns("units", joined, added);
  }, units);
}

/** Writes the baseline, unless the run holds that of more images: the images of a shorter sweep are among them. */
async function writeBaseline(run: RunFolder, sweep: Sweep, subject: Subject): Promise<void> {
  const table = baselineTable(sweep, subject);
  const isShorter = sweep.reached && run.hasTable("baseline") && (await run.openTable("baseline")).rows >= table.rows;
  if (!isShorter) run.writeTable("baseline", table);
}

/** What a figure says of layers that were not measured on all images. */
function partialNote(layers: RunManifest["layers"], sweep: Sweep | undefined): string[] {
  const partial = layers.filter(({ images }) => images !== undefined).map(({ name }) => name);
  if (partial.length === 0) return [];
  if (partial.length < layers.length || !sweep?.reached)
    return [`of which only some were measured for ${partial.join(", ")}`];
  return [`of which ${withCommas(sweep.reached.images)} were measured so far`];
}
