/** Describes the units of a layer on worker threads, a group at a time. */
import { openPool, type WorkerPool } from "../runtime/worker-pool.ts";
import { standardizedColumns } from "./class-correlation.ts";
import { joinDescriptions, type UnitDescriptions } from "./describe-units.ts";
import { type DescribeSetup, describeWork } from "./describe-worker.ts";

/** Most units of one task, whose pooled responses may take so much memory. */
const groupUnits = 48;
const groupBytes = 64 << 20;
/** Groups that are read together. */
const groupsAtOnce = 4;

/** Workers that know labels and probabilities. */
export interface Describer {
  readonly imageCount: number;
  readonly pool: WorkerPool<Float64Array, UnitDescriptions>;
  close(): Promise<void>;
}

/**
 * Starts the workers.
 * @param probabilities float32, row-major `[imageCount, classCount]`; read only.
 */
export async function openDescriber(
  probabilities: Float32Array,
  labels: Int32Array,
  {
    classCount,
    shuffles,
    seed,
    workers,
    signal,
  }: { classCount: number; shuffles: number; seed: number; workers: number; signal?: AbortSignal | undefined },
): Promise<Describer> {
  const columns = new Float64Array(new SharedArrayBuffer(8 * probabilities.length));
  const sharedLabels = new Int32Array(new SharedArrayBuffer(4 * labels.length));
  sharedLabels.set(labels);
  const rows = new Float32Array(new SharedArrayBuffer(4 * probabilities.length));
  standardizedColumns(probabilities, classCount, columns);
  for (let cls = 0, from = 0; cls < classCount; cls++) {
    for (let image = 0; image < labels.length; image++) rows[image * classCount + cls] = columns[from++];
  }
  const setup: DescribeSetup = {
    labels: sharedLabels,
    classCount,
    probabilityColumns: columns,
    probabilityRows: rows,
    seed,
    shuffles,
  };
  const pool = await openPool(describeWork, setup, { workers, signal });
  return { imageCount: labels.length, pool, close: pool.close };
}

/**
 * Describes the units of one layer.
 *
 * @param pooled reads the pooled responses of units `from` to `to - 1`, float64 `[to - from, imageCount]`; they are
 *   handed over.
 * @param progress called with the number of units that a group had.
 */
export async function describeLayer(
  { imageCount, pool }: Describer,
  unitCount: number,
  pooled: (from: number, to: number) => Float64Array,
  progress?: (units: number) => void,
): Promise<UnitDescriptions> {
  // Fixed by the number of images alone, since a matrix product's last bits may depend on its number of rows.
  const perGroup = Math.min(groupUnits, Math.max(1, Math.floor(groupBytes / (8 * imageCount))));
  const perRead = groupsAtOnce * perGroup;
  const parts: UnitDescriptions[] = [];
  for (let from = 0; from < unitCount; from += perRead) {
    const to = Math.min(unitCount, from + perRead);
    const responses = pooled(from, to);
    const tasks: Promise<UnitDescriptions>[] = [];
    for (let first = from; first < to; first += perGroup) {
      const last = Math.min(to, first + perGroup);
      const group = responses.slice((first - from) * imageCount, (last - from) * imageCount);
      const task = pool.run(group, { transfer: [group.buffer] });
      task.then(
        () => progress?.(last - first),
        () => undefined,
      );
      tasks.push(task);
    }
    parts.push(...(await Promise.all(tasks)));
  }
  return joinDescriptions(parts);
}
