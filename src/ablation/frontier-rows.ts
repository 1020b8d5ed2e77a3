/**
 * Rows of a layer's frontiers without a unit, written one (unit, image) pair at a time: the intact network's sums, less the
 * unit's contribution. Pairs of any units can stand in one pack, and go through the rest of the network together.
 */
import { type DifferenceKernel, openDifferenceKernel, ROW_NUMBERS } from "../numeric/difference-kernel.ts";
import { elementCount, type Graph } from "../onnx/graph.ts";
import type { Shape } from "../onnx/shapes.ts";
import { floatValue, type Value } from "../runtime/session.ts";
import { standsFirst } from "./channel-tensor.ts";
import { frontierWeights } from "./frontier-graph.ts";
import { type FrontierTables, frontierTables, type Lists } from "./frontier-tables.ts";
import type { LayerPorts } from "./prefix-graph.ts";
import type { PreparedBlock } from "./prepared-block.ts";
import type { SuffixPlan } from "./suffix-plan.ts";

/** Bytes that the weights of a layer's frontiers may have: every worker holds them once more. */
const MOST_WEIGHTS = 16 << 20;
/** Bytes that the rest may have. */
const MOST_ROWS = 128 << 20;
const FLOAT = 4;

/** The input of a suffix that takes the rows of frontier `i`. */
export const rowsInput = (i: number): string => `unitscope/frontier_${i}/rows`;

/** Writes the rows of one layer. */
export interface FrontierRows {
  /** Whether an image's sums are more than a unit's weights, so that pairs are best taken image by image, not unit by unit. */
  readonly byImage: boolean;
  /** The block's tensors may have changed since the last pair was written. */
  begin(block: PreparedBlock): void;
  /** Writes the pair of a unit and a row of the block as row `at`; rows are written in order. */
  write(unit: number, row: number, at: number): void;
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
  const weights = tables.reduce((sum, each) => sum + plan.units * each.tapCount * rowBytes(each), 0);
  return weights <= MOST_WEIGHTS ? tables : undefined;
}

/** Opens the rows of a layer for packs of `pack` pairs; undefined where they would be too large, or there are no vectors. */
export function openFrontierRows(
  plan: SuffixPlan,
  tables: readonly FrontierTables[],
  { ports, graph, pack }: { ports: LayerPorts; graph: Graph; pack: number },
): FrontierRows | undefined {
  let top = 0;
  const place = (bytes: number): number => {
    const at = top;
    top = (top + bytes + 63) & ~63;
    return at;
  };
  const bytesOf = (count: (each: FrontierTables) => number): number =>
    tables.reduce((sum, each) => sum + count(each) * rowBytes(each), 0);
  const byImage = bytesOf(({ places }) => places) > bytesOf(({ tapCount }) => tapCount);
  const laid = tables.map((each, i) => {
    const { places, moved, windows, tapCount, dims } = each;
    const row = rowBytes(each);
    const size = elementCount(dims);
    return {
      ...each,
      row,
      size,
      positions: ports.frontiers[i].positions,
      at: {
        weights: place(plan.units * tapCount * row),
        moved: place((moved.starts.length + moved.entries.length) * FLOAT),
        windows: place((windows.starts.length + windows.entries.length) * FLOAT),
        change: place((byImage ? plan.units : 1) * ports.frontiers[i].positions * FLOAT),
        base: place(places * row),
        sums: place(places * row),
        // The last channels of a row are written past its end, into what is written next.
        out: place((pack * size + ROW_NUMBERS * (size / each.channels)) * FLOAT),
      },
    };
  });
  if (top > MOST_WEIGHTS + MOST_ROWS) return undefined;
  const kernel = openDifferenceKernel(top);
  if (!kernel) return undefined;
  const numbers = new Float32Array(kernel.memory);
  const whole = new Int32Array(kernel.memory);
  laid.forEach((each, i) => {
    putWeights(numbers, each, frontierWeights(plan.frontiers[i], plan.units, graph).data as Float32Array, plan.units);
    const { row } = each;
    putLists(whole, each.at.moved, each.moved, row);
    putLists(whole, each.at.windows, each.windows, row);
  });
  let block: PreparedBlock | undefined;
  let held = -1;
  const tensor = (name: string): Float32Array => block?.tensors.get(name)?.data as Float32Array;
  return {
    byImage,
    begin: (given) => {
      block = given;
      held = -1;
    },
    write: (unit, row, at) => {
      for (const [i, each] of laid.entries()) {
        const port = ports.frontiers[i];
        if (!byImage) putBase(numbers, each, tensor(port.output), { row, at: each.at.sums });
        else {
          if (row !== held) putBase(numbers, each, tensor(port.output), { row, at: each.at.base });
          kernel.copy(each.at.sums, each.at.base, each.places * each.row);
        }
        // Of an image whose pairs come together, the changes of all units are copied at once.
        const [first, units] = byImage ? [row * plan.units, plan.units] : [row * plan.units + unit, 1];
        if (!byImage || row !== held) {
          const from = first * each.positions;
          numbers.set(tensor(port.change).subarray(from, from + units * each.positions), each.at.change / FLOAT);
        }
        const change = each.at.change + (byImage ? unit * each.positions * FLOAT : 0);
        writeRow(kernel, each, { unit, change, at });
      }
      held = row;
    },
    feeds: (count) =>
      Object.fromEntries(
        laid.map(({ at, size, dims }, i) => {
          const start = at.out / FLOAT;
          return [rowsInput(i), floatValue([count, ...dims], numbers.subarray(start, start + count * size))];
        }),
      ),
  };
}

