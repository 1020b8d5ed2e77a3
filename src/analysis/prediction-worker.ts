/** A thread that holds the units of several networks and does regressions on them. */
import { serveWorker } from "../runtime/worker-pool.ts";
import { fitAttribute } from "./class-prediction.ts";
import type { NetworkUnits } from "./unit-vectors.ts";

/** What a task needs beside the networks. */
export type PredictionTask = readonly [Parameters<typeof fitAttribute>[1], Parameters<typeof fitAttribute>[2]];

await serveWorker<readonly NetworkUnits[], PredictionTask>(async (networks) => async ([which, settings]) => ({
  result: fitAttribute(networks, which, settings),
}));
