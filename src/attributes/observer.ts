/**
 * What is kept of a network's responses while the images pass by once: per unit its moments, extremes, zeros, strongest
 * images and upper tail; per (image, unit) the pooled response, from which everything that needs labels is computed
 * afterwards. Pure: whoever runs the network calls it.
 */
import { UnitscopeError } from "../errors.ts";
import {
  emptyMoments,
  type Moments,
  mapFields,
  mapMaximum,
  mapMinimum,
  mapNegatives,
  mapSquares,
  mapSum,
  mapZeros,
  mergeMoments,
  summarizeMap,
} from "../numeric/moments.ts";
import { emptyTopK, mergeTopK, offerTopK, type TopK } from "../numeric/top-k.ts";
import { mergeTails, type TailCounter, type TailCounts, tailCounter, tailSize } from "./tail-counts.ts";

/** A layer as the observer sees it; height and width are 1 for a linear layer. */
export interface ObservedShape {
  readonly name: string;
  readonly units: number;
  readonly height: number;
  readonly width: number;
}

/** What to observe. */
export interface ObserverOptions {
  readonly layers: readonly ObservedShape[];
  readonly classCount: number;
  /** Images of the whole set, on which the length of the kept tails depends. */
  readonly imageCount: number;
  /** Strongest images to keep per unit. */
  readonly topImages?: number;
  /** Fraction of the responses above a unit's threshold. */
  readonly tailFraction?: number;
}

/** Consecutive images, with the network's outputs. */
export interface ObservedBatch {
  /** Number of the first image in the set. */
  readonly start: number;
  readonly count: number;
  /** Softmax probabilities, float32, row-major `[count, classCount]`; read only. */
  readonly probabilities: Float32Array;
  /** Per layer, float32, row-major `[count, units, height, width]`; read only. */
  readonly responses: readonly Float32Array[];
}

/** One layer over a block of images. Plain data. */
export interface ObservedLayer {
  /** Of the responses at all positions, per unit. */
  readonly moments: Moments;
  /** Smallest and largest response, `[units]`. */
  readonly minimum: Float64Array;
  readonly maximum: Float64Array;
  /** Positions whose response is exactly 0, and below 0, `[units]`. */
  readonly zeros: Float64Array;
  readonly negatives: Float64Array;
  /** Images on which the response is 0 at every position, `[units]`. */
  readonly silent: Int32Array;
  /** Images with the largest responses; those on which the unit is silent are left out. */
  readonly top: TopK;
  readonly tail: TailCounts;
  /** Mean over positions, row-major `[count, units]`; of length 0 once it has been stored elsewhere. */
  readonly pooledMean: Float64Array;
  /** Maximum over positions, likewise. */
  readonly pooledMax: Float32Array;
}

/** A block of consecutive images. Plain data that can be posted between threads and stored. */
export interface Observed {
  readonly start: number;
  readonly count: number;
  /** Values of each unit that the tails keep. */
  readonly tailKeeps: readonly number[];
  readonly layers: readonly ObservedLayer[];
  /** Row-major `[count, classCount]`; of length 0 once it has been stored elsewhere. */
  readonly probabilities: Float32Array;
}

/** Observes batches, and hands over what it has since the last time. */
export interface Observer {
  /**
   * Adds the images that follow those before.
   * @throws {UnitscopeError} `shape` if lengths disagree, `value` for a response that is not finite.
   */
  observe(batch: ObservedBatch): void;
  /** What was observed since the last call. @throws {UnitscopeError} `internal` if that is nothing. */
  take(): Observed;
}

/** Strongest images that are kept per unit by default. */
export const defaultTopImages = 9;
/** Fraction of a unit's responses above its threshold (Bau et al. 2017). */
export const defaultTailFraction = 0.005;

