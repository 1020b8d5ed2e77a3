/**
 * A network's layer as concept alignment meets it: the network up to the tap, and the images of a concept set as its
 * input. Each image is resized as a whole to that input, without keeping its aspect and without a crop, so that every
 * labelled pixel is seen where its label says.
 */
import { pixelTable, writePixels } from "../data/preprocess-image.ts";
import { channelCount, type Preprocessing } from "../data/preprocessing.ts";
import { UnitscopeError } from "../errors.ts";
import { resizeImage } from "../numeric/resize.ts";
import { cutTo } from "../onnx/edit.ts";
import type { Layer } from "../onnx/layers.ts";
import { writeModel } from "../onnx/model-file.ts";
import { responseOf, withResponses } from "../onnx/response-views.ts";
import { preprocessingIdentity } from "../passes/image-block.ts";
import { blockSizeFor } from "../passes/image-order.ts";
import type { JsonRecord } from "../passes/plan.ts";
import { chooseThreads, type ThreadChoice } from "../passes/thread-choice.ts";
import type { Model } from "../runtime/open-model.ts";
import type { Provider } from "../runtime/session.ts";
import type { ConceptSetup } from "./concept-pass.ts";
import type { ConceptSet } from "./concept-set.ts";

/** A layer, the network up to it, and its input. */
export interface ConceptLayer
  extends Pick<ConceptSetup, "graph" | "input" | "tap" | "layer" | "unitCount" | "height" | "width"> {
  /** What the responses depend on beside the tap and the images. */
  readonly key: JsonRecord;
  readonly choice: ThreadChoice;
  readonly provider: Provider;
  /** Images of a block. */
  readonly blockSize: number;
  /** The network's input for one image, without the first dimension. */
  readonly imageDims: readonly number[];
  /** Reads one image of the set into its place. */
  writeImage(image: number, into: Float32Array): Promise<void>;
}

/** Sides of the input that concept images are resized to: the network's own, else what the preprocessing crops to. */
export function conceptInputSize(
  { input }: Pick<Model, "input">,
  { crop, resize }: Pick<Preprocessing, "crop" | "resize">,
): readonly [height: number, width: number] {
  const side = crop ?? resize ?? 224;
  return [input.height ?? side, input.width ?? side];
}

/** Prepares a layer. */
export function conceptLayer(
  model: Model,
  layer: Layer,
  set: ConceptSet,
  preprocessing: Preprocessing,
  { workers, provider = "cpu" }: { workers?: number | undefined; provider?: Provider | undefined } = {},
): ConceptLayer {
  const { name, units, height, width } = layer;
  const tap = responseOf(layer);
  if (!layer.isMap && height * width > 1) {
    throw new UnitscopeError(
      "layer",
      `layer "${name}": expected responses at places of the image, got ${height * width} positions that are none`,
    );
  }
  const bytes = writeModel(cutTo(withResponses(model), [tap]));
  const graph = new Uint8Array(new SharedArrayBuffer(bytes.length));
  graph.set(bytes);
  const [rows, columns] = conceptInputSize(model, preprocessing);
  const table = pixelTable(preprocessing);
  const channels = channelCount(preprocessing);
  return {
    graph,
    input: model.input.name,
    tap,
    layer: name,
    unitCount: units,
    height,
    width,
    key: {
      model: model.sha256,
      preprocessing: preprocessingIdentity(preprocessing),
      ...(provider !== "cpu" && { provider }), // another provider's responses differ in the last bits
    },
    choice: chooseThreads(model, { workers, provider }),
    provider,
    blockSize: blockSizeFor(model),
    imageDims: preprocessing.layout === "nchw" ? [channels, rows, columns] : [rows, columns, channels],
    writeImage: async (image, into) => {
      const picture = await set.read(image);
      const fits = picture.width === columns && picture.height === rows;
      const data = fits
        ? picture.data
        : resizeImage(picture, { width: columns, height: rows }, preprocessing.interpolation);
      writePixels({ width: columns, height: rows, data }, preprocessing, table, into, 0);
    },
  };
}
