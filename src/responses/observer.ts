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
import { emptyTopK, offerTopK } from "../numeric/top-k.ts";
import { blockMoments } from "./block-moments.ts";
import { defaultTailFraction, defaultTopImages, type Observed, type ObservedLayer } from "./observed.ts";
import { type TailCounter, tailCounter, tailSize } from "./tail-counts.ts";

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

/** Images, with the network's outputs. */
export interface ObservedBatch {
  /** Numbers of the images in the set, int32 `[count]`. */
  readonly images: Int32Array;
  /** Probabilities of the classes, float32, row-major `[count, classCount]`; read only. */
  readonly probabilities: Float32Array;
  /** Per layer, float32, row-major `[count, units, height, width]`; read only. */
  readonly responses: readonly Float32Array[];
}

/** Observes batches, and hands over what it has since the last time. */
export interface Observer {
  /**
   * Adds images; all those of a block ascend.
   * @throws {UnitscopeError} `shape` if lengths disagree, `value` for a response that is not finite.
   */
  observe(batch: ObservedBatch): void;
  /** What was observed since the last call. @throws {UnitscopeError} `internal` if that is nothing. */
  take(): Observed;
}

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
      open ??= newBlock(layers, topImages);
      const block = open;
      const { images, probabilities, responses } = batch;
      checkLength("probabilities", probabilities, images.length * classCount);
      block.probabilities.push(probabilities.slice());
      layers.forEach((layer, at) => {
        checkLength(
          `responses of layer "${layer.name}"`,
          responses[at],
          images.length * layer.units * layer.height * layer.width,
        );
        observeLayer(layer, block.layers[at], tails[at], responses[at], images);
      });
      block.images.push(...images);
    },
    take: () => {
      if (!open) throw new UnitscopeError("internal", "internal: observer: expected images before take, got none");
      const { probabilities, layers: observed } = open;
      const images = Int32Array.from(open.images);
      open = undefined;
      return {
        shared: { images, probabilities: joinArrays(probabilities, Float32Array) },
        layers: observed.map(({ means, maxima, moments, ...layer }, at) => ({
          ...layer,
          images: images.slice(),
          moments: blockMoments(images[0], moments),
          tail: tails[at].take(),
          tailKeep: tailKeeps[at],
          pooledMean: joinArrays(means, Float64Array),
          pooledMax: joinArrays(maxima, Float32Array),
        })),
      };
    },
  };
}

/** One layer of a block that is not taken yet. */
interface OpenLayer extends Pick<ObservedLayer, "minimum" | "maximum" | "zeros" | "negatives" | "silent" | "top"> {
  moments: Moments;
  readonly means: Float64Array[];
  readonly maxima: Float32Array[];
}

interface Block {
  readonly images: number[];
  readonly layers: readonly OpenLayer[];
  readonly probabilities: Float32Array[];
}

function newBlock(layers: readonly ObservedShape[], topImages: number): Block {
  return {
    images: [],
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
  images: Int32Array,
): void {
  const count = images.length;
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
          `layer "${name}", unit ${unit}: expected finite responses, got ${responses.subarray(from, to).find((value) => !Number.isFinite(value))} at image ${images[image]}`,
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
      else offerTopK(top, unit, largest, images[image]);
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

function checkLength(what: string, data: Float32Array | undefined, expected: number): void {
  if (data?.length === expected) return;
  throw new UnitscopeError("shape", `${what}: expected ${expected} values, got ${data?.length ?? "none"}`);
}

/** Parts one after the other. */
function joinArrays<T extends Float32Array | Float64Array>(parts: readonly T[], kind: new (length: number) => T): T {
  if (parts.length === 1) return parts[0];
  const joined = new kind(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