/** Makes an observer; it may be used for many blocks, in any order. */
export function createObserver({
  layers,
  classCount,
  imageCount,
  topImages = defaultTopImages,
  tailFraction = defaultTailFraction,
}: ObserverOptions): Observer {
  const tailKeeps = layers.map(({ height, width }) => tailSize(imageCount * height * width, tailFraction));
  const tails = layers.map((layer, at) => tailCounter(layer.units, tailKeeps[at]));
  let open: Block | undefined;
  return {
    observe: (batch) => {
      open ??= newBlock(layers, batch.start, topImages);
      if (batch.start !== open.start + open.count) {
        throw new UnitscopeError(
          "internal",
          `internal: observer: expected image ${open.start + open.count} next, got ${batch.start}`,
        );
      }
      checkLength("probabilities", batch.probabilities, batch.count * classCount);
      open.probabilities.push(batch.probabilities.slice());
      layers.forEach((layer, at) => {
        const responses = batch.responses[at];
        checkLength(
          `responses of layer "${layer.name}"`,
          responses,
          batch.count * layer.units * layer.height * layer.width,
        );
        observeLayer(layer, open?.layers[at] as OpenLayer, tails[at], responses, batch);
      });
      open.count += batch.count;
    },
    take: () => {
      if (!open) throw new UnitscopeError("internal", "internal: observer: expected images before take, got none");
      const { start, count } = open;
      const taken: Observed = {
        start,
        count,
        tailKeeps,
        probabilities: join(open.probabilities, Float32Array),
        layers: open.layers.map(({ means, maxima, ...layer }, at) => ({
          ...layer,
          tail: tails[at].take(),
          pooledMean: join(means, Float64Array),
          pooledMax: join(maxima, Float32Array),
        })),
      };
      open = undefined;
      return taken;
    },
  };
}

/**
 * Two blocks together, the second following the first.
 * @throws {UnitscopeError} `internal` if they are not consecutive.
 */
export function mergeObserved(a: Observed, b: Observed): Observed {
  if (b.start !== a.start + a.count || a.layers.length !== b.layers.length) {
    throw new UnitscopeError(
      "internal",
      `internal: observations: expected ${a.layers.length} layers from image ${a.start + a.count} on, got ${b.layers.length} from ${b.start}`,
    );
  }
  return {
    start: a.start,
    count: a.count + b.count,
    tailKeeps: a.tailKeeps,
    probabilities: join([a.probabilities, b.probabilities], Float32Array),
    layers: a.layers.map((layer, at) => mergeLayers(layer, b.layers[at], a.tailKeeps[at])),
  };
}

/** Without what grows with the number of images, for blocks whose pooled responses are stored. */
export function withoutPooled(observed: Observed): Observed {
  return {
    ...observed,
    probabilities: new Float32Array(0),
    layers: observed.layers.map((layer) => ({
      ...layer,
      pooledMean: new Float64Array(0),
      pooledMax: new Float32Array(0),
    })),
  };
}

/** The buffers of a block, to be moved instead of copied between threads. */
export function observedBuffers(observed: Observed): ArrayBuffer[] {
  return [
    observed.probabilities.buffer as ArrayBuffer,
    ...observed.layers.flatMap(({ pooledMean, pooledMax, tail }) =>
      [pooledMean, pooledMax, tail.starts, tail.keys, tail.counts].map((each) => each.buffer as ArrayBuffer),
    ),
  ];
}

type OpenLayer = {
  -readonly [K in keyof Omit<ObservedLayer, "tail" | "pooledMean" | "pooledMax">]: ObservedLayer[K];
} & {
  readonly means: Float64Array[];
  readonly maxima: Float32Array[];
};

interface Block {
  readonly start: number;
  count: number;
  readonly layers: readonly OpenLayer[];
  readonly probabilities: Float32Array[];
}

function newBlock(layers: readonly ObservedShape[], start: number, topImages: number): Block {
  return {
    start,
    count: 0,
    probabilities: [],
    layers: layers.map(({ units }) => ({
      moments: emptyMoments(units),
      minimum: new Float64Array(units).fill(Infinity),
      maximum: new Float64Array(units).fill(-Infinity),
      zeros: new Float64Array(units),
      negatives: new Float64Array(units),
      silent: new Int32Array(units),
      top: emptyTopK(units, topImages),
      means: [],
      maxima: [],
    })),
  };
}

