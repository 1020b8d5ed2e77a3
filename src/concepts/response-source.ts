/**
 * Where the responses of a layer to the images of a concept set come from. Concept alignment reads them several times
 * (thresholds, counts, AUROC, nulls) and does not care whether they are recomputed, kept in memory, or read from disk.
 */
import { UnitscopeError } from "../errors.ts";

/** One image's responses, float32, row-major `[unitCount, height, width]`; valid until the next one is asked for. */
export interface ImageResponses {
  readonly image: number;
  readonly data: Float32Array;
}

/** The responses of one layer. A fully connected layer has height and width 1. */
export interface ResponseSource {
  readonly unitCount: number;
  readonly height: number;
  readonly width: number;
  /** The responses to the given images, in the given order. The network sees each whole image, resized to its input. */
  responsesOf(images: Int32Array): AsyncIterable<ImageResponses>;
}

/**
 * Keeps the responses of a source in memory after the first reading, if all of them fit.
 *
 * @param maxBytes the most memory to use; above it the source itself is returned.
 */
export function rememberResponses(source: ResponseSource, imageCount: number, maxBytes: number): ResponseSource {
  const length = source.unitCount * source.height * source.width;
  if (imageCount * length * 4 > maxBytes) return source;
  const kept = new Map<number, Float32Array>();
  return {
    unitCount: source.unitCount,
    height: source.height,
    width: source.width,
    async *responsesOf(images) {
      const missing = images.filter((image) => !kept.has(image));
      const fresh = missing.length === 0 ? undefined : source.responsesOf(missing)[Symbol.asyncIterator]();
      try {
        for (const image of images) {
          let data = kept.get(image);
          if (!data) {
            const next = await fresh?.next();
            if (!next || next.done || next.value.image !== image) {
              throw new UnitscopeError("internal", `internal: responses: expected image ${image}, got another or none`);
            }
            data = next.value.data.slice();
            kept.set(image, data);
          }
          yield { image, data };
        }
      } finally {
        await fresh?.return?.();
      }
    },
  };
}

/**
 * The responses of random units: each is a fixed linear combination of the layer's units at the same position.
 *
 * @param directions float64, row-major `[directionCount, unitCount]`; read only.
 */
export function combineResponses(source: ResponseSource, directions: Float64Array): ResponseSource {
  const { unitCount, height, width } = source;
  const directionCount = directions.length / unitCount;
  const positions = height * width;
  if (!Number.isInteger(directionCount) || directionCount === 0) {
    throw new UnitscopeError(
      "shape",
      `directions: expected a multiple of ${unitCount} values, got ${directions.length}`,
    );
  }
  const sums = new Float64Array(positions);
  const combined = new Float32Array(directionCount * positions);
  return {
    unitCount: directionCount,
    height,
    width,
    async *responsesOf(images) {
      for await (const { image, data } of source.responsesOf(images)) {
        const active = activeUnits(data, unitCount, positions);
        for (let direction = 0; direction < directionCount; direction++) {
          const weights = directions.subarray(direction * unitCount, (direction + 1) * unitCount);
          combineUnits(sums, data, weights, active);
          combined.set(sums, direction * positions);
        }
        yield { image, data: combined };
      }
    },
  };
}

/** Units that respond anywhere; after a ReLU that is far from all. */
function activeUnits(data: Float32Array, unitCount: number, positions: number): number[] {
  const active: number[] = [];
  for (let unit = 0; unit < unitCount; unit++) {
    for (let index = unit * positions; index < (unit + 1) * positions; index++) {
      if (data[index] === 0) continue;
      active.push(unit);
      break;
    }
  }
  return active;
}

/** Writes `Σ weights[unit] · data[unit]` over the active units, four of them a step to spare memory traffic. */
function combineUnits(sums: Float64Array, data: Float32Array, weights: Float64Array, active: readonly number[]): void {
  const positions = sums.length;
  const at = (i: number): number => (active[i] ?? 0) * positions;
  const weight = (i: number): number => (i < active.length ? (weights[active[i] as number] as number) : 0);
  sums.fill(0);
  for (let i = 0; i < active.length; i += 4) {
    const [a, b, c, d] = [at(i), at(i + 1), at(i + 2), at(i + 3)];
    const [wa, wb, wc, wd] = [weight(i), weight(i + 1), weight(i + 2), weight(i + 3)];
    for (let p = 0; p < positions; p++) {
      sums[p] +=
        wa * (data[a + p] as number) +
        wb * (data[b + p] as number) +
        wc * (data[c + p] as number) +
        wd * (data[d + p] as number);
    }
  }
}
