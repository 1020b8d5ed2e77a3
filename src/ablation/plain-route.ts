/**
 * The plain way, and the oracle of every other: run the whole network with some units of one layer replaced, on every
 * image, and read the prediction. Predictions that are too close to call are settled by the reference: the same
 * network, one image at a time, one thread.
 */
import type { ImageBlock } from "../passes/image-block.ts";
import { imagesAtOnce } from "../runtime/images-at-once.ts";
import type { Model } from "../runtime/open-model.ts";
import { floatValue, openSession, type Provider, type Session, type Value } from "../runtime/session.ts";
import { keepInput, maskShape, perEntry, plainGraph, replacementInput, type SwitchedTensor } from "./plain-graph.ts";
import { isTie, type Reading, readRow } from "./predictions.ts";
import type { BlockTensor } from "./prepared-block.ts";

/** What is replaced, and by what. */
export interface Removal {
  readonly tap: string;
  readonly units: readonly number[];
  /** The constant of every unit of the layer, `[units]`. */
  readonly replacement: Float32Array;
  /** Responses that replace the units' own instead, a row for every image of the block. */
  readonly fed?: BlockTensor | undefined;
}

/** The images of a block, without what they are of. */
export type Pixels = Pick<ImageBlock, "count" | "imageDims" | "data">;

/** The plain route over one switched tensor. */
export interface PlainRoute {
  /** Logits `[rows.length, classCount]` of the given images, some units removed. */
  logits(pixels: Pixels, rows: ArrayLike<number>, removal: Removal): Promise<Float32Array>;
  /** Settled predictions of the given images, in their order. */
  predict(pixels: Pixels, rows: ArrayLike<number>, removal: Removal): Promise<Int32Array>;
  close(): Promise<void>;
}

/** Predictions that no batch size or route can change. */
export interface Reference {
  /** Logits `[classCount]` of one image; `removal` is null for the network as it is. */
  logits(pixels: Pixels, row: number, removal: Removal | null): Promise<Float32Array>;
  /** The prediction of one image. */
  predict(pixels: Pixels, row: number, removal: Removal | null): Promise<number>;
  close(): Promise<void>;
}

/** Images that the plain route runs at once. */
const BATCH = 32;

/** Opens the plain route for one tap. */
export async function openPlainRoute(
  model: Model,
  tensor: SwitchedTensor,
  {
    reference,
    threads = 1,
    provider = "cpu",
    isFed = false,
  }: { reference: Reference; threads?: number; provider?: Provider; isFed?: boolean },
): Promise<PlainRoute> {
  const session = await openSession(plainGraph(model.graph, [tensor], { isFed }), {
    threads,
    provider,
    place: `model "${model.name}"`,
  });
  const { classCount, tieTolerance, logitFloor } = model;
  const logits = async (pixels: Pixels, rows: ArrayLike<number>, removal: Removal): Promise<Float32Array> => {
    const all = new Float32Array(rows.length * classCount);
    const size = imagesAtOnce(model, BATCH);
    for (let start = 0; start < rows.length; start += size) {
      const count = Math.min(size, rows.length - start);
      const images = pickImages(pixels, rows, { start, count, batch: model.batch });
      const masks = maskFeeds(tensor, removal, { rows, start, count });
      const results = await session.run({ ...masks, [model.input.name]: images });
      all.set(firstOutput(session, results).subarray(0, count * classCount), start * classCount);
    }
    return all;
  };
  return {
    logits,
    predict: async (pixels, rows, removal) => {
      const predictions = new Int32Array(rows.length);
      if (tieTolerance === Infinity) {
        for (let i = 0; i < rows.length; i++) predictions[i] = await reference.predict(pixels, rows[i], removal);
        return predictions;
      }
      const all = await logits(pixels, rows, removal);
      const reading: Reading = { prediction: 0, margin: 0, scale: 0 };
      for (let i = 0; i < rows.length; i++) {
        readRow(all, i, { classCount, into: reading });
        predictions[i] = isTie(reading, tieTolerance, logitFloor)
          ? await reference.predict(pixels, rows[i], removal)
          : reading.prediction;
      }
      return predictions;
    },
    close: () => session.close(),
  };
}

