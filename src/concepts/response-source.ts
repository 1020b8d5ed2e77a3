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
