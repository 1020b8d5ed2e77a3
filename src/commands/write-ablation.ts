/** What `unitscope ablate` writes: the tables of the layers that were swept, and figure 3. */
import type { Settled } from "../ablation/flip-collector.ts";
import type { Reached } from "../ablation/reached.ts";
import type { Sweep } from "../ablation/sweep.ts";
import { layerDropsFigure, layerDropsOf } from "../figures/layer-drops.ts";
import type { Layer } from "../onnx/layers.ts";
import type { TableRewriter } from "../runs/rewrite-table.ts";
import type { RunFolder } from "../runs/run-folder.ts";
import { type RunManifest, sourceOf } from "../runs/run-manifest.ts";
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
  readonly elapsedMs: number;
}

/** Writes what was swept; layers that the run held before stay. */
export async function writeAblation(
  { run, subject }: OpenedRun,
  { layers, sweep, began }: SweptLayers,
): Promise<AblateRunResult> {
  const checks = sweep && (await writeSweep(run, sweep, subject));
  const figure = layerDropsFigure(layerDropsOf(await run.readTable("units")), {
    source: [sourceOf(run.manifest()), ...reachedNote(sweep?.reached)].join(", "),
    imagesPerClass: imagesPerClass(subject.images.labels),
  });
  run.writeFile(["figures", "layer-drops.svg"], figure);
  const elapsedMs = performance.now() - began;
  if (sweep) {
    const { prepareMs, openMs, sweepMs } = sweep.timings;
    run.updateManifest({
      ...(!sweep.reached && { finished: new Date().toISOString() }),
      layers: mergeLayers(run.manifest(), sweep),
      timings: { ...run.manifest().timings, prepare: prepareMs, open: openMs, sweep: sweepMs, total: elapsedMs },
    });
  }
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
    accuracy: await accuracyOf(run),
    units: await chosen("units"),
    summary: await chosen("layers"),
    settled: checks?.settled ?? [],
    verified: checks?.verified ?? 0,
    figure: run.file("figures", "layer-drops.svg"),
    reached: sweep?.reached,
    elapsedMs,
  };
}

/** A layer as the manifest names it. */
export function manifestLayer({ name, kind, tap, units, height, width }: Layer): RunManifest["layers"][number] {
  return { name, kind, tap, units, height, width };
}

/** Layers that the run already had stay, those of this sweep come after. */
function mergeLayers(manifest: RunManifest, { layers, reached }: Sweep): RunManifest["layers"] {
  const others = manifest.layers.filter(({ name }) => !layers.some((layer) => layer.name === name));
  const own = layers.map((layer, at) => ({
    ...manifestLayer(layer),
    ...(reached && { images: reached.leastImages(at) }),
  }));
  return [...others, ...own];
}

/** Writes a sweep's tables layer by layer, in place of what the run held of these layers; its other layers stay. */
async function writeSweep(run: RunFolder, sweep: Sweep, subject: Subject): Promise<SweepChecks> {
  run.writeTable("baseline", baselineTable(sweep, subject));
  const names = sweep.layers.map(({ name }) => name);
  const writers: (readonly [(typeof layerTableNames)[number], TableRewriter])[] = [];
  try {
    for (const name of layerTableNames) writers.push([name, await run.rewriteLayers(name, names)]);
    const checks: SweepChecks[] = [];
    for (const at of names.keys()) {
      const part = layerTables(sweep, at, subject);
      for (const [name, writer] of writers) await writer.append(part.tables[name]);
      checks.push(part.checks);
    }
    for (const [, writer] of writers) writer.commit();
    return mergeChecks(checks);
  } finally {
    for (const [, writer] of writers) writer.abandon();
  }
}

/** What a figure says of a sweep that is not whole. */
function reachedNote(reached: Reached | undefined): string[] {
  return reached ? [`of which ${reached.images.toLocaleString("en")} were measured so far`] : [];
}

async function accuracyOf(run: RunFolder): Promise<number> {
  return baselineAccuracy(await run.readTable("baseline", { columns: ["label", "prediction"] }));
}
