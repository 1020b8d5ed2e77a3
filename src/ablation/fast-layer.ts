/**
 * One layer of the fast way: units are removed from prepared rows of a block, and only what that changes is computed, in
 * packs of rows that keep the widest tensor in the cache.
 */

import type { Node } from "../onnx/graph.ts";
import { isPickedEarly } from "../onnx/pick-early.ts";
import { inferShapes } from "../onnx/shapes.ts";
import type { Model } from "../runtime/open-model.ts";
import type { Placing } from "../runtime/placing.ts";
import { floatValue, type Provider, type Session, type Value } from "../runtime/session.ts";
import { type ClosedForm, closedForm } from "./closed-form.ts";
import { type FastPairs, openFastPairs, packSize } from "./fast-pairs.ts";
import { filledUp } from "./plain-route.ts";
import type { LayerPorts, PlannedLayer } from "./prefix-graph.ts";
import type { BlockTensor, PreparedBlock } from "./prepared-block.ts";
import { baseFeeds, type Feeds, onlyInputs, replacedMasks } from "./suffix-feeds.ts";
import { buildSuffix, CHANGE_ROWS_INPUT, REMOVED_INPUT, ROWS_INPUT, stateTensors, UNIT_INPUT } from "./suffix-graph.ts";

/** One layer of an opened fast route. */
export interface FastLayer {
  readonly planned: PlannedLayer;
  readonly ports: LayerPorts;
  /** Present where everything behind the frontier is the end: logits without any graph. */
  readonly closed: ClosedForm | undefined;
  /** Removals of any units at once, where that is known to pay; opened when it is first asked for. */
  readonly pairs: FastPairs | undefined;
  /** Logits `[rows.length, classCount]` of rows of the block, one unit removed. */
  removeUnit(block: PreparedBlock, unit: number, rows: Int32Array): Promise<Float32Array>;
  /** The same with a set of units removed together. */
  removeSet(block: PreparedBlock, units: readonly number[], rows: Int32Array): Promise<Float32Array>;
  /**
   * Removes units from rows of a block for good: writes logits and what further removals start from into the block's
   * own arrays, so that every later call sees the network without these units. For blocks of `openRunningSet` only.
   */
  removeInPlace(block: PreparedBlock, units: readonly number[], rows: Int32Array): Promise<void>;
}

/** Rows of one unit in a run. */
const MOST_ROWS = 256;

/** An opened suffix. */
interface Suffix {
  readonly session: Session;
  /** Rows of a run. */
  readonly pack: number;
}

function outputsOf(nodes: readonly Node[]): string[] {
  return nodes.flatMap(({ outputs }) => outputs);
}

/**
 * A layer whose suffixes are opened when they are first needed.
 * @param options.fixed tensors that do not depend on the image. @param options.open opens a session that the route closes.
 */
