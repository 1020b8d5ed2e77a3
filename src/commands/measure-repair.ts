/** `unitscope repair`: how much of a unit's direct effect the rest of the network makes up for. */
import { findReplacement } from "../ablation/replacement.ts";
import { measureSelfRepair } from "../ablation/self-repair.ts";
import { continuousDropColumns } from "../analysis/continuous-drops.ts";
import type { Json } from "../files/canonical-json.ts";
import type { Layer } from "../onnx/layers.ts";
import { openPassFolder } from "../passes/pass-runner.ts";
import type { RunFolder } from "../runs/run-folder.ts";
import { makeTable, type Table } from "../tables/table.ts";
import { chooseDeepLayers, type OpenedRun, type OpeningEffects, workOnRun } from "./open-run.ts";

/** Options of `unitscope repair`. */
export interface RepairOptions {
  /** Names of layers; by default the run's deepest convolution. */
  readonly layers?: readonly string[] | undefined;
  readonly workers?: number | undefined;
}

/** What a caller may watch and stop. */
export interface RepairEffects extends OpeningEffects {
  /** Images done, of how many. */
  readonly progress?: ((done: number, total: number) => void) | undefined;
}

/** What was found about one layer. */
export interface LayerRepair {
  readonly layer: Layer;
  /** Rows of the table `repair`. */
  readonly table: Table;
}

/** What was found. */
export interface RepairResult {
  readonly run: RunFolder;
  readonly layers: readonly LayerRepair[];
  readonly elapsedMs: number;
}

/** Measures self-repair; writes `repair.parquet`. @throws {UnitscopeError} as `measureSelfRepair` and `findReplacement`. */
export async function measureRepair(
  path: string,
  options: RepairOptions = {},
  effects: RepairEffects = {},
): Promise<RepairResult> {
  return await workOnRun(path, { command: "repair", layers: options.layers }, effects, (opened) =>
    measure(opened, options, effects),
  );
}

async function measure(
  opened: OpenedRun,
  options: RepairOptions,
  { progress, signal }: RepairEffects,
): Promise<RepairResult> {
  const began = performance.now();
  const { run, subject, images, method } = opened;
  const { model } = subject;
  const { workers } = options;
  const passes = openPassFolder(run.path);
  const counts = new Int32Array(model.classCount);
  for (const label of images.labels) counts[label]++;
  const found: LayerRepair[] = [];
  for (const layer of chooseDeepLayers(opened, options.layers)) {
    const replacement = await findReplacement(model, { images, layer, method, workers, runner: passes, signal });
    const changes = await measureSelfRepair(
      model,
      images,
      { name: layer.name, method, replacement },
      { workers, runner: passes, progress, signal },
    );
    const sizes = { unitCount: layer.units, classCount: model.classCount, images: counts };
    const table = repairTable(layer, subject.images.classNames, sizes, changes);
    await run.replaceRows("repair", table, ["layer"]);
    found.push({ layer, table });
  }
  passes.forget();
  const elapsedMs = performance.now() - began;
  run.addStep({
    command: "repair",
    options: JSON.parse(JSON.stringify({ ...options, layers: found.map(({ layer }) => layer.name) })) as Record<
      string,
      Json
    >,
    finished: new Date().toISOString(),
    timings: { total: elapsedMs },
  });
  return { run, layers: found, elapsedMs };
}

function repairTable(
  { name, units }: Layer,
  classNames: readonly string[],
  { unitCount, classCount, images }: { unitCount: number; classCount: number; images: Int32Array },
  changes: Parameters<typeof continuousDropColumns>[1],
): Table {
  const none = new Int32Array(unitCount * classCount);
  const columns = continuousDropColumns(
    { unitCount, classCount, images, correct: new Int32Array(classCount), lost: none, gained: none },
    changes,
  );
  const [repaired, total] = [columns["logprob_drop"], columns["margin_drop"]] as [Float64Array, Float64Array];
  const rows = units * classCount;
  const cls = Int32Array.from({ length: rows }, (_, row) => row % classCount);
  return makeTable({
    layer: Array.from({ length: rows }, () => name),
    unit: Int32Array.from({ length: rows }, (_, row) => Math.floor(row / classCount)),
    class: cls,
    class_name: Array.from(cls, (each) => classNames[each] ?? ""),
    direct_drop: repaired.map((value, row) => value + total[row]),
    total_drop: total,
    repaired,
    repaired_p_value: columns["logprob_p_value"] ?? new Float64Array(rows),
    repaired_q_value: columns["logprob_q_value"] ?? new Float64Array(rows),
  });
}
