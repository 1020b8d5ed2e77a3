/**
 * A pass over an image set that observes the responses of some layers, for runs whose sweep did not, and a small second
 * pass that fetches the responses to chosen images. Worker threads run the network; what they find is handed on in the
 * order of the images, and no number depends on how many workers there are.
 */
import { imageBatches } from "../data/image-batches.ts";
import type { ImageSet } from "../data/image-set.ts";
import type { Preprocessing } from "../data/preprocessing.ts";
import { selectImages } from "../data/select-images.ts";
import { UnitscopeError } from "../errors.ts";
import { cutTo } from "../onnx/edit.ts";
import type { Layer } from "../onnx/layers.ts";
import { writeModel } from "../onnx/model-file.ts";
import { defaultTailFraction, defaultTopImages, type Observed } from "../responses/observed.ts";
import type { Model } from "../runtime/open-model.ts";
import { openPool } from "../runtime/worker-pool.ts";
import { type ResponseAnswer, type ResponseSetup, responseWork, type WantedResponse } from "./response-worker.ts";

/** Responses of one run of the network may take so much memory in each worker. */
const batchBytes = 32 << 20;
/** Pixels of one task may take so much. */
const taskBytes = 8 << 20;

/** How to run a pass. */
export interface ResponsePassOptions {
  readonly workers?: number;
  readonly topImages?: number;
  readonly tailFraction?: number;
  readonly signal?: AbortSignal | undefined;
}

/** One response that is wanted: of which image of the set, which layer (its place in the list) and unit. */
export interface Wanted {
  readonly image: number;
  readonly layer: number;
  readonly unit: number;
}

/** Workers that hold the network. */
export interface ResponsePass {
  /** Observes images `start` to the end of the set, in blocks of consecutive images. */
  observe(options?: { start?: number; progress?: (images: number) => void }): AsyncGenerator<Observed, void, undefined>;
  /**
   * Fetches responses, in the order in which they are asked for.
   * @returns float32 `[height * width]` for each.
   */
  fetch(wanted: readonly Wanted[], options?: { progress?: (images: number) => void }): Promise<Float32Array[]>;
  close(): Promise<void>;
}

/**
 * Starts the workers.
 * @throws {UnitscopeError} `model` if the runtime refuses the graph.
 */
export async function openResponsePass(
  model: Model,
  set: ImageSet,
  preprocessing: Preprocessing,
  layers: readonly Layer[],
  { workers = 2, topImages = defaultTopImages, tailFraction = defaultTailFraction, signal }: ResponsePassOptions = {},
): Promise<ResponsePass> {
  const taps = [...new Set([...layers.map((layer) => layer.tap), model.logits])];
  const bytes = writeModel(cutTo(model.graph, taps));
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  const bytesPerImage = 4 * layers.reduce((sum, { units, height, width }) => sum + units * height * width, 1);
  const setup: ResponseSetup = {
    model: shared,
    input: model.input.name,
    logits: model.logits,
    layers: layers.map(({ name, tap, units, height, width }) => ({ name, tap, units, height, width })),
    classCount: model.classCount,
    imageCount: set.imageCount,
    topImages,
    tailFraction,
    batchSize: Math.min(64, Math.max(1, Math.floor(batchBytes / bytesPerImage))),
  };
  const pool = await openPool(responseWork, setup, { workers, signal });
  const inFlight = workers + 1;

  async function* observe({
    start = 0,
    progress,
  }: {
    start?: number;
    progress?: (images: number) => void;
  } = {}): AsyncGenerator<Observed, void, undefined> {
    const waiting: Promise<ResponseAnswer>[] = [];
    const next = async (): Promise<Observed> => {
      const answer = await waiting.shift();
      if (answer?.kind !== "observe")
        throw new UnitscopeError("internal", "internal: responses: expected observations");
      progress?.(answer.observed.start + answer.observed.count);
      return answer.observed;
    };
    try {
      for await (const { start: first, pixels, dims } of tasks(set, start)) {
        waiting.push(settled(pool.run({ kind: "observe", start: first, pixels, dims }, { transfer: [pixels.buffer] })));
        if (waiting.length > inFlight) yield await next();
      }
      while (waiting.length > 0) yield await next();
    } finally {
      await Promise.allSettled(waiting);
    }
  }

  async function fetch(
    wanted: readonly Wanted[],
    { progress }: { progress?: (images: number) => void } = {},
  ): Promise<Float32Array[]> {
    const order = wanted.map((_, index) => index).sort((a, b) => wanted[a].image - wanted[b].image);
    const images = [...new Set(order.map((index) => wanted[index].image))];
    const found: Float32Array[] = wanted.map(() => nothing);
    const waiting: Promise<void>[] = [];
    let done = 0;
    let next = 0;
    try {
      if (images.length === 0) return found;
      for await (const { start, count, pixels, dims } of tasks(selectImages(set, images), 0)) {
        const places: number[] = [];
        const asked: WantedResponse[] = [];
        for (; next < order.length; next++) {
          const { image, layer, unit } = wanted[order[next]];
          const at = images.indexOf(image, start) - start;
          if (at >= count) break;
          places.push(order[next]);
          asked.push({ at, layer, unit });
        }
        const answer = pool.run({ kind: "fetch", pixels, dims, wanted: asked }, { transfer: [pixels.buffer] });
        waiting.push(
          settled(
            answer.then((given) => {
              if (given.kind === "fetch") {
                for (const [index, response] of given.responses.entries()) found[places[index]] = response;
              }
              done += count;
              progress?.(done);
            }),
          ),
        );
        if (waiting.length > inFlight) await waiting.shift();
      }
      while (waiting.length > 0) await waiting.shift();
    } finally {
      await Promise.allSettled(waiting);
    }
    return found;
  }

  async function* tasks(from: ImageSet, start: number): ReturnType<typeof imageBatches> {
    const { height, width } = model.input;
    const side = preprocessing.crop ?? height ?? 224;
    const batchSize = Math.min(256, Math.max(8, Math.floor(taskBytes / (12 * side * (width ?? side)))));
    for await (const batch of imageBatches(from, preprocessing, { batchSize, start, signal })) {
      checkInput(model, batch.dims);
      yield batch;
    }
  }

  return { observe, fetch, close: pool.close };
}

const nothing = new Float32Array(0);

/** A promise whose failure is not reported as unhandled before somebody waits for it. */
function settled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

function checkInput({ input }: Model, dims: readonly number[]): void {
  const [height, width] = input.layout === "nchw" ? [dims[2], dims[3]] : [dims[1], dims[2]];
  if ((input.height ?? height) === height && (input.width ?? width) === width) return;
  throw new UnitscopeError(
    "data",
    `images: expected ${input.height}×${input.width} pixels for the network's input, got ${height}×${width}; resize and crop with --preprocess`,
  );
}