export function openFastLayer(
  model: Model,
  planned: PlannedLayer,
  ports: LayerPorts,
  {
    fixed,
    open,
    placing,
    provider = "cpu",
  }: {
    fixed: ReadonlyMap<string, BlockTensor>;
    /** Keeps a block's tensors on the device. */
    placing: Placing;
    provider?: Provider | undefined;
    open: (suffix: ReturnType<typeof buildSuffix>) => Promise<Session>;
  },
): FastLayer {
  const { graph, shapes, rows: rowKinds, classCount } = model;
  const { plan } = planned;
  const sessions: Partial<Record<"unit" | "set" | "unitState" | "setState", Promise<Suffix>>> = {};
  const pairs = lazily(() => (provider === "cpu" ? openFastPairs(model, plan, ports, { fixed, open }) : undefined));
  const opening = (removes: "unit" | "set", keepsState = false): Promise<Suffix> =>
    (sessions[keepsState ? (`${removes}State` as const) : removes] ??= (async () => {
      const suffix = buildSuffix(graph, plan, ports, { shapes, rows: rowKinds, removes, keepsState });
      const made = isPickedEarly(suffix)
        ? packSize(outputsOf(suffix.nodes), inferShapes(suffix), MOST_ROWS)
        : packSize([...plan.frontiers.map(({ output }) => output), ...outputsOf(plan.recomputed)], shapes, MOST_ROWS);
      return { session: await open(suffix), pack: made };
    })());
  const run = packRunner(model, plan.units);
  const logitsOf = ({ session: suffix }: Suffix, results: Feeds, count: number): Float32Array =>
    (results[suffix.outputNames[0]].data as Float32Array).subarray(0, count * classCount);
  const runLogits = async (
    suffix: Suffix,
    feeds: Feeds,
    rows: Int32Array,
    unit: number | undefined,
  ): Promise<Float32Array> => {
    const all = new Float32Array(rows.length * classCount);
    await run(suffix, feeds, { rows, unit }, (results, some, start) =>
      all.set(logitsOf(suffix, results, some.length), start * classCount),
    );
    return all;
  };
  const blockFeeds = (block: PreparedBlock): Promise<Feeds> => placing.of(block, baseFeeds(ports, block, fixed));
  const unitFeeds = async (block: PreparedBlock, unit: number): Promise<Feeds> => ({
    ...(await blockFeeds(block)),
    ...replacedMasks(plan, [unit, ...(block.removed ?? [])]),
    [UNIT_INPUT]: { type: "int32", dims: [1], data: Int32Array.of(unit) },
  });
  const setFeeds = async (block: PreparedBlock, units: readonly number[]): Promise<Feeds> => {
    const removed = new Float32Array(plan.units);
    for (const unit of units) removed[unit] = 1;
    return {
      ...(await blockFeeds(block)),
      ...replacedMasks(plan, [...units, ...(block.removed ?? [])]),
      [REMOVED_INPUT]: floatValue([1, plan.units, 1], removed),
    };
  };
  return {
    planned,
    ports,
    closed: closedForm(graph, plan, ports),
    get pairs() {
      return pairs();
    },
    removeUnit: async (block, unit, rows) =>
      pairs()?.remove(block, new Int32Array(rows.length).fill(unit), rows) ??
      runLogits(await opening("unit"), await unitFeeds(block, unit), rows, unit),
    removeSet: async (block, units, rows) =>
      runLogits(await opening("set"), await setFeeds(block, units), rows, undefined),
    removeInPlace: async (block, units, rows) => {
      const [unit] = units;
      if (unit === undefined) return;
      const isSingle = units.length === 1;
      const suffix = await opening(isSingle ? "unit" : "set", true);
      const feeds = await (isSingle ? unitFeeds(block, unit) : setFeeds(block, units));
      await run(suffix, feeds, { rows, unit: isSingle ? unit : undefined }, (results, some) => {
        putRows(logitsOf(suffix, results, some.length), some, block.logits);
        for (const { tensor, output } of stateTensors(plan, ports)) {
          const target = block.tensors.get(tensor)?.data as Float32Array;
          if (target !== block.logits) putRows(results[output]?.data as Float32Array, some, target);
        }
      });
      placing.forget(); // the block is another one now
      if (plan.whole !== null) block.removed?.push(...units);
    },
  };
}

/** Runs a suffix over rows, pack by pack. @returns a function that hands on each pack's results, its rows and their start. */
function packRunner(
  { batch }: Model,
  unitCount: number,
): (
  suffix: Suffix,
  feeds: Feeds,
  pairs: { rows: Int32Array; unit: number | undefined },
  take: (results: Feeds, some: Int32Array, start: number) => void,
) => Promise<void> {
  return async ({ session: suffix, pack }, feeds, { rows, unit }, take) => {
    // Packs of one size, rather than full ones and a small rest.
    const step = batch ?? Math.ceil(rows.length / Math.ceil(rows.length / pack));
    for (let start = 0; start < rows.length; start += step) {
      const some = rows.subarray(start, start + step);
      const picked = batch === null ? some : filledUp(some, batch);
      const inputs: Record<string, Value> = {
        ...feeds,
        [ROWS_INPUT]: { type: "int32", dims: [picked.length], data: picked },
      };
      if (unit !== undefined) {
        const data = new Int32Array(picked.length);
        for (let i = 0; i < data.length; i++) data[i] = picked[i] * unitCount + unit;
        inputs[CHANGE_ROWS_INPUT] = { type: "int32", dims: [data.length], data };
      }
      take(await suffix.run(onlyInputs(inputs, suffix)), some, start);
    }
  };
}

/** Puts row `i` of a result at row `rows[i]` of the target. */
function putRows(result: Float32Array, rows: Int32Array, target: Float32Array): void {
  const size = result.length / rows.length;
  for (let i = 0; i < rows.length; i++) target.set(result.subarray(i * size, (i + 1) * size), rows[i] * size);
}

function lazily<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