function observeLayer(
  { name, units, height, width }: ObservedShape,
  layer: OpenLayer,
  tail: TailCounter,
  responses: Float32Array,
  { start, count }: ObservedBatch,
): void {
  const positions = height * width;
  const signed = new Int32Array(responses.buffer, responses.byteOffset, responses.length);
  const bits = new Uint32Array(responses.buffer, responses.byteOffset, responses.length);
  const { minimum, maximum, zeros, negatives, silent, top } = layer;
  const means = new Float64Array(count * units);
  const maxima = new Float32Array(count * units);
  const squares = new Float64Array(units);
  const map = { data: responses, bits, start: 0, end: 0, maximum: 0, zeros: 0 };
  const out = new Float64Array(mapFields);
  let from = 0;
  for (let image = 0; image < count; image++) {
    for (let unit = 0; unit < units; unit++, from += positions) {
      const to = from + positions;
      summarizeMap(responses, signed, from, to, out);
      const sum = out[mapSum];
      const largest = out[mapMaximum];
      if (!Number.isFinite(sum)) {
        throw new UnitscopeError(
          "value",
          `layer "${name}", unit ${unit}: expected finite responses, got ${responses.subarray(from, to).find((value) => !Number.isFinite(value))} at image ${start + image}`,
        );
      }
      means[image * units + unit] = sum / positions;
      maxima[image * units + unit] = largest;
      squares[unit] += out[mapSquares];
      if (out[mapMinimum] < minimum[unit]) minimum[unit] = out[mapMinimum];
      if (largest > maximum[unit]) maximum[unit] = largest;
      zeros[unit] += out[mapZeros];
      negatives[unit] += out[mapNegatives];
      if (out[mapZeros] === positions) silent[unit]++;
      else offerTopK(top, unit, largest, start + image);
      map.start = from;
      map.end = to;
      map.maximum = largest;
      map.zeros = out[mapZeros];
      tail.add(unit, map);
    }
  }
  layer.moments = mergeMoments(layer.moments, batchMoments(means, squares, count, positions));
  layer.means.push(means);
  layer.maxima.push(maxima);
}

/** Moments over images and positions from the maps' means and their own squared deviations. */
function batchMoments(means: Float64Array, squares: Float64Array, count: number, positions: number): Moments {
  const units = squares.length;
  const mean = new Float64Array(units);
  const total = squares.slice();
  for (let image = 0; image < count; image++) {
    for (let unit = 0; unit < units; unit++) mean[unit] += means[image * units + unit];
  }
  for (let unit = 0; unit < units; unit++) mean[unit] /= count;
  for (let image = 0; image < count; image++) {
    for (let unit = 0; unit < units; unit++) {
      const distance = means[image * units + unit] - mean[unit];
      total[unit] += positions * distance * distance;
    }
  }
  return { count: count * positions, mean, squares: total };
}

function mergeLayers(a: ObservedLayer, b: ObservedLayer, tailKeep: number): ObservedLayer {
  return {
    moments: mergeMoments(a.moments, b.moments),
    minimum: a.minimum.map((value, unit) => Math.min(value, b.minimum[unit])),
    maximum: a.maximum.map((value, unit) => Math.max(value, b.maximum[unit])),
    zeros: a.zeros.map((value, unit) => value + b.zeros[unit]),
    negatives: a.negatives.map((value, unit) => value + b.negatives[unit]),
    silent: a.silent.map((value, unit) => value + b.silent[unit]),
    top: mergeTopK(a.top, b.top),
    tail: mergeTails(a.tail, b.tail, tailKeep),
    pooledMean: join([a.pooledMean, b.pooledMean], Float64Array),
    pooledMax: join([a.pooledMax, b.pooledMax], Float32Array),
  };
}

function join<T extends Float32Array | Float64Array>(parts: readonly T[], kind: new (length: number) => T): T {
  if (parts.length === 1) return parts[0];
  const joined = new kind(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

function checkLength(what: string, data: Float32Array | undefined, expected: number): void {
  if (data?.length === expected) return;
  throw new UnitscopeError("shape", `${what}: expected ${expected} values, got ${data?.length ?? "none"}`);
}
