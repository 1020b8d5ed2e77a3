/**
 * Removing directions of a layer's response space: the plain way (the whole network with rotate, replace one coordinate,
 * rotate back inserted) and the fast one (the network once, then only what the direction's change reaches).
 */
import { runInBatches } from "../ablation/fast-route.ts";
import { type Pixels, type PlainRoute, pickImages, type Reference } from "../ablation/plain-route.ts";
import { isTie, type Reading, readRow } from "../ablation/predictions.ts";
import type { BlockTensor, PreparedBlock } from "../ablation/prepared-block.ts";
import { planSuffix } from "../ablation/suffix-plan.ts";
import type { Model } from "../engine/open-model.ts";
import { floatValue, openSession, type Provider, type Session, type Value } from "../engine/session.ts";
import { cutTo } from "../onnx/edit.ts";
import { elementCount, type Graph } from "../onnx/graph.ts";
import { inferShapes, type Shape } from "../onnx/shapes.ts";
import {
  CHANGE,
  CHANGE_LARGEST,
  CHANGE_NORM,
  CHANGE_ROWS_INPUT,
  COORDINATES_INPUT,
  coordinateGraph,
  DIRECTION_INPUT,
  directionSuffix,
  KEEP_INPUT,
  kernelInput,
  perUnit,
  ROTATION_INPUT,
  ROWS_INPUT,
  rotatedGraph,
  rotatedSuffix,
} from "./direction-graphs.ts";
import { type DirectionPlan, directionKernels, planDirections } from "./direction-plan.ts";

/** A basis: row `k` is the `k`-th direction, orthonormal, float64 `[units, units]`. */
export type Basis = Float64Array;

/** A block of images in the coordinates of a basis. */
export interface RotatedBlock {
  readonly basis: Basis;
  /** What removing each direction takes off its coordinate, float32 `[count, units, positions]`. */
  readonly change: Float32Array;
  /** Its largest absolute value and Euclidean norm, float32 `[count, units]`. */
  readonly largest: Float32Array;
  readonly norm: Float32Array;
}

/** An opened layer. */
export interface RotationRoute {
  readonly plan: DirectionPlan;
  /** Runs the network once over the images. */
  prepare(pixels: Pixels): Promise<PreparedBlock>;
  /** The responses in the coordinates of a basis. */
  rotate(block: PreparedBlock, basis: Basis): Promise<RotatedBlock>;
  /** Logits `[rows.length, classCount]` of rows of the block without one direction. */
  remove(block: PreparedBlock, rotated: RotatedBlock, direction: number, rows: Int32Array): Promise<Float32Array>;
  /** Logits `[count, classCount]` with the responses rotated and rotated back, nothing removed. */
  rotateBack(block: PreparedBlock, basis: Basis): Promise<Float32Array>;
  /** Kernels of a direction at the direct frontiers; for bounds. */
  kernels(direction: ArrayLike<number>): Float32Array[];
  close(): Promise<void>;
}

/** Images of one run of the rotated suffix. */
const BATCH = 32;
/** Floats of the widest tensor of a suffix that one run may hold; a pack of pairs is cut to fit. */
const PACK_FLOATS = 1 << 18;