/**
 * Opens the reference: switches behind all given taps, so that it is the same computation whichever layer is asked for.
 * The session is opened when it is first needed.
 */
export function openReference(
  model: Model,
  switched: readonly SwitchedTensor[],
  { isFed = false }: { isFed?: boolean } = {},
): Reference {
  let session: Promise<Session> | undefined;
  const open = (): Promise<Session> =>
    (session ??= openSession(plainGraph(model.graph, switched, { isFed }), {
      threads: 1,
      place: `model "${model.name}"`,
    }));
  const { classCount } = model;
  const logits: Reference["logits"] = async (pixels, row, removal) => {
    const opened = await open();
    const image = pickImages(pixels, [row], { start: 0, count: 1, batch: model.batch });
    const feeds: Record<string, Value> = { [model.input.name]: image };
    for (const tensor of switched) {
      const own = removal?.tap === tensor.tap ? removal : null;
      Object.assign(feeds, maskFeeds(tensor, own, { rows: [row], start: 0, count: 1 }));
    }
    return firstOutput(opened, await opened.run(feeds)).subarray(0, classCount);
  };
  return {
    logits,
    predict: async (pixels, row, removal) => predictionOf(await logits(pixels, row, removal)),
    close: async () => (await session)?.close(),
  };
}

/** The class with the largest of some logits `[classCount]`, the lowest on a tie. */
export function predictionOf(logits: Float32Array): number {
  const into: Reading = { prediction: 0, margin: 0, scale: 0 };
  return readRow(logits, 0, { classCount: logits.length, into }).prediction;
}

/**
 * The switch of a tensor, for one removal: what it keeps and what replaces the rest.
 * @param images which rows of the block are run, for responses that differ between them.
 */
export function maskFeeds(
  tensor: SwitchedTensor,
  removal: Removal | null,
  images: { readonly rows: ArrayLike<number>; readonly start: number; readonly count: number },
): Record<string, Value> {
  const keep = new Uint8Array(tensor.units).fill(1);
  for (const unit of removal?.units ?? []) keep[unit] = 0;
  const dims = maskShape(tensor);
  if (removal?.fed) {
    const pixels = { count: removal.fed.dims[0], imageDims: removal.fed.dims.slice(1), data: removal.fed.data };
    return {
      [keepInput(tensor.tap)]: { type: "bool", dims, data: perEntry(keep, tensor.unitSize) },
      [replacementInput(tensor.tap)]: pickImages(pixels, images.rows, images),
    };
  }
  return {
    [keepInput(tensor.tap)]: { type: "bool", dims, data: perEntry(keep, tensor.unitSize) },
    [replacementInput(tensor.tap)]: floatValue(
      dims,
      perEntry(removal?.replacement ?? new Float32Array(tensor.units), tensor.unitSize),
    ),
  };
}

/**
 * The given rows as one batch; a view where they are consecutive.
 * @param options.batch the number of images that the network takes: the last one is repeated up to it.
 */
export function pickImages(
  pixels: Pixels,
  rows: ArrayLike<number>,
  { start, count, batch = null }: { start: number; count: number; batch?: number | null },
): Value<Float32Array> {
  if (batch !== null && count < batch) {
    const some = Array.from({ length: count }, (_, i) => rows[start + i]);
    return pickImages(pixels, filledUp(some, batch), { start: 0, count: batch });
  }
  const { imageDims, data } = pixels;
  const size = imageDims.reduce((a, b) => a * b, 1);
  const first = rows[start];
  const isRun = rows[start + count - 1] - first === count - 1;
  if (isRun) return floatValue([count, ...imageDims], data.subarray(first * size, (first + count) * size));
  const images = new Float32Array(count * size);
  for (let i = 0; i < count; i++) {
    const row = rows[start + i];
    images.set(data.subarray(row * size, (row + 1) * size), i * size);
  }
  return floatValue([count, ...imageDims], images);
}

/** Rows up to a number of them, the last repeated. */
export function filledUp(rows: ArrayLike<number>, count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => rows[Math.min(i, rows.length - 1)]);
}

function firstOutput(session: Session, results: Record<string, Value>): Float32Array {
  return results[session.outputNames[0]]?.data as Float32Array;
}
