/**
 * The fast way: run the images through the network once, keep what the suffixes start from, and for every unit compute
 * only what its removal changes.
 *
 * `prepare` runs the prefix over a block of images; `removeUnit` and `removeSet` give the logits of chosen rows of the
 * block with units of one layer gone. Logits differ from the plain route's by floating-point rounding only.
 */

import { elementCount } from "../onnx/graph.ts";
import { withResponses } from "../onnx/response-views.ts";
import type { Shape } from "../onnx/shapes.ts";
import type { Model } from "../runtime/open-model.ts";
import { floatValue, openSession, type Provider, type Session, type Value } from "../runtime/session.ts";
import { type ClosedForm, closedForm } from "./closed-form.ts";
import { type FedResponses, fedInput } from "./fed-responses.ts";
import { filledUp, type Pixels, pickImages } from "./plain-route.ts";
import { buildPrefix, fixedTwins, type LayerPorts, type PlannedLayer, type Prefix } from "./prefix-graph.ts";
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

/** An opened fast route over several layers of one network. */
export interface FastRoute {
  readonly prefix: Prefix;
  readonly layers: readonly FastLayer[];
  /** @param fed responses for the layers that are planned with them. */
  prepare(pixels: Pixels, fed?: FedResponses): Promise<PreparedBlock>;
  close(): Promise<void>;
}

/** Images that the prefix runs at once: small, so that activations stay in the cache. */
const PREFIX_BATCH = 16;
/** Floats of the widest tensor of a suffix that one run may hold; a pack of pairs is cut to fit. */
const PACK_FLOATS = 1 << 19;