interface Laid extends FrontierTables {
  /** Bytes of a padded row. */
  readonly row: number;
  /** Numbers of what comes out of one pair. */
  readonly size: number;
  readonly positions: number;
  readonly at: Readonly<Record<"weights" | "moved" | "windows" | "change" | "base" | "sums" | "out", number>>;
}

function rowBytes({ channels }: FrontierTables): number {
  return Math.ceil(channels / ROW_NUMBERS) * ROW_NUMBERS * FLOAT;
}

function writeRow(
  kernel: DifferenceKernel,
  { at: place, row, size, positions, tapCount, windows, least }: Laid,
  { unit, change, at }: { unit: number; change: number; at: number },
): void {
  kernel.take(change, positions, place.moved, place.weights + unit * tapCount * row, place.sums, row);
  const count = windows.starts.length - 1;
  const out = place.out + at * size * FLOAT;
  kernel.gather(place.sums, place.windows, count, row, least, out, FLOAT, count * FLOAT);
}

/** `[units, channels, taps]` as a padded row for every tap. */
function putWeights(to: Float32Array, { at, row, channels, tapCount }: Laid, from: Float32Array, units: number): void {
  const width = row / FLOAT;
  const start = at.weights / FLOAT;
  for (let unit = 0; unit < units; unit++) {
    for (let tap = 0; tap < tapCount; tap++) {
      for (let channel = 0; channel < channels; channel++) {
        const own = channel * tapCount + tap;
        to[start + (unit * tapCount + tap) * width + channel] = from[unit * tapCount * channels + own];
      }
    }
  }
}

/** Row `row` of the intact network's sums at an address, as a padded row for every place. */
function putBase(
  to: Float32Array,
  { row: bytes, places, channels }: Laid,
  from: Float32Array,
  { row, at }: { row: number; at: number },
): void {
  const width = bytes / FLOAT;
  const start = at / FLOAT;
  const own = row * places * channels;
  for (let place = 0; place < places; place++) {
    for (let channel = 0; channel < channels; channel++) {
      to[start + place * width + channel] = from[own + channel * places + place];
    }
  }
}

/** Starts as addresses, then the entries, which number rows, as offsets. */
function putLists(to: Int32Array, at: number, { starts, entries }: Lists, row: number): void {
  const first = at + starts.length * FLOAT;
  to.set(
    starts.map((start) => first + start * FLOAT),
    at / FLOAT,
  );
  to.set(
    entries.map((entry) => entry * row),
    first / FLOAT,
  );
}
