/** Work that holds the units of several networks and does regressions on them. */
import type { Work } from "../runtime/work.ts";
import { type AttributeFit, fitAttribute } from "./class-prediction.ts";
import type { NetworkUnits } from "./unit-vectors.ts";

/** What a task needs beside the networks. */
export type PredictionTask = readonly [Parameters<typeof fitAttribute>[1], Parameters<typeof fitAttribute>[2]];

/** Fits one attribute a task. */
export const predictionWork: Work<readonly NetworkUnits[], PredictionTask, AttributeFit> = {
  module: import.meta.url,
  name: "predictionWork",
  open:
    async (networks) =>
    async ([which, settings]) =>
      fitAttribute(networks, which, settings),
};