/** Opens sessions for the prefix and, when first needed, for each layer's suffix. */
export async function openFastRoute(
  model: Model,
  planned: readonly PlannedLayer[],
  {
    threads = 1,
    provider = "cpu",
    observed = [],
  }: {
    threads?: number;
    provider?: Provider;
    observed?: readonly string[];
  } = {},
): Promise<FastRoute> {
  const { graph, logits, classCount } = model;
  const { shapes, rows } = model;
  const place = `model "${model.name}"`;
  const prefix = buildPrefix(observed.length > 0 ? withResponses(model) : graph, planned, {
    logits,
    shapes,
    rows,
    observed,
  });
  const session = await openSession(prefix.graph, { threads, provider, place });
  const opened: Session[] = [session];
  const open = async (suffix: ReturnType<typeof buildSuffix>): Promise<Session> => {
    // The blocked layout pays for convolutions; without one it only costs the way there and back.
    const optimize = suffix.nodes.some((node) => node.op === "Conv") ? "all" : "extended";
    const each = await openSession(suffix, { threads, provider, optimize, place });
    opened.push(each);
    return each;
  };
  const fixed = await computeFixed(prefix);
  const layers = planned.map((layer, index): FastLayer => {
    const ports = prefix.layers[index];
    const { plan } = layer;
    const pack = packSize(plan, shapes);
    const sessions: Partial<Record<"unit" | "set" | "unitState" | "setState", Promise<Session>>> = {};
    const opening = (removes: "unit" | "set", keepsState = false): Promise<Session> =>
      (sessions[keepsState ? (`${removes}State` as const) : removes] ??= open(
        buildSuffix(graph, plan, ports, { shapes, rows, removes, keepsState }),
      ));
    const bases = (block: PreparedBlock): Record<string, Value> => {
      const feeds: Record<string, Value> = {};
      const add = (name: string): void => {
        const tensor = block.tensors.get(name) ?? fixed.get(name);
        if (tensor) feeds[name] = floatValue(tensor.dims, tensor.data);
      };
      for (const port of ports.frontiers) [port.output, port.change].forEach(add);
      for (const port of ports.carried) [port.tensor, port.replaced].forEach(add);
      ports.side.forEach(add);
      return feeds;
    };
    const replacedMasks = (units: readonly number[]): Record<string, Value> =>
      Object.fromEntries(
        maskedTensors(plan).map(({ axis, rank, channels, offset, run }, i) => {
          const mask = new Uint8Array(channels * run);
          for (const unit of units) mask.fill(1, (offset + unit) * run, (offset + unit + 1) * run);
          const dims = Array.from({ length: rank }, (_, each) => (each === axis ? mask.length : 1));
          return [replacedInput(i), { type: "bool", dims, data: mask } satisfies Value];
        }),
      );
    const run = async (
      suffix: Session,
      feeds: Record<string, Value>,
      rows: Int32Array,
      unit: number | undefined,
      take: (results: Record<string, Value>, some: Int32Array, start: number) => void,
    ): Promise<void> => {
      // Packs of one size, rather than full ones and a small rest.
      const step = model.batch ?? Math.ceil(rows.length / Math.ceil(rows.length / pack));
      for (let start = 0; start < rows.length; start += step) {
        const some = rows.subarray(start, start + step);
        const picked = model.batch === null ? some : filledUp(some, model.batch);
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
    const runLogits = async (
      suffix: Session,
      feeds: Record<string, Value>,
      rows: Int32Array,
      unit: number | undefined,
    ): Promise<Float32Array> => {
      const all = new Float32Array(rows.length * classCount);
      await run(suffix, feeds, rows, unit, (results, _, start) => {
        const logitsOf = results[suffix.outputNames[0]]?.data as Float32Array;
        all.set(logitsOf.subarray(0, all.length - start * classCount), start * classCount);
      });
      return all;
    };
    const unitFeeds = (block: PreparedBlock, unit: number): Record<string, Value> => ({
      ...bases(block),
      ...replacedMasks([unit, ...(block.removed ?? [])]),
      [UNIT_INPUT]: { type: "int32", dims: [1], data: Int32Array.of(unit) },
    });
    const setFeeds = (block: PreparedBlock, units: readonly number[]): Record<string, Value> => {
      const removed = new Float32Array(plan.units);
      for (const unit of units) removed[unit] = 1;
      return {
        ...bases(block),
        ...replacedMasks([...units, ...(block.removed ?? [])]),
        [REMOVED_INPUT]: floatValue([1, plan.units, 1], removed),
      };
    };
    return {
      planned: layer,
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
        await run(suffix, feeds, rows, isSingle ? unit : undefined, (results, some) => {
          const logitsOf = results[suffix.outputNames[0]]?.data as Float32Array;
          putRows(logitsOf.subarray(0, some.length * classCount), some, block.logits);
          for (const { tensor, output } of stateTensors(plan, ports)) {
            const target = block.tensors.get(tensor)?.data as Float32Array;
            if (target !== block.logits) putRows(results[output]?.data as Float32Array, some, target);
          }
        });
        if (plan.whole !== null) block.removed?.push(...units);
      },
    };
  });
  return {
    prefix,
    layers,
    prepare: async (pixels, fed) => {
      const tensors = await runInBatches(session, model, pixels, fed);
      const block = tensors.get(logits) as BlockTensor;
      // The whole network starts from the images.
      if (planned.some(({ plan }) => plan.whole !== null)) {
        tensors.set(model.input.name, { dims: [pixels.count, ...pixels.imageDims], data: pixels.data });
      }
      return { count: pixels.count, logits: block.data, tensors };
    },
    close: async () => {
      for (const each of opened) await each.close();
    },
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

/** Runs a graph over the images in small batches, or batches of the network's own size; outputs are joined. */
export async function runInBatches(
  session: Session,
  { input, batch }: Pick<Model, "input" | "batch">,
  pixels: Pixels,
  fed: FedResponses = new Map(),
): Promise<Map<string, BlockTensor>> {
  const joined = new Map<string, { dims: number[]; data: Float32Array }>();
  const rows = Int32Array.from({ length: pixels.count }, (_, i) => i);
  const size = batch ?? PREFIX_BATCH;
  for (let start = 0; start < pixels.count; start += size) {
    const count = Math.min(size, pixels.count - start);
    const feeds: Record<string, Value> = { [input.name]: pickImages(pixels, rows, { start, count, batch }) };
    for (const [tap, { dims, data }] of fed) {
      const name = fedInput(tap);
      const from = { count: pixels.count, imageDims: dims.slice(1), data };
      if (session.inputNames.includes(name)) feeds[name] = pickImages(from, rows, { start, count, batch });
    }
    const results = await session.run(feeds);
    for (const [name, { dims, data }] of Object.entries(results)) {
      const each = data.length / (batch ?? count);
      let whole = joined.get(name);
      if (!whole) {
        whole = { dims: [pixels.count, ...dims.slice(1)], data: new Float32Array(pixels.count * each) };
        joined.set(name, whole);
      }
      whole.data.set((data as Float32Array).subarray(0, count * each), start * each);
    }
  }
  return joined;
}

/** Replaced tensors that do not depend on the image, computed once. */
async function computeFixed(prefix: Prefix): Promise<Map<string, BlockTensor>> {
  const names = [
    ...new Set(
      prefix.layers.flatMap(({ carried }) => carried.filter((port) => port.isFixed).map((port) => port.replaced)),
    ),
  ];
  const fixed = new Map<string, BlockTensor>();
  for (const name of names) {
    const constant = prefix.twins.constants.get(name);
    if (constant) fixed.set(name, { dims: constant.dims, data: constant.data as Float32Array });
  }
  const computed = names.filter((name) => !fixed.has(name));
  if (computed.length > 0) {
    const session = await openSession(fixedTwins(prefix.twins, computed));
    for (const [name, { dims, data }] of Object.entries(await session.run({}))) {
      fixed.set(name, { dims, data: data as Float32Array });
    }
    await session.close();
  }
  return fixed;
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