/** Opens the fast route for one tap. `replacement`: what replaces the units, float32 `[units]`. */
export async function openRotationRoute(
  model: Model,
  { tap, replacement }: { tap: string; replacement: Float32Array },
  { threads = 1, provider = "cpu" }: { threads?: number; provider?: Provider } = {},
): Promise<RotationRoute> {
  const { graph, logits, classCount } = model;
  const shapes = inferShapes(graph);
  const place = `model "${model.name}"`;
  const plan = planDirections(graph, planSuffix(graph, tap, { logits, shapes }));
  const { units } = plan.plan;
  const size = (shapes.get(tap) ?? []).slice(2) as number[];
  const suffix = directionSuffix(graph, plan, shapes);
  const rotated = rotatedSuffix(graph, plan, shapes);
  const own = new Set([
    ROTATION_INPUT,
    KEEP_INPUT,
    COORDINATES_INPUT,
    CHANGE,
    CHANGE_ROWS_INPUT,
    ROWS_INPUT,
    DIRECTION_INPUT,
  ]);
  const isTensor = (name: string): boolean => !own.has(name) && !/^unitscope\/direction_kernel_/.test(name);
  const bases = [...suffix.inputs, ...rotated.inputs].map((port) => port.name).filter(isTensor);
  const open = (each: Graph): Promise<Session> => openSession(each, { threads, provider, place });
  const prefix = await open(cutTo(graph, [...new Set([logits, tap, ...bases])]));
  const coordinates = await open(coordinateGraph(graph, plan, shapes));
  const directions = await open(suffix);
  let back: Promise<Session> | undefined;
  const kernelsOf = directionKernels(graph, plan);
  const pack = packSize(suffix, plan, shapes);

  return {
    plan,
    kernels: kernelsOf,
    prepare: async (pixels) => {
      const tensors = await runInBatches(prefix, model.input.name, pixels);
      return { count: pixels.count, logits: (tensors.get(logits) as BlockTensor).data, tensors };
    },
    rotate: async (block, basis) => {
      const { dims, data } = block.tensors.get(tap) as BlockTensor;
      const results = await coordinates.run({
        [tap]: floatValue(dims, data),
        ...basisFeeds(basis, replacement, size),
      });
      const values = (name: string): Float32Array => results[name]?.data as Float32Array;
      return { basis, change: values(CHANGE), largest: values(CHANGE_LARGEST), norm: values(CHANGE_NORM) };
    },
    remove: async (block, { basis, change }, direction, rows) => {
      const q = Float32Array.from(basis.subarray(direction * units, (direction + 1) * units));
      const positions = size.reduce((a, b) => a * b, 1);
      const feeds: Record<string, Value> = {
        [CHANGE]: floatValue([block.count, units, positions], change),
        [DIRECTION_INPUT]: floatValue(perUnit(units, size), q),
      };
      kernelsOf(basis.subarray(direction * units, (direction + 1) * units)).forEach((kernel, i) => {
        const weight = graph.constants.get(plan.direct[i]?.frontier.node.inputs[1] as string);
        const isProduct = plan.direct[i]?.frontier.node.op !== "Conv";
        const reached = plan.direct[i]?.positions as number;
        const dims = isProduct
          ? [reached, kernel.length / reached]
          : [weight?.dims[0] as number, 1, ...(weight?.dims.slice(2) as number[])];
        feeds[kernelInput(i)] = floatValue(dims, kernel);
      });
      for (const name of directions.inputNames) {
        const tensor = block.tensors.get(name);
        if (tensor) feeds[name] = floatValue(tensor.dims, tensor.data);
      }
      for (const name of Object.keys(feeds)) if (!directions.inputNames.includes(name)) delete feeds[name];
      const all = new Float32Array(rows.length * classCount);
      for (let start = 0; start < rows.length; start += pack) {
        const some = rows.slice(start, start + pack);
        const at = some.map((row) => row * units + direction);
        if (directions.inputNames.includes(ROWS_INPUT)) {
          feeds[ROWS_INPUT] = { type: "int32", dims: [some.length], data: some };
        }
        feeds[CHANGE_ROWS_INPUT] = { type: "int32", dims: [at.length], data: at };
        all.set(firstOutput(directions, await directions.run(feeds)), start * classCount);
      }
      return all;
    },
    rotateBack: async (block, basis) => {
      back ??= open(rotated);
      const session = await back;
      const feeds = { ...basisFeeds(basis, replacement, size), [KEEP_INPUT]: keepFeed(units, size, undefined) };
      const all = new Float32Array(block.count * classCount);
      for (let start = 0; start < block.count; start += BATCH) {
        const count = Math.min(BATCH, block.count - start);
        const inputs: Record<string, Value> = { ...feeds };
        for (const name of session.inputNames) {
          const tensor = block.tensors.get(name);
          if (!tensor) continue;
          const each = elementCount(tensor.dims.slice(1));
          const data = tensor.data.subarray(start * each, (start + count) * each);
          inputs[name] = floatValue([count, ...tensor.dims.slice(1)], data);
        }
        all.set(firstOutput(session, await session.run(inputs)), start * classCount);
      }
      return all;
    },
    close: async () => {
      for (const session of [prefix, coordinates, directions]) await session.close();
      await (await back)?.close();
    },
  };
}

/** The plain route and the reference over the rotated network; `removal.units` are directions. */
export interface PlainRotation {
  /** Of one basis. */
  of(basis: Basis): { readonly route: PlainRoute; readonly reference: Reference };
  close(): Promise<void>;
}

