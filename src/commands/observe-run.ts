/** The responses of a run's layers: where they are stored, and observing those that are not there yet. */
import type { RunSweepOptions } from "../ablation/sweep.ts";
import type { ObserveSetup } from "../ablation/sweep-pass.ts";
import type { ResponsePass } from "../attributes/response-pass.ts";
import type { Layer } from "../onnx/layers.ts";
import { defaultTopImages, mergeObserved, type Observed } from "../responses/observed.ts";
import type { RunFolder } from "../runs/run-folder.ts";
import { openResponseStore, type ResponseStore } from "./response-store.ts";
import { preprocessingJson, type Subject } from "./subject.ts";

/** Blocks of at least so many images are stored together. */
const blockImages = 1_000;

/** The store of a run's observations, as the sweep and this command must both open it. */
export function openRunResponses(
  run: RunFolder,
  { model, images, preprocessing }: Pick<Subject, "model" | "images" | "preprocessing">,
  layers: readonly Layer[],
  topImages: number = defaultTopImages,
): ResponseStore {
  return openResponseStore(run.path, {
    model: { sha256: model.sha256 },
    data: { hash: images.hash, images: images.imageCount },
    preprocessing: preprocessingJson(preprocessing),
    classCount: model.classCount,
    logits: model.logits,
    layers: layers.map(({ name, tap, units, height, width }) => ({ name, tap, units, height, width })),
    topImages,
  });
}

/**
 * What a sweep observes beside the ablation, for the store: kept as far as it continues what is there; the rest is left to
 * `observeAll`.
 */
export function observingSweep(
  store: ResponseStore,
  { model, images }: Pick<Subject, "model" | "images">,
  layers: readonly Layer[],
): NonNullable<RunSweepOptions["observe"]> {
  const setup: ObserveSetup = {
    layers: layers.map(({ name, tap, units, height, width }) => ({ name, tap, units, height, width })),
    classCount: model.classCount,
    imageCount: images.imageCount,
  };
  const early = new Map<number, Observed>();
  let block: Observed | undefined;
  let next = store.coverage();
  return {
    setup,
    take: (observed) => {
      early.set(observed.start, observed);
      for (let found = early.get(next); found; found = early.get(next)) {
        early.delete(next);
        next += found.count;
        block = block ? mergeObserved(block, found) : found;
        if (block.count < blockImages && next < images.imageCount) continue;
        store.put(block);
        block = undefined;
      }
    },
  };
}

/**
 * Observes the images that the store lacks, block by block.
 * @param progress called with the number of images that are observed.
 */
export async function observeAll(
  pass: ResponsePass,
  store: ResponseStore,
  imageCount: number,
  progress?: (images: number) => void,
): Promise<void> {
  const start = store.coverage();
  if (start === imageCount) return;
  let block: Observed | undefined;
  for await (const observed of pass.observe({ start })) {
    block = block ? mergeObserved(block, observed) : observed;
    const done = block.start + block.count;
    if (block.count >= blockImages || done === imageCount) {
      store.put(block);
      block = undefined;
    }
    progress?.(done);
  }
}
