/** A worker thread of a sweep. */
import { serveWorker } from "../runtime/worker-pool.ts";
import type { Block } from "./flip-collector.ts";
import { openSweepWork, type SweepSetup } from "./sweep-work.ts";

await serveWorker<SweepSetup, Block>((setup) => openSweepWork(setup));
