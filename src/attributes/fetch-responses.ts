/** Fetches the responses of single units to single images, for pictures; worker threads run the network. */

import { cutTo } from "../onnx/edit.ts";
import { withResponses } from "../onnx/response-views.ts";
import { type BlockSource, type ImageBlock, partOfBlock } from "../passes/image-block.ts";
import { splitEvenly } from "../passes/image-order.ts";
import { overBlocks } from "../passes/over-blocks.ts";
import { floatsOf } from "../responses/fetched-values.ts";
import { batchSizeFor, inputOf, type ObservedTap, observedTap } from "../responses/response-pass.ts";
import { imagesAtOnce } from "../runtime/images-at-once.ts";
import type { Model } from "../runtime/open-model.ts";
import { openSession, type Provider } from "../runtime/session.ts";
import type { Work } from "../runtime/work.ts";
import { openPool } from "../runtime/worker-pool.ts";

/** One response that is wanted: of which image of the set, which layer (its place in the list) and unit. */
export interface Wanted {
  readonly image: number;
  readonly layer: number;
  readonly unit: number;
}

/** Workers that hold the network. */
export interface ResponseFetcher {
  /** @returns float32 `[height * width]` for each that is wanted, in their order. */
  fetch(wanted: readonly Wanted[]): Promise<Float32Array[]>;
  close(): Promise<void>;
}

interface FetchSetup {
  readonly model: Model;
  readonly layers: readonly ObservedTap[];
  readonly threads: number;
  readonly provider?: Provider | undefined;
}

/** Responses to the images of a block; `wanted` in the order of its images. */
interface FetchTask {
  readonly block: ImageBlock;
  readonly wanted: readonly Wanted[];
}

/** Fetches from a block. */
export const fetchWork: Work<FetchSetup, FetchTask, readonly Float32Array[]> = {
  module: import.meta.url,
  name: "fetchWork",
  open: async ({ model, layers, threads, provider = "cpu" }) => {
    const taps = [...new Set(layers.map(({ tap }) => tap))];
    const session = await openSession(cutTo(withResponses(model), taps), {
      threads,
      provider,
      place: `model "${model.name}"`,
    });
    const batchSize = imagesAtOnce(model, batchSizeFor(layers));
    return async ({ block, wanted }) => {
      const fetched: Float32Array[] = [];
      const outputs = [...new Set(wanted.map(({ layer }) => layers[layer].tap))];
      for (let from = 0; from < block.count; from += batchSize) {
        const batch = partOfBlock(block, from, Math.min(block.count, from + batchSize));
        const values = await session.run({ [model.input.name]: inputOf(batch) }, outputs);
        const rowOf = new Map(Array.from(batch.images, (image, row) => [image, row]));
        for (; fetched.length < wanted.length; ) {
          const { image, layer, unit } = wanted[fetched.length];
          const row = rowOf.get(image);
          if (row === undefined) break;
          const { tap, units, height, width } = layers[layer];
          const start = (row * units + unit) * height * width;
          fetched.push(floatsOf(values, tap).slice(start, start + height * width));
        }
      }
      return fetched;
    };
  },
  buffers: (responses) => responses.map(({ buffer }) => buffer as ArrayBuffer),
};

/** Images of one task. */
const TASK_IMAGES = 64;

/** Starts the workers. @throws {UnitscopeError} `model` if the runtime refuses the graph. */
export async function openFetcher(
  model: Model,
  source: BlockSource,
  layers: readonly ObservedTap[],
  {
    workers,
    threads,
    provider,
    signal,
  }: { workers: number; threads: number; provider?: Provider | undefined; signal?: AbortSignal | undefined },
): Promise<ResponseFetcher> {
  const own = layers.map(observedTap);
  const pool = await openPool(fetchWork, { model, layers: own, threads, provider }, { workers, signal });
  return {
    fetch: async (wanted) => {
      const order = Array.from(wanted.keys()).sort((a, b) => wanted[a].image - wanted[b].image);
      const images = Int32Array.from(new Set(order.map((index) => wanted[index].image)));
      const found: Float32Array[] = wanted.map(() => nothing);
      let next = 0;
      const tasks = splitEvenly(images, TASK_IMAGES).map((some) => {
        const first = next;
        while (next < order.length && wanted[order[next]].image <= some[some.length - 1]) next++;
        return { images: some, places: order.slice(first, next) };
      });
      await overBlocks(tasks, {
        atOnce: pool.workerCount + 1,
        read: (task) => source.read(task.images),
        work: async ({ places }, block) => {
          const asked = places.map((place) => wanted[place]);
          const transfer = [block.data.buffer as ArrayBuffer];
          const responses = await pool.run({ block, wanted: asked }, { transfer });
          for (const [at, response] of responses.entries()) found[places[at]] = response;
        },
      });
      return found;
    },
    close: pool.close,
  };
}

const nothing = new Float32Array(0);
