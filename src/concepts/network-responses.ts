/**
 * The responses of a network's layer to the images of a concept set. Each image is resized as a whole to the network's
 * input, without keeping its aspect and without a crop, so that every labelled pixel is seen where its label says.
 */
import { pixelTable, writePixels } from "../data/preprocess-image.ts";
import { channelCount, type Preprocessing } from "../data/preprocessing.ts";
import { UnitscopeError } from "../errors.ts";
import { resizeImage } from "../numeric/resize.ts";
import { cutTo } from "../onnx/edit.ts";
import type { Layer } from "../onnx/layers.ts";
import { writeModel } from "../onnx/model-file.ts";
import { chooseThreads } from "../passes/thread-choice.ts";
import type { Model } from "../runtime/open-model.ts";
import { openPool } from "../runtime/worker-pool.ts";
import type { ConceptSet } from "./concept-set.ts";
import { type NetworkSetup, networkWork } from "./network-worker.ts";
import type { ResponseSource } from "./response-source.ts";

/** A response source that holds worker threads until it is closed. */
export interface NetworkResponses extends ResponseSource {
  close(): Promise<void>;
}

/** Sides of the input that concept images are resized to: the network's own, else what the preprocessing crops to. */
export function conceptInputSize(
  { input }: Pick<Model, "input">,
  { crop, resize }: Pick<Preprocessing, "crop" | "resize">,
): readonly [height: number, width: number] {
  const side = crop ?? resize ?? 224;
  return [input.height ?? side, input.width ?? side];
}

/**
 * Starts workers that hold the network up to a layer's tap.
 *
 * @throws {UnitscopeError} `model` if the runtime refuses the graph, or the responses are not of the layer's size.
 */
export async function openNetworkResponses(
  model: Model,
  layer: Layer,
  set: ConceptSet,
  preprocessing: Preprocessing,
  { workers: wanted, signal }: { workers?: number | undefined; signal?: AbortSignal | undefined } = {},
): Promise<NetworkResponses> {
  const bytes = writeModel(cutTo(model.graph, [layer.tap]));
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  const { workers, threads } = chooseThreads(model, { workers: wanted });
  const setup: NetworkSetup = { model: shared, input: model.input.name, tap: layer.tap, threads };
  const pool = await openPool(networkWork, setup, { workers, signal });
  const [height, width] = conceptInputSize(model, preprocessing);
  const table = pixelTable(preprocessing);
  const channels = channelCount(preprocessing);
  const dims = preprocessing.layout === "nchw" ? [1, channels, height, width] : [1, height, width, channels];
  const expected = layer.units * layer.height * layer.width;

  const respond = async (image: number): Promise<Float32Array> => {
    const picture = await set.read(image);
    const fits = picture.width === width && picture.height === height;
    const data = fits ? picture.data : resizeImage(picture, { width, height }, preprocessing.interpolation);
    const pixels = new Float32Array(channels * height * width);
    writePixels({ width, height, data }, preprocessing, table, pixels, 0);
    const responses = await pool.run({ pixels, dims }, { transfer: [pixels.buffer] });
    if (responses.length !== expected) {
      throw new UnitscopeError(
        "model",
        `layer "${layer.name}": expected ${layer.units}×${layer.height}×${layer.width} responses to an image of ${height}×${width}, got ${responses.length}`,
      );
    }
    return responses;
  };

  return {
    unitCount: layer.units,
    height: layer.height,
    width: layer.width,
    async *responsesOf(images) {
      const waiting: Promise<Float32Array>[] = [];
      let asked = 0;
      try {
        for (const image of images) {
          while (waiting.length <= 2 * workers && asked < images.length) {
            const answer = respond(images[asked++]);
            answer.catch(() => undefined); // awaited below; until then a failure is not unhandled
            waiting.push(answer);
          }
          yield { image, data: await (waiting.shift() as Promise<Float32Array>) };
        }
      } finally {
        await Promise.allSettled(waiting);
      }
    },
    close: () => pool.close(),
  };
}
