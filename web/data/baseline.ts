/** The intact network's predictions, one row an image. */
import type { BaselineChunk, RunData } from "../../src/report/page-data.ts";
import { loadChunk } from "./chunks.ts";

/** The rows. */
export type Baseline = BaselineChunk;

/** Loads a run's rows. */
export async function loadBaseline(run: RunData): Promise<Baseline> {
  if (run.baseline === null) throw new Error(`run ${run.label}: expected one row an image, got none`);
  const { header, arrays } = await loadChunk(run.baseline);
  return { ...(arrays as unknown as Baseline), names: header["names"] as string[] };
}

/** What to call an image. */
export function imageLabel(baseline: Baseline | undefined, image: number): string {
  return baseline?.names[image] || `image ${image}`;
}