/** Opens the whole network with the rotation inserted, twice when needed: in batches, and one image at a time. */
export function openPlainRotation(
  model: Model,
  { tap, replacement }: { tap: string; replacement: Float32Array },
  { threads = 1, provider = "cpu" }: { threads?: number; provider?: Provider } = {},
): PlainRotation {
  const { graph, logits, classCount, input } = model;
  const shapes = inferShapes(graph);
  const plan = planDirections(graph, planSuffix(graph, tap, { logits, shapes }));
  const { units } = plan.plan;
  const size = (shapes.get(tap) ?? []).slice(2) as number[];
  const whole = rotatedGraph(graph, plan, shapes);
  const place = `model "${model.name}"`;
  let batched: Promise<Session> | undefined;
  let single: Promise<Session> | undefined;
  return {
    of: (basis) => {
      const fixed = basisFeeds(basis, replacement, size);
      const feedsFor = (directions: readonly number[]): Record<string, Value> => ({
        ...fixed,
        [KEEP_INPUT]: keepFeed(units, size, directions),
      });
      const reference: Reference = {
        predict: async (pixels, row, removal) => {
          const session = await (single ??= openSession(whole, { threads: 1, place }));
          const image = pickImages(pixels, [row], { start: 0, count: 1 });
          const results = await session.run({ ...feedsFor(removal?.units ?? []), [input.name]: image });
          const into: Reading = { prediction: 0, margin: 0, scale: 0 };
          return readRow(firstOutput(session, results), 0, { classCount, into }).prediction;
        },
        close: async () => undefined,
      };
      const logitsOf: PlainRoute["logits"] = async (pixels, rows, removal) => {
        const session = await (batched ??= openSession(whole, { threads, provider, place }));
        const feeds = feedsFor(removal.units);
        const all = new Float32Array(rows.length * classCount);
        for (let start = 0; start < rows.length; start += BATCH) {
          const count = Math.min(BATCH, rows.length - start);
          const images = pickImages(pixels, rows, { start, count });
          all.set(firstOutput(session, await session.run({ ...feeds, [input.name]: images })), start * classCount);
        }
        return all;
      };
      const route: PlainRoute = {
        logits: logitsOf,
        predict: async (pixels, rows, removal) => {
          const all = await logitsOf(pixels, rows, removal);
          const predictions = new Int32Array(rows.length);
          const reading: Reading = { prediction: 0, margin: 0, scale: 0 };
          for (let i = 0; i < rows.length; i++) {
            readRow(all, i, { classCount, into: reading });
            predictions[i] = isTie(reading)
              ? await reference.predict(pixels, rows[i] as number, removal)
              : reading.prediction;
          }
          return predictions;
        },
        close: async () => undefined,
      };
      return { route, reference };
    },
    close: async () => {
      await (await batched)?.close();
      await (await single)?.close();
    },
  };
}

/** The rotation as float32, and the coordinates of what replaces the units. */
function basisFeeds(basis: Basis, replacement: Float32Array, size: readonly number[]): Record<string, Value> {
  const units = replacement.length;
  const coordinates = new Float32Array(units);
  for (let k = 0; k < units; k++) {
    let sum = 0;
    for (let u = 0; u < units; u++) sum += (basis[k * units + u] as number) * (replacement[u] as number);
    coordinates[k] = sum;
  }
  return {
    [ROTATION_INPUT]: floatValue([units, units, ...size.map(() => 1)], Float32Array.from(basis)),
    [COORDINATES_INPUT]: floatValue(perUnit(units, size), coordinates),
  };
}

function keepFeed(units: number, size: readonly number[], directions: readonly number[] | undefined): Value {
  const keep = new Uint8Array(units).fill(1);
  for (const direction of directions ?? []) keep[direction] = 0;
  return { type: "bool", dims: perUnit(units, size), data: keep };
}

function firstOutput(session: Session, results: Record<string, Value>): Float32Array {
  return results[session.outputNames[0] as string]?.data as Float32Array;
}

/** Pairs per run, so that the widest tensor stays in the cache. */
function packSize(suffix: Graph, { plan }: DirectionPlan, shapes: ReadonlyMap<string, Shape>): number {
  const names = [plan.tap, ...suffix.nodes.flatMap((each) => each.outputs)];
  const sizes = names.map((name) => {
    const dims = (shapes.get(name) ?? []).slice(1);
    return dims.length > 0 && dims.every((dim) => typeof dim === "number") ? elementCount(dims as number[]) : 1;
  });
  return Math.max(8, Math.min(256, Math.floor(PACK_FLOATS / Math.max(1, ...sizes))));
}
