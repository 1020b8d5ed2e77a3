/**
 * One layer of the fast way: units are removed from prepared rows of a block, and only what that changes is computed, in
 * packs of rows that keep the widest tensor in the cache.
 */
import { elementCount } from "../onnx/graph.ts";
import type { Shape } from "../onnx/shapes.ts";
import type { Model } from "../runtime/open-model.ts";
import { floatValue, type Session, type Value } from "../runtime/session.ts";
import { type ClosedForm, closedForm } from "./closed-form.ts";
import { filledUp } from "./plain-route.ts";
import type { LayerPorts, PlannedLayer } from "./prefix-graph.ts";
import type { BlockTensor, PreparedBlock } from "./prepared-block.ts";
import {
  buildSuffix,
  CHANGE_ROWS_INPUT,
  REMOVED_INPUT,
  ROWS_INPUT,
  replacedInput,
  stateTensors,
  UNIT_INPUT,
} from "./suffix-graph.ts";
import type { SuffixPlan } from "./suffix-plan.ts";

/** One layer of an opened fast route. */
export interface FastLayer {
  readonly planned: PlannedLayer;
  readonly ports: LayerPorts;
  /** Present where everything behind the frontier is the end: logits without any graph. */
  readonly closed: ClosedForm | undefined;
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

type Feeds = Readonly<Record<string, Value>>;

/** Floats of the widest tensor of a suffix that one run may hold; a pack of pairs is cut to fit. */
const PACK_FLOATS = 1 << 19;

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
  }: {
    fixed: ReadonlyMap<string, BlockTensor>;
    open: (suffix: ReturnType<typeof buildSuffix>) => Promise<Session>;
  },
): FastLayer {
  const { graph, shapes, rows: rowKinds, classCount } = model;
  const { plan } = planned;
  const sessions: Partial<Record<"unit" | "set" | "unitState" | "setState", Promise<Session>>> = {};
  const opening = (removes: "unit" | "set", keepsState = false): Promise<Session> =>
    (sessions[keepsState ? (`${removes}State` as const) : removes] ??= open(
      buildSuffix(graph, plan, ports, { shapes, rows: rowKinds, removes, keepsState }),
    ));
  const run = packRunner(model, plan);
  const logitsOf = (suffix: Session, results: Feeds, count: number): Float32Array =>
    (results[suffix.outputNames[0]].data as Float32Array).subarray(0, count * classCount);
  const runLogits = async (
    suffix: Session,
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
  const unitFeeds = (block: PreparedBlock, unit: number): Feeds => ({
    ...baseFeeds(ports, block, fixed),
    ...replacedMasks(plan, [unit, ...(block.removed ?? [])]),
    [UNIT_INPUT]: { type: "int32", dims: [1], data: Int32Array.of(unit) },
  });
  const setFeeds = (block: PreparedBlock, units: readonly number[]): Feeds => {
    const removed = new Float32Array(plan.units);
    for (const unit of units) removed[unit] = 1;
    return {
      ...baseFeeds(ports, block, fixed),
      ...replacedMasks(plan, [...units, ...(block.removed ?? [])]),
      [REMOVED_INPUT]: floatValue([1, plan.units, 1], removed),
    };
  };
  return {
    planned,
    ports,
    closed: closedForm(graph, plan, ports),
    removeUnit: async (block, unit, rows) => runLogits(await opening("unit"), unitFeeds(block, unit), rows, unit),
    removeSet: async (block, units, rows) => runLogits(await opening("set"), setFeeds(block, units), rows, undefined),
    removeInPlace: async (block, units, rows) => {
      const [unit] = units;
      if (unit === undefined) return;
      const isSingle = units.length === 1;
      const suffix = await opening(isSingle ? "unit" : "set", true);
      const feeds = isSingle ? unitFeeds(block, unit) : setFeeds(block, units);
      await run(suffix, feeds, { rows, unit: isSingle ? unit : undefined }, (results, some) => {
        putRows(logitsOf(suffix, results, some.length), some, block.logits);
        for (const { tensor, output } of stateTensors(plan, ports)) {
          const target = block.tensors.get(tensor)?.data as Float32Array;
          if (target !== block.logits) putRows(results[output]?.data as Float32Array, some, target);
        }
      });
      if (plan.whole !== null) block.removed?.push(...units);
    },
  };
}

/** What a suffix starts from: tensors of the block, and those that do not depend on the image. */
function baseFeeds(ports: LayerPorts, block: PreparedBlock, fixed: ReadonlyMap<string, BlockTensor>): Feeds {
  const feeds: Record<string, Value> = {};
  const add = (name: string): void => {
    const tensor = block.tensors.get(name) ?? fixed.get(name);
    if (tensor) feeds[name] = floatValue(tensor.dims, tensor.data);
  };
  for (const port of ports.frontiers) [port.output, port.change].forEach(add);
  for (const port of ports.carried) [port.tensor, port.replaced].forEach(add);
  ports.side.forEach(add);
  return feeds;
}

/** Which channels of each masked tensor are replaced. */
function replacedMasks(plan: SuffixPlan, units: readonly number[]): Feeds {
  return Object.fromEntries(
    maskedTensors(plan).map(({ axis, rank, channels, offset, run }, i) => {
      const mask = new Uint8Array(channels * run);
      for (const unit of units) mask.fill(1, (offset + unit) * run, (offset + unit + 1) * run);
      const dims = Array.from({ length: rank }, (_, each) => (each === axis ? mask.length : 1));
      return [replacedInput(i), { type: "bool", dims, data: mask } satisfies Value];
    }),
  );
}

/** Runs a suffix over rows, pack by pack. @returns a function that hands on each pack's results, its rows and their start. */
function packRunner(
  { batch, shapes }: Model,
  plan: SuffixPlan,
): (
  suffix: Session,
  feeds: Feeds,
  pairs: { rows: Int32Array; unit: number | undefined },
  take: (results: Feeds, some: Int32Array, start: number) => void,
) => Promise<void> {
  const pack = packSize(plan, shapes);
  return async (suffix, feeds, { rows, unit }, take) => {
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
        const data = picked.map((row) => row * plan.units + unit);
        inputs[CHANGE_ROWS_INPUT] = { type: "int32", dims: [data.length], data };
      }
      for (const name of Object.keys(inputs)) if (!suffix.inputNames.includes(name)) delete inputs[name];
      take(await suffix.run(inputs), some, start);
    }
  };
}

