/** Unit sets of a run: greedy sequences and random ones beside them. */
import type { RunData, SetsChunk } from "../../src/report/page-data.ts";
import { loadChunk } from "./chunks.ts";

/** Loads them; `undefined` where the run has none. */
export async function loadSets(run: RunData): Promise<SetsChunk | undefined> {
  if (run.sets === null) return undefined;
  return (await loadChunk(run.sets)).header as unknown as SetsChunk;
}
