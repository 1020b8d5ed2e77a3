/**
 * Rows of a layer's frontiers without a unit, written one (unit, image) pair at a time: the intact network's sums, less the
 * unit's contribution. Pairs of any units can stand in one pack, and go through the rest of the network together.
 */
import { type DifferenceKernel, kernelBytes, openDifferenceKernel, weightBytes } from "../numeric/difference-kernel.ts";
import type { Graph } from "../onnx/graph.ts";
import type { Shape } from "../onnx/shapes.ts";
import { floatValue, type Value } from "../runtime/session.ts";
import { standsFirst } from "./channel-tensor.ts";
import { frontierWeights } from "./frontier-graph.ts";
import { type FrontierTables, frontierTables } from "./frontier-tables.ts";
import type { LayerPorts } from "./prefix-graph.ts";
import type { PreparedBlock } from "./prepared-block.ts";
import type { SuffixPlan } from "./suffix-plan.ts";

/** Bytes that the weights of a layer's frontiers may have: every worker holds them once more. */
const MOST_WEIGHTS = 16 << 20;
/** Bytes that the rest may have. */
const MOST_ROWS = 128 << 20;

/** The input of a suffix that takes the rows of frontier `i`. */
export const rowsInput = (i: number): string => `unitscope/frontier_${i}/rows`;

/** Writes the rows of one layer. */
export interface FrontierRows {
  /** Whether an image's sums are more than a unit's weights, so that pairs are best taken image by image, not unit by unit. */
  readonly byImage: boolean;
  /** The block's tensors may have changed since the last pair was written. */
  begin(block: PreparedBlock): void;
  /** Writes pairs of a unit and a row of the block, from the first row on; no more than a pack. */
  write(units: Int32Array, rows: Int32Array): void;
  /** The first `count` rows, as inputs of the suffix; only valid until others are written. */
  feeds(count: number): Record<string, Value>;
}

/** The tables of all frontiers of a plan; undefined where one has none, or its weights are too many to hold once more. */
export function layerTables(
  plan: SuffixPlan,
  network: { graph: Graph; shapes: ReadonlyMap<string, Shape>; logits: string },
): FrontierTables[] | undefined {
  if (plan.whole !== null || plan.frontiers.length === 0 || !plan.carried.every(standsFirst)) return undefined;
  const tables: FrontierTables[] = [];
  for (const frontier of plan.frontiers) {
    const found = frontierTables(frontier, network);
    if (!found) return undefined;
    tables.push(found);
  }
  const weights = tables.reduce((sum, each) => sum + plan.units * weightBytes(each), 0);
  return weights <= MOST_WEIGHTS ? tables : undefined;
}

/** Opens the rows of a layer for packs of `pack` pairs; undefined where they would be too large, or there are no vectors. */
export function openFrontierRows(
  plan: SuffixPlan,
  tables: readonly FrontierTables[],
  { ports, graph, pack }: { ports: LayerPorts; graph: Graph; pack: number },
): FrontierRows | undefined {
  const numbersOf = (count: (each: FrontierTables) => number): number =>
    tables.reduce((sum, each) => sum + count(each) * each.channels, 0);
  const byImage = numbersOf(({ places }) => places) > numbersOf(({ tapCount }) => tapCount);
  // Of an image whose pairs come together, the changes of all units are copied at once.
  const sizes = { units: plan.units, pairs: pack, changes: byImage ? plan.units : 1 };
  if (tables.reduce((sum, each) => sum + kernelBytes(each, sizes), 0) > MOST_WEIGHTS + MOST_ROWS) return undefined;
  const opened: {
    kernel: DifferenceKernel;
    dims: readonly number[];
    /** Tensors with the sums and the changes of an image, and numbers that are handed over of each at once. */
    port: LayerPorts["frontiers"][number];
    sums: number;
    changes: number;
  }[] = [];
  for (const [i, each] of tables.entries()) {
    const weights = frontierWeights(plan.frontiers[i], plan.units, graph).data as Float32Array;
    const kernel = openDifferenceKernel(each, sizes, weights);
    if (!kernel) return undefined;
    const { channels, places, dims } = each;
    const port = ports.frontiers[i];
    opened.push({ kernel, dims, port, sums: channels * places, changes: sizes.changes * port.positions });
  }
  let block: PreparedBlock | undefined;
  let held = -1;
  const tensor = (name: string): Float32Array => block?.tensors.get(name)?.data as Float32Array;
  /** The `size` numbers of a tensor with number `at`. */
  const some = (name: string, at: number, size: number): Float32Array =>
    tensor(name).subarray(at * size, (at + 1) * size);
  /** Hands over what belongs to a row of the block, and to a unit where the changes of all do not. */
  const hold = (row: number, unit: number): void => {
    for (const { kernel, port, sums, changes } of opened) {
      if (row !== held) kernel.setSums(some(port.output, row, sums));
      if (!byImage) kernel.setChanges(some(port.change, row * plan.units + unit, changes));
      else if (row !== held) kernel.setChanges(some(port.change, row, changes));
    }
    held = row;
  };
  return {
    byImage,
    begin: (given) => {
      block = given;
      held = -1;
    },
    write: (units, rows) => {
      for (let start = 0; start < rows.length; ) {
        const end = byImage ? endOfRun(rows, start) : start + 1;
        hold(rows[start], units[start]);
        for (const { kernel } of opened) kernel.write(units.subarray(start, end), start);
        start = end;
      }
    },
    feeds: (count) =>
      Object.fromEntries(
        opened.map(({ kernel, dims }, i) => [rowsInput(i), floatValue([count, ...dims], kernel.written(count))]),
      ),
  };
}

/** Where the numbers that are the same as that at `start` end. */
function endOfRun(rows: Int32Array, start: number): number {
  let end = start + 1;
  while (end < rows.length && rows[end] === rows[start]) end++;
  return end;
}
