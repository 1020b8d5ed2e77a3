/** The responses of a run's layers: where they are kept, and observing those that are not there yet. */
import type { RunSweepOptions } from "../ablation/sweep.ts";
import type { Layer } from "../onnx/layers.ts";
import { openPassFolder, type PassRunner } from "../passes/pass-runner.ts";
import { chooseThreads } from "../passes/thread-choice.ts";
import { defaultTopImages } from "../responses/observed.ts";
import { observeSetup, planResponses, responsePass } from "../responses/response-pass.ts";
import type { RunFolder } from "../runs/run-folder.ts";
import type { Provider } from "../runtime/session.ts";
import { openResponseStore, type ResponseStore } from "./response-store.ts";
import { passImages, type Subject } from "./subject.ts";

/** What is observed of. */
type Watched = Pick<Subject, "model" | "images" | "preprocessing">;

/** What a sweep observes beside the ablation, for the run. */
export function observingSweep(
  run: RunFolder,
  subject: Watched,
  layers: readonly Layer[],
  provider?: Provider,
): NonNullable<RunSweepOptions["observe"]> {
  const { model, images } = subject;
  const plan = planResponses(model, passImages(subject), layers, { provider });
  const { blocks } = openResponseStore(run.path, { plan });
  return {
    setup: observeSetup(layers, { classCount: model.classCount, imageCount: images.imageCount }),
    take: (block, observed) => blocks.put(block, observed),
  };
}

/** The responses of a run. */
export interface ObservedRun {
  /** Where they are. @throws {UnitscopeError} `waiting` while others have not finished their share. */
  store(): ResponseStore;
  /** Whether nothing was missing. */
  readonly isReused: boolean;
}

/**
 * Observes what the run does not hold yet.
 * @param options.topImages strongest images to keep per unit.
 * @param options.progress called with the number of images that are observed.
 */
export async function observeRun(
  run: RunFolder,
  subject: Watched,
  layers: readonly Layer[],
  {
    topImages = defaultTopImages,
    workers,
    provider,
    runner = openPassFolder(run.path),
    progress,
    signal,
  }: {
    topImages?: number;
    workers?: number | undefined;
    provider?: Provider | undefined;
    runner?: PassRunner | undefined;
    progress?: (images: number) => void;
    signal?: AbortSignal | undefined;
  } = {},
): Promise<ObservedRun> {
  const source = passImages(subject, signal);
  const choice = chooseThreads(subject.model, { workers, provider });
  const pass = responsePass(subject.model, source, layers, { topImages, threads: choice.threads, provider });
  const found = await runner.run(pass, source, { workers: choice.workers, isKept: true, progress, signal });
  return {
    store: () => {
      found.requireWhole();
      return openResponseStore(run.path, pass);
    },
    isReused: found.computed === 0,
  };
}
