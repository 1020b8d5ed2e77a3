/**
 * A layer's responses to the images of a concept set, in memory that threads share: the passes over the set meet the same
 * images one after another, and compute an image's responses once.
 */

/** Memory that responses may take; a layer that needs more is computed in every pass. */
const KEPT_BYTES = 128 * 2 ** 20;

/** Responses of the images that were computed so far. */
export interface KeptResponses {
  /** Row-major `[imageCount, responseSize]`; shared. */
  readonly values: Float32Array;
  /** 1 where an image's responses are there, `[imageCount]`; shared. */
  readonly isThere: Uint8Array;
}

/** Room for the responses to all images of a set, `responseSize` numbers each; `undefined` where it would be too much. */
export function roomForResponses(imageCount: number, responseSize: number): KeptResponses | undefined {
  const bytes = imageCount * responseSize * Float32Array.BYTES_PER_ELEMENT;
  if (bytes > KEPT_BYTES) return undefined;
  return {
    values: new Float32Array(new SharedArrayBuffer(bytes)),
    isThere: new Uint8Array(new SharedArrayBuffer(imageCount)),
  };
}

/** Whether an image's responses are there; once they are, they stay. */
export function hasResponses({ isThere }: KeptResponses, image: number): boolean {
  return Atomics.load(isThere, image) === 1;
}

/** A copy of an image's responses, `[responseSize]`. */
export function responsesTo({ values, isThere }: KeptResponses, image: number): Float32Array {
  const size = values.length / isThere.length;
  return values.slice(image * size, (image + 1) * size);
}

/** Keeps an image's responses, `[responseSize]`. */
export function keepResponses({ values, isThere }: KeptResponses, image: number, responses: Float32Array): void {
  values.set(responses, image * responses.length);
  Atomics.store(isThere, image, 1);
}
