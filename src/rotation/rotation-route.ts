/**
 * Removing directions of a layer's response space the fast way: the network once, then only what a direction's change
 * reaches.
 */
import { runInBatches } from "../ablation/fast-route.ts";
import type { Pixels } from "../ablation/plain-route.ts";
import type { BlockTensor, PreparedBlock } from "../ablation/prepared-block.ts";
import { planSuffix } from "../ablation/suffix-plan.ts";
import { cutTo } from "../onnx/edit.ts";
import { elementCount, type Graph, type Tensor } from "../onnx/graph.ts";
import type { Shape } from "../onnx/shapes.ts";
import type { Model } from "../runtime/open-model.ts";
import { openPlacing } from "../runtime/placing.ts";
import { floatValue, openSession, type Provider, type Session, type Value } from "../runtime/session.ts";
import { type Basis, basisFeeds, firstOutput, keepFeed } from "./basis-feeds.ts";
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
  rotatedSuffix,
} from "./direction-graphs.ts";
import { type DirectionPlan, directionKernels, planDirections } from "./direction-plan.ts";

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
  const { shapes } = model;
  const place = `model "${model.name}"`;
  const plan = planDirections(graph, planSuffix(model, tap));
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
  const isTensor = (name: string): boolean => !own.has(name) && !plan.direct.some((_, i) => name === kernelInput(i));
  const bases = [...suffix.inputs, ...rotated.inputs].map((port) => port.name).filter(isTensor);
  const open = (each: Graph): Promise<Session> => openSession(each, { threads, provider, place });
  const prefix = await open(cutTo(graph, [...new Set([logits, tap, ...bases])]));
  const coordinates = await open(coordinateGraph(graph, plan, shapes));
  const directions = await open(suffix);
  const placing = openPlacing(provider);
  let back: Promise<Session> | undefined;
  const kernelsOf = directionKernels(graph, plan);
  const pack = packSize(suffix, plan, shapes);
  const kernelDims = (i: number, length: number): number[] => {
    const { frontier, positions } = plan.direct[i];
    const weight = graph.constants.get(frontier.node.inputs[1]) as Tensor;
    if (frontier.node.op !== "Conv") return [positions, length / positions];
    return [weight.dims[0], 1, ...weight.dims.slice(2)];
  };

  return {
    plan,
    kernels: kernelsOf,
    prepare: async (pixels) => {
      const tensors = await runInBatches(prefix, model, pixels);
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
    remove: async (block, rotatedBlock, direction, rows) => {
      const { basis, change } = rotatedBlock;
      const q = Float32Array.from(basis.subarray(direction * units, (direction + 1) * units));
      const positions = size.reduce((a, b) => a * b, 1);
      const same: Record<string, Value> = { [CHANGE]: floatValue([block.count, units, positions], change) };
      for (const name of directions.inputNames) {
        const tensor = block.tensors.get(name);
        if (tensor) same[name] = floatValue(tensor.dims, tensor.data);
      }
      const feeds: Record<string, Value> = {
        ...(await placing.of(rotatedBlock, same)),
        [DIRECTION_INPUT]: floatValue(perUnit(units, size), q),
      };
      kernelsOf(basis.subarray(direction * units, (direction + 1) * units)).forEach((kernel, i) => {
        feeds[kernelInput(i)] = floatValue(kernelDims(i, kernel.length), kernel);
      });
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
      placing.forget();
      for (const session of [prefix, coordinates, directions]) await session.close();
      await (await back)?.close();
    },
  };
}

/** Pairs per run, so that the widest tensor stays in the cache. */
function packSize(suffix: Graph, { plan }: DirectionPlan, shapes: ReadonlyMap<string, Shape>): number {
  const names = [plan.tap, ...suffix.nodes.flatMap((each) => each.outputs)];
  const sizes = names.map((name) => {
    const dims = (shapes.get(name) ?? []).slice(1);
    return dims.length > 0 && dims.every((dim) => typeof dim === "number") ? elementCount(dims) : 1;
  });
  return Math.max(8, Math.min(256, Math.floor(PACK_FLOATS / Math.max(1, ...sizes))));
}