/** Where units are replaced: in the carried tensors, or at the tap of a whole network. */
function maskedTensors(plan: SuffixPlan): {
  axis: number;
  rank: number;
  channels: number;
  offset: number;
  run: number;
}[] {
  const { axis, rank, units, unitSize, carried } = plan;
  if (plan.whole !== null) return [{ axis, rank, channels: units, offset: 0, run: unitSize }];
  return carried.map((tensor) => ({ ...tensor, rank: tensor.dims.length }));
}

/** Puts row `i` of a result at row `rows[i]` of the target. */
function putRows(result: Float32Array, rows: Int32Array, target: Float32Array): void {
  const size = result.length / rows.length;
  for (let i = 0; i < rows.length; i++) target.set(result.subarray(i * size, (i + 1) * size), rows[i] * size);
}

/** Pairs per run, so that the widest tensor stays in the cache. */
function packSize({ recomputed, frontiers }: PlannedLayer["plan"], shapes: ReadonlyMap<string, Shape>): number {
  const outputs = [...frontiers.map(({ output }) => output), ...recomputed.flatMap((node) => node.outputs)];
  const sizes = outputs.map((name) => {
    const dims = (shapes.get(name) ?? []).slice(1);
    return dims.every((dim) => typeof dim === "number") ? elementCount(dims) : 1;
  });
  return Math.max(8, Math.min(256, Math.floor(PACK_FLOATS / Math.max(1, ...sizes))));
}
