/** What the page needs to run the network: its file, its layers, and images of the run with their pixels. */
import type { ImageSet } from "../data/image-set.ts";
import { fitImage, inputSize } from "../data/preprocess-image.ts";
import type { Preprocessing } from "../data/preprocessing.ts";
import type { RunFolder } from "../runs/run-folder.ts";
import type { Model } from "../runtime/open-model.ts";
import { integers } from "../tables/table.ts";
import type { Chunk } from "./chunk.ts";
import { chooseImages, imageLimit, pixelsChunk } from "./live-images.ts";
import type { LiveData } from "./page-data.ts";

/** Images in one file of pixels: about so many bytes. */
const blockBytes = 256 << 10;

/** The network and its images. */
export interface LiveSubject {
  readonly model: Model;
  readonly modelBytes: Uint8Array;
  readonly images: ImageSet;
  readonly preprocessing: Preprocessing;
}

/** Writes the network and the images that the page holds as chunks; gives what the page needs to know of them. */
export async function liveData(
  run: RunFolder,
  { model, modelBytes, images, preprocessing }: LiveSubject,
  {
    id,
    chunk,
    replacements,
  }: {
    id: string;
    chunk: (name: string, content: Chunk) => string;
    replacements: ReadonlyMap<string, Float32Array> | undefined;
  },
): Promise<LiveData> {
  const flips = new Int32Array(images.imageCount);
  if (run.hasTable("flips")) {
    for (const image of integers(await run.readTable("flips", { columns: ["image"] }), "image")) flips[image]++;
  }
  const size = inputSize(await images.read(0), preprocessing);
  const numbers = chooseImages(images.labels, flips, imageLimit(size, images.classNames.length));
  const blockSize = Math.max(1, Math.floor(blockBytes / (3 * size.width * size.height)));
  const blocks: string[] = [];
  for (let from = 0; from < numbers.length; from += blockSize) {
    const some: Awaited<ReturnType<ImageSet["read"]>>[] = [];
    for (const image of numbers.slice(from, from + blockSize)) {
      some.push(fitImage(await images.read(image), preprocessing));
    }
    blocks.push(chunk(`${id}-pixels${blocks.length}`, pixelsChunk(some)));
  }
  const { name, layout, channels, height, width } = model.input;
  return {
    model: chunk(`${id}-model`, { header: {}, arrays: { onnx: modelBytes } }),
    input: { name, layout, channels, height, width },
    logits: model.logits,
    preprocessing,
    layers: model.layers
      .filter(({ isOutput }) => !isOutput)
      .map((layer) => {
        const replacement = replacements?.get(layer.name);
        return {
          name: layer.name,
          kind: layer.kind,
          tap: layer.tap,
          units: layer.units,
          height: layer.height,
          width: layer.width,
          ...(layer.skip > 0 && { skip: layer.skip }),
          ...(replacement && { replacement: [...replacement] }),
        };
      }),
    images: { ...size, numbers, blockSize, blocks },
  };
}
