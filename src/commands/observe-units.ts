/** The responses behind a run's attributes: observed unless the sweep did. */
import type { PassRunner } from "../passes/pass-runner.ts";
import { defaultTopImages } from "../responses/observed.ts";
import type { Provider } from "../runtime/session.ts";
import { type ObservedRun, observeRun } from "./observe-run.ts";
import { chooseReadLayers, type OpenedRun, type ReadLayers } from "./open-run.ts";

/** What is observed. */
export interface ObserveUnitsOptions {
  /** Names of layers; by default all of the run's whose responses can be read. */
  readonly layers?: readonly string[] | undefined;
  /** Strongest images per unit. */
  readonly topImages?: number | undefined;
  readonly workers?: number | undefined;
  readonly provider?: Provider | undefined;
}

/** Who carries it out, and who watches. */
export interface ObserveUnitsEffects {
  readonly runner: PassRunner;
  readonly progress?:
    | ((step: { title: "observing responses"; done: number; total: number; unit: "images" }) => void)
    | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What was observed. */
export interface ObservedUnits extends ReadLayers {
  readonly observed: ObservedRun;
  /** When it began, as `performance.now()` tells. */
  readonly began: number;
}

/** Observes the responses that the run does not hold; what `unitscope attributes` computes on all images. */
export async function observeUnits(
  opened: OpenedRun,
  { topImages = defaultTopImages, workers, provider, layers: names }: ObserveUnitsOptions,
  { runner, progress, signal }: ObserveUnitsEffects,
): Promise<ObservedUnits> {
  const began = performance.now();
  const { run, subject } = opened;
  const { layers, leftOut } = chooseReadLayers(opened, names);
  const total = subject.images.imageCount;
  const observed = await observeRun(run, subject, layers, {
    topImages: Math.max(defaultTopImages, topImages), // what a sweep keeps serves for fewer, too
    ...{ workers, provider, runner, signal },
    progress: (done) => progress?.({ title: "observing responses", done, total, unit: "images" }),
  });
  return { layers, leftOut, observed, began };
}
