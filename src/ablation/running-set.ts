/**
 * A block of images behind the prefix from which units are taken away one after another. After each removal the block
 * looks as if the network never had them: whatever works on a prepared block (candidates by difference, certificates,
 * closed forms) works on top of the units removed so far.
 */
import type { FastLayer } from "./fast-layer.ts";
import { scalesOf } from "./predictions.ts";
import type { BlockTensor, PreparedBlock } from "./prepared-block.ts";
import { stateTensors } from "./suffix-graph.ts";

/** Units removed from a block so far. */
export interface RunningSet {
  /** The block without them; its arrays change with every removal. */
  readonly block: PreparedBlock;
  /** In the order of their removal. */
  readonly removed: readonly number[];
  /** The largest absolute logit that each row has had so far: what differences are rounded at. `[count]`. */
  readonly scales: Float64Array;
  /**
   * Removes units for good from all rows, and tells in which rows that changes anything.
   * @returns int32, ascending; the logits of all other rows are what they were.
   */
  remove(units: readonly number[]): Promise<Int32Array>;
}

/** Starts from a prepared block, which is left as it is. @param floor the model's `logitFloor`. */
export function openRunningSet(layer: FastLayer, prepared: PreparedBlock, floor: number): RunningSet {
  const { ports, planned } = layer;
  const { plan } = planned;
  const classCount = prepared.logits.length / prepared.count;
  const scales = scalesOf(prepared.logits, { classCount, floor });
  const tensors = new Map(prepared.tensors);
  const logits = prepared.logits.slice();
  for (const { tensor } of stateTensors(plan, ports)) {
    const { dims, data } = prepared.tensors.get(tensor) as BlockTensor;
    tensors.set(tensor, { dims, data: tensor === plan.logits ? logits : data.slice() });
  }
  const block: PreparedBlock = { count: prepared.count, logits, tensors, removed: [] };
  const largest = ports.magnitudes.map((port) => prepared.tensors.get(port.largest)?.data as Float32Array);
  const removed: number[] = [];
  return {
    block,
    removed,
    scales,
    remove: async (units) => {
      const rows = new Int32Array(prepared.count);
      let count = 0;
      for (let row = 0; row < prepared.count; row++) {
        const start = row * plan.units;
        if (largest.length === 0 || units.some((unit) => largest.some((data) => data[start + unit] !== 0)))
          rows[count++] = row;
      }
      const changed = rows.slice(0, count);
      if (count > 0) await layer.removeInPlace(block, units, changed);
      removed.push(...units);
      for (const [row, scale] of scalesOf(logits, { classCount, floor }).entries()) {
        scales[row] = Math.max(scales[row], scale);
      }
      return changed;
    },
  };
}
